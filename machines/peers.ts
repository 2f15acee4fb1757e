/**
 * One call for help among peers: all that have the capability may bid, the best bid is asked, and whoever turns the task
 * down after all is followed by the next one. Who already waits for this very task comes last, so that help goes round
 * in circles only where there is nobody else.
 */
import { assign, emit, enqueueActions, setup } from 'xstate'
import type { Outcome } from '../src/contracts/errors.ts'

/** Those that have the capability. */
export interface PeersInput {
  readonly peers: readonly {
    readonly name: string
    /** Whether it awaits the task that needs help. */
    readonly waits: boolean
  }[]
}

/** One of them, and what it says. */
export interface Peer {
  readonly name: string
  readonly waits: boolean
  readonly state: 'called' | 'willing' | 'declined'
  readonly cost: number
  /** Why it declines. */
  readonly reason: string
}

/** All of them, and who is at work. A peer is known by its place. */
export interface PeersContext {
  readonly peers: readonly Peer[]
  readonly asked: number | undefined
}

/** What happens to a call for help. */
export type PeersEvent =
  | { readonly type: 'bid.received'; readonly peer: number; readonly cost: number }
  | { readonly type: 'bid.declined'; readonly peer: number; readonly reason: string }
  // Whoever has not answered by now declines.
  | { readonly type: 'bids.closed' }
  | { readonly type: 'peer.answered'; readonly outcome: Outcome }
  // The peer that was asked has not even begun.
  | { readonly type: 'peer.declined'; readonly reason: string }

/** What a call for help asks for. */
export type PeersEffect =
  // Each peer is answered for by one of the `bid` events.
  | { readonly type: 'bids.call' }
  // Answered by `peer.answered` or `peer.declined`.
  | {
      readonly type: 'peer.ask'
      readonly peer: number
      readonly cost: number
      /** Who would do it as well, the best first. */
      readonly others: readonly number[]
      readonly declined: readonly Declined[]
    }
  // Nobody is able and willing.
  | { readonly type: 'peer.missing'; readonly declined: readonly Declined[] }
  | { readonly type: 'work.done'; readonly outcome: Outcome }

/** Who does not help, and why. */
export interface Declined {
  readonly name: string
  readonly reason: string
}

type Answer = Extract<PeersEvent, { type: 'bid.received' | 'bid.declined' }>

const withPeer = (peers: readonly Peer[], at: number, change: Partial<Peer>): readonly Peer[] =>
  peers.map((peer, place) => (place === at ? { ...peer, ...change } : peer))

/** The places of those that are willing: who does not wait first, then the cheapest, then the first. */
const ranking = ({ peers }: PeersContext): readonly number[] =>
  peers
    .flatMap(({ state, waits, cost }, place) => (state === 'willing' ? [{ place, waits, cost }] : []))
    .toSorted((a, b) => Number(a.waits) - Number(b.waits) || a.cost - b.cost || a.place - b.place)
    .map(({ place }) => place)

const declinedOf = ({ peers }: PeersContext): readonly Declined[] =>
  peers.flatMap(({ name, state, reason }) => (state === 'declined' ? [{ name, reason }] : []))

const isAnswer = (event: PeersEvent): event is Answer =>
  event.type === 'bid.received' || event.type === 'bid.declined'

const changeOf = (event: Answer): Partial<Peer> =>
  event.type === 'bid.received'
    ? { state: 'willing', cost: event.cost }
    : { state: 'declined', reason: event.reason }

const statechart = setup({
  types: {
    input: {} as PeersInput,
    context: {} as PeersContext,
    events: {} as PeersEvent,
    emitted: {} as PeersEffect,
  },
  guards: {
    isOpen: ({ context, event }) => isAnswer(event) && context.peers[event.peer]?.state === 'called',
    isSettled: ({ context }) =>
      context.peers.every(({ state }) => state !== 'called') && ranking(context).length > 0,
    isHopeless: ({ context }) => context.peers.every(({ state }) => state === 'declined'),
    hasOther: ({ context }) => ranking(context).length > 1,
  },
  actions: {
    call: emit({ type: 'bids.call' }),
    keepAnswer: assign(({ context, event }) =>
      isAnswer(event) ? { peers: withPeer(context.peers, event.peer, changeOf(event)) } : {},
    ),
    closeBids: assign({
      peers: ({ context }) =>
        context.peers.map((peer) =>
          peer.state === 'called' ? { ...peer, state: 'declined', reason: 'gave no bid in time' } : peer,
        ),
    }),
    ask: enqueueActions(({ context, enqueue }) => {
      const [best, ...others] = ranking(context)
      if (best === undefined) return
      const { cost } = context.peers[best] ?? { cost: 0 }
      enqueue.assign({ asked: best })
      enqueue.emit({ type: 'peer.ask', peer: best, cost, others, declined: declinedOf(context) })
    }),
    keepDecline: assign({
      peers: ({ context, event }) =>
        event.type === 'peer.declined' && context.asked !== undefined
          ? withPeer(context.peers, context.asked, { state: 'declined', reason: event.reason })
          : context.peers,
    }),
    miss: emit(({ context }) => ({ type: 'peer.missing', declined: declinedOf(context) })),
    end: emit(({ event }) => ({
      type: 'work.done',
      outcome: event.type === 'peer.answered' ? event.outcome : { status: 'cancelled', reason: event.type },
    })),
  },
})

/** One per call for help. */
export const peersMachine = statechart.createMachine({
  id: 'peers',
  description: 'A call for help: peers bid, and the best one that takes the task does it.',
  context: ({ input }) => ({
    peers: input.peers.map(({ name, waits }) => ({ name, waits, state: 'called', cost: 0, reason: '' })),
    asked: undefined,
  }),
  initial: 'calling',
  states: {
    calling: {
      description: 'Peers say whether they would help, and at what cost.',
      entry: 'call',
      always: [
        { guard: 'isHopeless', target: 'ended', actions: 'miss' },
        { guard: 'isSettled', target: 'asking' },
      ],
      on: {
        'bid.received': { guard: 'isOpen', actions: 'keepAnswer' },
        'bid.declined': { guard: 'isOpen', actions: 'keepAnswer' },
        'bids.closed': { actions: 'closeBids' },
      },
    },
    asking: {
      description: 'The best of them has been asked.',
      entry: 'ask',
      on: {
        'peer.answered': { target: 'ended', actions: 'end' },
        'peer.declined': [
          { guard: 'hasOther', target: 'asking', reenter: true, actions: 'keepDecline' },
          { target: 'ended', actions: ['keepDecline', 'miss'] },
        ],
      },
    },
    ended: { type: 'final', description: 'It has an outcome, or nobody helps.' },
  },
})
