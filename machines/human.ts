/** One question to people: asked, and answered, denied, or not decided in time; then somebody else may answer. */
import { emit, setup } from 'xstate'
import type { Outcome } from '../src/contracts/errors.ts'

/** How a question is put. */
export interface HumanInput {
  readonly timeoutMs: number
  /** Whether a function answers in place of people. */
  readonly standIn: boolean
  /** Whether there is an agent for what nobody decides. */
  readonly otherwise: boolean
}

/** Nothing but how the question is put. */
export type HumanContext = HumanInput

/** What happens to a question. */
export type HumanEvent =
  // By the one decision that counts.
  | { readonly type: 'question.decided'; readonly outcome: Outcome }
  | { readonly type: 'answer.timer' }
  | { readonly type: 'otherwise.answered'; readonly outcome: Outcome }

/** What a question asks for. */
export type HumanEffect =
  // Both are answered by `question.decided`.
  | { readonly type: 'people.ask'; readonly timeoutMs: number }
  | { readonly type: 'standIn.ask' }
  | { readonly type: 'people.withdraw' }
  // After so long `answer.timer` is due.
  | { readonly type: 'timer.arm'; readonly key: 'answer'; readonly afterMs: number }
  | { readonly type: 'timer.cancel'; readonly key: 'answer' }
  // Answered by `otherwise.answered`.
  | { readonly type: 'otherwise.ask' }
  | { readonly type: 'work.done'; readonly outcome: Outcome }
  | { readonly type: 'work.undecided' }

const statechart = setup({
  types: {
    input: {} as HumanInput,
    context: {} as HumanContext,
    events: {} as HumanEvent,
    emitted: {} as HumanEffect,
  },
  guards: {
    hasOtherwise: ({ context }) => context.otherwise,
  },
  actions: {
    ask: emit(({ context }) =>
      context.standIn ? { type: 'standIn.ask' } : { type: 'people.ask', timeoutMs: context.timeoutMs },
    ),
    arm: emit(({ context }) => ({ type: 'timer.arm', key: 'answer', afterMs: context.timeoutMs })),
    disarm: emit({ type: 'timer.cancel', key: 'answer' }),
    withdraw: emit({ type: 'people.withdraw' }),
    askOther: emit({ type: 'otherwise.ask' }),
    end: emit(({ event }) => ({
      type: 'work.done',
      outcome: 'outcome' in event ? event.outcome : { status: 'cancelled', reason: event.type },
    })),
    giveUp: emit({ type: 'work.undecided' }),
  },
})

/** One per task. */
export const humanMachine = statechart.createMachine({
  id: 'human',
  description: 'A question to people.',
  context: ({ input }) => input,
  initial: 'waiting',
  states: {
    waiting: {
      description: 'Nobody has decided yet.',
      entry: ['arm', 'ask'],
      exit: 'disarm',
      on: {
        'question.decided': { target: 'ended', actions: 'end' },
        'answer.timer': [
          { guard: 'hasOtherwise', target: 'escalated', actions: ['withdraw', 'askOther'] },
          { target: 'ended', actions: ['withdraw', 'giveUp'] },
        ],
      },
    },
    escalated: {
      description: 'Nobody decided in time; another agent answers.',
      on: { 'otherwise.answered': { target: 'ended', actions: 'end' } },
    },
    ended: { type: 'final', description: 'It has an outcome.' },
  },
})
