/**
 * One task of a pipeline: stages in order, each with a gate that lets its output pass, sends the work back to an earlier
 * stage, or tries a fallback. It stops at the first stage that fails.
 */
import { assign, emit, setup } from 'xstate'
import type { Outcome } from '../src/contracts/errors.ts'

/** The gate of a stage. */
export interface StageRule {
  readonly name: string
  /** Where faults send the work: the place of this or an earlier stage. */
  readonly revise: { readonly to: number; readonly max: number } | undefined
  readonly fallback: boolean
}

/** The gates, and what goes into the first one. */
export interface PipelineInput {
  readonly stages: readonly StageRule[]
  readonly input: unknown
}

/** Why a stage works again. */
export interface StageRevision {
  readonly round: number
  readonly previous: unknown
  readonly faults: readonly string[]
}

/** Where the work is. Lists are by place in the pipeline. */
export interface PipelineContext {
  readonly stages: readonly StageRule[]
  readonly at: number
  /** What each stage was given last. */
  readonly inputs: readonly unknown[]
  /** What each stage gave last. */
  readonly outputs: readonly unknown[]
  /** How often each gate has sent the work back. */
  readonly rounds: readonly number[]
  /** For the stage at work. */
  readonly revision: StageRevision | undefined
}

/** What happens to a pipeline: always of the stage at work, or its fallback. */
export type PipelineEvent =
  | { readonly type: 'stage.passed'; readonly output: unknown }
  | { readonly type: 'stage.faulted'; readonly output: unknown; readonly faults: readonly string[] }
  | {
      readonly type: 'stage.failed'
      readonly outcome: Outcome
      /** Whether this is a case for a fallback. */
      readonly fallback: boolean
    }

/** What a pipeline asks for. */
export type PipelineEffect =
  // Both are answered by one of the `stage` events.
  | {
      readonly type: 'stage.ask'
      readonly at: number
      readonly input: unknown
      readonly revision: StageRevision | undefined
    }
  | { readonly type: 'fallback.ask'; readonly at: number; readonly input: unknown }
  // For the record: faults sent the work back.
  | { readonly type: 'stage.revised'; readonly to: number; readonly faults: readonly string[] }
  | { readonly type: 'work.done'; readonly outcome: Outcome }
  // The gate stays shut.
  | { readonly type: 'work.refuse'; readonly at: number; readonly faults: readonly string[] }

const setAt = <T>(list: readonly T[], at: number, value: T): readonly T[] => {
  const copy = [...list]
  copy[at] = value
  return copy
}

const ruleOf = ({ stages, at }: PipelineContext): StageRule | undefined => stages[at]

const faultsOf = (event: PipelineEvent): readonly string[] =>
  event.type === 'stage.faulted' ? event.faults : []

const outputOf = (event: PipelineEvent): unknown => (event.type === 'stage.failed' ? undefined : event.output)

const statechart = setup({
  types: {
    input: {} as PipelineInput,
    context: {} as PipelineContext,
    events: {} as PipelineEvent,
    emitted: {} as PipelineEffect,
  },
  guards: {
    isLast: ({ context }) => context.at === context.stages.length - 1,
    mayRevise: ({ context }) => (context.rounds[context.at] ?? 0) < (ruleOf(context)?.revise?.max ?? 0),
    hasFallback: ({ context }) => ruleOf(context)?.fallback === true,
    mayFallBack: ({ context, event }) =>
      event.type === 'stage.failed' && event.fallback && ruleOf(context)?.fallback === true,
  },
  actions: {
    ask: emit(({ context }) => ({
      type: 'stage.ask',
      at: context.at,
      input: context.inputs[context.at],
      revision: context.revision,
    })),
    advance: assign(({ context, event }) => ({
      at: context.at + 1,
      inputs: setAt(context.inputs, context.at + 1, outputOf(event)),
      outputs: setAt(context.outputs, context.at, outputOf(event)),
      revision: undefined,
    })),
    announceRevision: emit(({ context, event }) => ({
      type: 'stage.revised',
      to: ruleOf(context)?.revise?.to ?? context.at,
      faults: faultsOf(event),
    })),
    sendBack: assign(({ context, event }) => {
      const to = ruleOf(context)?.revise?.to ?? context.at
      const round = (context.rounds[context.at] ?? 0) + 1
      const outputs = setAt(context.outputs, context.at, outputOf(event))
      return {
        at: to,
        outputs,
        rounds: setAt(context.rounds, context.at, round),
        revision: { round, previous: outputs[to], faults: faultsOf(event) },
      }
    }),
    fallBack: emit(({ context }) => ({
      type: 'fallback.ask',
      at: context.at,
      input: context.inputs[context.at],
    })),
    complete: emit(({ event }) => ({
      type: 'work.done',
      outcome: { status: 'completed', output: outputOf(event) },
    })),
    refuse: emit(({ context, event }) => ({ type: 'work.refuse', at: context.at, faults: faultsOf(event) })),
    fail: emit(({ event }) => ({
      type: 'work.done',
      outcome: event.type === 'stage.failed' ? event.outcome : { status: 'completed', output: undefined },
    })),
  },
})

/** One per task. */
export const pipelineMachine = statechart.createMachine({
  id: 'pipeline',
  description: 'Stages in order, each with a gate.',
  context: ({ input: { stages, input } }) => ({
    stages,
    at: 0,
    inputs: [input],
    outputs: [],
    rounds: [],
    revision: undefined,
  }),
  initial: 'working',
  states: {
    working: {
      description: 'A stage is at work.',
      entry: 'ask',
      on: {
        'stage.passed': [
          { guard: 'isLast', target: 'ended', actions: 'complete' },
          { actions: ['advance', 'ask'] },
        ],
        'stage.faulted': [
          { guard: 'mayRevise', actions: ['announceRevision', 'sendBack', 'ask'] },
          { guard: 'hasFallback', target: 'fallingBack', actions: 'fallBack' },
          { target: 'ended', actions: 'refuse' },
        ],
        'stage.failed': [
          { guard: 'mayFallBack', target: 'fallingBack', actions: 'fallBack' },
          { target: 'ended', actions: 'fail' },
        ],
      },
    },
    fallingBack: {
      description: 'The fallback of a stage is at work.',
      on: {
        'stage.passed': [
          { guard: 'isLast', target: 'ended', actions: 'complete' },
          { target: 'working', actions: 'advance' },
        ],
        'stage.faulted': { target: 'ended', actions: 'refuse' },
        'stage.failed': { target: 'ended', actions: 'fail' },
      },
    },
    ended: { type: 'final', description: 'It has an outcome.' },
  },
})
