/** One tool call, explored completely. */
import { describe, expect, it } from 'vitest'
import { initialTransition, transition, type SnapshotFrom } from 'xstate'
import { toolCallMachine, type ToolCallEvent, type ToolCallInput } from '../../machines/tool-call.ts'
import { sameOnGraph } from '../logic/twins.ts'
import { effectsOf, explore, statesWithoutDescription } from './explore.ts'

const call: ToolCallInput = { timeoutMs: 30, cleared: false }

const events: ToolCallEvent[] = [
  { type: 'call.begun' },
  { type: 'check.passed', approval: undefined },
  { type: 'check.passed', approval: { timeoutMs: 9, escalates: false } },
  { type: 'check.passed', approval: { timeoutMs: 9, escalates: true } },
  { type: 'check.refused' },
  { type: 'call.approved' },
  { type: 'call.edited' },
  { type: 'call.denied' },
  { type: 'approval.timer' },
  { type: 'tool.settled' },
  { type: 'limit.timer' },
  { type: 'call.drop' },
]

const { edges, unreached, untaken } = explore(toolCallMachine, { input: call, events })
const again = explore(toolCallMachine, { input: { ...call, cleared: true }, events })

const typesOf = (effects: readonly { type: string }[]): string[] => effects.map(({ type }) => type)

describe('a call', () => {
  it('ends once', () => {
    for (const { to, effects } of edges) {
      expect(effects.filter(({ type }) => type === 'call.end')).toHaveLength(to.status === 'done' ? 1 : 0)
    }
  })

  it('runs its tool only after the guard has passed it, and people have approved where they were asked', () => {
    for (const { from, event, effects } of edges) {
      if (!typesOf(effects).includes('tool.run')) continue
      const isPassed =
        event.type === 'check.passed' && (event.approval === undefined || from.value === 'rechecking')
      const isApproved =
        event.type === 'call.approved' && (from.value === 'approving' || from.value === 'escalated')
      expect(isPassed || isApproved).toBe(true)
    }
  })

  it('runs its tool at most once', () => {
    for (const { from, effects } of edges) {
      if (from.value === 'running') expect(typesOf(effects)).not.toContain('tool.run')
    }
  })

  it('has the guard look at what people changed', () => {
    for (const { from, event, effects, to } of edges) {
      if (event.type !== 'call.edited' || to.value !== 'rechecking' || from.value === to.value) continue
      expect(effects).toContainEqual({ type: 'call.check', edited: true })
    }
  })

  it('takes back what it has asked people when they have not decided', () => {
    for (const { from, event, effects } of edges) {
      const isAsking = from.value === 'approving' || from.value === 'escalated'
      const isLeft = isAsking && (event.type === 'approval.timer' || event.type === 'call.drop')
      expect(typesOf(effects).includes('people.withdraw')).toBe(isLeft)
    }
  })

  it('disarms each timer that it has armed', () => {
    for (const { from, to, effects } of edges) {
      if (from.value === to.value) continue
      const cancelled = effects.filter(({ type }) => type === 'timer.cancel')
      const armed = from.value === 'approving' || from.value === 'escalated' || from.value === 'running'
      expect(cancelled).toHaveLength(armed ? 1 : 0)
    }
  })

  it('is not dropped once its tool is at work', () => {
    for (const { from, event, to } of edges) {
      if (event.type !== 'call.drop') continue
      const stays = from.value === 'running' || from.value === 'beginning'
      expect(to.value).toBe(stays ? from.value : 'ended')
    }
  })

  it('reaches every state, takes every transition and describes each state', () => {
    expect(unreached).toEqual([])
    expect(untaken.filter((name) => again.untaken.includes(name))).toEqual([])
    expect(statesWithoutDescription(toolCallMachine)).toEqual([])
  })
})

it('does the same compiled', () => {
  sameOnGraph(toolCallMachine, edges)
  sameOnGraph(toolCallMachine, again.edges)
})

const after = (...given: ToolCallEvent[]): SnapshotFrom<typeof toolCallMachine> => {
  const [start] = initialTransition(toolCallMachine, call)
  const begun: ToolCallEvent = { type: 'call.begun' }
  return [begun, ...given].reduce((snapshot, event) => transition(toolCallMachine, snapshot, event)[0], start)
}

it('asks others when nobody has decided in time, and gives up when they do not either', () => {
  const asked = after({ type: 'check.passed', approval: { timeoutMs: 9, escalates: true } })
  expect(effectsOf(toolCallMachine, asked, { type: 'approval.timer' })).toEqual([
    { type: 'timer.cancel', key: 'approval' },
    { type: 'people.withdraw' },
    { type: 'timer.arm', key: 'approval', afterMs: 9 },
    { type: 'people.ask', timeoutMs: 9, escalated: true },
  ])
  const escalated = transition(toolCallMachine, asked, { type: 'approval.timer' })[0]
  expect(effectsOf(toolCallMachine, escalated, { type: 'approval.timer' })).toContainEqual({
    type: 'call.end',
    how: 'undecided',
  })
})

it('runs at once what an earlier attempt has cleared', () => {
  const [start] = initialTransition(toolCallMachine, { ...call, cleared: true })
  expect(transition(toolCallMachine, start, { type: 'call.begun' })[0].value).toBe('running')
})

it('aborts a tool that takes too long', () => {
  const running = after({ type: 'check.passed', approval: undefined })
  expect(effectsOf(toolCallMachine, running, { type: 'limit.timer' })).toEqual([
    { type: 'timer.cancel', key: 'limit' },
    { type: 'tool.abort' },
    { type: 'call.end', how: 'timed-out' },
  ])
})
