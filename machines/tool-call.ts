/**
 * One tool call of a model: checked by the guard, approved by people where that is asked for, run within its time. What
 * the tool does, and what becomes of its result, is not here.
 */
import { assign, emit, setup } from 'xstate'

/** How a call begins. */
export interface ToolCallInput {
  /** For the tool; `Infinity`: none. */
  readonly timeoutMs: number
  /** It was cleared to run before, in an earlier attempt. */
  readonly cleared: boolean
}

/** The call, and who has to approve it. */
export interface ToolCallContext extends ToolCallInput {
  /** What the check has found: nobody, or for how long people are asked, and whether others after them. */
  readonly approval: ApprovalTerms | undefined
}

/** How long people have; `Infinity`: as long as they like. */
export interface ApprovalTerms {
  readonly timeoutMs: number
  /** Whether others are asked when nobody has decided in time. */
  readonly escalates: boolean
}

/** What happens to a call. */
export type ToolCallEvent =
  // The first.
  | { readonly type: 'call.begun' }
  | { readonly type: 'check.passed'; readonly approval: ApprovalTerms | undefined }
  // Also when the guard threw.
  | { readonly type: 'check.refused' }
  | { readonly type: 'call.approved' }
  // With other arguments than those that were shown: the guard has not seen these.
  | { readonly type: 'call.edited' }
  | { readonly type: 'call.denied' }
  | { readonly type: 'approval.timer' }
  // The tool gave a result, or threw.
  | { readonly type: 'tool.settled' }
  | { readonly type: 'limit.timer' }
  // Nobody needs it any more.
  | { readonly type: 'call.drop' }

/** What a call asks for. */
export type ToolCallEffect =
  // Answered by `check.passed` or `check.refused`.
  | { readonly type: 'call.check'; readonly edited: boolean }
  // Answered by `call.approved`, `call.edited` or `call.denied`.
  | { readonly type: 'people.ask'; readonly timeoutMs: number; readonly escalated: boolean }
  | { readonly type: 'people.withdraw' }
  // Answered by `tool.settled`.
  | { readonly type: 'tool.run' }
  | { readonly type: 'tool.abort' }
  // After so long `approval.timer` or `limit.timer` is due.
  | { readonly type: 'timer.arm'; readonly key: 'approval' | 'limit'; readonly afterMs: number }
  | { readonly type: 'timer.cancel'; readonly key: 'approval' | 'limit' }
  | { readonly type: 'call.end'; readonly how: 'settled' | 'refused' | 'undecided' | 'timed-out' | 'dropped' }

const termsOf = ({ approval }: ToolCallContext): ApprovalTerms =>
  approval ?? { timeoutMs: Infinity, escalates: false }

const statechart = setup({
  types: {
    input: {} as ToolCallInput,
    context: {} as ToolCallContext,
    events: {} as ToolCallEvent,
    emitted: {} as ToolCallEffect,
  },
  guards: {
    isCleared: ({ context }) => context.cleared,
    needsApproval: ({ event }) => event.type === 'check.passed' && event.approval !== undefined,
    escalates: ({ context }) => termsOf(context).escalates,
  },
  actions: {
    check: emit({ type: 'call.check', edited: false }),
    checkEdited: emit({ type: 'call.check', edited: true }),
    keepTerms: assign({
      approval: ({ context, event }) => (event.type === 'check.passed' ? event.approval : context.approval),
    }),
    ask: emit(({ context }) => ({
      type: 'people.ask',
      timeoutMs: termsOf(context).timeoutMs,
      escalated: false,
    })),
    askOthers: emit(({ context }) => ({
      type: 'people.ask',
      timeoutMs: termsOf(context).timeoutMs,
      escalated: true,
    })),
    withdraw: emit({ type: 'people.withdraw' }),
    armApproval: emit(({ context }) => ({
      type: 'timer.arm',
      key: 'approval',
      afterMs: termsOf(context).timeoutMs,
    })),
    disarmApproval: emit({ type: 'timer.cancel', key: 'approval' }),
    run: emit({ type: 'tool.run' }),
    abort: emit({ type: 'tool.abort' }),
    armLimit: emit(({ context }) => ({ type: 'timer.arm', key: 'limit', afterMs: context.timeoutMs })),
    disarmLimit: emit({ type: 'timer.cancel', key: 'limit' }),
    settle: emit({ type: 'call.end', how: 'settled' }),
    refuse: emit({ type: 'call.end', how: 'refused' }),
    giveUp: emit({ type: 'call.end', how: 'undecided' }),
    timeOut: emit({ type: 'call.end', how: 'timed-out' }),
    drop: emit({ type: 'call.end', how: 'dropped' }),
  },
})

/** One per call and attempt. */
export const toolCallMachine = statechart.createMachine({
  id: 'toolCall',
  description: 'One tool call of a model: guarded, approved where needed, run once.',
  context: ({ input }) => ({ ...input, approval: undefined }),
  initial: 'beginning',
  states: {
    beginning: {
      description: 'What was cleared before an attempt failed is not asked about again.',
      on: { 'call.begun': [{ guard: 'isCleared', target: 'running' }, { target: 'checking' }] },
    },
    checking: {
      description: 'The guard looks at it, and the tool says who has to approve.',
      entry: 'check',
      on: {
        'check.passed': [
          { guard: 'needsApproval', target: 'approving', actions: 'keepTerms' },
          { target: 'running' },
        ],
        'check.refused': { target: 'ended', actions: 'refuse' },
        'call.drop': { target: 'ended', actions: 'drop' },
      },
    },
    approving: {
      description: 'People are asked.',
      entry: ['armApproval', 'ask'],
      exit: 'disarmApproval',
      on: {
        'call.approved': { target: 'running' },
        'call.edited': { target: 'rechecking' },
        'call.denied': { target: 'ended', actions: 'refuse' },
        'approval.timer': [
          { guard: 'escalates', target: 'escalated', actions: 'withdraw' },
          { target: 'ended', actions: ['withdraw', 'giveUp'] },
        ],
        'call.drop': { target: 'ended', actions: ['withdraw', 'drop'] },
      },
    },
    escalated: {
      description: 'Nobody decided in time: others are asked.',
      entry: ['armApproval', 'askOthers'],
      exit: 'disarmApproval',
      on: {
        'call.approved': { target: 'running' },
        'call.edited': { target: 'rechecking' },
        'call.denied': { target: 'ended', actions: 'refuse' },
        'approval.timer': { target: 'ended', actions: ['withdraw', 'giveUp'] },
        'call.drop': { target: 'ended', actions: ['withdraw', 'drop'] },
      },
    },
    rechecking: {
      description: 'The guard looks at what people made of it.',
      entry: 'checkEdited',
      on: {
        'check.passed': { target: 'running' },
        'check.refused': { target: 'ended', actions: 'refuse' },
        'call.drop': { target: 'ended', actions: 'drop' },
      },
    },
    running: {
      description: 'The tool is at work.',
      entry: ['armLimit', 'run'],
      exit: 'disarmLimit',
      on: {
        'tool.settled': { target: 'ended', actions: 'settle' },
        'limit.timer': { target: 'ended', actions: ['abort', 'timeOut'] },
      },
    },
    ended: { type: 'final', description: 'It has a result, or none is needed.' },
  },
})
