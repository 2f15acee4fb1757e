/** One task of a pipeline, explored completely. */
import { describe, expect, it } from 'vitest'
import { initialTransition, transition, type SnapshotFrom } from 'xstate'
import { pipelineMachine, type PipelineEvent, type PipelineInput } from '../../machines/pipeline.ts'
import { effectsOf, explore, statesWithoutDescription } from './explore.ts'

const plain = (name: string) => ({ name, revise: undefined, fallback: false })
const input: PipelineInput = {
  stages: [
    plain('a'),
    { name: 'b', revise: { to: 0, max: 2 }, fallback: true },
    { ...plain('c'), fallback: true },
  ],
  input: 'in',
}
const lost = { status: 'cancelled', reason: 'x' } as const

const events: PipelineEvent[] = [
  { type: 'stage.passed', output: 'out' },
  { type: 'stage.faulted', output: 'bad', faults: ['too short'] },
  { type: 'stage.failed', outcome: lost, fallback: true },
  { type: 'stage.failed', outcome: lost, fallback: false },
]

const { nodes, edges, unreached, untaken } = explore(pipelineMachine, { input, events })

describe('a pipeline', () => {
  it('ends exactly once', () => {
    for (const { to, effects } of edges) {
      const ends = effects.filter(({ type }) => type === 'work.done' || type === 'work.refuse')
      expect(ends).toHaveLength(to.status === 'done' ? 1 : 0)
    }
  })

  it('has one stage or fallback at work until it ends', () => {
    for (const { to, effects } of edges) {
      const asked = effects.filter(({ type }) => type === 'stage.ask' || type === 'fallback.ask')
      expect(asked).toHaveLength(to.status === 'done' ? 0 : 1)
    }
  })

  it('sends work back no more often than a gate may', () => {
    for (const { context } of nodes) expect(context.rounds[1] ?? 0).toBeLessThanOrEqual(2)
  })

  it('hands on only what has passed', () => {
    for (const { event, effects } of edges) {
      if (event.type === 'stage.passed') continue
      for (const effect of effects) expect(effect).not.toHaveProperty('input', 'bad')
    }
  })

  it('reaches every state, takes every transition and describes each state', () => {
    expect(unreached).toEqual([])
    expect(untaken).toEqual([])
    expect(statesWithoutDescription(pipelineMachine)).toEqual([])
  })
})

const [passed, faulted, failed, broken] = events as [
  PipelineEvent,
  PipelineEvent,
  PipelineEvent,
  PipelineEvent,
]

const after = (...given: PipelineEvent[]): SnapshotFrom<typeof pipelineMachine> => {
  const [start] = initialTransition(pipelineMachine, input)
  return given.reduce((snapshot, event) => transition(pipelineMachine, snapshot, event)[0], start)
}

it('gives a stage that has to work again its faults and what it gave last', () => {
  expect(effectsOf(pipelineMachine, after(passed), faulted)).toEqual([
    { type: 'stage.revised', to: 0, faults: ['too short'] },
    { type: 'stage.ask', at: 0, input: 'in', revision: { round: 1, previous: 'out', faults: ['too short'] } },
  ])
})

it('tells only that stage of the revision', () => {
  expect(effectsOf(pipelineMachine, after(passed, faulted), passed)).toEqual([
    { type: 'stage.ask', at: 1, input: 'out', revision: undefined },
  ])
})

it('turns to the fallback after the last revision, and for a stage that failed', () => {
  const revised = after(passed, faulted, passed, faulted, passed)
  expect(effectsOf(pipelineMachine, revised, faulted)).toEqual([
    { type: 'fallback.ask', at: 1, input: 'out' },
  ])
  expect(effectsOf(pipelineMachine, after(passed), failed)).toEqual([
    { type: 'fallback.ask', at: 1, input: 'out' },
  ])
  expect(effectsOf(pipelineMachine, after(passed), broken)).toEqual([{ type: 'work.done', outcome: lost }])
})

it('goes on after a fallback that passed', () => {
  expect(effectsOf(pipelineMachine, after(passed, failed), passed)).toEqual([
    { type: 'stage.ask', at: 2, input: 'out', revision: undefined },
  ])
})

it('stops at the first stage whose gate stays shut', () => {
  expect(effectsOf(pipelineMachine, after(passed, failed), faulted)).toEqual([
    { type: 'work.refuse', at: 1, faults: ['too short'] },
  ])
})
