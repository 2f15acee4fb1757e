/** One task of a debate, explored completely. */
import { describe, expect, it } from 'vitest'
import { debateMachine, type DebateEffect, type DebateEvent } from '../../machines/debate.ts'
import { explore, statesWithoutDescription } from './explore.ts'

const peers = ['a', 'b']
const said = (output: string) => ({ status: 'completed', output }) as const
const lost = (peer: string) => ({ status: 'cancelled', reason: `${peer} was lost` }) as const

const events: DebateEvent[] = [
  ...[...peers, 'unknown'].flatMap((peer): DebateEvent[] => [
    { type: 'peer.settled', peer, outcome: said(`${peer}1`) },
    { type: 'peer.settled', peer, outcome: said(`${peer}2`) },
    { type: 'peer.settled', peer, outcome: lost(peer) },
  ]),
  { type: 'positions.agreed', output: 'peace' },
  { type: 'positions.differ' },
  { type: 'judge.answered', outcome: said('judged') },
]
const { nodes, edges, unreached, untaken } = explore(debateMachine, { input: { peers, rounds: 2 }, events })

const effects = (edge: { effects: readonly { type: string }[] }): readonly DebateEffect[] =>
  edge.effects as readonly DebateEffect[]
const lastOf = (edge: (typeof edges)[number]): Record<string, unknown> => {
  const { event, from } = edge
  const isNews = event.type === 'peer.settled' && event.outcome.status === 'completed'
  return isNews ? { ...from.context.positions, [event.peer]: event.outcome.output } : from.context.positions
}

describe('a debate', () => {
  it('ends exactly once', () => {
    for (const edge of edges) {
      const ends = effects(edge).filter(({ type }) => type === 'work.done')
      expect(ends).toHaveLength(edge.to.status === 'done' ? 1 : 0)
    }
  })

  it('has no more rounds than it may', () => {
    for (const { context } of nodes) expect(context.round).toBeLessThanOrEqual(2)
  })

  it('waits for every peer of a round', () => {
    for (const edge of edges) {
      const asksMore = effects(edge).some(({ type }) => type !== 'work.done')
      if (!asksMore || edge.event.type !== 'peer.settled') continue
      const answered = new Set([...Object.keys(edge.from.context.answers), edge.event.peer])
      expect([...answered].toSorted()).toEqual(peers)
    }
  })

  it('shows everybody the last positions, those of a round that failed included', () => {
    for (const edge of edges) {
      for (const effect of effects(edge)) {
        if (effect.type === 'peers.ask' || effect.type === 'judge.ask')
          expect(effect.positions).toEqual(lastOf(edge))
      }
    }
  })

  it('compares positions when everybody has one, and never before', () => {
    for (const edge of edges) {
      for (const effect of effects(edge)) {
        if (effect.type !== 'positions.compare') continue
        const last = lastOf(edge)
        expect(effect.positions).toEqual(peers.map((peer) => last[peer]))
        expect(Object.keys(last)).toHaveLength(2)
      }
    }
  })

  it('asks the judge once, after the last round', () => {
    for (const edge of edges) {
      const asked = effects(edge).some(({ type }) => type === 'judge.ask')
      expect(asked).toBe(edge.from.value !== 'judging' && edge.to.value === 'judging')
      if (asked) expect(edge.to.context.round).toBe(2)
    }
  })

  it('ends as the first peer did when nobody has a position', () => {
    const failures = edges.filter(
      ({ from, to }) => from.status === 'active' && from.value === 'answering' && to.status === 'done',
    )
    expect(failures.length).toBeGreaterThan(1)
    for (const edge of failures) {
      expect(lastOf(edge)).toEqual({})
      expect(edge.effects).toEqual([{ type: 'work.done', outcome: lost('a') }])
    }
  })

  it('says who did not answer', () => {
    const announced = edges.flatMap((edge) =>
      effects(edge).flatMap((effect) => (effect.type === 'round.over' ? [{ edge, effect }] : [])),
    )
    expect(new Set(announced.map(({ effect }) => effect.silent.join()))).toEqual(new Set(['', 'a', 'b']))
  })

  it('takes no second answer of a peer in a round, nor one of somebody unknown', () => {
    for (const { event, from, to } of edges) {
      if (event.type !== 'peer.settled') continue
      if (event.peer === 'unknown' || event.peer in from.context.answers)
        expect(to.context).toEqual(from.context)
    }
  })

  it('reaches every state, takes every transition and describes each state', () => {
    expect(unreached).toEqual([])
    expect(untaken).toEqual([])
    expect(statesWithoutDescription(debateMachine)).toEqual([])
  })
})
