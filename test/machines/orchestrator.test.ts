/** One attempt of a lead, explored completely. */
import { describe, expect, it } from 'vitest'
import { orchestratorMachine, type OrchestratorEvent } from '../../machines/orchestrator.ts'
import { explore, statesWithoutDescription } from './explore.ts'

const lost = { status: 'cancelled', reason: 'lost' } as const
const broken = { status: 'cancelled', reason: 'broken' } as const

const events: OrchestratorEvent[] = [
  { type: 'work.delegated' },
  { type: 'delegation.settled' },
  { type: 'delegation.settled', missed: lost },
  { type: 'lead.returned', output: 'answer' },
  { type: 'lead.returned', output: 'answer', missed: lost },
  { type: 'lead.failed', outcome: broken },
]
const { nodes, edges, unreached, untaken } = explore(orchestratorMachine, {
  input: undefined,
  events,
  skip: ({ context }, { type }) => type === 'work.delegated' && context.open === 3,
})

describe('a lead', () => {
  it('ends exactly once', () => {
    for (const edge of edges) {
      expect(edge.effects).toHaveLength(edge.to.status === 'done' ? 1 : 0)
    }
  })

  it('never ends well while a delegation is open', () => {
    const endings = edges.filter(({ to }) => to.status === 'done')
    for (const { from, event, effects } of endings) {
      const open = from.context.open - (event.type === 'delegation.settled' ? 1 : 0)
      if (open > 0) expect(effects).not.toMatchObject([{ outcome: { status: 'completed' } }])
    }
  })

  it('ends with what it gave, however long it waits', () => {
    const good = edges.filter(({ to, effects }) => to.status === 'done' && !effects.some(isFailure))
    expect(new Set(good.map(({ from }) => from.value))).toEqual(new Set(['leading', 'waiting']))
    for (const { effects } of good)
      expect(effects).toEqual([{ type: 'work.done', outcome: { status: 'completed', output: 'answer' } }])
  })

  it('waits exactly while it has returned and something is open', () => {
    for (const { value, context } of nodes) {
      if (value === 'waiting') expect(context).toMatchObject({ open: expect.any(Number), output: 'answer' })
      if (value === 'waiting') expect(context.open).toBeGreaterThan(0)
    }
  })

  it('ends as a delegation that nobody has looked at, but only once it has returned itself', () => {
    for (const { from, event, to, effects } of edges) {
      const isMissed = 'missed' in event && event.missed !== undefined
      // Nobody returns twice.
      const returns = event.type === (from.value === 'waiting' ? 'delegation.settled' : 'lead.returned')
      if (isMissed && returns && from.status === 'active') expect(effects).toEqual([{ type: 'work.done', outcome: lost }])
      else if (isMissed) expect(to.status).toBe('active')
    }
  })

  it('ends as it failed itself at once, whatever is open', () => {
    const failures = edges.filter(({ from, event }) => event.type === 'lead.failed' && from.value === 'leading')
    expect(new Set(failures.map(({ from }) => from.context.open))).toEqual(new Set([0, 1, 2, 3]))
    for (const { effects } of failures) expect(effects).toEqual([{ type: 'work.done', outcome: broken }])
  })

  it('never counts below zero', () => {
    for (const { context } of nodes) expect(context.open).toBeGreaterThanOrEqual(0)
  })

  it('reaches every state, takes every transition and describes each state', () => {
    expect(unreached).toEqual([])
    expect(untaken).toEqual([])
    expect(statesWithoutDescription(orchestratorMachine)).toEqual([])
  })
})

const isFailure = (effect: object): boolean =>
  'outcome' in effect && (effect.outcome as { status: string }).status !== 'completed'
