/** One task of a consensus, explored completely. */
import { describe, expect, it } from 'vitest'
import {
  consensusMachine,
  type ConsensusContext,
  type ConsensusEffect,
  type ConsensusEvent,
} from '../../machines/consensus.ts'
import { explore, statesWithoutDescription } from './explore.ts'

const voters = ['a', 'b', 'c']
const voted = (ballot: string) => ({ status: 'completed', output: { vote: ballot } }) as const
const lost = { status: 'cancelled', reason: 'x' } as const

const events: ConsensusEvent[] = [
  ...[...voters, 'unknown'].flatMap((voter): ConsensusEvent[] => [
    { type: 'voter.settled', voter, outcome: voted('yes'), ballot: 'yes' },
    { type: 'voter.settled', voter, outcome: voted('no'), ballot: 'no' },
    { type: 'voter.settled', voter, outcome: lost, ballot: undefined },
  ]),
  { type: 'otherwise.answered', outcome: lost },
]
const exploreWith = (needed: number) => explore(consensusMachine, { input: { voters, needed }, events })

const effects = (edge: { effects: readonly { type: string }[] }): readonly ConsensusEffect[] =>
  edge.effects as readonly ConsensusEffect[]

/** What comes of all votes that these may still become, by hand: the winner, or none. */
const ends = ({ ballots, votes }: ConsensusContext, needed: number): ReadonlySet<string | undefined> => {
  const next = voters.find((voter) => !(voter in votes))
  if (next !== undefined) {
    const choices = ['yes', 'no', undefined].map((ballot) =>
      ends(
        {
          voters,
          needed,
          votes: { ...votes, [next]: lost },
          ballots: ballot === undefined ? ballots : { ...ballots, [next]: ballot },
        },
        needed,
      ),
    )
    return new Set(choices.flatMap((choice) => [...choice]))
  }
  const voices = (ballot: string) => Object.values(ballots).filter((one) => one === ballot).length
  if (voices('yes') >= needed && voices('yes') > voices('no')) return new Set(['yes'])
  return new Set([voices('no') >= needed && voices('no') > voices('yes') ? 'no' : undefined])
}

describe.each([1, 2, 3])('when %i of three have to agree', (needed) => {
  const { nodes, edges } = exploreWith(needed)

  it('ends exactly once', () => {
    for (const edge of edges) {
      const ended = effects(edge).filter(({ type }) => type === 'vote.won' || type === 'work.done')
      expect(ended).toHaveLength(edge.to.status === 'done' ? 1 : 0)
    }
  })

  it('is decided as soon as the votes that are open cannot change it, and not before', () => {
    for (const { value, context } of nodes) {
      const possible = ends(context, needed)
      const isDecided = possible.size === 1 && !possible.has(undefined)
      if (value === 'voting') expect([...possible].some((vote) => vote !== undefined)).toBe(true)
      if (value === 'voting' || value === 'split' || value === 'escalated') expect(isDecided).toBe(false)
      if (value === 'split' || value === 'escalated') expect([...possible]).toEqual([undefined])
    }
    for (const { from, to } of edges) {
      if (from.value === 'voting' && to.value === 'ended')
        expect([...ends(to.context, needed)]).toHaveLength(1)
    }
  })

  it('names those whose vote won, and withdraws those who have not voted', () => {
    for (const edge of edges) {
      for (const effect of effects(edge)) {
        if (effect.type !== 'vote.won') continue
        const { context } = edge.to
        const [winner] = ends(context, needed)
        expect(effect.by).toEqual(voters.filter((voter) => context.ballots[voter] === winner))
        const open = voters.filter((voter) => !(voter in context.votes))
        expect(effects(edge)).toContainEqual({ type: 'voters.withdraw', voters: open })
      }
    }
  })

  it('hands a split over with the votes of all, in order, abstentions too', () => {
    for (const edge of edges) {
      for (const effect of effects(edge)) {
        if (effect.type !== 'otherwise.ask') continue
        expect(Object.keys(effect.votes)).toEqual(voters)
        expect(effect.votes).toEqual(edge.to.context.votes)
      }
    }
  })

  it('takes no second vote of anybody, nor one of somebody unknown', () => {
    for (const { event, from, to } of edges) {
      if (event.type !== 'voter.settled') continue
      if (event.voter === 'unknown' || event.voter in from.context.votes)
        expect(to.context).toEqual(from.context)
    }
  })
})

it('needs every vote where all have to agree: an abstention is a split', () => {
  for (const { from, to, event } of exploreWith(3).edges) {
    if (event.type !== 'voter.settled' || event.ballot !== undefined) continue
    if (from.value === 'voting' && event.voter !== 'unknown' && !(event.voter in from.context.votes))
      expect(['split', 'escalated']).toContain(to.value)
  }
})

it('reaches every state, takes every transition and describes each state', () => {
  const all = [1, 2, 3].map(exploreWith)
  expect(all[1]?.unreached).toEqual([])
  expect(all[1]?.untaken).toEqual([])
  expect(statesWithoutDescription(consensusMachine)).toEqual([])
})
