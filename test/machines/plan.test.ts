/** One task of a plan, explored completely. */
import { describe, expect, it } from 'vitest'
import { initialTransition, transition, type SnapshotFrom } from 'xstate'
import type { PlanDone, PlanStep } from '../../machines/plan-graph.ts'
import { planMachine, type PlanContext, type PlanEffect, type PlanEvent } from '../../machines/plan.ts'
import { effectsOf, explore, statesWithoutDescription } from './explore.ts'

const step = (id: string, after: readonly string[] = [], complexity = 0): PlanStep => ({
  id,
  to: 'work',
  input: id,
  after,
  complexity,
})
const made = (...steps: PlanStep[]): PlanEvent => ({ type: 'plan.made', steps, faults: [] })
const good = { status: 'completed', output: 1 } as const
const lost = { status: 'cancelled', reason: 'x' } as const
const spent = { status: 'exhausted', what: 'hops', cap: 1, spent: 2 } as const

const plans = [
  made(step('a'), step('b', ['a']), step('c', [], 1)),
  made(step('b'), step('d', ['a', 'b'])),
  made(),
  made(step('a', ['b']), step('b', ['a'])),
  { type: 'plan.made', steps: [step('a')], faults: [{ path: '0.input', message: 'bad' }] },
] satisfies PlanEvent[]
const events: PlanEvent[] = [
  ...plans,
  { type: 'planner.failed', outcome: lost },
  ...['a', 'b', 'c', 'd'].flatMap((id) =>
    [good, lost, spent].map((outcome): PlanEvent => ({ type: 'subtask.settled', id, outcome })),
  ),
]
const bounds = { workers: ['work'], rounds: 2, width: 2 }
const { nodes, edges, unreached, untaken } = explore(planMachine, { input: bounds, events })

const effects = (edge: { effects: readonly { type: string }[] }): readonly PlanEffect[] =>
  edge.effects as readonly PlanEffect[]
const settledIn = ({ results }: PlanContext): string[] => Object.keys(results)

describe('a plan', () => {
  it('ends exactly once', () => {
    for (const edge of edges) {
      const ends = effects(edge).filter(({ type }) =>
        ['work.done', 'results.join', 'plan.refuse'].includes(type),
      )
      expect(ends).toHaveLength(edge.to.status === 'done' ? 1 : 0)
    }
  })

  it('always waits for somebody until it ends', () => {
    for (const { status, value, context } of nodes) {
      if (status === 'active' && value === 'working') expect(context.running.length).toBeGreaterThan(0)
    }
  })

  it('starts what is ready, and only that, up to its width', () => {
    for (const { value, context } of nodes) {
      expect(context.running.length).toBeLessThanOrEqual(2)
      if (value !== 'working') continue
      for (const { id, after } of context.steps) {
        // What is not in this plan has completed in an earlier one.
        const needed = after.filter((other) => context.steps.some((one) => one.id === other))
        const isReady = needed.every((other) => context.results[other]?.status === 'completed')
        const isStarted = context.running.includes(id) || context.results[id]?.status === 'completed'
        if (isStarted) expect(isReady).toBe(true)
        else if (isReady && !settledIn(context).includes(id)) expect(context.running).toHaveLength(2)
      }
    }
  })

  it('starts no subtask twice in a round', () => {
    for (const edge of edges) {
      for (const effect of effects(edge)) {
        if (effect.type !== 'subtasks.ask') continue
        const { running, results } = edge.from.context
        for (const { id } of effect.steps) expect([...running, ...Object.keys(results)]).not.toContain(id)
      }
    }
  })

  it('cancels what comes after a subtask that did not complete, and nothing else', () => {
    for (const { event, from, to } of edges) {
      if (event.type !== 'subtask.settled' || !from.context.running.includes(event.id)) continue
      if (to.value !== 'working') continue
      const before = settledIn(from.context)
      const newly = settledIn(to.context).filter((id) => !before.includes(id) && id !== event.id)
      const dependents = from.context.steps
        .filter(({ after }) => after.includes(event.id))
        .map(({ id }) => id)
      expect(newly).toEqual(event.outcome === good ? [] : dependents)
    }
  })

  it('goes back to the planner with all that is done, while rounds are left and a plan can help', () => {
    const asked = edges.flatMap((edge) =>
      effects(edge).flatMap((effect) => (effect.type === 'planner.ask' ? [{ edge, effect }] : [])),
    )
    expect(asked.length).toBeGreaterThan(0)
    for (const { edge, effect } of asked) {
      expect(effect.round).toBe(2)
      expect(effect.done.map(({ id }) => id)).toEqual(edge.from.context.steps.map(({ id }) => id))
      const statuses = effect.done.map(({ outcome }) => outcome.status)
      expect(statuses.some((status) => status !== 'completed')).toBe(true)
      expect(statuses).not.toContain('exhausted')
    }
  })

  it('makes no more plans than it has rounds', () => {
    for (const { context } of nodes) expect(context.round).toBeLessThanOrEqual(2)
  })

  it('joins the subtasks of all rounds, each with its outcome, in order', () => {
    for (const edge of edges) {
      for (const effect of effects(edge)) {
        if (effect.type !== 'results.join') continue
        const steps = edge.event.type === 'plan.made' ? edge.event.steps : edge.from.context.steps
        const ids = [...edge.from.context.earlier, ...steps].map(({ id }) => id)
        expect(effect.done.map(({ id }) => id)).toEqual(ids)
      }
    }
  })

  it('takes no second outcome of a subtask, nor one of a subtask that does not run', () => {
    for (const { event, from, to } of edges) {
      if (event.type !== 'subtask.settled' || from.context.running.includes(event.id)) continue
      expect(to.context).toEqual(from.context)
    }
  })

  it('reaches every state, takes every transition and describes each state', () => {
    expect(unreached).toEqual([])
    expect(untaken).toEqual([])
    expect(statesWithoutDescription(planMachine)).toEqual([])
  })
})

const after = (given: readonly PlanEvent[], input = bounds): SnapshotFrom<typeof planMachine> => {
  const [start] = initialTransition(planMachine, input)
  return given.reduce((snapshot, event) => transition(planMachine, snapshot, event)[0], start)
}
const asked = (snapshot: SnapshotFrom<typeof planMachine>, event: PlanEvent): unknown[] =>
  effectsOf(planMachine, snapshot, event).flatMap((effect) =>
    effect.type === 'subtasks.ask'
      ? (effect as PlanEffect & { steps: PlanStep[] }).steps.map(({ id }) => id)
      : [],
  )
const refused = (steps: PlanStep[], earlier: readonly PlanDone[] = []): unknown => {
  const start = after([])
  const snapshot = { ...start, context: { ...start.context, earlier } }
  return effectsOf(planMachine, snapshot, made(...steps))
}

describe('what is ready', () => {
  it('starts by complexity, then as declared', () => {
    const plan = made(step('low', [], 1), step('first', [], 5), step('none'), step('second', [], 5))
    expect(asked(after([], { ...bounds, width: 9 }), plan)).toEqual(['first', 'second', 'low', 'none'])
    expect(asked(after([]), plan)).toEqual(['first', 'second'])
    expect(asked(after([plan]), { type: 'subtask.settled', id: 'second', outcome: good })).toEqual(['low'])
  })

  it('does not wait for what an earlier round has completed', () => {
    const failed: PlanEvent = { type: 'subtask.settled', id: 'b', outcome: lost }
    const first = after([
      made(step('a'), step('b')),
      { type: 'subtask.settled', id: 'a', outcome: good },
      failed,
    ])
    expect(first.value).toBe('planning')
    expect(asked(first, made(step('c', ['a'])))).toEqual(['c'])
  })

  it('is cancelled with the name of what failed, however far it is from that', () => {
    const chain = made(step('d', ['c']), step('c', ['b']), step('b', ['a']), step('a'), step('e'))
    const snapshot = after([chain, { type: 'subtask.settled', id: 'a', outcome: lost }])
    const cancelled = { status: 'cancelled', reason: 'not started: "a" ended cancelled' }
    expect(snapshot.context.results).toEqual({ a: lost, b: cancelled, c: cancelled, d: cancelled })
    expect(snapshot.context.running).toEqual(['e'])
  })

  it('is cancelled by the first that failed of those it comes after', () => {
    const both: PlanEvent[] = ['b', 'a'].map((id) => ({ type: 'subtask.settled', id, outcome: lost }))
    const snapshot = after([made(step('a'), step('b'), step('c', ['a', 'b']), step('d')), ...both])
    expect(snapshot.context.results['c']).toEqual({
      status: 'cancelled',
      reason: 'not started: "b" ended cancelled',
    })
  })
})

describe('a plan that cannot be carried out', () => {
  it.each<[string, PlanStep[], readonly PlanDone[], { path: string; message: string }[]]>([
    [
      'a cycle',
      [step('a', ['b']), step('b', ['a'])],
      [],
      [{ path: '0.after', message: 'waits for itself: a -> b -> a' }],
    ],
    [
      'a subtask that waits for itself',
      [step('a', ['a'])],
      [],
      [{ path: '0.after', message: 'waits for itself: a -> a' }],
    ],
    [
      'a cycle behind others',
      [step('start'), step('x', ['start', 'y']), step('y', ['z']), step('z', ['y'])],
      [],
      [{ path: '2.after', message: 'waits for itself: y -> z -> y' }],
    ],
    [
      'two cycles',
      [step('a', ['b']), step('b', ['a']), step('c', ['d']), step('d', ['c'])],
      [],
      [
        { path: '0.after', message: 'waits for itself: a -> b -> a' },
        { path: '2.after', message: 'waits for itself: c -> d -> c' },
      ],
    ],
    [
      'a dependency that is nowhere',
      [step('a', ['b', 'c']), step('b')],
      [],
      [{ path: '0.after.1', message: 'there is no subtask "c", in this round or an earlier one' }],
    ],
    [
      'a dependency that an earlier round did not complete',
      [step('c', ['a'])],
      [{ id: 'a', to: 'work', outcome: lost }],
      [
        {
          path: '0.after.0',
          message: '"a" ended cancelled in an earlier round: plan it again, or do not wait for it',
        },
      ],
    ],
    [
      'an id that is used twice',
      [step('a'), step('b'), step('a')],
      [],
      [{ path: '2.id', message: '"a" is the id of subtask 0 too' }],
    ],
    [
      'an id that has completed',
      [step('a')],
      [{ id: 'a', to: 'work', outcome: good }],
      [{ path: '0.id', message: '"a" has completed in an earlier round' }],
    ],
    [
      'a worker that is not there',
      [{ ...step('a'), to: 'toString' }],
      [],
      [{ path: '0.to', message: 'there is no worker "toString"; there are: work' }],
    ],
  ])('is refused for %s', (_, steps, earlier, faults) => {
    expect(refused(steps, earlier)).toEqual([{ type: 'plan.refuse', faults }])
  })

  it('is refused with all of its faults', () => {
    const steps = [step('a', ['z']), { ...step('a'), to: 'nobody' }, step('b', ['b'])]
    const [effect] = refused(steps) as [{ faults: { path: string }[] }]
    expect(effect.faults.map(({ path }) => path)).toEqual(['0.after.0', '1.id', '1.to', '2.after'])
  })
})

it('keeps the subtasks of all rounds', () => {
  const rounds = ['a', 'b', 'c'].flatMap((id): PlanEvent[] => [
    made(step(id)),
    { type: 'subtask.settled', id, outcome: lost },
  ])
  const snapshot = after(rounds.slice(0, -1), { ...bounds, rounds: 3 })
  expect(snapshot.context.earlier.map(({ id }) => id)).toEqual(['a', 'b'])
  expect(effectsOf(planMachine, snapshot, rounds.at(-1) as PlanEvent)).toContainEqual({
    type: 'results.join',
    done: ['a', 'b', 'c'].map((id) => ({ id, to: 'work', outcome: lost })),
  })
})

it('takes up an id again that has not completed', () => {
  const failed: PlanEvent = { type: 'subtask.settled', id: 'a', outcome: lost }
  const snapshot = after([made(step('a'), step('b', ['a'])), failed])
  expect(asked(snapshot, made(step('a'), step('b', ['a'])))).toEqual(['a'])
})

it('reads a plan of thirty thousand subtasks in the time of a test', () => {
  const steps = Array.from({ length: 30_000 }, (_, n) =>
    step(`s${String(n)}`, n === 0 ? [] : [`s${String(n - 1)}`]),
  )
  expect(asked(after([]), made(...steps.toReversed()))).toEqual(['s0'])
  const [effect] = refused([...steps.toReversed(), step('x', ['x'])]) as [{ faults: unknown[] }]
  expect(effect.faults).toEqual([{ path: '30000.after', message: 'waits for itself: x -> x' }])
})
