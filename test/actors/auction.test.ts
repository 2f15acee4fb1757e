/** Auctions among agents at work. */
import { describe, expect, it } from 'vitest'
import {
  agent,
  auction,
  CancelledError,
  ConfigurationError,
  DeniedError,
  pipeline,
  type AnyAgent,
  type Bid,
  type Run,
  type RunEvent,
  type System,
} from '../../src/index.ts'
import { codeOf, eventsOf, promised, rig } from './rig.ts'

type Bidding = (
  task: string,
  load: { running: number; queued: number },
) => Bid | undefined | Promise<Bid | undefined>

/** Does the work by saying who did it. */
const worker = (name: string, bid?: Bidding | number, rest: object = {}) =>
  agent(name, {
    run: (text: string) => `${name}: ${text}`,
    bid: typeof bid === 'number' ? () => ({ cost: bid }) : bid,
    ...rest,
  })
const broken = (name: string, cost: number, error: unknown = new Error(name)) =>
  agent(name, {
    bid: () => ({ cost }),
    run: (): string => {
      throw error
    },
  })

type Decision = Extract<RunEvent, { type: 'decision.made' }>
const awards = (events: readonly RunEvent[]): Decision[] =>
  events.filter((event) => event.type === 'decision.made').filter(({ kind }) => kind === 'award')

/** What has been awarded so far, by whichever run. */
const soFar = (system: System): string[] => {
  const chosen: string[] = []
  system.events.subscribe((event) => {
    if (event.type === 'decision.made' && event.kind === 'award') chosen.push(event.chosen)
  })
  return chosen
}

/** Whether a run has ended. */
const ended = (run: Run<unknown>): Promise<boolean> =>
  Promise.race([
    run.outcome.then(() => true),
    new Promise<boolean>((resolve) => setImmediate(resolve, false)),
  ])

describe('the award', () => {
  it('goes to the lowest cost, and is recorded with who else had bid and why', async () => {
    const { system } = await rig()
    const team = auction('team', {
      bidders: { dear: worker('dear', 3), cheap: worker('cheap', 1), fair: worker('fair', 2) },
    })
    const run = system.submit(team, 'x')
    expect(await run.outcome).toEqual({ status: 'completed', output: 'cheap: x' })
    expect(awards(await eventsOf(run))).toMatchObject([
      { chosen: 'cheap', alternatives: ['fair', 'dear'], reason: 'the lowest score, 1, in round 1' },
    ])
  })

  it('goes by score where there is one', async () => {
    const { system } = await rig()
    const timed =
      (timeMs: number): Bidding =>
      () => ({ cost: 1, timeMs })
    const team = auction('team', {
      bidders: {
        slow: worker('slow', timed(90)),
        quick: worker('quick', timed(10)),
        odd: worker('odd', timed(20)),
      },
      score: (bid, bidder) => (bid.timeMs ?? 0) * (bidder === 'odd' ? 0.1 : 1),
    })
    expect(await system.run(team, 'x')).toBe('odd: x')
  })

  it('goes to the earliest of equal bids, then to the first by key', async () => {
    const { system, clock } = await rig()
    const { promise, resolve } = promised<Bid>()
    const late = auction('late', { bidders: { a: worker('a', () => promise), b: worker('b', 1) } })
    const run = system.submit(late, 'x')
    await clock.advance(10)
    resolve({ cost: 1 })
    expect(await run.outcome).toMatchObject({ output: 'b: x' })
    expect(
      await system.run(auction('tie', { bidders: { b: worker('b2', 1), a: worker('a2', 1) } }), 'x'),
    ).toBe('a2: x')
  })

  it('goes to who has the least to do, unless an agent says what it costs', async () => {
    const { system, clock } = await rig()
    const busy = agent('busy', { run: () => new Promise<string>(() => {}) })
    void system.submit(busy, 'all day')
    await clock.advance(0)
    const team = auction('team', { bidders: { busy, free: worker('free') } })
    expect(await system.run(team, 'x')).toBe('free: x')
  })

  it('shows each bidder the task and its load', async () => {
    const { system, clock } = await rig()
    const seen: unknown[] = []
    const { promise } = promised<string>()
    const one = agent('one', {
      concurrency: 1,
      run: () => promise,
      bid: (task: string, load) => (seen.push([task, load]), undefined),
    })
    for (const text of ['a', 'b', 'c']) void system.submit(one, text)
    await clock.advance(0)
    await system.submit(auction('team', { bidders: { one }, rounds: 1 }), 'x').outcome
    expect(seen).toEqual([['x', { running: 1, queued: 2 }]])
  })

  it('is no case for a bid that is no number, or for another capability', async () => {
    const { system } = await rig()
    const team = auction('team', {
      capability: () => 'paint',
      bidders: {
        nan: worker('nan', Number.NaN, { capabilities: ['paint'] }),
        other: worker('other', () => ({ cost: 1, capability: 'cook' }), { capabilities: ['paint'] }),
        right: worker('right', () => ({ cost: 9, capability: 'paint' }), { capabilities: ['paint'] }),
      },
    })
    expect(await system.run(team, 'x')).toBe('right: x')
    const alone = auction('alone', { bidders: { nan: worker('nan', Number.NaN) } })
    expect(codeOf(await system.submit(alone, 'x').outcome)).toBe('NO_BIDDER')
  })
})

describe('who is called', () => {
  it('is who has the capability that the task needs', async () => {
    const { system } = await rig()
    const called: string[] = []
    const able = (name: string, ...capabilities: string[]) =>
      worker(name, () => (called.push(name), { cost: called.length }), { capabilities })
    const team = auction('team', {
      capability: (task) => (task === 'wall' ? 'paint' : 'cook'),
      bidders: { a: able('a', 'cook'), b: able('b', 'paint', 'cook'), c: able('c') },
    })
    expect(await system.run(team, 'wall')).toBe('b: wall')
    expect(called).toEqual(['b'])
  })

  it('is nobody when nobody is able: NO_BIDDER, with the task', async () => {
    const { system } = await rig()
    const team = auction('team', { capability: () => 'fly', bidders: { a: worker('a', 1) } })
    const outcome = await system.submit(team, 'x').outcome
    expect(outcome).toMatchObject({
      status: 'rejected',
      error: { code: 'NO_BIDDER', undelivered: 'x', message: expect.stringContaining('"fly"') },
    })
  })

  it('is called again while rounds are left and no bid is', async () => {
    const { system } = await rig()
    let calls = 0
    const shy = worker('shy', () => ((calls += 1) < 3 ? undefined : { cost: 1 }))
    expect(codeOf(await system.submit(auction('two', { bidders: { shy } }), 'x').outcome)).toBe('NO_BIDDER')
    calls = 0
    expect(await system.run(auction('three', { bidders: { shy }, rounds: 3 }), 'x')).toBe('shy: x')
  })
})

describe('the bids', () => {
  it('are decided on as soon as all have answered', async () => {
    const { system, clock } = await rig()
    const { promise, resolve } = promised<Bid>()
    const run = system.submit(
      auction('team', { bidders: { a: worker('a', () => promise), b: worker('b', 5) } }),
      'x',
    )
    await clock.advance(100)
    resolve({ cost: 1 })
    expect(await run.outcome).toMatchObject({ output: 'a: x' })
    expect(clock.now()).toBe(1_100)
  })

  it('are decided on at the deadline: a later one is too late', async () => {
    const { system, clock } = await rig()
    const { promise, resolve } = promised<Bid>()
    const { promise: work, resolve: finish } = promised<string>()
    const b = agent('b', { bid: () => ({ cost: 5 }), run: () => work })
    const team = auction('team', { bidders: { a: worker('a', () => promise), b }, bidTimeoutMs: 50 })
    const run = system.submit(team, 'x')
    await clock.advance(50)
    resolve({ cost: 1 })
    await clock.advance(1)
    finish('b')
    expect(await run.outcome).toMatchObject({ output: 'b' })
    expect(awards(await eventsOf(run))).toHaveLength(1)
  })

  it('count as declined when they throw, reject or never come', async () => {
    const { system, clock } = await rig()
    const throwing = worker('throwing', () => {
      throw new Error('no')
    })
    const rejecting = worker('rejecting', () => Promise.reject(new Error('no')))
    const silent = worker('silent', () => new Promise<Bid>(() => {}))
    const team = auction('team', { bidders: { throwing, rejecting, silent }, rounds: 1, bidTimeoutMs: 30 })
    const run = system.submit(team, 'x')
    await clock.advance(29)
    expect(await ended(run)).toBe(false)
    await clock.advance(1)
    expect(codeOf(await run.outcome)).toBe('NO_BIDDER')
  })

  it('are for one call: what comes after it is no bid for the next', async () => {
    const { system, clock } = await rig()
    const bids = [promised<Bid>(), promised<Bid>()]
    let calls = 0
    const slow = worker('slow', () => (bids[(calls += 1) - 1] ?? promised<Bid>()).promise)
    const run = system.submit(auction('team', { bidders: { slow }, bidTimeoutMs: 50 }), 'x')
    await clock.advance(60)
    bids[0]?.resolve({ cost: 1 })
    await clock.advance(10)
    bids[1]?.resolve({ cost: 7 })
    expect(await run.outcome).toEqual({ status: 'completed', output: 'slow: x' })
    expect(awards(await eventsOf(run)).map(({ reason }) => reason)).toEqual([
      'the lowest score, 7, in round 2',
    ])
  })

  it('bind as long as they say', async () => {
    const { system, clock } = await rig()
    const bidders = {
      hasty: worker('hasty', () => ({ cost: 1, validMs: 20 })),
      steady: worker('steady', 2),
      silent: worker('silent', () => new Promise<Bid>(() => {})),
    }
    const at = (bidTimeoutMs: number) =>
      system.submit(auction(`by-${bidTimeoutMs}`, { bidders, bidTimeoutMs }), 'x')
    const [early, late] = [at(20), at(21)]
    await clock.advance(21)
    expect(await early.outcome).toMatchObject({ output: 'hasty: x' })
    expect(await late.outcome).toMatchObject({ output: 'steady: x' })
  })
})

describe('a winner that falls out', () => {
  it('is followed by the next best when it fails', async () => {
    const { system } = await rig()
    const bidders = { best: broken('best', 1), next: broken('next', 2), last: worker('last', 3) }
    const run = system.submit(auction('team', { bidders }), 'x')
    expect(await run.outcome).toEqual({ status: 'completed', output: 'last: x' })
    expect(awards(await eventsOf(run)).map(({ chosen, alternatives }) => [chosen, alternatives])).toEqual([
      ['best', ['next', 'last']],
      ['next', ['last']],
      ['last', []],
    ])
  })

  it('is followed by the next best when it gives up', async () => {
    const { system } = await rig()
    const bidders = { best: broken('best', 1, new CancelledError('tired')), spare: worker('spare', 2) }
    expect(await system.run(auction('team', { bidders }), 'x')).toBe('spare: x')
  })

  it('is followed by the next best when it dies', async () => {
    const { system, clock } = await rig()
    const hung = agent('hung', { bid: () => ({ cost: 1 }), run: () => new Promise<string>(() => {}) })
    const run = system.submit(auction('team', { bidders: { hung, spare: worker('spare', 2) } }), 'x')
    await clock.advance(5_000)
    const ref = system.lookup('/hung')
    if (!ref) throw new Error('it is not there')
    const stopped = system.stop(ref)
    await clock.advance(10_000)
    await stopped
    expect(await run.outcome).toEqual({ status: 'completed', output: 'spare: x' })
  })

  it('is followed by the next best when it does not accept in time, and never hears of the task', async () => {
    const { system, clock } = await rig()
    const seen: string[] = []
    const { promise, resolve } = promised<string>()
    const full = agent('full', {
      concurrency: 1,
      bid: () => ({ cost: 1 }),
      run: (text: string) => (seen.push(text), promise),
    })
    void system.submit(full, 'before')
    await clock.advance(0)
    const spare = agent('spare', {
      bid: () => ({ cost: 2 }),
      run: async (_: string, { sleep }) => {
        await sleep(100)
        return 'spare'
      },
    })
    const team = auction('team', { bidders: { full, spare }, awardTimeoutMs: 40 })
    const awarded = soFar(system)
    const run = system.submit(team, 'x')
    await clock.advance(39)
    expect(awarded).toEqual(['full'])
    await clock.advance(1)
    expect(awarded).toEqual(['full', 'spare'])
    resolve('done')
    await clock.advance(100)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'spare' })
    expect(seen).toEqual(['before'])
  })

  it('has accepted once it is at work, however long that takes', async () => {
    const { system, clock } = await rig()
    const slow = agent('slow', {
      bid: () => ({ cost: 1 }),
      run: async (_: string, { sleep }) => {
        await sleep(30_000)
        return 'slow'
      },
    })
    const run = system.submit(auction('team', { bidders: { slow, spare: worker('spare', 2) } }), 'x')
    await clock.advance(30_000)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'slow' })
  })

  it('is called again in the next round', async () => {
    const { system } = await rig()
    let tries = 0
    const flaky = agent('flaky', {
      bid: () => ({ cost: 1 }),
      run: () => {
        tries += 1
        if (tries === 1) throw new Error('once')
        return 'good'
      },
    })
    const run = system.submit(auction('team', { bidders: { flaky } }), 'x')
    expect(await run.outcome).toEqual({ status: 'completed', output: 'good' })
    expect(awards(await eventsOf(run)).map(({ reason }) => reason)).toEqual([
      'the lowest score, 1, in round 1',
      'the lowest score, 1, in round 2',
    ])
  })

  it('is how it ends when no bid is left', async () => {
    const { system } = await rig()
    const outcome = await system.submit(
      auction('team', { bidders: { a: broken('a', 1), b: broken('b', 2) } }),
      'x',
    ).outcome
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'DEFECT', message: 'b' } })
  })

  it('is not followed by anybody when it was refused or when a limit is spent', async () => {
    const { system } = await rig()
    const spare = worker('spare', 2)
    const denied = auction('denied', { bidders: { a: broken('a', 1, new DeniedError('no')), spare } })
    expect(codeOf(await system.submit(denied, 'x').outcome)).toBe('DENIED')
    const run = system.submit(auction('spent', { bidders: { b: worker('b', 1), spare } }), 'x', {
      budget: { hops: 0 },
    })
    expect(await run.outcome).toMatchObject({ status: 'exhausted', what: 'hops' })
    expect(awards(await eventsOf(run))).toHaveLength(1)
  })
})

it.each(['score', 'capability'])('has a defect when its `%s` throws', async (what) => {
  const { system } = await rig()
  const fail = (): never => {
    throw new Error('no')
  }
  const team = auction('team', { bidders: { a: worker('a', 1) }, [what]: fail })
  expect(codeOf(await system.submit(team, 'x').outcome)).toBe('DEFECT')
})

it('aborts the winner when it is cancelled, and asks nobody after it', async () => {
  const { system, clock } = await rig()
  let signal: AbortSignal | undefined
  const hung = agent('hung', {
    bid: () => ({ cost: 1 }),
    run: (_: string, ctx) => ((signal = ctx.signal), new Promise<string>(() => {})),
  })
  const run = system.submit(auction('team', { bidders: { hung, spare: worker('spare', 2) } }), 'x')
  await clock.advance(10)
  run.cancel('enough')
  await clock.advance(10_000)
  expect(await run.outcome).toEqual({ status: 'cancelled', reason: 'enough' })
  expect(signal?.aborted).toBe(true)
  expect(awards(await eventsOf(run))).toHaveLength(1)
})

it('forgets its bids and its timers when an attempt is over', async () => {
  const { system, clock } = await rig()
  const bids = [promised<Bid>(), promised<Bid>()]
  let calls = 0
  const slow = worker('slow', () => (bids[(calls += 1) - 1] ?? promised<Bid>()).promise)
  const team = auction('team', {
    bidders: { slow },
    bidTimeoutMs: 100,
    timeoutMs: 60,
    retry: { attempts: 2, minMs: 10, jitter: false },
  })
  const awarded = soFar(system)
  const run = system.submit(team, 'x')
  await clock.advance(75)
  // The second attempt is at work, and this is a bid of the first.
  bids[0]?.resolve({ cost: 1 })
  await clock.advance(30)
  expect(awarded).toEqual([])
  bids[1]?.resolve({ cost: 2 })
  await clock.advance(10)
  expect(await run.outcome).toEqual({ status: 'completed', output: 'slow: x' })
  expect(awards(await eventsOf(run)).map(({ reason }) => reason)).toEqual(['the lowest score, 2, in round 1'])
})

it('stands wherever an agent can: a bidder may be a pattern, an auction a stage', async () => {
  const { system } = await rig()
  const inner = auction('inner', { bidders: { a: worker('a', 1) }, bid: () => ({ cost: 0 }) })
  const outer = auction('outer', { bidders: { inner, b: worker('b', 1) } })
  const twice = agent('twice', { run: (text: string) => text + text })
  expect(await system.run(pipeline('line', [twice, outer, twice]), 'x')).toBe('a: xxa: xx')
})

it('is refused when it is put together wrongly', () => {
  const bidders: Record<string, AnyAgent> = { a: worker('a', 1) }
  expect(() => auction('team', { bidders: {} })).toThrow('"team" needs at least one bidder')
  expect(() => auction('team', { bidders, rounds: 0 })).toThrow(ConfigurationError)
  expect(() => auction('team', { bidders, bidTimeoutMs: -1 })).toThrow(
    '"team": `bidTimeoutMs` is a number of milliseconds',
  )
  expect(() => auction('team', { bidders, awardTimeoutMs: Infinity })).toThrow(ConfigurationError)
})

it.each([NaN, undefined, '3'])('has a defect when its `score` gives %s, which cannot be compared', async (score) => {
  const { system } = await rig()
  const team = auction('team', {
    bidders: { a: worker('a', 1), b: worker('b', 2) },
    score: ((_: unknown, bidder: string) => (bidder === 'a' ? score : 1)) as never,
  })
  const outcome = await system.submit(team, 'x').outcome
  expect(codeOf(outcome)).toBe('DEFECT')
  expect(outcome).toMatchObject({ error: { message: expect.stringContaining('bid of "a"') as unknown } })
})
