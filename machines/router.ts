/**
 * One task of a router: a decision, a handoff to the target that it names, and with `next` the same again until it is
 * done. Loops end by the run's hops: a target that is not reached any more ends it.
 */
import { assign, emit, setup } from 'xstate'
import type { Outcome } from '../src/contracts/errors.ts'

/** What a router chooses from. */
export interface RouterInput {
  readonly targets: readonly string[]
  /** Whether there is a target for all other cases. */
  readonly otherwise: boolean
  /** Below it `otherwise` takes over. From 0 to 1. */
  readonly minConfidence: number
  /** Whether a decision follows each step. */
  readonly dynamic: boolean
}

/** One step that has ended. */
export interface RouterStep {
  readonly to: string
  readonly outcome: Outcome
}

/** The choices, where the work is, and what came before. */
export interface RouterContext extends RouterInput {
  /** The target at work; `undefined`: the one for all other cases. */
  readonly to: string | undefined
  /** Bounded by the run's hops. */
  readonly steps: readonly RouterStep[]
}

/** What happens to a router. */
export type RouterEvent =
  | {
      readonly type: 'decision.made'
      readonly to: string
      readonly confidence?: number | undefined
      readonly reason?: string | undefined
      /** Instead of the task's own input. */
      readonly input?: { readonly value: unknown } | undefined
    }
  // All is done, says `next`.
  | { readonly type: 'decision.ended'; readonly output: unknown }
  | { readonly type: 'decision.failed'; readonly outcome: Outcome }
  | { readonly type: 'target.answered'; readonly outcome: Outcome }

/** What a router asks for. */
export type RouterEffect =
  // Answered by one of the `decision` events.
  | { readonly type: 'decision.ask'; readonly steps: readonly RouterStep[] }
  // Answered by `target.answered`.
  | {
      readonly type: 'target.ask'
      /** `undefined`: the one for all other cases. */
      readonly to: string | undefined
      readonly input: { readonly value: unknown } | undefined
      readonly reason: string | undefined
      readonly steps: readonly RouterStep[]
    }
  // The decision named no target.
  | { readonly type: 'route.missing'; readonly to: string }
  | { readonly type: 'work.done'; readonly outcome: Outcome }

type Decided = Extract<RouterEvent, { type: 'decision.made' }>

const isKnown = ({ targets }: RouterContext, { to }: Decided): boolean => targets.includes(to)

const isSure = ({ minConfidence }: RouterContext, { confidence }: Decided): boolean =>
  confidence === undefined || confidence >= minConfidence

const handOver = (
  to: string | undefined,
  event: RouterEvent,
  steps: readonly RouterStep[],
): RouterEffect => ({
  type: 'target.ask',
  to,
  input: event.type === 'decision.made' ? event.input : undefined,
  reason: event.type === 'decision.made' ? event.reason : undefined,
  steps,
})

const outcomeOf = (event: RouterEvent): Outcome =>
  'outcome' in event
    ? event.outcome
    : { status: 'completed', output: event.type === 'decision.ended' ? event.output : undefined }

const statechart = setup({
  types: {
    input: {} as RouterInput,
    context: {} as RouterContext,
    events: {} as RouterEvent,
    emitted: {} as RouterEffect,
  },
  guards: {
    namesTarget: ({ context, event }) =>
      event.type === 'decision.made' && isKnown(context, event) && isSure(context, event),
    hasOtherwise: ({ context }) => context.otherwise,
    // Hops, or another limit of the run, are spent: no further decision helps.
    goesOn: ({ context, event }) =>
      context.dynamic && event.type === 'target.answered' && event.outcome.status !== 'exhausted',
  },
  actions: {
    decide: emit(({ context }) => ({ type: 'decision.ask', steps: context.steps })),
    chooseTarget: assign({ to: ({ event }) => (event.type === 'decision.made' ? event.to : undefined) }),
    chooseOtherwise: assign({ to: undefined }),
    handOver: emit(({ context, event }) => handOver(context.to, event, context.steps)),
    keepStep: assign({
      steps: ({ context, event }) =>
        event.type === 'target.answered'
          ? [...context.steps, { to: context.to ?? 'otherwise', outcome: event.outcome }]
          : context.steps,
    }),
    miss: emit(({ event }) => ({
      type: 'route.missing',
      to: event.type === 'decision.made' ? event.to : '',
    })),
    end: emit(({ event }) => ({ type: 'work.done', outcome: outcomeOf(event) })),
  },
})

/** One per task. */
export const routerMachine = statechart.createMachine({
  id: 'router',
  description: 'Decides which of its targets a task goes to, once or after every step.',
  context: ({ input }) => ({ ...input, to: undefined, steps: [] }),
  initial: 'deciding',
  states: {
    deciding: {
      description: 'Waits for the name of a target.',
      entry: 'decide',
      on: {
        'decision.made': [
          { guard: 'namesTarget', target: 'handedOver', actions: ['chooseTarget', 'handOver'] },
          { guard: 'hasOtherwise', target: 'handedOver', actions: ['chooseOtherwise', 'handOver'] },
          { target: 'ended', actions: 'miss' },
        ],
        'decision.ended': { target: 'ended', actions: 'end' },
        'decision.failed': { target: 'ended', actions: 'end' },
      },
    },
    handedOver: {
      description: 'The target is at work.',
      on: {
        'target.answered': [
          { guard: 'goesOn', target: 'deciding', actions: 'keepStep' },
          { target: 'ended', actions: 'end' },
        ],
      },
    },
    ended: { type: 'final', description: 'It has an outcome.' },
  },
})
