/**
 * One task of a plan: a planner breaks it into subtasks, those whose dependencies are done run side by side,
 * and what failed goes back to the planner while rounds are left. A plan that cannot be carried out is
 * refused as a whole.
 */
import { assign, emit, setup } from 'xstate'
import type { Fault, Outcome } from '../src/contracts/errors.ts'
import {
  dependentsIn,
  faultsOfPlan,
  queueOf,
  readyIn,
  type PlanDone,
  type PlanResults,
  type PlanStep,
} from './plan-graph.ts'

/** The workers and the bounds. */
export interface PlanInput {
  readonly workers: readonly string[]
  /** Plans in all. */
  readonly rounds: number
  /** Subtasks at once. */
  readonly width: number
}

/** The plan in hand, and what came before. */
export interface PlanContext extends PlanInput {
  /** From 1. */
  readonly round: number
  /** The subtasks of earlier rounds, in order. */
  readonly earlier: readonly PlanDone[]
  /** Those of this round, as declared. */
  readonly steps: readonly PlanStep[]
  /** Those of this round that wait, in the order in which they are to start. */
  readonly queue: readonly PlanStep[]
  /** Ids of those at work. */
  readonly running: readonly string[]
  readonly results: PlanResults
}

/** What happens to a plan. */
export type PlanEvent =
  | {
      readonly type: 'plan.made'
      readonly steps: readonly PlanStep[]
      /** What does not show in the graph: inputs that do not fit their workers. */
      readonly faults: readonly Fault[]
    }
  | { readonly type: 'planner.failed'; readonly outcome: Outcome }
  | { readonly type: 'subtask.settled'; readonly id: string; readonly outcome: Outcome }

/** What a plan asks for. */
export type PlanEffect =
  // Answered by `plan.made` or `planner.failed`.
  | { readonly type: 'planner.ask'; readonly round: number; readonly done: readonly PlanDone[] }
  // For the record.
  | { readonly type: 'plan.accepted'; readonly round: number; readonly steps: readonly PlanStep[] }
  | { readonly type: 'plan.revised'; readonly round: number; readonly failed: readonly PlanDone[] }
  // Each is answered by `subtask.settled`.
  | { readonly type: 'subtasks.ask'; readonly steps: readonly PlanStep[] }
  // Of all rounds, in order.
  | { readonly type: 'results.join'; readonly done: readonly PlanDone[] }
  | { readonly type: 'plan.refuse'; readonly faults: readonly Fault[] }
  | { readonly type: 'work.done'; readonly outcome: Outcome }

const faultsOf = (context: PlanContext, event: PlanEvent): readonly Fault[] =>
  event.type === 'plan.made' ? [...faultsOfPlan(event.steps, context), ...event.faults] : []

const doneIn = ({ steps, results }: PlanContext): readonly PlanDone[] =>
  steps.flatMap(({ id, to }) => {
    const outcome = Object.hasOwn(results, id) ? results[id] : undefined
    return outcome ? [{ id, to, outcome }] : []
  })

const failedIn = (context: PlanContext): readonly PlanDone[] =>
  doneIn(context).filter(({ outcome }) => outcome.status !== 'completed')

const readyNow = ({ queue, results, running, width }: PlanContext): readonly PlanStep[] =>
  readyIn(queue, results, width - running.length)

/** A subtask has ended; those that need what it did not give are cancelled, and never started. */
const settle = (context: PlanContext, event: PlanEvent): Partial<PlanContext> => {
  if (event.type !== 'subtask.settled') return {}
  const { id, outcome } = event
  const running = context.running.filter((other) => other !== id)
  const results = { ...context.results, [id]: outcome }
  if (outcome.status === 'completed') return { running, results }
  const lost = dependentsIn(context.queue, id)
  const cancelled: Outcome = { status: 'cancelled', reason: `not started: "${id}" ended ${outcome.status}` }
  return {
    running,
    results: { ...results, ...Object.fromEntries([...lost].map((dependent) => [dependent, cancelled])) },
    queue: context.queue.filter((step) => !lost.has(step.id)),
  }
}

const start = (context: PlanContext): Partial<PlanContext> => {
  const ready = readyNow(context)
  return {
    running: [...context.running, ...ready.map(({ id }) => id)],
    queue: context.queue.filter((step) => !ready.includes(step)),
  }
}

/** What no other plan can mend: limits of the run, and effects that a person has to find out about. */
const isFinal = ({ outcome }: PlanDone): boolean =>
  outcome.status === 'exhausted' || outcome.status === 'unknown'

const statechart = setup({
  types: {
    input: {} as PlanInput,
    context: {} as PlanContext,
    events: {} as PlanEvent,
    emitted: {} as PlanEffect,
  },
  guards: {
    isSound: ({ context, event }) => faultsOf(context, event).length === 0,
    isRunning: ({ context, event }) => event.type === 'subtask.settled' && context.running.includes(event.id),
    isOver: ({ context }) => context.running.length === 0,
    isForPlanner: ({ context }) => {
      if (context.running.length > 0 || context.round >= context.rounds) return false
      const failed = failedIn(context)
      return failed.length > 0 && !failed.some(isFinal)
    },
  },
  actions: {
    ask: emit(({ context }) => ({ type: 'planner.ask', round: context.round, done: context.earlier })),
    accept: assign(({ event }) =>
      event.type === 'plan.made' ? { steps: event.steps, queue: queueOf(event.steps) } : {},
    ),
    announce: emit(({ context }) => ({
      type: 'plan.accepted',
      round: context.round,
      steps: context.steps,
    })),
    settle: assign(({ context, event }) => settle(context, event)),
    start: emit(({ context }) => ({ type: 'subtasks.ask', steps: readyNow(context) })),
    run: assign(({ context }) => start(context)),
    revise: emit(({ context }) => ({
      type: 'plan.revised',
      round: context.round + 1,
      failed: failedIn(context),
    })),
    nextRound: assign(({ context }) => ({
      round: context.round + 1,
      earlier: [...context.earlier, ...doneIn(context)],
      steps: [],
      results: {},
    })),
    join: emit(({ context }) => ({
      type: 'results.join',
      done: [...context.earlier, ...doneIn(context)],
    })),
    refuse: emit(({ context, event }) => ({ type: 'plan.refuse', faults: faultsOf(context, event) })),
    fail: emit(({ event }) => ({
      type: 'work.done',
      outcome: 'outcome' in event ? event.outcome : { status: 'cancelled', reason: event.type },
    })),
  },
})

/** One per task. */
export const planMachine = statechart.createMachine({
  id: 'plan',
  description:
    'Subtasks with dependencies, planned, carried out side by side, and planned again where they failed.',
  context: ({ input }) => ({
    ...input,
    round: 1,
    earlier: [],
    steps: [],
    queue: [],
    running: [],
    results: {},
  }),
  initial: 'planning',
  states: {
    planning: {
      description: 'The planner is at work.',
      entry: 'ask',
      on: {
        'plan.made': [
          { guard: 'isSound', target: 'working', actions: ['accept', 'announce', 'start', 'run'] },
          { target: 'ended', actions: 'refuse' },
        ],
        'planner.failed': { target: 'ended', actions: 'fail' },
      },
    },
    working: {
      description: 'Subtasks are at work; what is ready starts, up to the width.',
      on: {
        'subtask.settled': { guard: 'isRunning', actions: ['settle', 'start', 'run'] },
      },
      always: [
        { guard: 'isForPlanner', target: 'planning', actions: ['revise', 'nextRound'] },
        { guard: 'isOver', target: 'ended', actions: 'join' },
      ],
    },
    ended: { type: 'final', description: 'Joined, refused, or failed.' },
  },
})
