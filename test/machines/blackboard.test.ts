/** The agenda of a blackboard, explored completely. */
import { describe, expect, it } from 'vitest'
import { initialTransition, transition } from 'xstate'
import {
  blackboardMachine,
  type BlackboardEffect,
  type BlackboardEvent,
  type BlackboardInput,
  type KeyChange,
  type SourceRule,
} from '../../machines/blackboard.ts'
import { effectsOf, explore, statesWithoutDescription, type Edge } from './explore.ts'

const rule = (name: string, rest: Partial<SourceRule> = {}): SourceRule => ({
  name,
  priority: 0,
  reads: undefined,
  ownWrites: false,
  ...rest,
})
/** `first` goes before the others, `own` is triggered by itself, `some` by one key only. */
const sources = [
  rule('first', { priority: 1 }),
  rule('own', { ownWrites: true }),
  rule('some', { reads: ['x'] }),
]
const input: BlackboardInput = { sources, maxDepth: 2, maxActivations: 2 }
const names = sources.map(({ name }) => name)

const writes: readonly KeyChange[][] = [[], [{ key: 'x', version: 2 }]]
const events: BlackboardEvent[] = [
  ...[[{ key: 'x', version: 1 }], [{ key: 'y', version: 1 }]].map((changes): BlackboardEvent => {
    return { type: 'board.changed', by: undefined, changes, willing: names }
  }),
  ...[...names, 'unknown'].flatMap((name): BlackboardEvent[] => [
    ...writes.flatMap((changes) =>
      [names, []].map((willing): BlackboardEvent => ({ type: 'board.changed', by: name, changes, willing })),
    ),
    { type: 'source.refused', source: name, changes: [{ key: 'y', version: 3 }] },
    { type: 'source.failed', source: name },
  ]),
  { type: 'board.done' },
]

const graph = explore(blackboardMachine, { input, events })
type Step = Edge<typeof blackboardMachine>

const starts = ({ effects }: Step) =>
  (effects as BlackboardEffect[]).flatMap((effect) => (effect.type === 'source.start' ? [effect] : []))
const priorityOf = (name: string): number => sources.find((source) => source.name === name)?.priority ?? 0
const authorOf = (event: BlackboardEvent): string | undefined =>
  event.type === 'board.changed' ? event.by : event.type === 'board.done' ? undefined : event.source

describe('on all of its graph', () => {
  it('is quiescent once, when nobody is due or at work', () => {
    for (const { from, to, effects } of graph.edges) {
      const announced = effects.filter(({ type }) => type === 'board.quiescent')
      expect(announced).toHaveLength(to.value === 'quiescent' && from.value !== 'quiescent' ? 1 : 0)
      if (announced.length > 0) expect(to.context).toMatchObject({ agenda: [], running: [] })
    }
  })

  it('never waits with nobody at work', () => {
    for (const { value, context } of graph.nodes)
      if (value === 'working') expect(context.running.length).toBeGreaterThan(0)
  })

  it('has one activation of a source at a time', () => {
    for (const { context } of graph.nodes) {
      const running = context.running.map(({ source }) => source)
      expect(new Set(running).size).toBe(running.length)
    }
  })

  it('starts nobody while one of higher priority is at work or due', () => {
    let compared = 0
    for (const step of graph.edges) {
      const before = step.from.context.running.filter(({ source }) => source !== authorOf(step.event))
      for (const { source } of starts(step)) {
        const others = [...before, ...step.to.context.agenda, ...starts(step)]
        for (const other of others) {
          expect(priorityOf(other.source)).toBeLessThanOrEqual(priorityOf(source))
          compared += 1
        }
      }
    }
    expect(compared).toBeGreaterThan(100)
  })

  it('starts all that are due at the highest priority at once', () => {
    for (const { context } of graph.nodes) {
      const all = [...context.agenda, ...context.running].map(({ source }) => priorityOf(source))
      const ready = context.agenda.filter(
        ({ source }) =>
          priorityOf(source) === Math.max(...all) &&
          !context.running.some((other) => other.source === source),
      )
      expect(ready).toEqual([])
    }
  })

  it('holds one record for each source and key', () => {
    for (const { context } of graph.nodes) {
      const records = context.agenda.map(({ source, key }) => `${source} ${key}`)
      expect(new Set(records).size).toBe(records.length)
    }
  })

  it('triggers nobody by its own write, unless it wants that', () => {
    for (const step of graph.edges) {
      if (step.event.type !== 'board.changed' || step.event.by === undefined) continue
      const { by } = step.event
      const wasDue = step.from.context.agenda.some(({ source }) => source === by)
      const isDue = [...step.to.context.agenda, ...starts(step)].some(({ source }) => source === by)
      if (by !== 'own' && !wasDue) expect(isDue).toBe(false)
    }
    const again = graph.edges.some(
      (step) => authorOf(step.event) === 'own' && starts(step).some(({ source }) => source === 'own'),
    )
    expect(again).toBe(true)
  })

  it('triggers only those that read what was written and are willing', () => {
    for (const step of graph.edges) {
      if (step.event.type !== 'board.changed') continue
      const { changes, willing } = step.event
      const wasDue = new Set(step.from.context.agenda.map(({ source }) => source))
      for (const { source } of [...step.to.context.agenda, ...starts(step)]) {
        if (wasDue.has(source)) continue
        expect(willing).toContain(source)
        if (source === 'some') expect(changes.map(({ key }) => key)).toContain('x')
      }
    }
  })

  it('starts nobody who is not willing any more', () => {
    for (const step of graph.edges)
      for (const { source } of starts(step)) expect(step.to.context.willing).toContain(source)
  })

  it('keeps depth and activations within their limits, and quarantines who would pass them', () => {
    const reasons = new Set<string>()
    for (const step of graph.edges) {
      for (const { depth } of starts(step)) expect(depth).toBeLessThanOrEqual(2)
      for (const count of Object.values(step.to.context.activations)) expect(count).toBeLessThanOrEqual(2)
      for (const effect of step.effects as BlackboardEffect[]) {
        if (effect.type !== 'source.quarantined') continue
        reasons.add(effect.reason)
        expect(step.to.context.quarantined).toContain(effect.source)
      }
    }
    expect(reasons).toEqual(new Set(['failed', 'depth', 'activations']))
  })

  it('never starts a source that is in quarantine', () => {
    for (const step of graph.edges)
      for (const { source } of starts(step)) expect(step.to.context.quarantined).not.toContain(source)
  })

  it('withdraws whoever is at work when it is done', () => {
    for (const { from, event, to, effects } of graph.edges) {
      if (event.type !== 'board.done' || from.status !== 'active') continue
      const running = from.context.running.map(({ source }) => source)
      expect(effects).toEqual([{ type: 'sources.withdraw', sources: running }])
      expect(to.value).toBe('done')
    }
  })

  it('takes nothing of a source that is not at work', () => {
    for (const { from, event, to } of graph.edges) {
      const by = authorOf(event)
      if (by === undefined || from.context.running.some(({ source }) => source === by)) continue
      expect(to.context).toEqual(from.context)
    }
  })

  it('reaches every state, takes every transition and describes each state', () => {
    expect(graph.unreached).toEqual([])
    expect(graph.untaken).toEqual([])
    expect(statesWithoutDescription(blackboardMachine)).toEqual([])
  })
})

describe('the agenda', () => {
  /** What is started, event by event. */
  const play = (
    rules: readonly SourceRule[],
    told: readonly BlackboardEvent[],
    limits: Partial<BlackboardInput> = {},
  ) => {
    const given = { sources: rules, maxDepth: 32, maxActivations: 100, ...limits }
    let [state] = initialTransition(blackboardMachine, given)
    return told.map((event) => {
      const effects = effectsOf(blackboardMachine, state, event) as BlackboardEffect[]
      ;[state] = transition(blackboardMachine, state, event)
      return { started: effects.filter((effect) => effect.type === 'source.start'), state }
    })
  }
  const changed = (
    by: string | undefined,
    keys: Record<string, number>,
    willing: readonly string[],
  ): BlackboardEvent => ({
    type: 'board.changed',
    by,
    changes: Object.entries(keys).map(([key, version]) => ({ key, version })),
    willing,
  })

  it('goes by age among equals: a newer version takes the place of an older one', () => {
    const rules = [
      rule('busy', { priority: 1, reads: ['go'] }),
      rule('late', { reads: ['a'] }),
      rule('early', { reads: ['b'] }),
    ]
    const all = ['busy', 'late', 'early']
    const steps = play(rules, [
      changed(undefined, { b: 1, a: 1, go: 1 }, all),
      changed('busy', { b: 2, go: 2 }, all),
      changed('early', {}, all),
    ])
    expect(steps[0]?.state.context.agenda.map(({ source }) => source)).toEqual(['early', 'late'])
    expect(steps[1]?.started).toMatchObject([
      { source: 'early', causes: [{ key: 'b', version: 2 }] },
      { source: 'late', causes: [{ key: 'a', version: 1 }] },
    ])
  })

  it('starts a source once for all that it is due for', () => {
    const [first] = play([rule('one')], [changed(undefined, { a: 1, b: 1 }, ['one'])])
    expect(first?.started).toEqual([
      {
        type: 'source.start',
        source: 'one',
        depth: 1,
        causes: [
          { key: 'a', version: 1 },
          { key: 'b', version: 1 },
        ],
        waiting: [],
      },
    ])
  })

  it('counts how deep activations have caused each other', () => {
    const rules = [rule('ping', { reads: ['a'] }), rule('pong', { reads: ['b'] })]
    const willing = ['ping', 'pong']
    const steps = play(
      rules,
      [
        changed(undefined, { a: 1 }, willing),
        changed('ping', { b: 1 }, willing),
        changed('pong', { a: 2 }, willing),
        changed('ping', { b: 2 }, willing),
      ],
      { maxDepth: 3 },
    )
    expect(steps.flatMap(({ started }) => started).map(({ depth }) => depth)).toEqual([1, 2, 3])
    expect(steps.at(-1)?.state).toMatchObject({ value: 'quiescent', context: { quarantined: ['pong'] } })
  })
})
