/**
 * One task of a blackboard: its knowledge sources are activated by an agenda until nothing is left to do. It
 * knows versions, not values; whether a source is willing (its `when`) is told with every change, since
 * nothing else can alter that. What the agenda holds is in `agenda.ts`.
 */
import { assign, emit, setup } from 'xstate'
import {
  atWork,
  authorOf,
  dropped,
  excess,
  isUnwilling,
  next,
  noted,
  putBack,
  shut,
  started,
  upcoming,
  type BlackboardContext,
  type BlackboardEffect,
  type BlackboardEvent,
  type BlackboardInput,
} from './agenda.ts'

export type {
  Activation,
  BlackboardContext,
  BlackboardEffect,
  BlackboardEvent,
  BlackboardInput,
  DueSource,
  KeyChange,
  SourceRule,
} from './agenda.ts'

const statechart = setup({
  types: {
    input: {} as BlackboardInput,
    context: {} as BlackboardContext,
    events: {} as BlackboardEvent,
    emitted: {} as BlackboardEffect,
  },
  guards: {
    isStart: ({ event }) => authorOf(event) === undefined,
    isAtWork: ({ context, event }) => atWork(context, authorOf(event) ?? '') !== undefined,
    isUnwilling: ({ context }) => isUnwilling(context),
    isTooMuch: ({ context }) => excess(context) !== undefined,
    hasNext: ({ context }) => next(context) !== undefined,
    isIdle: ({ context }) => context.agenda.length === 0 && context.running.length === 0,
  },
  actions: {
    note: assign(({ context, event }) => noted(context, event)),
    putBack: assign(({ context, event }) => putBack(context, event)),
    announceStart: emit(({ context }) => ({ type: 'source.start', ...upcoming(context) })),
    start: assign(({ context }) => started(context)),
    drop: assign(({ context }) => dropped(context, next(context)?.source)),
    announceExcess: emit(({ context }) => ({
      type: 'source.quarantined',
      source: next(context)?.source ?? '',
      reason: excess(context) ?? 'depth',
    })),
    shutNext: assign(({ context }) => shut(context, next(context)?.source ?? '')),
    announceFailure: emit(({ event }) => ({
      type: 'source.quarantined',
      source: authorOf(event) ?? '',
      reason: 'failed',
    })),
    shutFailed: assign(({ context, event }) => shut(context, authorOf(event) ?? '')),
    announceQuiescence: emit({ type: 'board.quiescent' }),
    withdraw: emit(({ context }) => ({
      type: 'sources.withdraw',
      sources: context.running.map(({ source }) => source),
    })),
    forget: assign({ agenda: [], running: [] }),
  },
})

/** One per task. */
export const blackboardMachine = statechart.createMachine({
  id: 'blackboard',
  description:
    'Knowledge sources around a shared board: who is due, who is at work, until nothing is left to do.',
  context: ({ input }) => ({
    limits: input,
    agenda: [],
    running: [],
    willing: [],
    activations: {},
    quarantined: [],
  }),
  initial: 'starting',
  on: { 'board.done': { target: '.done', actions: ['withdraw', 'forget'] } },
  states: {
    starting: {
      description: 'Nothing is on the board yet.',
      on: { 'board.changed': { guard: 'isStart', target: 'working', actions: 'note' } },
    },
    working: {
      description: 'Sources are due or at work.',
      always: [
        { guard: 'isUnwilling', actions: 'drop' },
        { guard: 'isTooMuch', actions: ['announceExcess', 'shutNext'] },
        { guard: 'hasNext', actions: ['announceStart', 'start'] },
        { guard: 'isIdle', target: 'quiescent', actions: 'announceQuiescence' },
      ],
      on: {
        'board.changed': { guard: 'isAtWork', actions: 'note' },
        'source.refused': { guard: 'isAtWork', actions: 'putBack' },
        'source.failed': { guard: 'isAtWork', actions: ['announceFailure', 'shutFailed'] },
      },
    },
    quiescent: { type: 'final', description: 'Nobody is due, nobody is at work.' },
    done: {
      type: 'final',
      description: 'The board is as it was wanted; who was at work is not needed any more.',
    },
  },
})
