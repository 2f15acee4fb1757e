/** Arbiters at work. */
import { describe, expect, it } from 'vitest'
import {
  agent,
  arbiter,
  CancelledError,
  ConfigurationError,
  ConflictError,
  human,
  ProviderError,
  type Agent,
  type Claim,
  type Clash,
  type Outcome,
  type RunEvent,
  type StepContext,
} from '../../src/index.ts'
import { seededRandom } from '../../src/system/random.ts'
import { codeOf, eventsOf, rig } from './rig.ts'

const writes =
  (...resources: string[]) =>
  (): Claim[] =>
    resources.map((resource) => ({ resource, mode: 'write' }))
const reads =
  (...resources: string[]) =>
  (): Claim[] =>
    resources.map((resource) => ({ resource, mode: 'read' }))
const same = (results: Readonly<Record<string, Outcome>>) => results
const statuses = (results: Readonly<Record<string, Outcome>>) =>
  Object.fromEntries(Object.entries(results).map(([key, { status }]) => [key, status]))
const conflicts = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === 'decision.made' && event.kind === 'conflict' ? [event] : []))

/** Works for so long; keeps a diary of who begins and ends when. */
const workshop = () => {
  const diary: string[] = []
  const slow = (name: string, ms: number) =>
    agent(name, {
      run: async (_: string, { sleep, now }) => {
        diary.push(`${name} begins`)
        await sleep(ms)
        diary.push(`${name} ends`)
        return now()
      },
    })
  return { diary, slow }
}

describe('in turn', () => {
  it('is what a clash leads to unless told otherwise: one after the other, the rest beside', async () => {
    const { system, clock } = await rig()
    const { diary, slow } = workshop()
    const both = arbiter('both', {
      branches: { a: slow('a', 10), b: slow('b', 10), c: slow('c', 5) },
      claims: { a: writes('crm'), b: writes('crm'), c: writes('wiki') },
      join: same,
    })
    const run = system.submit(both, 'x')
    await clock.advance(20)
    expect(await run.outcome).toEqual({
      status: 'completed',
      output: {
        a: { status: 'completed', output: 1_010 },
        b: { status: 'completed', output: 1_020 },
        c: { status: 'completed', output: 1_005 },
      },
    })
    expect(diary).toEqual(['a begins', 'c begins', 'c ends', 'a ends', 'b begins', 'b ends'])
    expect(conflicts(await eventsOf(run))).toMatchObject([
      { agent: 'both', chosen: 'a', alternatives: ['b'], reason: 'both claim "crm": "b" goes later' },
    ])
  })

  it('is no matter for two that only read', async () => {
    const { system, clock } = await rig()
    const { slow } = workshop()
    const both = arbiter('both', {
      branches: { a: slow('a', 10), b: slow('b', 10) },
      claims: { a: reads('crm'), b: reads('crm') },
      join: statuses,
    })
    const run = system.submit(both, 'x')
    await clock.advance(10)
    expect(await run.outcome).toEqual({ status: 'completed', output: { a: 'completed', b: 'completed' } })
    expect(conflicts(await eventsOf(run))).toEqual([])
  })

  it('depends on the input where claims do', async () => {
    const { system, clock } = await rig()
    const { slow } = workshop()
    const both = arbiter('both', {
      branches: { a: slow('a', 10), b: slow('b', 10) },
      claims: { a: (text: string) => [{ resource: text, mode: 'write' }], b: reads('crm') },
      join: statuses,
    })
    const [clashing, apart] = [system.submit(both, 'crm'), system.submit(both, 'wiki')]
    await clock.advance(20)
    await Promise.all([clashing.outcome, apart.outcome])
    expect(conflicts(await eventsOf(clashing))).toHaveLength(1)
    expect(conflicts(await eventsOf(apart))).toHaveLength(0)
  })

  it('goes on after one that fails', async () => {
    const { system, clock } = await rig()
    const { slow } = workshop()
    const broken = agent('broken', {
      run: (): number => {
        throw new Error('no')
      },
    })
    const both = arbiter('both', {
      branches: { broken, b: slow('b', 10) },
      claims: { broken: writes('crm'), b: writes('crm') },
      join: statuses,
    })
    const run = system.submit(both, 'x')
    await clock.advance(10)
    expect(await run.outcome).toEqual({ status: 'completed', output: { broken: 'failed', b: 'completed' } })
  })

  it('follows priority where that is given', async () => {
    const { system, clock } = await rig()
    const { diary, slow } = workshop()
    const both = arbiter('both', {
      branches: { a: slow('a', 10), b: slow('b', 10) },
      claims: { a: writes('crm'), b: writes('crm') },
      priority: { b: 1 },
      join: statuses,
    })
    const run = system.submit(both, 'x')
    await clock.advance(20)
    await run.outcome
    expect(diary).toEqual(['b begins', 'b ends', 'a begins', 'a ends'])
  })
})

it('by priority, the lower one is rejected with a ConflictError and never runs', async () => {
  const { system, clock } = await rig()
  const { diary, slow } = workshop()
  const both = arbiter('both', {
    branches: { a: slow('a', 10), b: slow('b', 10) },
    claims: { a: writes('crm'), b: reads('crm') },
    resolve: 'priority',
    priority: { a: 1, b: 2 },
    join: same,
  })
  const run = system.submit(both, 'x')
  await clock.advance(10)
  const outcome = await run.outcome
  expect(outcome).toMatchObject({
    output: { a: { status: 'rejected' }, b: { status: 'completed', output: 1_010 } },
  })
  const lost = outcome.status === 'completed' ? outcome.output['a'] : undefined
  const error = lost && 'error' in lost ? lost.error : undefined
  expect(error).toBeInstanceOf(ConflictError)
  expect(error?.message).toBe('"crm": expected no other claim than that of "a", found one of "b"')
  expect(diary).toEqual(['b begins', 'b ends'])
  expect(conflicts(await eventsOf(run))).toMatchObject([
    { chosen: 'b', alternatives: ['a'], reason: 'both claim "crm": "a" has the lower priority' },
  ])
})

it('to be merged, both run at once, and `join` gets what both gave', async () => {
  const { system, clock } = await rig()
  const { slow } = workshop()
  const both = arbiter('both', {
    branches: { a: slow('a', 10), b: slow('b', 5) },
    claims: { a: writes('crm', 'wiki'), b: writes('wiki', 'crm') },
    resolve: 'merge',
    join: ({ a, b }) => [a, b].map((each) => (each.status === 'completed' ? each.output : 0)),
  })
  const run = system.submit(both, 'x')
  await clock.advance(10)
  expect(await run.outcome).toEqual({ status: 'completed', output: [1_010, 1_005] })
  expect(conflicts(await eventsOf(run))).toMatchObject([
    {
      chosen: 'merge',
      alternatives: ['a', 'b'],
      reason: 'both claim "crm", "wiki": both run, `join` merges',
    },
  ])
})

describe('rolled back', () => {
  const rolledBack = (
    undo: Readonly<Record<string, (output: number, ctx: StepContext) => void | Promise<void>>>,
    ms: readonly [number, number] = [10, 20],
  ) => {
    const { diary, slow } = workshop()
    const both = arbiter('both', {
      branches: { a: slow('a', ms[0]), b: slow('b', ms[1]) },
      claims: { a: writes('crm'), b: writes('crm') },
      resolve: 'roll-back',
      undo,
      join: same,
    })
    return { both, diary }
  }

  it('the one that completed later is undone, once, and runs again by itself', async () => {
    const { system, clock } = await rig()
    const undone: [number, string][] = []
    const { both, diary } = rolledBack({
      a: (output) => void diary.push(`undo a of ${output}`),
      b: (output, { key }) => void (diary.push('undo b'), undone.push([output, key])),
    })
    const run = system.submit(both, 'x', { id: 'r' })
    await clock.advance(40)
    expect(await run.outcome).toEqual({
      status: 'completed',
      output: { a: { status: 'completed', output: 1_010 }, b: { status: 'completed', output: 1_040 } },
    })
    expect(diary).toEqual(['a begins', 'b begins', 'a ends', 'b ends', 'undo b', 'b begins', 'b ends'])
    const events = await eventsOf(run)
    const [, second] = events.flatMap((event) =>
      event.type === 'task.started' && event.agent !== 'both' ? [event.taskId] : [],
    )
    const key = `r/${second}/undo#1`
    expect(undone).toEqual([[1_020, key]])
    expect(conflicts(events)).toMatchObject([
      {
        chosen: 'a',
        alternatives: ['b'],
        reason: 'both claim "crm": "b" completed later, is undone and runs again',
      },
    ])
    expect(events.filter(({ type }) => type.startsWith('step.'))).toMatchObject([
      { type: 'step.started', name: 'undo b', key, input: 1_020 },
      { type: 'step.ended', name: 'undo b', key, outcome: { status: 'completed' } },
    ])
  })

  it('is decided by who completes later, not by who is declared later', async () => {
    const { system, clock } = await rig()
    const undone: string[] = []
    const { both } = rolledBack({ a: () => void undone.push('a'), b: () => void undone.push('b') }, [20, 10])
    const run = system.submit(both, 'x')
    await clock.advance(40)
    await run.outcome
    expect(undone).toEqual(['a'])
  })

  it('waits for an undo that takes its time', async () => {
    const { system, clock } = await rig()
    let finish = (): void => {}
    const { both, diary } = rolledBack({ b: () => new Promise<void>((resolve) => (finish = resolve)) })
    const run = system.submit(both, 'x')
    await clock.advance(50)
    expect(diary.at(-1)).toBe('b ends')
    finish()
    await clock.advance(20)
    expect(await run.outcome).toMatchObject({ output: { b: { output: 1_070 } } })
  })

  it('without `undo`, it just runs again', async () => {
    const { system, clock } = await rig()
    const { both, diary } = rolledBack({})
    const run = system.submit(both, 'x')
    await clock.advance(40)
    await run.outcome
    expect(diary.slice(4)).toEqual(['b begins', 'b ends'])
  })

  it.each<[string, () => void | Promise<void>]>([
    [
      'throws',
      () => {
        throw new Error('cannot')
      },
    ],
    ['rejects', () => Promise.reject(new Error('cannot'))],
  ])('an undo that %s fails its branch, which does not run again', async (_, undo) => {
    const { system, clock } = await rig()
    const { both, diary } = rolledBack({ b: undo })
    const run = system.submit(both, 'x')
    await clock.advance(40)
    const outcome = await run.outcome
    expect(outcome).toMatchObject({
      output: { a: { status: 'completed' }, b: { status: 'failed', error: { code: 'DEFECT' } } },
    })
    expect(diary).toHaveLength(4)
  })

  it('an undo that hangs is ended after a minute, and fails its branch', async () => {
    const { system, clock } = await rig()
    let signal: AbortSignal | undefined
    const { both } = rolledBack({ b: (_, ctx) => ((signal = ctx.signal), new Promise<void>(() => {})) })
    const run = system.submit(both, 'x')
    await clock.advance(60_019)
    expect(signal?.aborted).toBe(false)
    await clock.advance(1)
    expect(await run.outcome).toMatchObject({
      output: { b: { status: 'failed', error: { code: 'TIMEOUT' } } },
    })
    expect(signal?.aborted).toBe(true)
  })

  it('undoes several in the reverse order of their completion, and runs them again in that order', async () => {
    const { system, clock } = await rig()
    const { diary, slow } = workshop()
    const undo = (name: string) => () => void diary.push(`undo ${name}`)
    const three = arbiter('three', {
      branches: { a: slow('a', 10), b: slow('b', 20), c: slow('c', 30) },
      claims: { a: writes('crm'), b: writes('crm'), c: writes('crm') },
      resolve: 'roll-back',
      undo: { a: undo('a'), b: undo('b'), c: undo('c') },
      join: statuses,
    })
    const run = system.submit(three, 'x')
    await clock.advance(200)
    await run.outcome
    expect(diary.slice(6)).toEqual(['undo c', 'undo b', 'b begins', 'b ends', 'c begins', 'c ends'])
  })

  it('undoes again what runs in a further attempt', async () => {
    const { system, clock } = await rig()
    const undone: string[] = []
    const { slow } = workshop()
    let joins = 0
    const both = arbiter('both', {
      branches: { a: slow('a', 10), b: slow('b', 20) },
      claims: { a: writes('crm'), b: writes('crm') },
      resolve: 'roll-back',
      undo: { b: (_, { key }) => void undone.push(key) },
      retry: { attempts: 2, minMs: 1, jitter: false },
      join: () => {
        joins += 1
        if (joins === 1) throw new ProviderError('once', { code: 'UNAVAILABLE', retryable: true })
        return joins
      },
    })
    const run = system.submit(both, 'x')
    await clock.advance(100)
    expect(await run.outcome).toEqual({ status: 'completed', output: 2 })
    expect(new Set(undone).size).toBe(2)
  })
})

describe('by the choice of an agent', () => {
  const judged = (judge: Agent<Clash<string>, string>) => {
    const { diary, slow } = workshop()
    const three = arbiter('three', {
      branches: { a: slow('a', 10), b: slow('b', 10), c: slow('c', 10) },
      claims: { a: writes('crm'), b: writes('crm'), c: writes('wiki') },
      resolve: judge,
      join: statuses,
    })
    return { three, diary }
  }

  it('the loser is rejected; who does not clash does not wait for the choice', async () => {
    const { system, clock } = await rig()
    const seen: unknown[] = []
    const judge = agent('judge', {
      run: async (clash: Clash<string>, { sleep }) => {
        seen.push(clash)
        await sleep(100)
        return clash.between[1]
      },
    })
    const { three, diary } = judged(judge)
    const run = system.submit(three, 'x')
    await clock.advance(110)
    expect(await run.outcome).toEqual({
      status: 'completed',
      output: { a: 'rejected', b: 'completed', c: 'completed' },
    })
    expect(seen).toEqual([{ resource: 'crm', between: ['a', 'b'] }])
    expect(diary).toEqual(['c begins', 'c ends', 'b begins', 'b ends'])
    expect(conflicts(await eventsOf(run))).toMatchObject([
      { chosen: 'b', alternatives: ['a'], reason: 'both claim "crm": "judge" says so' },
    ])
  })

  it('or of a person', async () => {
    const { system, clock } = await rig()
    const { three } = judged(human('desk'))
    const run = system.submit(three, 'x')
    await clock.advance(3_600_000)
    const [question] = await system.approvals.list()
    expect(question?.input).toEqual({ resource: 'crm', between: ['a', 'b'] })
    await system.approvals.answer(question!.id, { by: 'ann', output: 'a' })
    await clock.advance(10)
    expect(await run.outcome).toMatchObject({ output: { a: 'completed', b: 'rejected' } })
  })

  it('that names neither fails, and says whom it could name', async () => {
    const { system } = await rig()
    const { three } = judged(
      agent('judge', { run: ({ resource }: Clash<string>) => (resource === 'crm' ? 'toString' : '') }),
    )
    const outcome = await system.submit(three, 'x').outcome
    expect(outcome).toMatchObject({
      status: 'failed',
      error: {
        code: 'INVALID_OUTPUT',
        agent: 'judge',
        message: '"judge" names no winner: expected "a" or "b", got "toString"',
      },
    })
  })

  it('that fails ends it as the choice ended, and calls back what is at work', async () => {
    const { system } = await rig()
    let signal: AbortSignal | undefined
    const hung = agent('hung', {
      run: (_: string, ctx) => ((signal = ctx.signal), new Promise<number>(() => {})),
    })
    const { slow } = workshop()
    const judge = agent('judge', {
      run: ({ resource }: Clash<string>): string => {
        throw new ProviderError(`no idea about ${resource}`, { code: 'UNAVAILABLE', retryable: false })
      },
    })
    const three = arbiter('three', {
      branches: { a: slow('a', 1), b: slow('b', 1), hung },
      claims: { a: writes('crm'), b: writes('crm'), hung: () => [] },
      resolve: judge,
      join: statuses,
    })
    expect(codeOf(await system.submit(three, 'x').outcome)).toBe('UNAVAILABLE')
    await system.settle()
    expect(signal?.aborted).toBe(true)
  })
})

describe('cancelling', () => {
  it('aborts everything that is at work, and starts nothing more', async () => {
    const { system, clock } = await rig()
    const signals: AbortSignal[] = []
    const hung = (name: string) =>
      agent(name, { run: (_: string, ctx) => (signals.push(ctx.signal), new Promise<number>(() => {})) })
    const three = arbiter('three', {
      branches: { a: hung('a'), b: hung('b'), c: hung('c') },
      claims: { a: writes('crm'), b: writes('crm'), c: writes('wiki') },
      join: statuses,
    })
    const run = system.submit(three, 'x')
    await clock.advance(10)
    run.cancel('enough')
    await clock.advance(10)
    expect(await run.outcome).toEqual({ status: 'cancelled', reason: 'enough' })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
  })

  it('aborts an undo', async () => {
    const { system, clock } = await rig()
    const { slow } = workshop()
    let signal: AbortSignal | undefined
    const both = arbiter('both', {
      branches: { a: slow('a', 1), b: slow('b', 2) },
      claims: { a: writes('crm'), b: writes('crm') },
      resolve: 'roll-back',
      undo: { b: (_, ctx) => ((signal = ctx.signal), new Promise<void>(() => {})) },
      join: statuses,
    })
    const run = system.submit(both, 'x')
    await clock.advance(10)
    run.cancel('enough')
    await system.settle()
    expect(signal?.reason).toEqual(new CancelledError('enough'))
  })
})

it.each(['join', 'claims'])('whose `%s` throws has a defect', async (name) => {
  const { system, clock } = await rig()
  const { slow } = workshop()
  const fail = (): never => {
    throw new Error('no')
  }
  const broken = arbiter('broken', {
    branches: { a: slow('a', 1) },
    claims: { a: name === 'claims' ? fail : writes('crm') },
    join: name === 'join' ? fail : statuses,
  })
  const run = system.submit(broken, 'x')
  await clock.advance(1)
  expect(codeOf(await run.outcome)).toBe('DEFECT')
})

it('is refused when it cannot work', () => {
  const { slow } = workshop()
  const branches = { a: slow('a', 1) }
  expect(() => arbiter('none', { branches: {}, claims: {}, join: () => 1 })).toThrow(ConfigurationError)
  expect(() => arbiter('open', { branches, claims: {} as never, join: () => 1 })).toThrow('"a" claims')
  const claims = { a: writes('crm') }
  expect(() => arbiter('odd', { branches, claims, resolve: 'luck' as never, join: () => 1 })).toThrow(
    '`resolve` is one of in-turn, priority, merge, roll-back, or an agent, not "luck"',
  )
})

describe('over random claims', () => {
  const rules = ['in-turn', 'priority', 'merge', 'roll-back', 'agent'] as const
  const cases = rules.flatMap((rule) => Array.from({ length: 40 }, (_, seed) => [rule, seed] as const))

  it.each(cases)('no two conflicting writes count that ran together: %s, seed %i', async (rule, seed) => {
    const random = seededRandom(`${rule}-${seed}`)
    const pick = (n: number): number => Math.floor(random() * n)
    const { system, clock } = await rig()
    const keys = ['a', 'b', 'c', 'd', 'e'].slice(0, 2 + pick(4))
    const claims: Record<string, readonly Claim[]> = Object.fromEntries(
      keys.map((key) => [
        key,
        Array.from({ length: pick(4) }, () => ({
          resource: `r${pick(3)}`,
          mode: random() < 0.5 ? 'write' : 'read',
        })),
      ]),
    )
    const clash = (a: string, b: string): boolean =>
      (claims[a] ?? []).some((one) =>
        (claims[b] ?? []).some(
          (two) => one.resource === two.resource && (one.mode === 'write' || two.mode === 'write'),
        ),
      )
    /** When each branch was at work; what is undone counts no more, but undoing is work as well. */
    const spans: { key: string; from: number; to: number; undone: boolean; undo: boolean }[] = []
    const branches = Object.fromEntries(
      keys.map((key) => [
        key,
        agent(key, {
          run: async (_: string, { sleep, now }) => {
            const span = { key, from: now(), to: Infinity, undone: false, undo: false }
            spans.push(span)
            await sleep(1 + pick(30))
            span.to = now()
            if (random() < 0.15) throw new Error('bad luck')
            return spans.indexOf(span)
          },
        }),
      ]),
    )
    const undo = Object.fromEntries(
      keys.map((key) => [
        key,
        async (output: number) => {
          const undone = spans[output]
          if (!undone || undone.undone) throw new Error('undone twice')
          undone.undone = true
          const span = { key, from: clock.now(), to: Infinity, undone: false, undo: true }
          spans.push(span)
          await new Promise<void>((resolve) => void clock.setTimeout(resolve, 1 + pick(10)))
          span.to = clock.now()
        },
      ]),
    )
    const judge = agent('judge', {
      run: async ({ between }: Clash<string>, { sleep }) => {
        await sleep(pick(20))
        return between[pick(2)] ?? ''
      },
    })
    const pattern = arbiter('all', {
      branches,
      claims: Object.fromEntries(keys.map((key) => [key, () => claims[key] ?? []])),
      resolve: rule === 'agent' ? judge : rule,
      priority: Object.fromEntries(keys.map((key) => [key, pick(3)])),
      undo,
      join: same,
    })
    const run = system.submit(pattern, 'x')
    await clock.advance(5_000)
    const outcome = await run.outcome
    if (outcome.status !== 'completed') throw new Error(JSON.stringify(outcome))
    expect(Object.keys(outcome.output)).toEqual(keys)

    const overlapping = spans.flatMap((one, i) =>
      spans
        .slice(i + 1)
        .filter((two) => one.key !== two.key && one.from < two.to && two.from < one.to)
        .filter((two) => clash(one.key, two.key))
        .map((two) => [one, two] as const),
    )
    const completed = (key: string): boolean => outcome.output[key]?.status === 'completed'
    const counts = overlapping.filter((pair) =>
      pair.every(({ key, undone, undo: undoing }) => !undone && !undoing && completed(key)),
    )
    const events = await eventsOf(run)
    if (rule === 'merge') {
      expect(overlapping.length === 0 || conflicts(events).length > 0).toBe(true)
    } else expect(counts).toEqual([])
    if (rule === 'roll-back') {
      expect(overlapping.filter((pair) => pair.some(({ undo: undoing }) => undoing))).toEqual([])
    } else if (rule !== 'merge') expect(overlapping).toEqual([])
    // Each task began once and ended once.
    const [started, ended] = ['task.started', 'task.ended'].map((type) =>
      events.flatMap((event) => (event.type === type ? [event.taskId] : [])).toSorted(),
    )
    expect(ended).toEqual(started)
    expect(new Set(started).size).toBe(started?.length)
  })
})
