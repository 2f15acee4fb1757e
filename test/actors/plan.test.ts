/** Plans at work. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  agent,
  ConfigurationError,
  plan,
  type Agent,
  type PlanRequest,
  type RunEvent,
  type Subtask,
  type TroupeError,
} from '../../src/index.ts'
import { same } from '../api/tests/same.ts'
import { codeOf, eventsOf, rig } from './rig.ts'

/** Takes as many milliseconds as its input says; a negative one fails. */
const work = agent('work', {
  run: async (ms: number, { sleep, now }) => {
    await sleep(Math.abs(ms))
    if (ms < 0) throw new Error('broken')
    return now()
  },
})
const workers = { work }
type Step = Subtask<typeof workers>
const step = (id: string, input: number, after: readonly string[] = [], complexity = 0): Step => ({
  id,
  to: 'work',
  input,
  after,
  complexity,
})
/** Gives the first list in round 1, the second in round 2. */
const planning = (...rounds: (readonly Step[])[]) =>
  agent('planner', { run: ({ round }: PlanRequest<string>) => rounds[round - 1] ?? [] })

/** Each subtask with its output, or how else it ended. */
const shown = (done: readonly { id: string; outcome: { status: string; output?: unknown } }[]) =>
  done.map(({ id, outcome }) => [id, outcome.status === 'completed' ? outcome.output : outcome.status])
const startsOf = (events: readonly RunEvent[]): unknown[] =>
  events.flatMap((event) =>
    event.type === 'task.started' && event.agent === 'work' ? [[event.input, event.at - 1_000]] : [],
  )

describe('subtasks', () => {
  it('run side by side, each as soon as those before it are done', async () => {
    const { system, clock } = await rig()
    const goal = plan('goal', {
      planner: planning([step('d', 1, ['b', 'c']), step('a', 10), step('b', 20, ['a']), step('c', 5, ['a'])]),
      workers,
      join: shown,
    })
    const run = system.submit(goal, 'x')
    await clock.advance(31)
    expect(await run.outcome).toEqual({
      status: 'completed',
      output: [
        ['d', 1_031],
        ['a', 1_010],
        ['b', 1_030],
        ['c', 1_015],
      ],
    })
  })

  it('start by complexity where not all that are ready may, and wait for a free place', async () => {
    const { system, clock } = await rig()
    const goal = plan('goal', {
      planner: planning([step('a', 1), step('b', 2, [], 3), step('c', 30, [], 9), step('d', 4, [], 3)]),
      workers,
      width: 2,
      join: shown,
    })
    const run = system.submit(goal, 'x')
    await clock.advance(100)
    expect(startsOf(await eventsOf(run))).toEqual([
      [30, 0],
      [2, 0],
      [4, 2],
      [1, 6],
    ])
  })

  it('are eight at once unless told otherwise', async () => {
    const { system, clock } = await rig()
    const steps = Array.from({ length: 9 }, (_, n) => step(`s${String(n)}`, 10))
    const run = system.submit(plan('goal', { planner: planning(steps), workers, join: shown }), 'x')
    await clock.advance(20)
    const starts = startsOf(await eventsOf(run)).map((start) => (start as number[])[1])
    expect(starts).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 10])
  })

  it('get what their worker makes of the input, parsed once', async () => {
    const { system } = await rig()
    let parses = 0
    const Letter = z.object({ to: z.string().refine(() => (parses += 1) > 0), copies: z.number().default(2) })
    const post = agent('post', { input: Letter, run: ({ to, copies }) => `${String(copies)} to ${to}` })
    const goal = plan('goal', {
      planner: agent('planner', {
        run: ({ goal: to }: PlanRequest<string>): Subtask<{ post: typeof post }>[] => [
          { id: 'a', to: 'post', input: { to } },
        ],
      }),
      workers: { post },
      join: shown,
    })
    expect(await system.run(goal, 'Ada')).toEqual([['a', '2 to Ada']])
    expect(parses).toBe(1)
  })
})

describe('a failure', () => {
  it('cancels those that come after it, which are never started and say why, and no others', async () => {
    const { system, clock } = await rig()
    const goal = plan('goal', {
      planner: planning([
        step('a', -1),
        step('b', 2, ['a']),
        step('c', 3),
        step('d', 4, ['b', 'c']),
        step('e', 5, ['c']),
      ]),
      workers,
      join: (done) => done,
    })
    const run = system.submit(goal, 'x')
    await clock.advance(100)
    const cancelled = { status: 'cancelled', reason: 'not started: "a" ended failed' }
    expect(await run.outcome).toMatchObject({
      status: 'completed',
      output: [
        { id: 'a', to: 'work', outcome: { status: 'failed', error: { code: 'DEFECT' } } },
        { id: 'b', to: 'work', outcome: cancelled },
        { id: 'c', to: 'work', outcome: { status: 'completed' } },
        { id: 'd', to: 'work', outcome: cancelled },
        { id: 'e', to: 'work', outcome: { status: 'completed' } },
      ],
    })
    expect(startsOf(await eventsOf(run)).map((start) => (start as number[])[0])).toEqual([-1, 3, 5])
  })

  it('is what `validate` finds not good enough, too', async () => {
    const { system, clock } = await rig()
    const seen: string[] = []
    const goal = plan('goal', {
      planner: planning([step('a', -1), step('b', 2), step('c', 3), step('d', 4)]),
      workers,
      validate: ({ id }) => {
        seen.push(id)
        return id === 'b' ? 'too early' : id !== 'c'
      },
      join: (done) => done.map(({ outcome }) => ('error' in outcome ? outcome.error.message : 'good')),
    })
    const run = system.submit(goal, 'x')
    await clock.advance(100)
    expect(await run.outcome).toEqual({
      status: 'completed',
      output: [
        'broken',
        'the output of subtask "b" is not good enough: too early',
        'the output of subtask "c" is not good enough: it was found not good enough',
        'good',
      ],
    })
    expect(seen).toEqual(['b', 'c', 'd'])
  })

  it('goes back to the planner with all that is done, and every round is joined', async () => {
    const { system, clock } = await rig()
    const requests: PlanRequest<string>[] = []
    const planner = agent('planner', {
      run: (request: PlanRequest<string>): Step[] => {
        requests.push(request)
        if (request.round === 1) return [step('a', 1), step('b', -1, ['a']), step('c', 2, ['b'])]
        return [step('b', 3, ['a']), step('c', 4, ['b', 'a'])]
      },
    })
    const goal = plan('goal', { planner, workers, rounds: 3, join: shown })
    const run = system.submit(goal, 'x')
    await clock.advance(100)
    expect(await run.outcome).toEqual({
      status: 'completed',
      output: [
        ['a', 1_001],
        ['b', 'failed'],
        ['c', 'cancelled'],
        ['b', 1_005],
        ['c', 1_009],
      ],
    })
    expect(requests).toEqual([
      { goal: 'x', round: 1, done: [] },
      {
        goal: 'x',
        round: 2,
        done: [
          { id: 'a', to: 'work', outcome: { status: 'completed', output: 1_001 } },
          { id: 'b', to: 'work', outcome: expect.objectContaining({ status: 'failed' }) as unknown },
          { id: 'c', to: 'work', outcome: { status: 'cancelled', reason: 'not started: "b" ended failed' } },
        ],
      },
    ])
  })

  it('is left to `join` after the last round, or when the planner has no other plan', async () => {
    const { system, clock } = await rig()
    for (const rounds of [
      [[step('a', -1)], [step('b', -1)]],
      [[step('a', -1)], []],
    ]) {
      const run = system.submit(
        plan('goal', { planner: planning(...rounds), workers, rounds: 2, join: shown }),
        'x',
      )
      await clock.advance(10)
      const output = rounds.flat().map(({ id }) => [id, 'failed'])
      expect(await run.outcome).toEqual({ status: 'completed', output })
    }
  })

  it('is not planned again where that helps nothing: a limit of the run is spent', async () => {
    const { system } = await rig()
    const run = system.submit(
      plan('goal', { planner: planning([step('a', 0)]), workers, rounds: 9, join: shown }),
      'x',
      { budget: { hops: 0 } },
    )
    expect(await run.outcome).toEqual({ status: 'completed', output: [['a', 'exhausted']] })
    const planned = (await eventsOf(run)).filter(
      (event) => event.type === 'task.started' && event.agent === 'planner',
    )
    expect(planned).toHaveLength(1)
  })
})

describe('a plan that cannot be carried out', () => {
  const strict = agent('strict', {
    input: z.object({ n: z.number(), deep: z.object({ text: z.string() }).optional() }),
    run: ({ n }) => n,
  })

  it.each<[string, unknown, { path: string; message: unknown }[]]>([
    [
      'a cycle',
      [
        { id: 'a', to: 'strict', input: { n: 1 }, after: ['b'] },
        { id: 'b', to: 'strict', input: { n: 1 }, after: ['a'] },
      ],
      [{ path: '0.after', message: 'waits for itself: a -> b -> a' }],
    ],
    [
      'a worker and a dependency that are not there',
      [{ id: 'a', to: 'nobody', input: 1, after: ['z'] }],
      [
        { path: '0.to', message: 'there is no worker "nobody"; there are: strict' },
        { path: '0.after.0', message: 'there is no subtask "z", in this round or an earlier one' },
      ],
    ],
    [
      'an id that is used twice',
      [
        { id: 'a', to: 'strict', input: { n: 1 } },
        { id: 'a', to: 'strict', input: { n: 2 } },
      ],
      [{ path: '1.id', message: '"a" is the id of subtask 0 too' }],
    ],
    [
      'an input that its worker does not take',
      [
        { id: 'good', to: 'strict', input: { n: 1 } },
        { id: 'bad', to: 'strict', input: { n: 'one', deep: {} } },
        { id: 'none', to: 'strict' },
      ],
      [
        { path: '1.input.n', message: expect.stringContaining('expected number') },
        { path: '1.input.deep.text', message: expect.stringContaining('expected string') },
        { path: '2.input', message: expect.stringContaining('expected object') },
      ],
    ],
    ['what is no list', 'first do a', [{ path: '', message: expect.stringContaining('expected array') }]],
    [
      'what is no subtask',
      [{ to: 'strict', input: { n: 1 } }],
      [{ path: '0.id', message: expect.anything() }],
    ],
  ])('is refused for %s, before anything runs', async (_, made, faults) => {
    const { system } = await rig()
    const planner = agent('planner', {
      run: ({ goal }: PlanRequest<string>) => (goal === 'x' ? (made as never[]) : []),
    })
    const run = system.submit(plan('goal', { planner, workers: { strict }, rounds: 2, join: () => 1 }), 'x')
    expect(await run.outcome).toMatchObject({
      status: 'failed',
      error: { code: 'INVALID_PLAN', agent: 'planner', faults },
    })
    expect((await eventsOf(run)).filter((event) => event.type === 'task.started')).toHaveLength(2)
  })

  it('says so in one line that names each fault', async () => {
    const { system } = await rig()
    const planner = planning([step('a', 1, ['b']), step('b', 1, ['a'])])
    await expect(system.run(plan('goal', { planner, workers, join: () => 1 }), 'x')).rejects.toThrow(
      'the plan of "planner" cannot be carried out: 0.after: waits for itself: a -> b -> a',
    )
  })

  it('is made anew by a retry that says so', async () => {
    const { system, clock } = await rig()
    let asked = 0
    const planner = agent('planner', {
      run: ({ goal }: PlanRequest<string>): Step[] => {
        asked += 1
        return asked === 1 ? [step(goal, 1, [goal])] : [step(goal, 1)]
      },
    })
    const retry = {
      attempts: 2,
      minMs: 5,
      jitter: false,
      when: (error: TroupeError) => error.code === 'INVALID_PLAN',
    }
    const run = system.submit(plan('goal', { planner, workers, retry, join: shown }), 'x')
    await clock.advance(6)
    expect(await run.outcome).toEqual({ status: 'completed', output: [['x', 1_006]] })
  })

  it('is refused in a later round as well', async () => {
    const { system, clock } = await rig()
    const planner = planning([step('a', 1), step('b', -1)], [step('c', 1, ['b'])])
    const run = system.submit(plan('goal', { planner, workers, rounds: 2, join: () => 1 }), 'x')
    await clock.advance(10)
    expect(await run.outcome).toMatchObject({
      error: { code: 'INVALID_PLAN', faults: [{ path: '0.after.0' }] },
    })
  })
})

it('joins nothing where nothing is to do', async () => {
  const { system } = await rig()
  expect(await system.run(plan('goal', { planner: planning([]), workers, join: shown }), 'x')).toEqual([])
})

it('ends as its planner does when that fails', async () => {
  const { system } = await rig()
  const planner: Agent<PlanRequest<string>, Step[]> = agent('planner', {
    run: ({ goal }: PlanRequest<string>) => {
      throw new Error(`no idea how to reach ${goal}`)
    },
  })
  expect(codeOf(await system.submit(plan('goal', { planner, workers, join: () => 1 }), 'x').outcome)).toBe(
    'DEFECT',
  )
})

it.each(['join', 'validate'])('whose `%s` throws has a defect', async (name) => {
  const { system, clock } = await rig()
  const fail = () => {
    throw new Error('no')
  }
  const planner = planning([step('a', 1), step('b', 9)])
  const run = system.submit(plan('goal', { planner, workers, join: () => 1, [name]: fail }), 'x')
  await clock.advance(9)
  expect(codeOf(await run.outcome)).toBe('DEFECT')
})

it('that is cancelled cancels what is at work, and starts nothing more', async () => {
  const { system, clock } = await rig()
  const planner = planning([step('a', 50), step('b', 50), step('c', 1, ['a'])])
  const run = system.submit(plan('goal', { planner, workers, join: () => 1 }), 'x')
  await clock.advance(10)
  run.cancel('changed my mind')
  await clock.advance(100)
  expect(await run.outcome).toEqual({ status: 'cancelled', reason: 'changed my mind' })
  expect(system.actor(work).getSnapshot().context.running).toBe(0)
  expect(startsOf(await eventsOf(run))).toHaveLength(2)
})

it('records who does what, and why it planned again', async () => {
  const { system, clock } = await rig()
  const other = agent('other', { run: (n: number) => n })
  const planner = agent('planner', {
    run: ({ round }: PlanRequest<string>): Subtask<{ work: typeof work; other: typeof other }>[] =>
      round === 1
        ? [
            { id: 'a', to: 'work', input: -1 },
            { id: 'b', to: 'other', input: 2, after: ['a'] },
          ]
        : [{ id: 'c', to: 'other', input: 3 }],
  })
  const run = system.submit(
    plan('goal', { planner, workers: { work, other }, rounds: 2, join: () => 1 }),
    'x',
  )
  await clock.advance(10)
  const decisions = (await eventsOf(run)).flatMap((event) =>
    event.type === 'decision.made' ? [[event.kind, event.chosen, event.alternatives, event.reason]] : [],
  )
  expect(decisions).toEqual([
    ['plan', 'work', ['other'], 'round 1: "a"'],
    ['plan', 'other', ['work'], 'round 1: "b" after "a"'],
    ['revision', 'planner', ['join'], 'round 2: "a": broken; "b": cancelled: not started: "a" ended failed'],
    ['plan', 'other', ['work'], 'round 2: "c"'],
  ])
})

it('is refused when it cannot work', () => {
  const planner = planning([])
  expect(() => plan('p', { planner, workers: {} as typeof workers, join: () => 1 })).toThrow(
    ConfigurationError,
  )
  for (const bounds of [{ rounds: 0 }, { rounds: 1.5 }, { width: 0 }, { width: Number.NaN }]) {
    expect(() => plan('p', { planner, workers, join: () => 1, ...bounds })).toThrow(ConfigurationError)
  }
})

it('infers its types from its parts', () => {
  const len = agent('len', { run: (text: string) => text.length })
  const bill = agent('bill', { run: (text: string) => ({ eur: text.length }) })
  const planner = agent('planner', {
    run: (request: PlanRequest<string>): Subtask<{ len: typeof len; bill: typeof bill }>[] => [
      { id: 'a', to: 'len', input: request.goal },
      { id: 'b', to: 'bill', input: 'x', after: ['a'] },
    ],
  })
  const planned = plan('plan', {
    planner,
    workers: { len, bill },
    join: (done) =>
      done.map((one) =>
        one.to === 'len' && one.outcome.status === 'completed' ? one.outcome.output.toFixed() : '',
      ),
  })
  same<typeof planned, Agent<string, string[]>>()
  // @ts-expect-error the planner names a worker that is not there
  plan('plan', { planner, workers: { len }, join: () => 1 })
  expect(planned.name).toBe('plan')
})
