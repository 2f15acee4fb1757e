/** Blackboards at work. */
import { describe, expect, it } from 'vitest'
import {
  agent,
  blackboard,
  ConfigurationError,
  DeniedError,
  pipeline,
  ProviderError,
  router,
  type Board,
  type Ctx,
  type RunEvent,
  type Source,
} from '../../src/index.ts'
import { z } from 'zod'
import { codeOf, eventsOf, promised, rig } from './rig.ts'

const keys = { topic: z.string(), a: z.string(), b: z.string(), log: z.array(z.string()) }
type Keys = typeof keys
type Values = Board<Keys>

const start = (topic: string): Values => ({ topic })
const result = (board: Values): Values => board
const log = (current: readonly string[], incoming: readonly string[]): string[] => [...current, ...incoming]

/** Writes this once, after a while. */
const once = (key: 'a' | 'b', ms = 0, rest: Partial<Source<Keys>> = {}): Source<Keys> => ({
  when: (board) => board[key] === undefined,
  run: async (_, { sleep, now }) => {
    await sleep(ms)
    return { [key]: String(now()) }
  },
  ...rest,
})
const team = (sources: Record<string, Source<Keys>>, rest: object = {}) =>
  blackboard('team', { keys, start, sources, result, ...rest })

type Decision = Extract<RunEvent, { type: 'decision.made' }>
const decisions = (events: readonly RunEvent[], kind: Decision['kind']): Decision[] =>
  events.filter((event) => event.type === 'decision.made').filter((event) => event.kind === kind)
const activated = (events: readonly RunEvent[]): string[] =>
  decisions(events, 'plan').map(({ chosen }) => chosen)
const announced = (events: readonly RunEvent[]): number[] =>
  events.flatMap((event) => (event.type === 'board.quiescent' ? [event.revision] : []))

describe('its end', () => {
  it('comes when nothing is left to do, which is announced once, with the revision', async () => {
    const { system } = await rig()
    const essay = team({
      second: { when: ({ a, b }) => a !== undefined && b === undefined, run: ({ a }) => ({ b: `${a}b` }) },
      first: { when: ({ a }) => a === undefined, run: ({ topic }) => ({ a: `${topic}a` }) },
    })
    const run = system.submit(essay, 'x')
    expect(await run.outcome).toEqual({ status: 'completed', output: { topic: 'x', a: 'xa', b: 'xab' } })
    const events = await eventsOf(run)
    expect(activated(events)).toEqual(['first', 'second'])
    expect(announced(events)).toEqual([3])
  })

  it('comes at once when nobody can contribute', async () => {
    const { system } = await rig()
    const run = system.submit(team({ never: { when: () => false, run: () => ({ a: 'x' }) } }), 'x')
    expect(await run.outcome).toEqual({ status: 'completed', output: { topic: 'x' } })
    expect(announced(await eventsOf(run))).toEqual([1])
  })

  it('comes early when the board is `done`: who is at work is cancelled, and nothing is announced', async () => {
    const { system, clock } = await rig()
    const signals: AbortSignal[] = []
    const slow: Source<Keys> = {
      when: ({ b }) => b === undefined,
      run: (_, ctx) => (signals.push(ctx.signal), new Promise(() => {})),
    }
    const run = system.submit(
      team({ slow, quick: once('a', 5) }, { done: (board: Values) => board.a !== undefined }),
      'x',
    )
    await clock.advance(5)
    expect(await run.outcome).toEqual({ status: 'completed', output: { topic: 'x', a: '1005' } })
    expect(announced(await eventsOf(run))).toEqual([])
    expect(signals.map(({ reason }) => reason)).toMatchObject([
      { code: 'CANCELLED', reason: 'not needed any more' },
    ])
  })

  it('comes before the start of anybody when the board is done from the start', async () => {
    const { system } = await rig()
    const run = system.submit(team({ one: once('a') }, { done: () => true }), 'x')
    expect(await run.outcome).toEqual({ status: 'completed', output: { topic: 'x' } })
    expect(activated(await eventsOf(run))).toEqual([])
  })
})

describe('who is activated', () => {
  it('is everybody at the highest priority at once, the others when none of those is at work', async () => {
    const { system, clock } = await rig()
    const begun: string[] = []
    const noting = (name: string, key: 'a' | 'b' | 'log', ms: number, priority: number): Source<Keys> => ({
      priority,
      when: (board) => key === 'log' || board[key] === undefined,
      run: async (_, { now, sleep }) => {
        begun.push(`${name} ${now()}`)
        await sleep(ms)
        return { [key]: key === 'log' ? ['x'] : 'x' }
      },
    })
    const run = system.submit(
      team(
        {
          low: { ...noting('low', 'log', 1, 0), reads: ['topic'] },
          quick: noting('quick', 'a', 10, 2),
          slow: noting('slow', 'b', 30, 2),
        },
        { merge: { log } },
      ),
      'x',
    )
    await clock.advance(100)
    await run.outcome
    expect(begun).toEqual(['quick 1000', 'slow 1000', 'low 1030'])
  })

  it('is asked again at its start whether it still can', async () => {
    const { system, clock } = await rig()
    const high = once('a', 5, { priority: 1 })
    const run = system.submit(team({ high, low: once('a') }), 'x')
    await clock.advance(10)
    expect(await run.outcome).toMatchObject({ output: { a: '1005' } })
    expect(activated(await eventsOf(run))).toEqual(['high'])
  })

  it('is not who has written, unless that is wanted', async () => {
    const { system } = await rig()
    const growing = (ownWrites: boolean): Source<Keys> => ({
      ownWrites,
      when: (board) => (board.log ?? []).length < 3,
      run: (board) => ({ log: [...(board.log ?? []), 'x'] }),
    })
    expect(await system.run(team({ growing: growing(false) }), 'x')).toMatchObject({ log: ['x'] })
    expect(await system.run(team({ growing: growing(true) }), 'x')).toMatchObject({ log: ['x', 'x', 'x'] })
  })

  it('is who reads what has changed', async () => {
    const { system, clock } = await rig()
    const deaf: Source<Keys> = { reads: ['b'], when: () => true, run: () => ({ log: ['b'] }) }
    const keen: Source<Keys> = { reads: ['a'], when: () => true, run: () => ({ log: ['a'] }) }
    const run = system.submit(
      team({ one: { ...once('a'), reads: ['topic'] }, deaf, keen }, { merge: { log } }),
      'x',
    )
    await clock.advance(1)
    expect(await run.outcome).toMatchObject({ output: { log: ['a'] } })
    expect(activated(await eventsOf(run))).toEqual(['one', 'keen'])
  })

  it('works once at a time, and once for all that has changed meanwhile', async () => {
    const { system, clock } = await rig()
    let [atWork, most, times] = [0, 0, 0]
    const busy: Source<Keys> = {
      reads: ['a', 'b', 'topic'],
      when: () => true,
      run: async (_, { sleep }) => {
        times += 1
        most = Math.max(most, (atWork += 1))
        await sleep(20)
        atWork -= 1
        return {}
      },
    }
    const run = system.submit(team({ busy, one: once('a', 5), two: once('b', 10) }), 'x')
    await clock.advance(100)
    await run.outcome
    expect({ most, times }).toEqual({ most: 1, times: 2 })
  })

  it('is recorded as a decision, with what it was due for and who else was', async () => {
    const { system, clock } = await rig()
    const run = system.submit(team({ one: once('a', 0, { priority: 1 }), two: once('b') }), 'x')
    await clock.advance(1)
    await run.outcome
    const [first] = decisions(await eventsOf(run), 'plan')
    expect(first).toMatchObject({ chosen: 'one', alternatives: ['two'], reason: '"topic" is at version 1' })
  })
})

describe('what a source gives', () => {
  it('is refused when another has written the same key first: one version wins, and the event says which', async () => {
    const { system, clock } = await rig()
    const run = system.submit(team({ slow: once('a', 20), quick: once('a', 10) }), 'x')
    await clock.advance(100)
    expect(await run.outcome).toMatchObject({ output: { a: '1010' } })
    const events = await eventsOf(run)
    expect(decisions(events, 'conflict')).toMatchObject([
      { chosen: 'quick', alternatives: ['slow'], reason: '"a" is at version 1, "slow" had seen 0' },
    ])
    expect(announced(events)).toEqual([2])
  })

  it('is refused when what it has read has changed; it is due again, and sees the new', async () => {
    const { system, clock } = await rig()
    const reader: Source<Keys> = {
      reads: ['topic'],
      when: ({ b }) => b === undefined,
      run: async (board, { sleep }) => {
        const seen = board.a ?? 'nothing'
        await sleep(20)
        return { b: `saw ${seen}` }
      },
    }
    const run = system.submit(team({ reader, writer: once('a', 10) }), 'x')
    await clock.advance(100)
    expect(await run.outcome).toMatchObject({ output: { b: 'saw 1010' } })
    expect(activated(await eventsOf(run))).toEqual(['reader', 'writer', 'reader'])
  })

  it('stands whatever else has changed', async () => {
    const { system, clock } = await rig()
    const run = system.submit(team({ slow: once('b', 20), quick: once('a', 10) }), 'x')
    await clock.advance(100)
    expect(await run.outcome).toMatchObject({ output: { a: '1010', b: '1020' } })
    expect(decisions(await eventsOf(run), 'conflict')).toEqual([])
  })

  it('is joined where the key has a merge', async () => {
    const { system, clock } = await rig()
    const logging = (name: string, ms: number): Source<Keys> => ({
      reads: ['topic'],
      when: () => true,
      run: async (_, { sleep }) => {
        await sleep(ms)
        return { log: [name] }
      },
    })
    const run = system.submit(
      team({ slow: logging('slow', 20), quick: logging('quick', 10) }, { merge: { log } }),
      'x',
    )
    await clock.advance(100)
    expect(await run.outcome).toMatchObject({ output: { log: ['quick', 'slow'] } })
  })

  it('takes the place of what it has seen, also where the key has a merge', async () => {
    const { system } = await rig()
    const growing: Source<Keys> = {
      ownWrites: true,
      when: (board) => (board.log ?? []).length < 3,
      run: (board) => ({ log: [...(board.log ?? []), String(board.log?.length ?? 0)] }),
    }
    expect(await system.run(team({ growing }, { merge: { log } }), 'x')).toMatchObject({
      log: ['0', '1', '2'],
    })
  })

  it('is only what differs: who spreads the board writes nothing of the rest', async () => {
    const { system, clock } = await rig()
    const lazy: Source<Keys> = {
      when: ({ b }) => b === undefined,
      run: (board) => ({ ...board, b: 'x' }),
    }
    const run = system.submit(team({ lazy }), 'x')
    await clock.advance(100)
    expect(await run.outcome).toMatchObject({ output: { topic: 'x', b: 'x' } })
    const ended = (await eventsOf(run)).find(
      (event) => event.type === 'task.ended' && event.agent === 'team.lazy',
    )
    expect(ended).toMatchObject({ outcome: { output: { writes: { b: 'x' } } } })
    expect(announced(await eventsOf(run))).toEqual([2])
  })

  it('may delete a key', async () => {
    const { system } = await rig()
    const eraser: Source<Keys> = {
      when: ({ topic }) => topic !== undefined,
      run: () => ({ topic: undefined }),
    }
    expect(await system.run(team({ eraser }), 'x')).toEqual({})
  })

  it('has to fit the schema of its key: else it has failed, and nothing of it stands', async () => {
    const { system, clock } = await rig()
    const wrong: Source<Keys> = {
      when: ({ b }) => b === undefined,
      run: () => ({ a: 'good', b: 7 }) as never,
    }
    const run = system.submit(team({ wrong }), 'x')
    await clock.advance(100_000)
    expect(await run.outcome).toEqual({ status: 'completed', output: { topic: 'x' } })
    const [quarantine] = decisions(await eventsOf(run), 'guard')
    expect(quarantine?.reason).toContain('what was to be written does not fit the board: b: ')
  })

  it.each([
    ['names a key that is none', { tilte: 'x' }, 'tilte: is no key of the board'],
    ['is no object', 'x', 'gives the keys that it writes, not string'],
  ])('is refused when it %s', async (_, written, reason) => {
    const { system, clock } = await rig()
    const run = system.submit(team({ wrong: { when: () => true, run: () => written as never } }), 'x')
    await clock.advance(100_000)
    await run.outcome
    expect(decisions(await eventsOf(run), 'guard')[0]?.reason).toContain(reason)
  })
})

describe('a source that fails', () => {
  const flaky = (failures: number, rest: Partial<Source<Keys>> = {}): Source<Keys> => {
    let times = 0
    return {
      when: ({ b }) => b === undefined,
      run: () => {
        times += 1
        if (times <= failures) throw new Error(`crash ${times}`)
        return { b: `after ${times}` }
      },
      ...rest,
    }
  }
  const retry = { minMs: 100, jitter: false }

  it('is tried again, a crash too, and quiescence is not announced while that is pending', async () => {
    const { system, clock } = await rig()
    const run = system.submit(team({ flaky: flaky(2, { retry }), other: once('a') }), 'x')
    const seen: string[] = []
    system.events.subscribe(({ type }) => seen.push(type))
    await clock.advance(100)
    expect(seen).not.toContain('board.quiescent')
    await clock.advance(200)
    expect(await run.outcome).toMatchObject({ output: { b: 'after 3' } })
    expect(announced(await eventsOf(run))).toHaveLength(1)
  })

  it('goes into quarantine after its last attempt: the event says so, and the run goes on', async () => {
    const { system, clock } = await rig()
    const run = system.submit(team({ flaky: flaky(9, { retry }), other: once('a', 1_000) }), 'x')
    await clock.advance(2_000)
    expect(await run.outcome).toEqual({ status: 'completed', output: { topic: 'x', a: '2000' } })
    const events = await eventsOf(run)
    expect(decisions(events, 'guard')).toMatchObject([
      { chosen: 'flaky', alternatives: ['other'], reason: 'quarantined: it failed: crash 3' },
    ])
    // The change of `a` would have triggered it.
    expect(activated(events)).toEqual(['flaky', 'other'])
    expect(announced(events)).toEqual([2])
  })

  it('does not repeat a step that it has finished', async () => {
    const { system, clock } = await rig()
    let paid = 0
    const careful: Source<Keys> = {
      when: ({ b }) => b === undefined,
      retry,
      run: async (_, { step, attempt }) => {
        await step('pay', () => (paid += 1))
        if (attempt < 3) throw new Error('lost')
        return { b: 'x' }
      },
    }
    const run = system.submit(team({ careful }), 'x')
    await clock.advance(1_000)
    expect(await run.outcome).toMatchObject({ output: { b: 'x' } })
    expect(paid).toBe(1)
  })

  it('is not tried again when it was refused, or when its `retry` says so', async () => {
    const { system } = await rig()
    let times = 0
    const refused: Source<Keys> = {
      when: () => true,
      run: () => {
        times += 1
        throw new DeniedError('no')
      },
    }
    await system.run(team({ refused }), 'x')
    await system.run(team({ flaky: flaky(9, { retry: { attempts: 1 } }) }), 'x')
    await system.run(team({ flaky: flaky(9, { retry: { when: () => false } }) }), 'x')
    expect(times).toBe(1)
  })

  it('hangs no longer than an agent may', async () => {
    const { system, clock } = await rig()
    const hung: Source<Keys> = {
      when: () => true,
      run: () => new Promise(() => {}),
      retry: { attempts: 2, ...retry },
    }
    const run = system.submit(team({ hung }), 'x')
    await clock.advance(121_000)
    expect(await run.outcome).toEqual({ status: 'completed', output: { topic: 'x' } })
    expect(decisions(await eventsOf(run), 'guard')[0]?.reason).toContain('took longer than 60000 ms')
  })

  it('ends the run when a limit of that is spent', async () => {
    const { system } = await rig()
    const loop: Source<Keys> = {
      when: () => true,
      run: async (_, ctx) => ({ a: (await ctx.ask(nested, 'x')).a }),
    }
    const nested = team({ loop })
    const run = system.submit(nested, 'x', { budget: { hops: 3 } })
    expect(await run.outcome).toMatchObject({ status: 'exhausted', what: 'hops', cap: 3 })
  })
})

describe('what bounds it', () => {
  const pingPong: Record<string, Source<Keys>> = {
    ping: { reads: ['b', 'topic'], when: () => true, run: ({ a }) => ({ a: `${a ?? ''}.` }) },
    pong: { reads: ['a'], when: () => true, run: ({ b }) => ({ b: `${b ?? ''}.` }) },
  }

  it('is how deep activations cause each other, 32 unless told otherwise', async () => {
    const { system } = await rig()
    const run = system.submit(team(pingPong), 'x')
    expect(await run.outcome).toMatchObject({ output: { a: '.'.repeat(16), b: '.'.repeat(16) } })
    const events = await eventsOf(run)
    expect(decisions(events, 'guard')).toMatchObject([
      { chosen: 'ping', reason: 'quarantined: activations caused each other more than 32 deep' },
    ])
    expect(announced(events)).toHaveLength(1)
    expect(await system.run(team(pingPong, { maxDepth: 3 }), 'x')).toMatchObject({ a: '..', b: '.' })
  })

  it('is how often a source is activated', async () => {
    const { system } = await rig()
    const run = system.submit(team(pingPong, { maxDepth: 10_000, maxActivations: 4 }), 'x')
    expect(await run.outcome).toMatchObject({ output: { a: '....', b: '....' } })
    expect(decisions(await eventsOf(run), 'guard')).toMatchObject([
      { chosen: 'ping', reason: 'quarantined: it was activated 4 times' },
    ])
  })
})

it('rejects a start that does not fit its keys, before anybody works', async () => {
  const { system } = await rig()
  const outcome = await system.submit(team({ one: once('a') }), 7 as never).outcome
  expect(outcome.status).toBe('rejected')
  expect(outcome).toMatchObject({
    error: { code: 'INVALID_INPUT', agent: 'team', faults: [{ path: 'topic' }] },
  })
})

it.each(['start', 'when', 'done', 'result', 'merge'])('has a defect when its `%s` throws', async (what) => {
  const { system, clock } = await rig()
  const fail = (): never => {
    throw new Error('no')
  }
  const source = { ...once('a', 1), ...(what === 'when' && { when: fail }) }
  const rest = what === 'merge' ? { merge: { a: fail } } : what === 'when' ? {} : { [what]: fail }
  const run = system.submit(team({ source, other: once('a', 2) }, rest), 'x')
  await clock.advance(10)
  expect(codeOf(await run.outcome)).toBe('DEFECT')
})

it('aborts its sources when it is cancelled, and nothing of them stands', async () => {
  const { system, clock } = await rig()
  const { promise, resolve } = promised<void>()
  let given: Ctx | undefined
  const slow: Source<Keys> = {
    when: () => true,
    run: async (_, ctx) => {
      given = ctx
      await promise
      return { a: 'late' }
    },
  }
  const run = system.submit(team({ slow }), 'x')
  await clock.advance(0)
  run.cancel('enough')
  expect(await run.outcome).toEqual({ status: 'cancelled', reason: 'enough' })
  expect(given?.signal.aborted).toBe(true)
  resolve()
  await clock.advance(10)
  expect(announced(await eventsOf(run))).toEqual([])
})

it('stands wherever an agent can, and its sources ask any agent', async () => {
  const { system } = await rig()
  const shout = agent('shout', { run: (text: string) => text.toUpperCase() })
  const asking: Source<Keys> = {
    when: ({ a }) => a === undefined,
    run: async ({ topic = '' }, ctx) => ({ a: await ctx.ask(shout, topic) }),
  }
  const board = blackboard('board', { keys, start, sources: { asking }, result: ({ a }) => a ?? '' })
  const twice = agent('twice', { run: (text: string) => text + text })
  const by = agent('by', { run: (): 'it' => 'it' })
  const nested = router('nested', { by, to: { it: pipeline('line', [twice, board, twice]) } })
  expect(await system.run(nested, 'x')).toBe('XXXX')
})

it('has an event for each activation, as a task of its own', async () => {
  const { system, clock } = await rig()
  const run = system.submit(team({ one: once('a') }), 'x')
  await clock.advance(1)
  await run.outcome
  const started = (await eventsOf(run)).filter(({ type }) => type === 'task.started')
  expect(started).toMatchObject([{ agent: 'team' }, { agent: 'team.one', input: { topic: 'x' } }])
})

it('tries again as a whole where it has a `retry`', async () => {
  const { system, clock } = await rig()
  let times = 0
  const result = () => {
    times += 1
    if (times < 2) throw new ProviderError('down', { code: 'UNAVAILABLE', retryable: true })
    return times
  }
  const run = system.submit(team({ one: once('a') }, { result, retry: { attempts: 2, minMs: 1 } }), 'x')
  await clock.advance(10)
  expect(await run.outcome).toEqual({ status: 'completed', output: 2 })
})

it('is refused when it is put together wrongly', () => {
  const source = once('a')
  const sources = { source }
  expect(() => blackboard('bb', { keys: {}, start: () => ({}), sources: {}, result: () => 1 })).toThrow(
    ConfigurationError,
  )
  expect(() => team({ source: { ...source, reads: ['c' as never] } })).toThrow(
    '`reads` of "source" names "c"',
  )
  expect(() => team({ source: { ...source, reads: [] } })).toThrow('nothing ever triggers "source"')
  expect(() => team(sources, { merge: { c: log } })).toThrow('`merge` names "c"')
  expect(() => team(sources, { maxDepth: 0 })).toThrow('`maxDepth` is a whole number from 1, not 0')
  expect(() => team(sources, { maxActivations: 1.5 })).toThrow(ConfigurationError)
})
