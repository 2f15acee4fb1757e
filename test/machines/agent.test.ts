/** The lifecycle of an agent, explored completely for two tasks in flight and a circuit that opens at two failures. */
import { describe, expect, it } from 'vitest'
import { initialTransition, transition, type SnapshotFrom } from 'xstate'
import { agentMachine, type AgentEvent, type AgentInput } from '../../machines/agent.ts'
import { effectsOf, explore, statesWithoutDescription } from './explore.ts'

const limits: AgentInput = {
  concurrency: 2,
  failures: 2,
  openMs: 10,
  maxOpenMs: 20,
  probes: 1,
  missRate: 0,
  probeTimeoutMs: 5,
  fallback: false,
}

const later = 1_000_000
const flags = [false, true]
const events: AgentEvent[] = [
  { type: 'task.request', id: 'a', at: 0 },
  { type: 'task.request', id: 'b', at: later },
  { type: 'attempt.requested', id: 'a', at: 0 },
  { type: 'attempt.requested', id: 'b', at: later },
  ...flags.flatMap((late) =>
    flags.flatMap((probe) =>
      flags.map((counts): AgentEvent => ({
        type: 'attempt.failed',
        at: 0,
        counts,
        late,
        probe,
        trip: false,
      })),
    ),
  ),
  { type: 'attempt.failed', at: 0, counts: true, late: false, probe: false, trip: true },
  ...flags.flatMap((late) =>
    flags.flatMap((probe) =>
      flags.flatMap((good) =>
        flags.map((failed): AgentEvent => ({
          type: 'task.settled',
          at: 0,
          failed,
          good,
          late,
          probe,
          trip: false,
        })),
      ),
    ),
  ),
  { type: 'task.settled', at: 0, failed: false, good: true, late: false, probe: false, trip: true },
  { type: 'open.timer', at: 0 },
  { type: 'open.timer', at: later },
  { type: 'probe.timer', at: 0 },
  ...(['normal', 'isolated', 'disabled', 'metrics-only'] as const).map((mode): AgentEvent => ({
    type: 'circuit.set',
    mode,
    at: 0,
  })),
  { type: 'circuit.restored', circuit: 'closed', failures: 1, trips: 0, openUntil: undefined, at: 0 },
  { type: 'circuit.restored', circuit: 'open', failures: 0, trips: 1, openUntil: 10, at: 0 },
  { type: 'circuit.restored', circuit: 'isolated', failures: 0, trips: 0, openUntil: undefined, at: 0 },
  { type: 'circuit.restored', circuit: 'disabled', failures: 0, trips: 0, openUntil: undefined, at: 0 },
]

const exploreWith = (changes: Partial<AgentInput>) =>
  explore(agentMachine, {
    input: { ...limits, ...changes },
    events,
    skip: ({ context }, event) =>
      (event.type === 'task.request' && context.running >= 2) ||
      // The circuit of a real agent opens without end; three times show all that changes.
      (event.type !== 'circuit.set' && context.trips >= 3 && context.circuit === 'half-open'),
  })

const variants: [string, Partial<AgentInput>][] = [
  ['one probe', {}],
  ['two probes of which both have to be good', { probes: 2 }],
  ['two probes judged by rate', { probes: 2, missRate: 0.75 }],
  ['two probes judged by a low rate', { probes: 2, missRate: 0.5 }],
  ['a fallback', { fallback: true }],
]

describe.each(variants)('with %s', (_, changes) => {
  const { nodes, edges } = exploreWith(changes)

  it('never counts below zero, nor more probes than there are permits', () => {
    for (const { context } of nodes) {
      expect(context.running).toBeGreaterThanOrEqual(0)
      expect(context.probing).toBeGreaterThanOrEqual(0)
      expect(context.probing + context.passed + context.missed).toBeLessThanOrEqual(context.limits.probes)
      expect(context.failures).toBeLessThanOrEqual(context.limits.failures)
    }
  })

  it('is running exactly while tasks are in flight, unless the circuit is open', () => {
    for (const { value, context } of nodes) {
      if (value === 'running') expect(context.running).toBeGreaterThan(0)
      if (value === 'idle' || value === 'failed') expect(context.running).toBe(0)
    }
  })

  it('shows the circuit in state and context alike', () => {
    for (const snapshot of nodes) {
      const { circuit, openUntil } = snapshot.context
      expect(snapshot.matches({ openCircuit: 'halfOpen' })).toBe(circuit === 'half-open')
      expect(snapshot.matches({ openCircuit: 'open' })).toBe(circuit === 'open' || circuit === 'isolated')
      expect(openUntil === undefined).toBe(circuit !== 'open' && circuit !== 'half-open')
    }
  })

  it('answers each request for a task or an attempt once', () => {
    for (const { event, effects } of edges) {
      if (event.type !== 'task.request' && event.type !== 'attempt.requested') continue
      const kinds = event.type === 'task.request' ? /^task\./ : /^attempt\./
      const answers = effects.filter(({ type }) => kinds.test(type))
      expect(answers).toHaveLength(1)
      expect(answers[0]).toHaveProperty('id', event.id)
    }
  })

  it('counts a task exactly when it was started or diverted', () => {
    for (const { from, to, event, effects } of edges) {
      if (event.type !== 'task.request') continue
      const counted = effects.some(({ type }) => type === 'task.start' || type === 'task.divert')
      expect(to.context.running - from.context.running).toBe(counted ? 1 : 0)
    }
  })

  it('announces each change of the circuit, and no other', () => {
    for (const { from, to, event, effects } of edges) {
      // What was known before a restart is not news.
      if (event.type === 'circuit.restored') continue
      const change = { type: 'circuit.changed', from: from.context.circuit, to: to.context.circuit }
      const announced = effects.filter(({ type }) => type === 'circuit.changed')
      expect(announced).toEqual(change.from === change.to ? [] : [change])
    }
  })

  it('lets no late result move the circuit', () => {
    for (const { from, to, event } of edges) {
      if ('late' in event && event.late) expect(to.context.circuit).toBe(from.context.circuit)
    }
  })
})

it('reaches every state and takes every transition', () => {
  const all = variants.map(([, changes]) => exploreWith(changes))
  expect(all[0]?.unreached).toEqual([])
  const untaken = all.map(({ untaken }) => untaken)
  expect(untaken[0]?.filter((name) => untaken.every((others) => others.includes(name)))).toEqual([])
})

it('describes each state', () => {
  expect(statesWithoutDescription(agentMachine)).toEqual([])
})

type Snapshot = SnapshotFrom<typeof agentMachine>
const failed = {
  type: 'attempt.failed',
  at: 0,
  counts: true,
  late: false,
  probe: false,
  trip: false,
} as const
const settled = {
  type: 'task.settled',
  at: 0,
  failed: false,
  good: false,
  late: false,
  probe: false,
  trip: false,
} as const
const request = (at = 0) => ({ type: 'task.request', id: 'x', at }) as const

const after = (events: readonly AgentEvent[], changes: Partial<AgentInput> = {}): Snapshot => {
  const [start] = initialTransition(agentMachine, { ...limits, ...changes })
  return events.reduce<Snapshot>((snapshot, event) => transition(agentMachine, snapshot, event)[0], start)
}

const opened = [request(), request(), failed, failed] as const

describe('the circuit', () => {
  it('opens after as many failures in a row as are allowed, while tasks are in flight', () => {
    const snapshot = after(opened)
    expect(snapshot.value).toEqual({ openCircuit: 'open' })
    expect(snapshot.context).toMatchObject({ running: 2, trips: 1, openUntil: 10 })
  })

  it('starts to count anew after a good task', () => {
    const snapshot = after([request(), request(), failed, { ...settled, good: true }, failed])
    expect(snapshot.value).toBe('running')
    expect(snapshot.context.failures).toBe(1)
  })

  it('lets the tasks in flight go on while it is open', () => {
    expect(after([...opened, settled]).context.running).toBe(1)
  })

  it('tries again once its time is over, and only so many', () => {
    expect(after([...opened, request(9)]).value).toEqual({ openCircuit: 'open' })
    const half = after([...opened, request(10)])
    expect(half.value).toEqual({ openCircuit: 'halfOpen' })
    expect(effectsOf(agentMachine, half, request(11))).toEqual([
      { type: 'task.reject', id: 'x', retryAfterMs: 10 },
    ])
  })

  it('goes back to running after a good probe while old tasks remain, else to idle', () => {
    const probe = { ...settled, good: true, probe: true }
    expect(after([...opened, request(10), probe]).value).toBe('running')
    expect(after([...opened, settled, settled, request(10), probe]).value).toBe('idle')
  })

  it('stays open twice as long after each bad probe, up to the limit', () => {
    const bad = { ...failed, probe: true, at: 100 }
    expect(after([...opened, request(100), bad]).context.openUntil).toBe(120)
    expect(after([...opened, request(100), bad, request(200), { ...bad, at: 200 }]).context.openUntil).toBe(
      220,
    )
  })

  it('takes back the permit of a probe that was cancelled', () => {
    const snapshot = after([...opened, request(10), { ...settled, probe: true }])
    expect(snapshot.value).toEqual({ openCircuit: 'halfOpen' })
    expect(effectsOf(agentMachine, snapshot, request(11))).toContainEqual({
      type: 'task.start',
      id: 'x',
      probe: true,
    })
  })

  it('opens again when a probe hangs', () => {
    const half = after([...opened, request(10)])
    expect(effectsOf(agentMachine, after(opened), request(10))).toContainEqual({
      type: 'timer.arm',
      key: 'probe',
      at: 15,
    })
    expect(transition(agentMachine, half, { type: 'probe.timer', at: 15 })[0].value).toEqual({
      openCircuit: 'open',
    })
  })

  it('says how long until it is worth asking again', () => {
    expect(effectsOf(agentMachine, after(opened), request(4))).toEqual([
      { type: 'task.reject', id: 'x', retryAfterMs: 6 },
    ])
  })

  it('never opens while it is disabled, and stays shut while it is isolated', () => {
    const disabled = after([{ type: 'circuit.set', mode: 'disabled', at: 0 }, ...opened, failed])
    expect(disabled.value).toBe('running')
    const isolated = after([{ type: 'circuit.set', mode: 'isolated', at: 0 }, request(later)])
    expect(isolated.value).toEqual({ openCircuit: 'open' })
    expect(isolated.context.running).toBe(0)
  })

  it('is where it was after a restart of its agent', () => {
    const restored = after([
      { type: 'circuit.restored', circuit: 'open', failures: 0, trips: 2, openUntil: 50, at: 0 },
    ])
    expect(restored.value).toEqual({ openCircuit: 'open' })
    expect(effectsOf(agentMachine, restored, request(20))).toEqual([
      { type: 'task.reject', id: 'x', retryAfterMs: 30 },
    ])
  })
})

describe('its timers', () => {
  const keys = (effects: readonly object[], type: string) =>
    effects.filter((effect) => 'type' in effect && effect.type === type && 'key' in effect)

  it('wait for the end of the open time, as long as it is open', () => {
    const running = after([request(), failed])
    expect(effectsOf(agentMachine, running, failed)).toContainEqual({
      type: 'timer.arm',
      key: 'open',
      at: 10,
    })
    expect(effectsOf(agentMachine, after(opened), request(10))).toContainEqual({
      type: 'timer.cancel',
      key: 'open',
    })
    const isolated = effectsOf(agentMachine, running, { type: 'circuit.set', mode: 'isolated', at: 0 })
    expect(keys(isolated, 'timer.arm')).toEqual([])
  })

  it('watch the oldest probe, until none is left', () => {
    const two = { probes: 2 }
    const half = after([...opened, request(10)], two)
    expect(keys(effectsOf(agentMachine, half, request(12)), 'timer.arm')).toEqual([])
    const neutral = { ...settled, probe: true }
    expect(
      keys(
        effectsOf(agentMachine, after([...opened, request(10), request(12)], two), neutral),
        'timer.cancel',
      ),
    ).toEqual([])
    expect(effectsOf(agentMachine, half, neutral)).toContainEqual({ type: 'timer.cancel', key: 'probe' })
  })
})

it('is failed when the last task in flight failed, and idle after one that did not', () => {
  const loose = { failures: 5 }
  expect(after([request(), failed, { ...settled, failed: true }], loose).value).toBe('failed')
  expect(after([request(), request(), { ...settled, failed: true }, settled], loose).value).toBe('idle')
  expect(after([request(), { ...settled, failed: true }, request()], loose).value).toBe('running')
})
