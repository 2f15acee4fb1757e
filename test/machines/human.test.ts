/** One question to people, explored completely. */
import { describe, expect, it } from 'vitest'
import { humanMachine, type HumanEvent, type HumanInput } from '../../machines/human.ts'
import { explore, statesWithoutDescription } from './explore.ts'

const asked: HumanInput = { timeoutMs: 5, standIn: false, otherwise: false }
const good = { status: 'completed', output: 'yes' } as const

const events: HumanEvent[] = [
  { type: 'question.decided', outcome: good },
  { type: 'question.decided', outcome: { status: 'cancelled', reason: 'x' } },
  { type: 'answer.timer' },
  { type: 'otherwise.answered', outcome: good },
]

describe.each([true, false])('with somebody else to answer: %s', (otherwise) => {
  const { edges } = explore(humanMachine, { input: { ...asked, otherwise }, events })

  it('ends with one outcome, or undecided', () => {
    for (const { to, effects } of edges) {
      const ends = effects.filter(({ type }) => type === 'work.done' || type === 'work.undecided')
      expect(ends).toHaveLength(to.status === 'done' ? 1 : 0)
    }
  })

  it('takes its question back when time is over, and disarms its timer when it was answered', () => {
    for (const { from, event, effects } of edges) {
      const types = effects.map(({ type }) => type)
      expect(types.includes('people.withdraw')).toBe(
        from.value === 'waiting' && event.type === 'answer.timer',
      )
      const left = from.value === 'waiting' && event.type !== 'otherwise.answered'
      expect(types.includes('timer.cancel')).toBe(left)
    }
  })

  it('asks somebody else only when there is one', () => {
    expect(edges.some(({ effects }) => effects.some(({ type }) => type === 'otherwise.ask'))).toBe(otherwise)
  })
})

it('counts one decision only', () => {
  const { edges } = explore(humanMachine, { input: { ...asked, otherwise: true }, events })
  for (const { from, to, event } of edges) {
    if (event.type === 'question.decided' && from.value === 'escalated') expect(to.value).toBe('escalated')
  }
})

it('reaches every state, takes every transition and describes each state', () => {
  const [withIt, without] = [true, false].map((otherwise) =>
    explore(humanMachine, { input: { ...asked, otherwise }, events }),
  )
  expect(withIt?.unreached).toEqual([])
  expect(withIt?.untaken.filter((name) => without?.untaken.includes(name))).toEqual([])
  expect(statesWithoutDescription(humanMachine)).toEqual([])
})
