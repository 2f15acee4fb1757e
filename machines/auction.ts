/**
 * One task of an auction: a call for bids, the award to the best of them, the next one when a winner falls
 * out, and another call when none is left. Bidders are known by id; scores and times come in with the events.
 *
 * `at` and `until` are absolute milliseconds.
 */
import { assign, emit, enqueueActions, setup } from 'xstate'
import type { Outcome } from '../src/contracts/errors.ts'

/** How often it may be called. */
export interface AuctionInput {
  /** Calls in all. */
  readonly rounds: number
}

/** A bid that stands. */
export interface OpenBid {
  readonly bidder: string
  /** The lowest one wins. */
  readonly score: number
  readonly at: number
  /** Until when it binds; `Infinity`: as long as this call. */
  readonly until: number
}

/** How an auction stands. */
export interface AuctionContext {
  readonly rounds: number
  /** From 1. */
  readonly round: number
  /** Rises with each award; what comes under an older one is refused. */
  readonly epoch: number
  /** Who may bid in this round. */
  readonly called: readonly string[]
  /** Who of them has not answered. */
  readonly silent: readonly string[]
  /** Not yet awarded, best first. */
  readonly bids: readonly OpenBid[]
  readonly winner: string | undefined
  /** How the last winner failed. */
  readonly last: Outcome | undefined
}

/** What happens in an auction. */
export type AuctionEvent =
  | { readonly type: 'bidders.called'; readonly bidders: readonly string[]; readonly at: number }
  // Before the deadline a second bid replaces the first.
  | { readonly type: 'bid.received'; readonly bid: OpenBid; readonly at: number }
  // It does not bid, takes its bid back, or does not take the award.
  | { readonly type: 'bid.declined'; readonly bidder: string; readonly at: number }
  | { readonly type: 'bidder.gone'; readonly bidder: string; readonly at: number }
  | { readonly type: 'bids.timer'; readonly at: number }
  | { readonly type: 'award.timer'; readonly at: number }
  | { readonly type: 'award.accepted'; readonly bidder: string; readonly epoch: number; readonly at: number }
  | {
      readonly type: 'award.settled'
      readonly bidder: string
      readonly epoch: number
      readonly outcome: Outcome
      /** Whether this is a case for the next bidder. */
      readonly next: boolean
      readonly at: number
    }
  // Nobody waits for it any more.
  | { readonly type: 'auction.cancel'; readonly at: number }

/** What an auction asks for. */
export type AuctionEffect =
  // Answered by `bidders.called`.
  | { readonly type: 'bids.call'; readonly round: number }
  | {
      readonly type: 'bids.reject'
      readonly bidders: readonly string[]
      readonly reason: 'outbid' | 'late' | 'cancelled'
    }
  | {
      readonly type: 'award.make'
      readonly bidder: string
      readonly epoch: number
      readonly score: number
      readonly round: number
      /** Who else had bid. */
      readonly others: readonly string[]
    }
  // It is not, or no longer, the winner.
  | { readonly type: 'award.refuse'; readonly bidder: string }
  // Answered by the event of that name.
  | { readonly type: 'timer.arm'; readonly key: 'bids.timer' | 'award.timer' }
  | { readonly type: 'timer.cancel'; readonly key: 'bids.timer' | 'award.timer' }
  | { readonly type: 'work.done'; readonly outcome: Outcome }
  // No bid is left. `last`: how the last winner failed, if there was one.
  | { readonly type: 'auction.failed'; readonly last: Outcome | undefined }

type Args = { context: AuctionContext; event: AuctionEvent }

const whoOf = (event: AuctionEvent): string => {
  if (event.type === 'bid.received') return event.bid.bidder
  return 'bidder' in event ? event.bidder : ''
}

const scoreOf = ({ score }: OpenBid): number => (Number.isNaN(score) ? Infinity : score)

/** Best score, then earliest arrival, then bidder: nothing is left to chance. */
const byRank = (a: OpenBid, b: OpenBid): number => {
  if (scoreOf(a) !== scoreOf(b)) return scoreOf(a) < scoreOf(b) ? -1 : 1
  if (a.at !== b.at) return a.at - b.at
  return a.bidder < b.bidder ? -1 : 1
}

const isCalled = ({ context, event }: Args): boolean => context.called.includes(whoOf(event))

const isWinner = ({ context, event }: Args): boolean => whoOf(event) === context.winner

/** Of the award that is live. */
const isLive = ({ context, event }: Args): boolean =>
  isWinner({ context, event }) && 'epoch' in event && event.epoch === context.epoch

const without = (context: AuctionContext, bidder: string): Partial<AuctionContext> => ({
  silent: context.silent.filter((other) => other !== bidder),
  bids: context.bids.filter((bid) => bid.bidder !== bidder),
})

const withBid = (context: AuctionContext, event: AuctionEvent): Partial<AuctionContext> => {
  if (event.type !== 'bid.received') return {}
  const { silent, bids } = without(context, event.bid.bidder)
  return { silent: silent ?? [], bids: [...(bids ?? []), event.bid].toSorted(byRank) }
}

/** At its last moment too. */
const binds = ({ until }: OpenBid, at: number): boolean => until >= at

const biddersOf = (bids: readonly OpenBid[]): readonly string[] => bids.map(({ bidder }) => bidder)

const statechart = setup({
  types: {
    input: {} as AuctionInput,
    context: {} as AuctionContext,
    events: {} as AuctionEvent,
    emitted: {} as AuctionEffect,
  },
  guards: {
    isCalled,
    isWinner,
    isLive,
    allAnswered: ({ context }) => context.silent.length === 0,
    hasBid: ({ context }) => context.bids.length > 0,
    mayCallAgain: ({ context }) => context.round < context.rounds,
    goesOn: (args) => isLive(args) && args.event.type === 'award.settled' && args.event.next,
  },
  actions: {
    call: emit(({ context }) => ({ type: 'bids.call', round: context.round })),
    open: assign(({ context, event }) =>
      event.type === 'bidders.called'
        ? { called: event.bidders, silent: event.bidders }
        : { called: context.called },
    ),
    callAgain: assign(({ context }) => ({ round: context.round + 1, called: [], silent: [] })),
    armBids: emit({ type: 'timer.arm', key: 'bids.timer' }),
    cancelBids: emit({ type: 'timer.cancel', key: 'bids.timer' }),
    take: assign(({ context, event }) => withBid(context, event)),
    takeBack: assign(({ context, event }) => without(context, whoOf(event))),
    // A namesake of it was not called.
    strike: assign(({ context, event }) => ({
      ...without(context, whoOf(event)),
      called: context.called.filter((bidder) => bidder !== whoOf(event)),
    })),
    stopWaiting: assign({ silent: [] }),
    rejectLate: emit(({ event }) => ({ type: 'bids.reject', bidders: [whoOf(event)], reason: 'late' })),
    rejectExpired: enqueueActions(({ context, event, enqueue }) => {
      const bidders = biddersOf(context.bids.filter((bid) => !binds(bid, event.at)))
      if (bidders.length === 0) return
      enqueue.emit({ type: 'bids.reject', bidders, reason: 'outbid' })
      enqueue.assign({ bids: context.bids.filter((bid) => binds(bid, event.at)) })
    }),
    announceAward: enqueueActions(({ context, enqueue }) => {
      const [best, ...others] = context.bids
      if (!best) return
      const { bidder, score } = best
      const { round, epoch } = context
      enqueue.emit({ type: 'award.make', bidder, score, round, epoch: epoch + 1, others: biddersOf(others) })
    }),
    award: assign(({ context }) => ({
      epoch: context.epoch + 1,
      winner: context.bids[0]?.bidder,
      bids: context.bids.slice(1),
    })),
    armAward: emit({ type: 'timer.arm', key: 'award.timer' }),
    cancelAward: emit({ type: 'timer.cancel', key: 'award.timer' }),
    refuse: emit(({ event }) => ({ type: 'award.refuse', bidder: whoOf(event) })),
    dismiss: assign(({ context, event }) => ({
      winner: undefined,
      last: event.type === 'award.settled' ? event.outcome : context.last,
    })),
    rejectRest: enqueueActions(({ context, event, enqueue }) => {
      const bidders = biddersOf(context.bids)
      const reason = event.type === 'auction.cancel' ? 'cancelled' : 'outbid'
      if (bidders.length > 0) enqueue.emit({ type: 'bids.reject', bidders, reason })
      enqueue.assign({ bids: [], silent: [] })
    }),
    settle: enqueueActions(({ event, enqueue }) => {
      if (event.type === 'award.settled') enqueue.emit({ type: 'work.done', outcome: event.outcome })
    }),
    fail: emit(({ context }) => ({ type: 'auction.failed', last: context.last })),
  },
})

const settled = [
  { guard: 'goesOn', target: 'deciding', actions: 'dismiss' },
  { guard: 'isLive', target: 'ended', actions: ['rejectRest', 'settle'] },
  { actions: 'refuse' },
] as const

const declined = [
  { guard: 'isWinner', target: 'deciding', actions: 'dismiss' },
  { actions: 'takeBack' },
] as const

const gone = [{ guard: 'isWinner', target: 'deciding', actions: 'dismiss' }, { actions: 'strike' }] as const

/** One per task. */
export const auctionMachine = statechart.createMachine({
  id: 'auction',
  description: 'A call for bids, and one live award after the other until a winner is done.',
  context: ({ input }) => ({
    rounds: input.rounds,
    round: 1,
    epoch: 0,
    called: [],
    silent: [],
    bids: [],
    winner: undefined,
    last: undefined,
  }),
  initial: 'calling',
  on: {
    'auction.cancel': { target: '.ended', actions: 'rejectRest' },
    'bid.received': { actions: 'rejectLate' },
    'award.accepted': { actions: 'refuse' },
    'award.settled': { actions: 'refuse' },
  },
  states: {
    calling: {
      description: 'Finds out who may bid.',
      entry: 'call',
      on: { 'bidders.called': { target: 'bidding', actions: 'open' } },
    },
    bidding: {
      description: 'Takes bids, until the deadline or until all who were called have answered.',
      entry: 'armBids',
      exit: 'cancelBids',
      always: { guard: 'allAnswered', target: 'deciding' },
      on: {
        'bid.received': [{ guard: 'isCalled', actions: 'take' }, { actions: 'rejectLate' }],
        'bid.declined': { actions: 'takeBack' },
        'bidder.gone': { actions: 'strike' },
        'bids.timer': { actions: 'stopWaiting' },
      },
    },
    deciding: {
      description: 'Awards to the best bid that still binds, else calls again.',
      entry: 'rejectExpired',
      always: [
        { guard: 'hasBid', target: 'awarded', actions: ['announceAward', 'award'] },
        { guard: 'mayCallAgain', target: 'calling', actions: 'callAgain' },
        { target: 'ended', actions: 'fail' },
      ],
    },
    awarded: {
      description: 'The winner has to accept.',
      entry: 'armAward',
      exit: 'cancelAward',
      on: {
        'award.accepted': [{ guard: 'isLive', target: 'working' }, { actions: 'refuse' }],
        'award.settled': settled,
        'award.timer': { target: 'deciding', actions: 'dismiss' },
        'bid.declined': declined,
        'bidder.gone': gone,
      },
    },
    working: {
      description: 'The winner is at work.',
      on: {
        // To say it twice does no harm.
        'award.accepted': [{ guard: 'isLive' }, { actions: 'refuse' }],
        'award.settled': settled,
        'bid.declined': declined,
        'bidder.gone': gone,
      },
    },
    ended: { type: 'final', description: 'The winner is done, no bid is left, or nobody waits any more.' },
  },
})
