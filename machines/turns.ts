/**
 * One attempt of an agent with a model: ask it, run the tools that it calls, ask again with what they gave, until its
 * answer fits. What was said stands in the transcript, which outlives attempts and is not here: only how often, and how
 * many calls are open.
 */
import { assign, emit, setup } from 'xstate'
import type { Outcome } from '../src/contracts/errors.ts'
import { retryDelay } from './task.ts'

/** The limits, and what earlier attempts at the same task have left. */
export interface TurnsInput {
  /** In all, over all attempts. */
  readonly maxTurns: number
  /** Turns in a row that only mend the one before. */
  readonly repairs: number
  /** Tries of one call of the model, in all. */
  readonly attempts: number
  /** The first wait between two of them; each one after it is twice as long. */
  readonly minMs: number
  readonly maxMs: number
  /** The turn to begin with, from 1. */
  readonly turn: number
  /** How often the model was asked in vain for that turn. */
  readonly tries: number
  /** Tool calls of the last answer that have no result yet. */
  readonly open: number
}

/** Where the conversation is. */
export interface TurnsContext {
  readonly limits: TurnsInput
  readonly turn: number
  /** Tries of this turn's call, with the one in hand. */
  readonly tries: number
  /** Turns in a row that were faulty. */
  readonly repairs: number
  /** Tool calls that have not settled. */
  readonly open: number
  /** What a tool ended the attempt with; others are still at work. */
  readonly failure: Failure | undefined
}

type Failure = Exclude<Outcome, { status: 'completed' }>

/** What happens in a conversation. */
export type TurnsEvent =
  // The first. `summary`: more was said before than the model may read.
  | { readonly type: 'attempt.begun'; readonly summary: boolean }
  // It was made, or left.
  | { readonly type: 'summary.settled' }
  // The answer fits.
  | { readonly type: 'answer.given'; readonly output: unknown }
  // It does not: `outcome` is what that comes to when it is not mended.
  | { readonly type: 'answer.faulted'; readonly outcome: Failure }
  // The model calls tools.
  | {
      readonly type: 'calls.made'
      /** How many can be run. */
      readonly good: number
      /** What the others come to when they are not mended; `undefined`: there are none. */
      readonly faulty: Failure | undefined
    }
  | {
      readonly type: 'model.failed'
      readonly outcome: Failure
      /** By the agent's rule. */
      readonly retryable: boolean
      /** The share of the wait that is waited: from 0 to 1. */
      readonly jitter: number
      /** Not before. 0: no demand. */
      readonly retryAfterMs: number
      /** How long this attempt may still take. A wait beyond that is for the task. */
      readonly leftMs: number
    }
  | { readonly type: 'retry.timer' }
  // It has a result for the model, good or bad.
  | { readonly type: 'call.settled' }
  // It ends the task.
  | { readonly type: 'call.failed'; readonly outcome: Failure }

/** What a conversation asks for. */
export type TurnsEffect =
  // Answered by `summary.settled`.
  | { readonly type: 'summary.ask' }
  // Answered by `answer`, `calls` or `model` events.
  | { readonly type: 'model.ask'; readonly turn: number }
  // Each is answered by `call.settled` or `call.failed`.
  | { readonly type: 'calls.start' }
  // Those that have not begun are not needed any more, and settle at once.
  | { readonly type: 'calls.drop' }
  // After so long `retry.timer` is due.
  | { readonly type: 'timer.arm'; readonly key: 'call'; readonly afterMs: number }
  | {
      readonly type: 'work.done'
      readonly outcome: Outcome
      /** The model's call was tried as often as it may be. */
      readonly last: boolean
    }
  // No turn is left.
  | { readonly type: 'work.truncate'; readonly turns: number }

type ModelFailed = Extract<TurnsEvent, { type: 'model.failed' }>

const delayOf = ({ limits, tries }: TurnsContext, event: ModelFailed): number =>
  retryDelay({ limits, attempt: tries }, event)

const hasTries = ({ limits, tries }: TurnsContext): boolean => tries < limits.attempts

const outcomeOf = (event: TurnsEvent): Outcome => {
  switch (event.type) {
    case 'answer.given':
      return { status: 'completed', output: event.output }
    case 'calls.made':
      return event.faulty ?? { status: 'cancelled', reason: event.type }
    case 'answer.faulted':
    case 'model.failed':
    case 'call.failed':
      return event.outcome
    default:
      return { status: 'cancelled', reason: event.type }
  }
}

const statechart = setup({
  types: {
    input: {} as TurnsInput,
    context: {} as TurnsContext,
    events: {} as TurnsEvent,
    emitted: {} as TurnsEffect,
  },
  guards: {
    needsSummary: ({ event }) => event.type === 'attempt.begun' && event.summary,
    hasOpenCalls: ({ context }) => context.open > 0,
    isOver: ({ context }) => context.turn > context.limits.maxTurns,
    mayRepair: ({ context: { limits, turn, repairs } }) => repairs < limits.repairs && turn < limits.maxTurns,
    cannotMend: ({ context: { limits, repairs }, event }) =>
      event.type === 'calls.made' && event.faulty !== undefined && repairs >= limits.repairs,
    isLastTurn: ({ context }) => context.turn >= context.limits.maxTurns,
    hasNoGoodCall: ({ event }) => event.type === 'calls.made' && event.good === 0,
    mayRetry: ({ context, event }) =>
      event.type === 'model.failed' &&
      event.retryable &&
      hasTries(context) &&
      delayOf(context, event) < event.leftMs,
    isLastCall: ({ context }) => context.open === 1,
  },
  actions: {
    ask: emit(({ context }) => ({ type: 'model.ask', turn: context.turn })),
    summarise: emit({ type: 'summary.ask' }),
    countTurn: assign(({ context, event }) => ({
      turn: context.turn + 1,
      tries: 1,
      open: 0,
      repairs: event.type === 'answer.faulted' ? context.repairs + 1 : context.repairs,
    })),
    countTry: assign({ tries: ({ context }) => context.tries + 1 }),
    countCalls: assign(({ context, event }) =>
      event.type === 'calls.made'
        ? { open: event.good, repairs: event.faulty ? context.repairs + 1 : 0 }
        : {},
    ),
    countSettled: assign({ open: ({ context }) => context.open - 1 }),
    start: emit({ type: 'calls.start' }),
    drop: emit({ type: 'calls.drop' }),
    wait: emit(({ context, event }) => ({
      type: 'timer.arm',
      key: 'call',
      afterMs: event.type === 'model.failed' ? delayOf(context, event) : 0,
    })),
    keepFailure: assign(({ context, event }) => ({
      open: context.open - 1,
      failure: event.type === 'call.failed' ? event.outcome : context.failure,
    })),
    end: emit(({ context, event }) => ({
      type: 'work.done',
      outcome: outcomeOf(event),
      last: event.type === 'model.failed' && !hasTries(context),
    })),
    fail: emit(({ context, event }) => ({
      type: 'work.done',
      outcome: context.failure ?? outcomeOf(event),
      last: false,
    })),
    truncate: emit(({ context }) => ({ type: 'work.truncate', turns: context.limits.maxTurns })),
  },
})

/** One per attempt. */
export const turnsMachine = statechart.createMachine({
  id: 'turns',
  description: 'The turns of a model: its answer, its tool calls, and what has to be mended.',
  context: ({ input }) => ({
    limits: input,
    turn: input.turn,
    tries: input.tries + 1,
    repairs: 0,
    open: input.open,
    failure: undefined,
  }),
  initial: 'resuming',
  states: {
    resuming: {
      description: 'Goes on where the attempt before has stopped.',
      on: {
        'attempt.begun': [
          { guard: 'hasOpenCalls', target: 'calling', actions: 'start' },
          { guard: 'isOver', target: 'ended', actions: 'truncate' },
          { guard: 'needsSummary', target: 'summarising', actions: 'summarise' },
          { target: 'asking', actions: 'ask' },
        ],
      },
    },
    summarising: {
      description: 'The model sums up what was said before.',
      on: { 'summary.settled': { target: 'asking', actions: 'ask' } },
    },
    asking: {
      description: 'The model is asked.',
      on: {
        'answer.given': { target: 'ended', actions: 'end' },
        'answer.faulted': [
          { guard: 'mayRepair', actions: ['countTurn', 'ask'] },
          { target: 'ended', actions: 'end' },
        ],
        'calls.made': [
          // What a tool gave could not be told to anybody any more.
          { guard: 'isLastTurn', target: 'ended', actions: 'truncate' },
          { guard: 'cannotMend', target: 'ended', actions: 'end' },
          { guard: 'hasNoGoodCall', actions: ['countCalls', 'countTurn', 'ask'] },
          { target: 'calling', actions: ['countCalls', 'start'] },
        ],
        'model.failed': [
          { guard: 'mayRetry', target: 'waiting', actions: 'wait' },
          { target: 'ended', actions: 'end' },
        ],
      },
    },
    waiting: {
      description: 'Waits before the model is asked the same again.',
      on: { 'retry.timer': { target: 'asking', actions: ['countTry', 'ask'] } },
    },
    calling: {
      description: 'Tools are at work, or wait for people.',
      on: {
        'call.settled': [
          { guard: 'isLastCall', target: 'asking', actions: ['countTurn', 'ask'] },
          { actions: 'countSettled' },
        ],
        'call.failed': [
          { guard: 'isLastCall', target: 'ended', actions: 'fail' },
          { target: 'finishing', actions: ['keepFailure', 'drop'] },
        ],
      },
    },
    finishing: {
      description:
        'A tool has failed the task. Those at work are waited for, so that nothing is left half done.',
      on: {
        'call.settled': [
          { guard: 'isLastCall', target: 'ended', actions: 'fail' },
          { actions: 'countSettled' },
        ],
        'call.failed': [
          { guard: 'isLastCall', target: 'ended', actions: 'fail' },
          { actions: 'countSettled' },
        ],
      },
    },
    ended: { type: 'final', description: 'The attempt has an outcome.' },
  },
})
