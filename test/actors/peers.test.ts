/** Peers at work, and calls for help outside of them. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  agent,
  ConfigurationError,
  CancelledError,
  peers,
  type Agent,
  type AnyAgent,
  type Bid,
  type DeliveryError,
  type Outcome,
  type RunEvent,
} from '../../src/index.ts'
import { codeOf, eventsOf, promised, rig } from './rig.ts'

/** Says who it is, after some time. */
const helper = (name: string, capabilities: readonly string[], options: Options = {}) =>
  agent(name, {
    capabilities,
    concurrency: options.concurrency,
    bid: options.bid,
    run: async (text: string, { sleep }) => {
      if (options.ms !== undefined) await sleep(options.ms)
      return `${name}: ${text}`
    },
  })

interface Options {
  readonly ms?: number
  readonly concurrency?: number
  readonly bid?: () => Bid | undefined | Promise<Bid | undefined>
}

const asking = (capability: string) =>
  agent('lead', { run: (text: string, { help }) => help(capability, text) })

const messageOf = (outcome: Outcome): string => ('error' in outcome ? outcome.error.message : '')
const awards = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === 'decision.made' && event.kind === 'award' ? [event] : []))

describe('a team of peers', () => {
  it('gives what its lead gives', async () => {
    const { system } = await rig()
    const len = agent('len', { run: (text: string) => text.length })
    expect(await system.run(peers('team', { lead: len, members: [helper('a', [])] }), 'four')).toBe(4)
  })

  it('hands a call for help to the member with the capability, one hop deeper, and says so in the events', async () => {
    const { system } = await rig()
    const team = peers('team', {
      lead: asking('translate'),
      members: [helper('lawyer', ['law']), helper('translator', ['translate'])],
    })
    const run = system.submit(team, 'hello')
    expect(await run.outcome).toEqual({ status: 'completed', output: 'translator: hello' })
    const events = await eventsOf(run)
    expect(awards(events)).toMatchObject([
      { agent: 'lead', chosen: 'translator', alternatives: [], reason: '"translate" at cost 0' },
    ])
    const lead = events.find((event) => event.type === 'task.started' && event.agent === 'lead')
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'task.started',
        agent: 'translator',
        parentTaskId: lead?.taskId,
      }),
    )
  })

  it('counts each call for help as a hop', async () => {
    const { system } = await rig()
    const depth = agent('depth', {
      capabilities: ['depth'],
      run: (_: unknown, { budget }) => budget.hops,
    })
    const team = peers('team', { lead: asking('depth'), members: [depth] })
    expect(await system.run(team, 'x', { budget: { hops: 5 } })).toBe(4)
  })

  it('looks among its own only', async () => {
    const { system } = await rig()
    const outside = helper('outside', ['translate'])
    await system.run(outside, 'x')
    const team = peers('team', { lead: asking('translate'), members: [helper('lawyer', ['law', 'tax'])] })
    const outcome = await system.submit(team, 'x').outcome
    expect(codeOf(outcome)).toBe('NO_PEER')
    expect(messageOf(outcome)).toBe(
      'nobody whom "lead" may ask has the capability "translate"; they have "law", "tax"',
    )
  })

  it('within another one is the one that counts', async () => {
    const { system } = await rig()
    const inner = peers('inner', { lead: asking('translate'), members: [helper('near', ['translate'])] })
    const lead = agent('outer-lead', { run: (text: string, { ask }) => ask(inner, text) })
    const outer = peers('outer', { lead, members: [helper('far', ['translate'])] })
    expect(await system.run(outer, 'x')).toBe('near: x')
  })

  it('lets members ask each other and the lead, and delegate on entirely', async () => {
    const { system } = await rig()
    const lead: Agent<string, unknown> = agent('lead', {
      capabilities: ['sign'],
      run: (text: string, { help }) => (text.startsWith('sign') ? 'signed' : help('write', text)),
    })
    const writer = agent('writer', {
      capabilities: ['write'],
      run: async (text: string, { help }) =>
        `${text} ${String(await help('check', text))} ${String(await help('sign', 'sign'))}`,
    })
    const secretary = agent('secretary', {
      capabilities: ['check'],
      run: (text: string, { help }) => help('proofread', text),
    })
    const proofreader = agent('proofreader', { capabilities: ['proofread'], run: () => 'read' })
    const team = peers('team', { lead, members: [writer, secretary, proofreader] })
    expect(await system.run(team, 'a letter')).toBe('a letter read signed')
  })

  it('is refused without members', () => {
    expect(() => peers('alone', { lead: asking('x'), members: [] })).toThrow(ConfigurationError)
  })
})

describe('who is asked', () => {
  const asked = async (...members: AnyAgent[]) => {
    const { system, clock } = await rig()
    const run = system.submit(peers('team', { lead: asking('x'), members }), 'it')
    await clock.advance(2_000)
    return { outcome: await run.outcome, awards: awards(await eventsOf(run)) }
  }

  it('is the one with the lowest bid, then the first', async () => {
    const { outcome, awards: made } = await asked(
      helper('dear', ['x'], { bid: () => ({ cost: 3 }) }),
      helper('cheap', ['x'], { bid: () => ({ cost: 1, capability: 'x' }) }),
      helper('equal', ['x'], { bid: () => ({ cost: 1 }) }),
    )
    expect(outcome).toEqual({ status: 'completed', output: 'cheap: it' })
    expect(made).toMatchObject([
      { chosen: 'cheap', alternatives: ['equal', 'dear'], reason: '"x" at cost 1' },
    ])
  })

  it('is by default the one with the least in hand', async () => {
    const { system, clock } = await rig()
    const busy = helper('busy', ['x'], { ms: 100 })
    const idle = helper('idle', ['x'], { ms: 100 })
    const first = system.submit(busy, 'first')
    const run = system.submit(peers('team', { lead: asking('x'), members: [busy, idle] }), 'it')
    await clock.advance(200)
    await first.outcome
    expect(await run.outcome).toEqual({ status: 'completed', output: 'idle: it' })
  })

  it('is nobody who declines, has no cost to tell, or bids for something else', async () => {
    const { outcome, awards: made } = await asked(
      helper('no', ['x'], { bid: () => undefined }),
      helper('nan', ['x'], { bid: () => ({ cost: NaN }) }),
      helper('other', ['x', 'y'], { bid: () => ({ cost: 0, capability: 'y' }) }),
      helper('throws', ['x'], {
        bid: () => {
          throw new Error('oh')
        },
      }),
      helper('rejects', ['x'], { bid: () => Promise.reject(new Error('no')) }),
      helper('yes', ['x'], { bid: () => Promise.resolve({ cost: 9 }) }),
    )
    expect(outcome).toEqual({ status: 'completed', output: 'yes: it' })
    expect(made.map(({ reason }) => reason)).toEqual([
      '"x" at cost 9; "no": declined; "nan": its bid has no cost; "other": bids for "y" only; ' +
        '"throws": its `bid` threw: oh; "rejects": its `bid` threw: no',
    ])
  })

  it('is chosen after a second from those that have bid by then', async () => {
    const { system, clock } = await rig()
    const members = [
      helper('slow', ['x'], { bid: () => new Promise(() => {}) }),
      helper('quick', ['x'], { bid: () => ({ cost: 5 }) }),
    ]
    const run = system.submit(peers('team', { lead: asking('x'), members }), 'it')
    await clock.advance(999)
    expect(system.metrics().map(({ agent: name }) => name)).not.toContain('quick')
    await clock.advance(1)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'quick: it' })
    expect(awards(await eventsOf(run))[0]?.reason).toBe('"x" at cost 5; "slow": gave no bid in time')
  })

  it('is not oneself', async () => {
    const { system } = await rig()
    const lonely = agent('lonely', {
      capabilities: ['x'],
      run: (text: string, { help }) => help('x', text),
    })
    expect(codeOf(await system.submit(lonely, 'it').outcome)).toBe('NO_PEER')
  })

  it('does not wait for this very task, where somebody else would do it', async () => {
    const { system } = await rig()
    const first: Agent<string, unknown> = agent('first', {
      capabilities: ['x'],
      bid: () => ({ cost: 0 }),
      run: (text: string, { help }) => help('y', text),
    })
    const second = agent('second', {
      capabilities: ['y'],
      run: (text: string, { help }) => help('x', text),
    })
    const dear = helper('dear', ['x'], { bid: () => ({ cost: 100 }) })
    expect(await system.run(peers('team', { lead: first, members: [second, dear] }), 'it')).toBe('dear: it')
  })
})

describe('capacity', () => {
  it('makes a peer decline, and the next one is asked', async () => {
    const { system, clock } = await rig()
    const one = helper('one', ['x'], { ms: 50, concurrency: 1, bid: () => ({ cost: 0 }) })
    const two = helper('two', ['x'], { ms: 50, concurrency: 1, bid: () => ({ cost: 1 }) })
    const team = peers('team', { lead: asking('x'), members: [one, two] })
    const runs = ['a', 'b', 'c'].map((text) => system.submit(team, text))
    await clock.advance(50)
    const outcomes = await Promise.all(runs.map(({ outcome }) => outcome))
    expect(outcomes.slice(0, 2)).toEqual([
      { status: 'completed', output: 'one: a' },
      { status: 'completed', output: 'two: b' },
    ])
    expect(codeOf(outcomes[2]!)).toBe('NO_PEER')
    expect(messageOf(outcomes[2]!)).toBe(
      'nobody helps "lead" with "x": "one": at capacity, 1 of 1 tasks; "two": at capacity, 1 of 1 tasks',
    )
    expect(awards(await eventsOf(runs[1]!))[0]?.reason).toBe(
      '"x" at cost 1; "one": at capacity, 1 of 1 tasks',
    )
  })

  it('is there again once the work is done', async () => {
    const { system, clock } = await rig()
    const one = helper('one', ['x'], { ms: 50, concurrency: 1 })
    const team = peers('team', { lead: asking('x'), members: [one] })
    const first = system.submit(team, 'a')
    await clock.advance(50)
    await first.outcome
    const second = system.submit(team, 'b')
    await clock.advance(50)
    expect(await second.outcome).toEqual({ status: 'completed', output: 'one: b' })
  })

  it('counts what waits as well: two calls at once do not share one place', async () => {
    const { system, clock } = await rig()
    const one = helper('one', ['x'], { ms: 50, concurrency: 1 })
    const lead = agent('lead', {
      run: (text: string, { help }) =>
        Promise.allSettled([help('x', text), help('x', text)]).then((all) => all.map(({ status }) => status)),
    })
    const run = system.submit(peers('team', { lead, members: [one] }), 'a')
    await clock.advance(50)
    expect(await run.outcome).toEqual({ status: 'completed', output: ['fulfilled', 'rejected'] })
  })
})

describe('circles', () => {
  const circle = (concurrency?: number) => {
    const turn = (name: string, next: string) =>
      agent(name, {
        capabilities: [name],
        concurrency,
        run: (text: string, { help }): Promise<unknown> => {
          tasks.push(name)
          return help(next, text)
        },
      })
    const tasks: string[] = []
    const [a, b, c] = [turn('a', 'b'), turn('b', 'c'), turn('c', 'a')]
    return { team: peers('circle', { lead: a, members: [b, c] }), tasks }
  }

  it('end at the hop limit, and say so', async () => {
    const { system } = await rig()
    const { team, tasks } = circle()
    const outcome = await system.submit(team, 'x', { budget: { hops: 5 } }).outcome
    expect(outcome).toEqual({ status: 'exhausted', what: 'hops', cap: 5, spent: 6 })
    expect(tasks).toEqual(['a', 'b', 'c', 'a', 'b', 'c'])
  })

  it('end at the first peer that takes one task at a time and waits for it', async () => {
    const { system } = await rig()
    const { team, tasks } = circle(1)
    const outcome = await system.submit(team, 'x').outcome
    expect(codeOf(outcome)).toBe('NO_PEER')
    expect(messageOf(outcome)).toContain('nobody helps "c" with "a": "a": at capacity')
    expect(tasks).toEqual(['a', 'b', 'c'])
  })
})

describe('a peer that was asked', () => {
  it('and turns the task away at its door is followed by the next', async () => {
    const { system } = await rig()
    const picky = agent('picky', {
      capabilities: ['x'],
      input: z.object({ n: z.number() }),
      bid: () => ({ cost: 0 }),
      run: () => 'picky',
    })
    const isolated = helper('isolated', ['x'], { bid: () => ({ cost: 1 }) })
    const last = helper('last', ['x'], { bid: () => ({ cost: 2 }) })
    await system.run(isolated, 'warm up')
    system.circuit(isolated).set('isolated')
    await system.settle()
    const run = system.submit(peers('team', { lead: asking('x'), members: [picky, isolated, last] }), 'it')
    expect(await run.outcome).toEqual({ status: 'completed', output: 'last: it' })
    const made = awards(await eventsOf(run))
    expect(made.map(({ chosen }) => chosen)).toEqual(['picky', 'isolated', 'last'])
    expect(made[2]?.reason).toMatch(/^"x" at cost 2; "picky": the input .*; "isolated": the circuit .*$/)
  })

  it('and is gone for good is followed by the next', async () => {
    const { system } = await rig()
    const gone = helper('gone', ['x'], { bid: () => ({ cost: 0 }) })
    const last = helper('last', ['x'], { bid: () => ({ cost: 2 }) })
    await system.run(gone, 'warm up')
    await system.stop(system.lookup('/gone'))
    const team = peers('team', { lead: asking('x'), members: [gone, last] })
    expect(await system.run(team, 'it')).toBe('last: it')
  })

  it('and fails, fails the call: nothing is done twice', async () => {
    const { system } = await rig()
    const broken = agent('broken', {
      capabilities: ['x'],
      run: (): string => {
        throw new Error('broken')
      },
    })
    const other = helper('other', ['x'])
    const team = peers('team', { lead: asking('x'), members: [broken, other] })
    const run = system.submit(team, 'it')
    expect(codeOf(await run.outcome)).toBe('DEFECT')
    expect((await eventsOf(run)).some(({ agent: name }) => name === 'other')).toBe(false)
  })

  it('gives what fits `output`, or the call fails and names who gave it', async () => {
    const { system } = await rig()
    const lead = agent('lead', {
      run: async (text: string, { help }) => {
        const parsed = await help('x', text, { output: z.string().transform((given) => given.length) })
        return help('x', parsed, { output: z.number() })
      },
    })
    const outcome = await system.submit(peers('team', { lead, members: [helper('a', ['x'])] }), 'it').outcome
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'INVALID_OUTPUT', agent: 'a' } })
    expect(messageOf(outcome)).toContain('the help of "a" does not fit what was asked for')
  })
})

describe('outside of peers', () => {
  it('help comes from any agent that the system knows', async () => {
    const { system } = await rig()
    const hidden = helper('hidden', ['x'])
    const other = peers('other', { lead: asking('y'), members: [hidden] })
    const alone = asking('x')
    expect(codeOf(await system.submit(alone, 'it').outcome)).toBe('NO_PEER')
    system.actor(other)
    expect(await system.run(alone, 'it')).toBe('hidden: it')
  })

  it('says what there is when nobody can', async () => {
    const { system } = await rig()
    const outcome = await system.submit(asking('x'), 'it').outcome
    expect(messageOf(outcome)).toBe('nobody whom "lead" may ask has the capability "x"; they have none')
    expect('error' in outcome && (outcome.error as DeliveryError).undelivered).toBe('it')
  })
})

describe('cancelling', () => {
  it('reaches the helpers of helpers', async () => {
    const { system } = await rig()
    const signals: AbortSignal[] = []
    const hung = agent('hung', {
      capabilities: ['y'],
      run: (_: string, ctx) => (signals.push(ctx.signal), new Promise<string>(() => {})),
    })
    const middle = agent('middle', {
      capabilities: ['x'],
      run: (text: string, ctx) => (signals.push(ctx.signal), ctx.help('y', text)),
    })
    const run = system.submit(peers('team', { lead: asking('x'), members: [middle, hung] }), 'it')
    await system.settle()
    run.cancel('enough')
    await system.settle()
    expect(await run.outcome).toEqual({ status: 'cancelled', reason: 'enough' })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
  })

  it('while peers still think about their bids asks nobody', async () => {
    const { system, clock } = await rig()
    const door = promised<Bid>()
    const late = helper('late', ['x'], { bid: () => door.promise })
    let thrown: unknown
    const lead = agent('lead', {
      run: (text: string, { help }) => help('x', text).catch((error: unknown) => (thrown = error)),
    })
    const run = system.submit(peers('team', { lead, members: [late] }), 'it')
    await system.settle()
    run.cancel('enough')
    await system.settle()
    expect(thrown).toEqual(new CancelledError('enough'))
    door.resolve({ cost: 0 })
    await clock.advance(2_000)
    expect(await run.outcome).toEqual({ status: 'cancelled', reason: 'enough' })
    expect((await eventsOf(run)).some(({ agent: name }) => name === 'late')).toBe(false)
  })

  it.each([0, 5])('by a signal of one call ends that call alone, after %i ms', async (ms) => {
    const { system, clock } = await rig()
    const aborter = new AbortController()
    const slow = helper('slow', ['x'], {
      ms: 100,
      bid: () => (ms === 0 ? new Promise<Bid>(() => {}) : { cost: 0 }),
    })
    const lead = agent('lead', {
      run: (text: string, { help }) =>
        help('x', text, { signal: aborter.signal }).catch((error: { code: string }) => error.code),
    })
    const run = system.submit(peers('team', { lead, members: [slow] }), 'it')
    await clock.advance(ms)
    aborter.abort(new CancelledError('enough'))
    await system.settle()
    expect(await run.outcome).toEqual({ status: 'completed', output: 'CANCELLED' })
  })

  it('by a limit of one call ends that call', async () => {
    const { system, clock } = await rig()
    const slow = helper('slow', ['x'], { ms: 100 })
    const lead = agent('lead', {
      run: (text: string, { help }) =>
        help('x', text, { timeoutMs: 20 }).catch((error: { code: string }) => error.code),
    })
    const run = system.submit(peers('team', { lead, members: [slow] }), 'it')
    await clock.advance(20)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'TIMEOUT' })
  })
})

it('each task of the team settles once', async () => {
  const { system } = await rig()
  const team = peers('team', { lead: asking('x'), members: [helper('a', ['x'])] })
  const run = system.submit(team, 'it')
  await run.outcome
  const events = await eventsOf(run)
  const started = events.filter(({ type }) => type === 'task.started').map(({ taskId }) => taskId)
  const ended = events.filter(({ type }) => type === 'task.ended').map(({ taskId }) => taskId)
  expect(started).toHaveLength(3)
  expect(ended.toSorted()).toEqual(started.toSorted())
})
