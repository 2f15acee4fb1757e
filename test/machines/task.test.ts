/** One task, explored completely. */
import { describe, expect, it } from 'vitest'
import { initialTransition, transition, type EventObject, type SnapshotFrom } from 'xstate'
import { retryDelay, taskMachine, type TaskFlowEvent, type TaskFlowInput } from '../../machines/task.ts'
import { effectsOf, explore, statesWithoutDescription } from './explore.ts'

const limits: TaskFlowInput = { attempts: 3, minMs: 100, maxMs: 300, fallback: false }
const lost = { status: 'cancelled', reason: 'x' } as const

const failed = {
  type: 'attempt.failed',
  outcome: lost,
  retryable: true,
  fallback: true,
  jitter: 1,
  retryAfterMs: 0,
} as const
const events: TaskFlowEvent[] = [
  { type: 'attempt.granted' },
  { type: 'attempt.denied', retryAfterMs: 7 },
  { type: 'attempt.succeeded', output: 1 },
  failed,
  { ...failed, retryable: false },
  { ...failed, fallback: false },
  { ...failed, retryable: false, fallback: false },
  { type: 'retry.timer' },
  { type: 'fallback.answered', outcome: { status: 'completed', output: 2 } },
  { type: 'task.cancel', reason: 'x' },
]

const settles = ({ type }: EventObject): boolean => type === 'task.settle' || type === 'task.refuse'

describe.each([true, false])('with a fallback: %s', (fallback) => {
  const { nodes, edges, unreached } = explore(taskMachine, { input: { ...limits, fallback }, events })

  it('settles exactly once, at its end', () => {
    for (const { to, effects } of edges) {
      expect(effects.filter(settles)).toHaveLength(to.status === 'done' ? 1 : 0)
    }
  })

  it('ends each attempt that it starts', () => {
    for (const { from, to, effects } of edges) {
      const types = effects.map(({ type }) => type)
      expect(types.includes('attempt.start')).toBe(to.value === 'working' && from.value !== 'working')
      expect(types.includes('attempt.end')).toBe(from.value === 'working' && to.value !== 'working')
    }
  })

  it('never tries more often than it may', () => {
    for (const { context } of nodes) expect(context.attempt).toBeLessThanOrEqual(limits.attempts)
  })

  it('can always be cancelled', () => {
    for (const { from, to, event } of edges) {
      if (event.type === 'task.cancel') expect([from.status, to.value]).toEqual(['active', 'settled'])
    }
  })

  it('reports each failed attempt to the circuit, and cancels the timer that it has armed', () => {
    for (const { from, event, effects } of edges) {
      const types = effects.map(({ type }) => type)
      expect(types.includes('attempt.report')).toBe(
        from.value === 'working' && event.type === 'attempt.failed',
      )
      const left =
        from.value === 'backingOff' && (event.type === 'retry.timer' || event.type === 'task.cancel')
      expect(types.includes('timer.cancel')).toBe(left)
    }
  })

  it('asks the fallback only when there is one', () => {
    expect(edges.some(({ effects }) => effects.some(({ type }) => type === 'fallback.ask'))).toBe(fallback)
    expect(unreached).toEqual(fallback ? [] : ['task.fallingBack'])
  })
})

it('takes every transition', () => {
  const [withIt, without] = [true, false].map((fallback) =>
    explore(taskMachine, { input: { ...limits, fallback }, events }),
  )
  expect(withIt?.untaken.filter((name) => without?.untaken.includes(name))).toEqual([])
})

it('describes each state', () => {
  expect(statesWithoutDescription(taskMachine)).toEqual([])
})

const after = (...given: TaskFlowEvent[]): SnapshotFrom<typeof taskMachine> => {
  const [start] = initialTransition(taskMachine, limits)
  return given.reduce((snapshot, event) => transition(taskMachine, snapshot, event)[0], start)
}

it('waits twice as long before each further attempt, up to its limit', () => {
  const delays = [1, 2, 3].map((attempt) => retryDelay({ limits, attempt }, failed))
  expect(delays).toEqual([100, 200, 300])
})

it('waits a share of that by chance, but never less than the error demands', () => {
  expect(retryDelay({ limits, attempt: 1 }, { ...failed, jitter: 0.25 })).toBe(25)
  expect(retryDelay({ limits, attempt: 1 }, { ...failed, jitter: 0.25, retryAfterMs: 5_000 })).toBe(5_000)
})

it('asks the circuit again before each further attempt', () => {
  const waiting = after({ type: 'attempt.granted' }, failed)
  expect(effectsOf(taskMachine, waiting, { type: 'retry.timer' })).toContainEqual({ type: 'permit.request' })
  expect(after({ type: 'attempt.granted' }, failed, { type: 'retry.timer' }).value).toBe('asking')
})

it('is refused when the circuit opens in between', () => {
  const asking = after({ type: 'attempt.granted' }, failed, { type: 'retry.timer' })
  expect(effectsOf(taskMachine, asking, { type: 'attempt.denied', retryAfterMs: 7 })).toEqual([
    { type: 'task.refuse', retryAfterMs: 7 },
  ])
})
