/**
 * One task of a consensus: votes side by side, until one vote has won or all are in. The vote with strictly
 * the most voices wins, if they are as many as are needed; it is taken at once when no other can catch up. A
 * split, which needs every reason, waits for all and goes to somebody else.
 */
import { assign, emit, setup } from 'xstate'
import type { Outcome } from '../src/contracts/errors.ts'

/** Who votes, and what decides. */
export interface ConsensusInput {
  readonly voters: readonly string[]
  /** So many equal votes. */
  readonly needed: number
}

/** What has come from the voters. */
export interface ConsensusVotes {
  readonly votes: Readonly<Record<string, Outcome>>
  /** What was voted: equal texts are equal votes. Who abstains has none. */
  readonly ballots: Readonly<Record<string, string>>
}

/** The votes so far. */
export interface ConsensusContext extends ConsensusInput, ConsensusVotes {}

/** What happens to a consensus. */
export type ConsensusEvent =
  | {
      readonly type: 'voter.settled'
      readonly voter: string
      readonly outcome: Outcome
      /** `undefined`: an abstention. */
      readonly ballot: string | undefined
    }
  | { readonly type: 'otherwise.answered'; readonly outcome: Outcome }

/** What a consensus asks for. */
export type ConsensusEffect =
  // Each voter is answered by `voter.settled`.
  | { readonly type: 'voters.ask' }
  | { readonly type: 'voters.withdraw'; readonly voters: readonly string[] }
  // `by`: whose vote won, in their order.
  | ({ readonly type: 'vote.won'; readonly by: readonly string[] } & ConsensusVotes)
  // Answered by `otherwise.answered`.
  | ({ readonly type: 'otherwise.ask' } & ConsensusVotes)
  | { readonly type: 'work.done'; readonly outcome: Outcome }

// A voter may be called `toString`.
const has = (record: Readonly<Record<string, unknown>>, voter: string): boolean =>
  Object.hasOwn(record, voter)

const openVoters = ({ voters, votes }: ConsensusContext): readonly string[] =>
  voters.filter((voter) => !has(votes, voter))

interface Count {
  /** The ballot with the most voices. */
  readonly leader: string | undefined
  readonly most: number
  /** What the strongest other one has, which may be one that nobody has cast yet. */
  readonly second: number
  readonly open: number
}

const count = (context: ConsensusContext): Count => {
  const voices = new Map<string, number>()
  for (const ballot of Object.values(context.ballots)) voices.set(ballot, (voices.get(ballot) ?? 0) + 1)
  const [first, second] = [...voices].toSorted(([, a], [, b]) => b - a)
  return {
    leader: first?.[0],
    most: first?.[1] ?? 0,
    second: second?.[1] ?? 0,
    open: openVoters(context).length,
  }
}

const isWon = (context: ConsensusContext): boolean => {
  const { most, second, open } = count(context)
  return most >= context.needed && second + open < most
}

const isLost = (context: ConsensusContext): boolean => {
  const { most, open } = count(context)
  return most + open < context.needed
}

const winners = (context: ConsensusContext): readonly string[] => {
  const { leader } = count(context)
  return context.voters.filter((voter) => has(context.ballots, voter) && context.ballots[voter] === leader)
}

/** In the order of the voters. */
const inOrder = ({ voters, votes, ballots }: ConsensusContext): ConsensusVotes => ({
  votes: sorted(voters, votes),
  ballots: sorted(voters, ballots),
})

const sorted = <T>(voters: readonly string[], record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(
    voters.flatMap((voter) => {
      const value = has(record, voter) ? record[voter] : undefined
      return value === undefined ? [] : [[voter, value]]
    }),
  )

const statechart = setup({
  types: {
    input: {} as ConsensusInput,
    context: {} as ConsensusContext,
    events: {} as ConsensusEvent,
    emitted: {} as ConsensusEffect,
  },
  guards: {
    isOpen: ({ context, event }) =>
      event.type === 'voter.settled' &&
      context.voters.includes(event.voter) &&
      !has(context.votes, event.voter),
    isWon: ({ context }) => isWon(context),
    isLost: ({ context }) => isLost(context),
    isComplete: ({ context }) => openVoters(context).length === 0,
  },
  actions: {
    ask: emit({ type: 'voters.ask' }),
    keep: assign(({ context, event }) => {
      if (event.type !== 'voter.settled') return {}
      const { voter, outcome, ballot } = event
      return {
        votes: { ...context.votes, [voter]: outcome },
        ballots: ballot === undefined ? context.ballots : { ...context.ballots, [voter]: ballot },
      }
    }),
    withdraw: emit(({ context }) => ({ type: 'voters.withdraw', voters: openVoters(context) })),
    win: emit(({ context }) => ({ type: 'vote.won', by: winners(context), ...inOrder(context) })),
    askOther: emit(({ context }) => ({ type: 'otherwise.ask', ...inOrder(context) })),
    end: emit(({ event }) => ({ type: 'work.done', outcome: event.outcome })),
  },
})

/** One per task. */
export const consensusMachine = statechart.createMachine({
  id: 'consensus',
  description: 'Votes side by side; a split goes to somebody else, with every reason.',
  context: ({ input }) => ({ ...input, votes: {}, ballots: {} }),
  initial: 'voting',
  states: {
    voting: {
      description: 'Voters are at work, and one vote may still win.',
      entry: 'ask',
      on: { 'voter.settled': { guard: 'isOpen', actions: 'keep' } },
      always: [
        { guard: 'isWon', target: 'ended', actions: ['withdraw', 'win'] },
        { guard: 'isComplete', target: 'escalated', actions: 'askOther' },
        { guard: 'isLost', target: 'split' },
      ],
    },
    split: {
      description: 'No vote can win any more; the reasons of the rest are still to come.',
      on: { 'voter.settled': { guard: 'isOpen', actions: 'keep' } },
      always: { guard: 'isComplete', target: 'escalated', actions: 'askOther' },
    },
    escalated: {
      description: 'The vote is split; somebody else decides.',
      on: { 'otherwise.answered': { target: 'ended', actions: 'end' } },
    },
    ended: { type: 'final', description: 'It has an outcome.' },
  },
})
