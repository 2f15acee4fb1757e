/** The turns of a model, explored completely. */
import { describe, expect, it } from 'vitest'
import { initialTransition, transition, type EventObject, type SnapshotFrom } from 'xstate'
import { turnsMachine, type TurnsEvent, type TurnsInput } from '../../machines/turns.ts'
import { sameOnGraph } from '../logic/twins.ts'
import { effectsOf, explore, statesWithoutDescription } from './explore.ts'

const limits: TurnsInput = {
  maxTurns: 3,
  repairs: 1,
  attempts: 2,
  minMs: 100,
  maxMs: 1_000,
  turn: 1,
  tries: 0,
  open: 0,
}
const bad = { status: 'cancelled', reason: 'bad' } as const
const worse = { status: 'cancelled', reason: 'worse' } as const
const failed = {
  type: 'model.failed',
  outcome: bad,
  retryable: true,
  jitter: 1,
  retryAfterMs: 0,
  leftMs: 60_000,
} as const

const events: TurnsEvent[] = [
  { type: 'attempt.begun', summary: false },
  { type: 'attempt.begun', summary: true },
  { type: 'summary.settled' },
  { type: 'answer.given', output: 'yes' },
  { type: 'answer.faulted', outcome: bad },
  { type: 'calls.made', good: 3, faulty: undefined },
  { type: 'calls.made', good: 1, faulty: bad },
  { type: 'calls.made', good: 0, faulty: bad },
  failed,
  { ...failed, retryable: false },
  { ...failed, leftMs: 50 },
  { type: 'retry.timer' },
  { type: 'call.settled' },
  { type: 'call.failed', outcome: worse },
]

const isEnd = ({ type }: EventObject): boolean => type === 'work.done' || type === 'work.truncate'

describe.each([
  ['from the start', limits],
  ['in the middle of its calls', { ...limits, turn: 2, open: 2 }],
  ['after a failed try', { ...limits, turn: 2, tries: 1 }],
])('%s', (_, input) => {
  const { nodes, edges } = explore(turnsMachine, { input, events })

  it('ends with one outcome', () => {
    for (const { to, effects } of edges) {
      expect(effects.filter(isEnd)).toHaveLength(to.status === 'done' ? 1 : 0)
    }
  })

  it('asks for no more turns, tries and repairs than it may', () => {
    for (const { context } of nodes) {
      expect(context.turn).toBeLessThanOrEqual(limits.maxTurns)
      expect(context.tries).toBeLessThanOrEqual(limits.attempts)
      expect(context.repairs).toBeLessThanOrEqual(limits.repairs)
      expect(context.open).toBeGreaterThanOrEqual(0)
      expect(context.open).toBeLessThanOrEqual(3)
    }
  })

  it('asks the model exactly when it waits for its answer', () => {
    for (const { from, to, effects } of edges) {
      const asks = effects.filter(({ type }) => type === 'model.ask')
      const isNew = to.value === 'asking' && (from.value !== 'asking' || to.context.turn > from.context.turn)
      expect(asks).toHaveLength(isNew ? 1 : 0)
    }
  })

  it('never leaves calls behind when it asks the model', () => {
    for (const { value, context } of nodes) if (value === 'asking') expect(context.open).toBe(0)
  })

  it('does the same compiled', () => {
    expect(edges.length).toBeGreaterThan(20)
    sameOnGraph(turnsMachine, edges)
  })

  it('lets an answer that fits end it, whatever happened before', () => {
    for (const { from, event, effects } of edges) {
      if (event.type !== 'answer.given' || from.value !== 'asking') continue
      expect(effects).toEqual([
        { type: 'work.done', outcome: { status: 'completed', output: 'yes' }, last: false },
      ])
    }
  })

  it('ends with the failure of a tool, never with what another one gave', () => {
    for (const { from, event, to, effects } of edges) {
      const isOver =
        event.type === 'call.failed' || (from.value === 'finishing' && event.type === 'call.settled')
      if (to.status === 'done' && isOver) {
        expect(effects).toEqual([{ type: 'work.done', outcome: worse, last: false }])
      }
    }
  })
})

it('reaches every state, takes every transition and describes each state', () => {
  const explored = [limits, { ...limits, open: 1 }, { ...limits, turn: 4 }].map((input) =>
    explore(turnsMachine, { input, events }),
  )
  const [first, ...others] = explored
  expect(first?.unreached).toEqual([])
  const everywhere = (name: string): boolean => others.every(({ untaken }) => untaken.includes(name))
  expect(first?.untaken.filter(everywhere)).toEqual([])
  expect(statesWithoutDescription(turnsMachine)).toEqual([])
})

const begun: TurnsEvent = { type: 'attempt.begun', summary: false }
const faulted: TurnsEvent = { type: 'answer.faulted', outcome: bad }
const calls: TurnsEvent = { type: 'calls.made', good: 2, faulty: undefined }
const noGood: TurnsEvent = { type: 'calls.made', good: 0, faulty: bad }

const started = (input: TurnsInput): EventObject[] =>
  effectsOf(turnsMachine, initialTransition(turnsMachine, input)[0], begun)

const after = (...given: TurnsEvent[]): SnapshotFrom<typeof turnsMachine> => {
  const [start] = initialTransition(turnsMachine, limits)
  return [begun, ...given].reduce((snapshot, event) => transition(turnsMachine, snapshot, event)[0], start)
}

describe('where an attempt goes on', () => {
  it('is the model, for a new task', () => {
    expect(started(limits)).toEqual([{ type: 'model.ask', turn: 1 }])
  })

  it('is the calls that have no result yet', () => {
    expect(started({ ...limits, turn: 2, open: 1 })).toEqual([{ type: 'calls.start' }])
  })

  it('is nowhere when no turn is left', () => {
    expect(started({ ...limits, turn: 4 })).toEqual([{ type: 'work.truncate', turns: 3 }])
  })
})

describe('an answer that does not fit', () => {
  it('is sent back once', () => {
    expect(effectsOf(turnsMachine, after(), faulted)).toEqual([{ type: 'model.ask', turn: 2 }])
    expect(effectsOf(turnsMachine, after(faulted), faulted)).toEqual([
      { type: 'work.done', outcome: bad, last: false },
    ])
  })

  it('is sent back again after a turn without faults', () => {
    const mended = after(
      faulted,
      { type: 'calls.made', good: 1, faulty: undefined },
      { type: 'call.settled' },
    )
    expect(mended.context).toMatchObject({ turn: 3, repairs: 0 })
  })
})

describe('calls', () => {
  it('of which none can be run cost a repair, and nothing is run', () => {
    expect(effectsOf(turnsMachine, after(), noGood)).toEqual([{ type: 'model.ask', turn: 2 }])
    expect(effectsOf(turnsMachine, after(noGood), noGood)).toEqual([
      { type: 'work.done', outcome: bad, last: false },
    ])
  })

  it('are not run when no turn is left to tell their results', () => {
    const last = after(calls, { type: 'call.settled' }, { type: 'call.settled' }, faulted)
    expect(last.context.turn).toBe(3)
    expect(effectsOf(turnsMachine, last, calls)).toEqual([{ type: 'work.truncate', turns: 3 }])
  })

  it('are all waited for before the model is asked again', () => {
    expect(effectsOf(turnsMachine, after(calls), { type: 'call.settled' })).toEqual([])
    expect(effectsOf(turnsMachine, after(calls, { type: 'call.settled' }), { type: 'call.settled' })).toEqual(
      [{ type: 'model.ask', turn: 2 }],
    )
  })

  it('of which one has failed the task: those that have not begun are dropped, the others waited for', () => {
    const fails: TurnsEvent = { type: 'call.failed', outcome: worse }
    expect(effectsOf(turnsMachine, after(calls), fails)).toEqual([{ type: 'calls.drop' }])
    expect(effectsOf(turnsMachine, after(calls, fails), { type: 'call.settled' })).toEqual([
      { type: 'work.done', outcome: worse, last: false },
    ])
  })
})

describe('a call of the model that failed', () => {
  it('is tried again after a wait', () => {
    expect(effectsOf(turnsMachine, after(), failed)).toEqual([
      { type: 'timer.arm', key: 'call', afterMs: 100 },
    ])
    expect(effectsOf(turnsMachine, after(failed), { type: 'retry.timer' })).toEqual([
      { type: 'model.ask', turn: 1 },
    ])
  })

  it('waits as long as the error demands', () => {
    expect(effectsOf(turnsMachine, after(), { ...failed, retryAfterMs: 5_000 })).toEqual([
      { type: 'timer.arm', key: 'call', afterMs: 5_000 },
    ])
  })

  it('is given up for good after its last try', () => {
    expect(effectsOf(turnsMachine, after(failed, { type: 'retry.timer' }), failed)).toEqual([
      { type: 'work.done', outcome: bad, last: true },
    ])
  })

  it('is handed up when the wait does not fit into the attempt', () => {
    expect(effectsOf(turnsMachine, after(), { ...failed, leftMs: 50 })).toEqual([
      { type: 'work.done', outcome: bad, last: false },
    ])
  })

  it('has all its tries again in the next turn', () => {
    const next = after(failed, { type: 'retry.timer' }, faulted)
    expect(next.context).toMatchObject({ turn: 2, tries: 1 })
  })
})
