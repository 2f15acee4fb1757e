/**
 * One task of an agent, from its first permit to its one settlement: attempts, waits between them, the fallback. What an
 * attempt does is not here: a function, a machine, or a pattern with a machine of its own.
 */
import { assign, emit, setup } from 'xstate'
import type { Outcome } from '../src/contracts/errors.ts'

/** The limits of a task. */
export interface TaskFlowInput {
  /** In all. */
  readonly attempts: number
  /** The first wait; each one after it is twice as long. */
  readonly minMs: number
  readonly maxMs: number
  /** Whether another agent answers when this one cannot. */
  readonly fallback: boolean
}

/** The limits, and the attempt in hand, or the one that waits for its permit: from 1. */
export interface TaskFlowContext {
  readonly limits: TaskFlowInput
  readonly attempt: number
}

type Failure = Exclude<Outcome, { status: 'completed' }>

/** What happens to a task. */
export type TaskFlowEvent =
  // The first permit comes with the task, each further attempt asks for its own.
  | { readonly type: 'attempt.granted' }
  | { readonly type: 'attempt.denied'; readonly retryAfterMs: number }
  | { readonly type: 'attempt.succeeded'; readonly output: unknown }
  // Also one that took too long, or whose output does not fit.
  | {
      readonly type: 'attempt.failed'
      readonly outcome: Failure
      /** By the agent's rule. */
      readonly retryable: boolean
      /** Whether this is a case for the fallback. */
      readonly fallback: boolean
      /** The share of the wait that is waited: from 0 to 1. */
      readonly jitter: number
      /** Not before. 0: no demand. */
      readonly retryAfterMs: number
    }
  | { readonly type: 'retry.timer' }
  | { readonly type: 'fallback.answered'; readonly outcome: Outcome }
  | { readonly type: 'task.cancel'; readonly reason: string }

/** What a task asks for. */
export type TaskFlowEffect =
  | { readonly type: 'attempt.start'; readonly attempt: number }
  // Whatever it still does is withdrawn.
  | { readonly type: 'attempt.end' }
  // To the circuit: it failed.
  | { readonly type: 'attempt.report' }
  // Answered by `attempt.granted` or `attempt.denied`.
  | { readonly type: 'permit.request' }
  // After so long `retry.timer` is due.
  | { readonly type: 'timer.arm'; readonly key: 'retry'; readonly afterMs: number }
  | { readonly type: 'timer.cancel'; readonly key: 'retry' }
  // Answered by `fallback.answered`.
  | { readonly type: 'fallback.ask' }
  | { readonly type: 'task.settle'; readonly outcome: Outcome }
  // The circuit is open, and there is no fallback.
  | { readonly type: 'task.refuse'; readonly retryAfterMs: number }

type Failed = Extract<TaskFlowEvent, { type: 'attempt.failed' }>

/** How long to wait before the next attempt: what the error demands even past `maxMs`. */
export const retryDelay = (
  { limits, attempt }: { limits: Pick<TaskFlowInput, 'minMs' | 'maxMs'>; attempt: number },
  { jitter, retryAfterMs }: Pick<Failed, 'jitter' | 'retryAfterMs'>,
): number => Math.max(Math.min(limits.minMs * 2 ** (attempt - 1), limits.maxMs) * jitter, retryAfterMs)

const outcomeOf = (event: TaskFlowEvent): Outcome => {
  switch (event.type) {
    case 'attempt.succeeded':
      return { status: 'completed', output: event.output }
    case 'task.cancel':
      return { status: 'cancelled', reason: event.reason }
    case 'attempt.failed':
    case 'fallback.answered':
      return event.outcome
    default:
      return { status: 'cancelled', reason: event.type }
  }
}

const statechart = setup({
  types: {
    input: {} as TaskFlowInput,
    context: {} as TaskFlowContext,
    events: {} as TaskFlowEvent,
    emitted: {} as TaskFlowEffect,
  },
  guards: {
    hasFallback: ({ context }) => context.limits.fallback,
    mayRetry: ({ context, event }) =>
      event.type === 'attempt.failed' && event.retryable && context.attempt < context.limits.attempts,
    mayFallBack: ({ context, event }) =>
      event.type === 'attempt.failed' && event.fallback && context.limits.fallback,
  },
  actions: {
    countAttempt: assign({ attempt: ({ context }) => context.attempt + 1 }),
    start: emit(({ context }) => ({ type: 'attempt.start', attempt: context.attempt })),
    end: emit({ type: 'attempt.end' }),
    report: emit({ type: 'attempt.report' }),
    requestPermit: emit({ type: 'permit.request' }),
    wait: emit(({ context, event }) => ({
      type: 'timer.arm',
      key: 'retry',
      afterMs: event.type === 'attempt.failed' ? retryDelay(context, event) : 0,
    })),
    stopWaiting: emit({ type: 'timer.cancel', key: 'retry' }),
    fallBack: emit({ type: 'fallback.ask' }),
    settle: emit(({ event }) => ({ type: 'task.settle', outcome: outcomeOf(event) })),
    refuse: emit(({ event }) => ({
      type: 'task.refuse',
      retryAfterMs: event.type === 'attempt.denied' ? event.retryAfterMs : 0,
    })),
  },
})

/** One per task. */
export const taskMachine = statechart.createMachine({
  id: 'task',
  description: 'One task of an agent: attempts, the waits between them, the fallback, one settlement.',
  context: ({ input }) => ({ limits: input, attempt: 1 }),
  initial: 'asking',
  on: { 'task.cancel': { target: '.settled', actions: 'settle' } },
  states: {
    asking: {
      description: 'Waits for leave of the circuit.',
      on: {
        'attempt.granted': { target: 'working', actions: 'start' },
        'attempt.denied': [
          { guard: 'hasFallback', target: 'fallingBack', actions: 'fallBack' },
          { target: 'settled', actions: 'refuse' },
        ],
      },
    },
    working: {
      description: 'An attempt is made.',
      exit: 'end',
      on: {
        'attempt.succeeded': { target: 'settled', actions: 'settle' },
        'attempt.failed': [
          { guard: 'mayRetry', target: 'backingOff', actions: ['report', 'wait'] },
          { guard: 'mayFallBack', target: 'fallingBack', actions: ['report', 'fallBack'] },
          { target: 'settled', actions: ['report', 'settle'] },
        ],
      },
    },
    backingOff: {
      description: 'Waits before the next attempt.',
      exit: 'stopWaiting',
      on: { 'retry.timer': { target: 'asking', actions: ['countAttempt', 'requestPermit'] } },
    },
    fallingBack: {
      description: 'The fallback has been asked.',
      on: { 'fallback.answered': { target: 'settled', actions: 'settle' } },
    },
    settled: { type: 'final', description: 'It has its outcome.' },
  },
})
