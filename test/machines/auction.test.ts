/** One task of an auction, explored completely. */
import { describe, expect, it } from 'vitest'
import { initialTransition, transition } from 'xstate'
import { auctionMachine, type AuctionEffect, type AuctionEvent } from '../../machines/auction.ts'
import { effectsOf, explore, statesWithoutDescription, type Edge } from './explore.ts'

const failed = { status: 'cancelled', reason: 'it failed' } as const
const good = { status: 'completed', output: 1 } as const

const bid = (bidder: string, score: number, at = 0, until = Infinity): AuctionEvent => ({
  type: 'bid.received',
  bid: { bidder, score, at, until },
  at,
})
const settled = (
  bidder: string,
  epoch: number,
  outcome: typeof good | typeof failed,
  next = false,
): AuctionEvent => ({
  type: 'award.settled',
  bidder,
  epoch,
  outcome,
  next,
  at: 9,
})

const events: AuctionEvent[] = [
  { type: 'bidders.called', bidders: ['a', 'b'], at: 0 },
  { type: 'bidders.called', bidders: [], at: 0 },
  bid('a', 1),
  bid('a', 3),
  bid('b', 2),
  bid('b', 2, 0, 5),
  bid('stranger', 0),
  ...['a', 'b', 'stranger'].flatMap((bidder): AuctionEvent[] => [
    { type: 'bid.declined', bidder, at: 9 },
    { type: 'bidder.gone', bidder, at: 9 },
    ...[1, 2].flatMap((epoch): AuctionEvent[] => [
      { type: 'award.accepted', bidder, epoch, at: 9 },
      settled(bidder, epoch, good),
      settled(bidder, epoch, failed, true),
      settled(bidder, epoch, failed),
    ]),
  ]),
  { type: 'bids.timer', at: 9 },
  { type: 'award.timer', at: 9 },
  { type: 'auction.cancel', at: 9 },
]

const graph = explore(auctionMachine, { input: { rounds: 2 }, events })
type Step = Edge<typeof auctionMachine>

const of = <T extends AuctionEffect['type']>({ effects }: Step, type: T) =>
  (effects as AuctionEffect[]).filter((effect) => effect.type === type) as Extract<
    AuctionEffect,
    { type: T }
  >[]
const isLive = ({ value }: Step['to']): boolean => value === 'awarded' || value === 'working'
const isEnd = ({ from, to }: Step): boolean => from.status === 'active' && to.status === 'done'

describe('on all of its graph', () => {
  it('has one live award, with an epoch of its own', () => {
    for (const step of graph.edges) {
      const awards = of(step, 'award.make')
      expect(awards.length).toBeLessThanOrEqual(1)
      for (const { epoch, bidder } of awards) {
        expect(epoch).toBe(step.from.context.epoch + 1)
        expect(step.to.context).toMatchObject({ epoch, winner: bidder })
        // The one before is over.
        expect(step.to.value).toBe('awarded')
      }
    }
    for (const node of graph.nodes)
      if (node.status === 'active') expect(isLive(node)).toBe(node.context.winner !== undefined)
  })

  it('awards to the best of the bids that bind', () => {
    let seen = 0
    for (const step of graph.edges) {
      for (const award of of(step, 'award.make')) {
        for (const left of step.to.context.bids) {
          expect(left.score).toBeGreaterThanOrEqual(award.score)
          expect(left.until).toBeGreaterThanOrEqual(step.event.at)
          seen += 1
        }
      }
    }
    expect(seen).toBeGreaterThan(0)
  })

  it('decides as soon as all who were called have answered, or at the deadline', () => {
    for (const { value, context } of graph.nodes)
      if (value === 'bidding') expect(context.silent.length).toBeGreaterThan(0)
    for (const { from, event, to } of graph.edges)
      if (event.type === 'bids.timer' && from.value === 'bidding') expect(to.value).not.toBe('bidding')
  })

  it('tells each bid once what became of it', () => {
    for (const step of graph.edges) {
      const { from, event, to } = step
      const told = [
        ...of(step, 'bids.reject').flatMap(({ bidders }) => bidders),
        ...of(step, 'award.make').map(({ bidder }) => bidder),
      ]
      const before = from.context.bids.map(({ bidder }) => bidder)
      const after = to.context.bids.map(({ bidder }) => bidder)
      const fresh = event.type === 'bid.received' && from.status === 'active' ? event.bid.bidder : undefined
      for (const bidder of new Set([...before, ...told])) {
        const gone =
          (event.type === 'bid.declined' || event.type === 'bidder.gone') && event.bidder === bidder
        const open = (before.includes(bidder) ? 1 : 0) + (fresh === bidder ? 1 : 0)
        const replaced = fresh === bidder && before.includes(bidder) && from.value === 'bidding' ? 1 : 0
        const left = (after.includes(bidder) ? 1 : 0) + replaced + (gone && before.includes(bidder) ? 1 : 0)
        expect(told.filter((other) => other === bidder)).toHaveLength(open - left)
      }
      if (isEnd(step)) expect(after).toEqual([])
    }
  })

  it('takes nothing of a bidder that is gone, also when its name is there again', () => {
    for (const { from, event, to } of graph.edges) {
      if (event.type !== 'bidder.gone' || from.status !== 'active' || from.value === 'calling') continue
      if (from.context.winner !== event.bidder) expect(to.context.called).not.toContain(event.bidder)
    }
  })

  it('refuses bids that come too late, and those of strangers', () => {
    for (const step of graph.edges) {
      const { from, event } = step
      if (event.type !== 'bid.received' || from.status !== 'active') continue
      const takes = from.value === 'bidding' && from.context.called.includes(event.bid.bidder)
      const late = of(step, 'bids.reject').filter(({ reason }) => reason === 'late')
      expect(late).toEqual(
        takes ? [] : [{ type: 'bids.reject', bidders: [event.bid.bidder], reason: 'late' }],
      )
    }
  })

  it('refuses what comes under an old epoch, or from another', () => {
    for (const step of graph.edges) {
      const { from, event, to } = step
      if (event.type !== 'award.accepted' && event.type !== 'award.settled') continue
      if (from.status !== 'active') continue
      const { winner, epoch } = from.context
      const live = isLive(from) && event.bidder === winner && event.epoch === epoch
      expect(of(step, 'award.refuse')).toEqual(live ? [] : [{ type: 'award.refuse', bidder: event.bidder }])
      if (!live) expect(to.value).toBe(from.value)
    }
  })

  it('ends with the result of a winner, or failed when no bid and no round is left', () => {
    for (const step of graph.edges) {
      const ends = [...of(step, 'work.done'), ...of(step, 'auction.failed')]
      expect(ends).toHaveLength(isEnd(step) && step.event.type !== 'auction.cancel' ? 1 : 0)
      if (of(step, 'auction.failed').length > 0) expect(step.to.context).toMatchObject({ round: 2, bids: [] })
      for (const { outcome } of of(step, 'work.done'))
        expect(outcome).toEqual((step.event as { outcome: unknown }).outcome)
    }
  })

  it('calls again only when no bid is left, and as often as there are rounds', () => {
    for (const step of graph.edges) {
      const calls = of(step, 'bids.call')
      expect(calls).toHaveLength(step.to.context.round - step.from.context.round)
      if (calls.length > 0) expect(step.to.context).toMatchObject({ bids: [], winner: undefined, round: 2 })
    }
  })

  it('frees the bidders when it is cancelled', () => {
    for (const step of graph.edges) {
      if (step.event.type !== 'auction.cancel' || step.from.status !== 'active') continue
      const bidders = step.from.context.bids.map(({ bidder }) => bidder)
      const rejected = bidders.length > 0 ? [{ type: 'bids.reject', bidders, reason: 'cancelled' }] : []
      expect(of(step, 'bids.reject')).toEqual(rejected)
      expect(step.to.value).toBe('ended')
    }
  })

  it('has its timers armed while it waits for bids or for the winner to accept', () => {
    for (const step of graph.edges) {
      for (const [state, key] of [
        ['bidding', 'bids.timer'],
        ['awarded', 'award.timer'],
      ] as const) {
        const change = step.effects
          .filter((effect) => 'key' in effect && effect.key === key)
          .map(({ type }) => type)
        if (step.from.value === state && step.to.value !== state) expect(change).toContain('timer.cancel')
        if (step.from.value !== state && step.to.value === state) expect(change.at(-1)).toBe('timer.arm')
      }
    }
  })

  it('reaches every state, takes every transition and describes each state', () => {
    // What is decided at once is no state to stay in.
    expect(graph.unreached).toEqual(['auction.deciding'])
    expect(graph.untaken).toEqual([])
    expect(statesWithoutDescription(auctionMachine)).toEqual([])
  })
})

describe('the ranking', () => {
  const winnerOf = (...bids: AuctionEvent[]): string | undefined => {
    let [state] = initialTransition(auctionMachine, { rounds: 1 })
    const bidders = bids.map((event) => (event.type === 'bid.received' ? event.bid.bidder : ''))
    for (const event of [
      { type: 'bidders.called', bidders: [...bidders, 'silent'], at: 0 } as const,
      ...bids,
    ])
      [state] = transition(auctionMachine, state, event)
    const effects = effectsOf(auctionMachine, state, { type: 'bids.timer', at: 8 }) as AuctionEffect[]
    const award = effects.find((effect) => effect.type === 'award.make')
    return award?.bidder
  }

  it('takes the lowest score, then the earliest bid, then the first by name', () => {
    expect(winnerOf(bid('c', 2, 1), bid('b', 1, 3), bid('a', 1, 4))).toBe('b')
    expect(winnerOf(bid('c', 1, 1), bid('b', 1, 2))).toBe('c')
    expect(winnerOf(bid('c', 1, 1), bid('b', 1, 1))).toBe('b')
  })

  it('takes the last bid of each, and one without a score last', () => {
    expect(winnerOf(bid('a', 1, 1), bid('b', 2, 2), bid('a', 3, 3))).toBe('b')
    expect(winnerOf(bid('a', Number.NaN, 1), bid('b', 2, 2))).toBe('b')
  })

  it('passes over a bid that no longer binds', () => {
    expect(winnerOf(bid('a', 1, 1, 7), bid('b', 2, 2, 8), bid('c', 3, 2))).toBe('b')
  })
})
