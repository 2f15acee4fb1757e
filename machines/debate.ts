/**
 * One task of a debate: peers answer side by side, read each other and answer again, until their positions
 * agree or the rounds are over and the judge speaks. A peer that fails keeps its last position and is asked
 * again in the next round.
 */
import { assign, emit, setup } from 'xstate'
import type { Outcome } from '../src/contracts/errors.ts'

/** Who debates, and how long. */
export interface DebateInput {
  readonly peers: readonly string[]
  /** In all. */
  readonly rounds: number
}

/** What has been said so far. */
export interface DebateContext extends DebateInput {
  /** From 1. */
  readonly round: number
  /** How the peers of this round have ended. */
  readonly answers: Readonly<Record<string, Outcome>>
  /** The last one of each peer that has one. */
  readonly positions: Readonly<Record<string, unknown>>
}

/** What happens to a debate. */
export type DebateEvent =
  | { readonly type: 'peer.settled'; readonly peer: string; readonly outcome: Outcome }
  | { readonly type: 'positions.agreed'; readonly output: unknown }
  | { readonly type: 'positions.differ' }
  | { readonly type: 'judge.answered'; readonly outcome: Outcome }

/** What a debate asks for. Positions are in the order of the peers. */
export type DebateEffect =
  // Each peer is answered by `peer.settled`.
  | {
      readonly type: 'peers.ask'
      readonly round: number
      readonly positions: Readonly<Record<string, unknown>>
    }
  // Answered by one of the `positions` events.
  | { readonly type: 'positions.compare'; readonly round: number; readonly positions: readonly unknown[] }
  // For the record: another one follows. `silent`: who did not answer in it.
  | { readonly type: 'round.over'; readonly round: number; readonly silent: readonly string[] }
  // Answered by `judge.answered`.
  | {
      readonly type: 'judge.ask'
      readonly round: number
      readonly positions: Readonly<Record<string, unknown>>
      readonly silent: readonly string[]
    }
  | { readonly type: 'work.done'; readonly outcome: Outcome }

// A peer may be called `toString`.
const has = (record: Readonly<Record<string, unknown>>, peer: string): boolean => Object.hasOwn(record, peer)

const isRoundOver = ({ peers, answers }: DebateContext): boolean => peers.every((peer) => has(answers, peer))

const silentIn = ({ peers, answers }: DebateContext): readonly string[] =>
  peers.filter((peer) => answers[peer]?.status !== 'completed')

const inOrder = ({ peers, positions }: DebateContext): Readonly<Record<string, unknown>> =>
  Object.fromEntries(peers.filter((peer) => has(positions, peer)).map((peer) => [peer, positions[peer]]))

/** Of the first peer in their order. Asked for when all have failed. */
const firstFailure = ({ peers, answers }: DebateContext): Outcome => {
  const [first = ''] = peers
  return answers[first] ?? { status: 'cancelled', reason: 'nobody answered' }
}

const statechart = setup({
  types: {
    input: {} as DebateInput,
    context: {} as DebateContext,
    events: {} as DebateEvent,
    emitted: {} as DebateEffect,
  },
  guards: {
    isOpen: ({ context, event }) =>
      event.type === 'peer.settled' &&
      context.peers.includes(event.peer) &&
      !has(context.answers, event.peer),
    hasNothing: ({ context }) => isRoundOver(context) && Object.keys(context.positions).length === 0,
    isComplete: ({ context }) =>
      isRoundOver(context) && context.peers.every((peer) => has(context.positions, peer)),
    mayGoOn: ({ context }) => isRoundOver(context) && context.round < context.rounds,
    isRoundOver: ({ context }) => isRoundOver(context),
  },
  actions: {
    ask: emit(({ context }) => ({
      type: 'peers.ask',
      round: context.round,
      positions: inOrder(context),
    })),
    keep: assign(({ context, event }) => {
      if (event.type !== 'peer.settled') return {}
      const { peer, outcome } = event
      const answers = { ...context.answers, [peer]: outcome }
      if (outcome.status !== 'completed') return { answers }
      return { answers, positions: { ...context.positions, [peer]: outcome.output } }
    }),
    compare: emit(({ context }) => ({
      type: 'positions.compare',
      round: context.round,
      positions: Object.values(inOrder(context)),
    })),
    announce: emit(({ context }) => ({
      type: 'round.over',
      round: context.round,
      silent: silentIn(context),
    })),
    nextRound: assign(({ context }) => ({ round: context.round + 1, answers: {} })),
    askJudge: emit(({ context }) => ({
      type: 'judge.ask',
      round: context.round,
      positions: inOrder(context),
      silent: silentIn(context),
    })),
    agree: emit(({ event }) => ({
      type: 'work.done',
      outcome: {
        status: 'completed',
        output: event.type === 'positions.agreed' ? event.output : undefined,
      },
    })),
    fail: emit(({ context }) => ({ type: 'work.done', outcome: firstFailure(context) })),
    end: emit(({ event }) => ({
      type: 'work.done',
      outcome: 'outcome' in event ? event.outcome : { status: 'cancelled', reason: event.type },
    })),
  },
})

/** One per task. */
export const debateMachine = statechart.createMachine({
  id: 'debate',
  description: 'Peers answer, read each other and revise, until they agree or a judge speaks.',
  context: ({ input }) => ({ ...input, round: 1, answers: {}, positions: {} }),
  initial: 'answering',
  states: {
    answering: {
      description: 'Peers are at work.',
      entry: 'ask',
      on: { 'peer.settled': { guard: 'isOpen', actions: 'keep' } },
      always: [
        { guard: 'hasNothing', target: 'ended', actions: 'fail' },
        { guard: 'isComplete', target: 'comparing', actions: 'compare' },
        // Who has no position yet has agreed to nothing.
        { guard: 'mayGoOn', target: 'answering', reenter: true, actions: ['announce', 'nextRound'] },
        { guard: 'isRoundOver', target: 'judging', actions: 'askJudge' },
      ],
    },
    comparing: {
      description: 'Everybody has a position: do they agree?',
      on: {
        'positions.agreed': { target: 'ended', actions: 'agree' },
        'positions.differ': [
          { guard: 'mayGoOn', target: 'answering', actions: ['announce', 'nextRound'] },
          { target: 'judging', actions: 'askJudge' },
        ],
      },
    },
    judging: {
      description: 'The rounds are over; the judge is at work.',
      on: { 'judge.answered': { target: 'ended', actions: 'end' } },
    },
    ended: { type: 'final', description: 'It has an outcome.' },
  },
})
