/**
 * One attempt of a lead: it hands work to delegates, and does not end while one of them is at work. What it
 * hands to whom, and what it makes of it, is not here.
 */
import { assign, emit, setup } from 'xstate'
import type { Outcome } from '../src/contracts/errors.ts'

/** What is open, and what the lead has given. */
export interface OrchestratorContext {
  /** Delegations at work. */
  readonly open: number
  /** `undefined` until the lead has returned. */
  readonly output: unknown
}

type Failure = Exclude<Outcome, { status: 'completed' }>

/** What happens to a lead. */
export type OrchestratorEvent =
  | { readonly type: 'work.delegated' }
  | {
      readonly type: 'delegation.settled'
      /** It failed, the lead has returned, and nobody has looked at it. */
      readonly missed?: Failure | undefined
    }
  | {
      readonly type: 'lead.returned'
      readonly output: unknown
      /** The first delegation that has failed by now without anybody looking at it. */
      readonly missed?: Failure | undefined
    }
  | { readonly type: 'lead.failed'; readonly outcome: Failure }

/** What a lead asks for. What is open then is called back. */
export type OrchestratorEffect = { readonly type: 'work.done'; readonly outcome: Outcome }

const outcomeOf = (event: OrchestratorEvent, output: unknown): Outcome => {
  if (event.type === 'lead.failed') return event.outcome
  const missed = 'missed' in event ? event.missed : undefined
  return missed ?? { status: 'completed', output: event.type === 'lead.returned' ? event.output : output }
}

const statechart = setup({
  types: {
    context: {} as OrchestratorContext,
    events: {} as OrchestratorEvent,
    emitted: {} as OrchestratorEffect,
  },
  guards: {
    isMissed: ({ event }) => 'missed' in event && event.missed !== undefined,
    hasOpen: ({ context }) => context.open > 0,
    hasOther: ({ context }) => context.open > 1,
  },
  actions: {
    count: assign({ open: ({ context }) => context.open + 1 }),
    // Never below zero, whoever settles twice.
    discount: assign({ open: ({ context }) => Math.max(0, context.open - 1) }),
    keepOutput: assign({
      output: ({ context, event }) => (event.type === 'lead.returned' ? event.output : context.output),
    }),
    end: emit(({ context, event }) => ({ type: 'work.done', outcome: outcomeOf(event, context.output) })),
  },
})

/** One per attempt. */
export const orchestratorMachine = statechart.createMachine({
  id: 'orchestrator',
  description: 'A lead that hands work to delegates, and does not end while one of them is at work.',
  context: { open: 0, output: undefined },
  initial: 'leading',
  states: {
    leading: {
      description: 'The lead is at work: it delegates, reads what comes back, and delegates again.',
      on: {
        'work.delegated': { actions: 'count' },
        'delegation.settled': { actions: 'discount' },
        'lead.returned': [
          { guard: 'isMissed', target: 'ended', actions: 'end' },
          { guard: 'hasOpen', target: 'waiting', actions: 'keepOutput' },
          { target: 'ended', actions: 'end' },
        ],
        'lead.failed': { target: 'ended', actions: 'end' },
      },
    },
    waiting: {
      description: 'The lead has given its answer; delegations are still at work.',
      on: {
        'work.delegated': { actions: 'count' },
        'delegation.settled': [
          { guard: 'isMissed', target: 'ended', actions: 'end' },
          { guard: 'hasOther', actions: 'discount' },
          { target: 'ended', actions: 'end' },
        ],
        // Its code goes on handing over, and no hops are left.
        'lead.failed': { target: 'ended', actions: 'end' },
      },
    },
    ended: { type: 'final', description: 'It has an outcome.' },
  },
})
