/**
 * The lifecycle of an agent: whether tasks are in flight, how the last one ended, and whether its circuit lets any in.
 * It counts and decides; what belongs to one task is in `task.ts`, the rules of the window in `circuit.ts`.
 *
 * An event that does not fit the state (a settlement when nothing is in flight) changes nothing.
 */
import { assign, emit, enqueueActions, setup } from 'xstate'
import {
  hasProbeLeft,
  isDue,
  judgeProbe,
  openFor,
  retryAfter,
  stateOf,
  type AgentContext,
  type AgentEffect,
  type AgentEvent,
  type AgentInput,
  type CircuitState,
} from './agent-types.ts'

export type { AgentContext, AgentEffect, AgentEvent, AgentInput, CircuitState } from './agent-types.ts'

type Result = Extract<AgentEvent, { type: 'attempt.failed' | 'task.settled' }>
type Args = { context: AgentContext; event: AgentEvent }

const idOf = (event: AgentEvent): string => ('id' in event ? event.id : '')

/** A result that the circuit of now is responsible for. */
const isResult = (event: AgentEvent): event is Result =>
  (event.type === 'attempt.failed' || event.type === 'task.settled') && !event.late

const isProbe = ({ context, event }: Args): boolean => isResult(event) && event.probe && context.probing > 0

const isGood = (event: AgentEvent): boolean => event.type === 'task.settled' && event.good

const isBad = (event: AgentEvent): boolean => event.type === 'attempt.failed' && event.counts

/** What the result of a probe decides; one that has none only gives its permit back. */
const verdict = (args: Args): 'open' | 'close' | 'wait' =>
  isProbe(args) && (isGood(args.event) || isBad(args.event))
    ? judgeProbe(args.context, isGood(args.event))
    : 'wait'

/** Whether the circuit opens after this result, in a row or by the window. */
const trips = ({ context, event }: Args): boolean => {
  if (context.circuit !== 'closed' || !isResult(event)) return false
  return event.trip || (isBad(event) && context.failures + 1 >= context.limits.failures)
}

// Back to normal is what an open circuit is already.
const changesMode = ({ context, event }: Args): boolean =>
  event.type === 'circuit.set' &&
  event.mode !== context.circuit &&
  (event.mode !== 'normal' || !['closed', 'open', 'half-open'].includes(context.circuit))

const noProbes = { probing: 0, passed: 0, missed: 0 }

const statechart = setup({
  types: {
    input: {} as AgentInput,
    context: {} as AgentContext,
    events: {} as AgentEvent,
    emitted: {} as AgentEffect,
  },
  guards: {
    hasTasks: ({ context }) => context.running > 0,
    hasOthers: ({ context }) => context.running > 1,
    hasFailed: ({ event }) => event.type === 'task.settled' && event.failed,
    trips,
    isDue: ({ context, event }) => isDue(context, event.at),
    hasProbeLeft: ({ context }) => hasProbeLeft(context),
    hasFallback: ({ context }) => context.limits.fallback,
    opens: (args) => verdict(args) === 'open',
    closes: (args) => verdict(args) === 'close',
    closesAndHasTasks: (args) => verdict(args) === 'close' && args.context.running > 0,
    closesAndHasOthers: (args) => verdict(args) === 'close' && args.context.running > 1,
    isolates: ({ context, event }) =>
      event.type === 'circuit.set' && event.mode === 'isolated' && context.circuit !== 'isolated',
    changesMode,
    changesModeAndHasTasks: (args) => changesMode(args) && args.context.running > 0,
    wasOpen: ({ event }) =>
      event.type === 'circuit.restored' && (event.circuit === 'open' || event.circuit === 'isolated'),
  },
  actions: {
    startTask: emit(({ event }) => ({ type: 'task.start', id: idOf(event), probe: false })),
    countTask: assign({ running: ({ context }) => context.running + 1 }),
    settleTask: assign(({ context, event }) => ({
      running: Math.max(0, context.running - 1),
      failures: isResult(event) && isGood(event) ? 0 : context.failures,
    })),
    countFailure: assign({
      failures: ({ context, event }) =>
        isResult(event) && isBad(event)
          ? Math.min(context.failures + 1, context.limits.failures)
          : context.failures,
    }),
    grant: emit(({ event }) => ({ type: 'attempt.grant', id: idOf(event), probe: false })),
    deny: emit(({ context, event }) => ({
      type: 'attempt.deny',
      id: idOf(event),
      retryAfterMs: retryAfter(context, event.at),
    })),
    divert: emit(({ context, event }) => ({
      type: 'task.divert',
      id: idOf(event),
      retryAfterMs: retryAfter(context, event.at),
    })),
    reject: emit(({ context, event }) => ({
      type: 'task.reject',
      id: idOf(event),
      retryAfterMs: retryAfter(context, event.at),
    })),
    announce: emit(({ context }, { to }: { to: CircuitState }) => ({
      type: 'circuit.changed',
      from: context.circuit,
      to,
    })),
    announceMode: emit(({ context, event }) => ({
      type: 'circuit.changed',
      from: context.circuit,
      to: event.type === 'circuit.set' ? stateOf(event.mode) : context.circuit,
    })),
    setMode: assign(({ context, event }) => ({
      ...noProbes,
      circuit: event.type === 'circuit.set' ? stateOf(event.mode) : context.circuit,
      failures: 0,
      trips: 0,
      openUntil: undefined,
    })),
    restore: assign(({ context, event }) =>
      event.type === 'circuit.restored'
        ? {
            circuit: event.circuit,
            failures: Math.min(event.failures, context.limits.failures),
            trips: event.trips,
            openUntil: event.openUntil,
          }
        : {},
    ),
    open: assign(({ context, event }) => ({
      ...noProbes,
      circuit: 'open' as const,
      failures: 0,
      trips: context.trips + 1,
      openUntil: event.at + openFor(context),
    })),
    halfOpen: assign({ ...noProbes, circuit: 'half-open' }),
    close: assign({ ...noProbes, circuit: 'closed', failures: 0, trips: 0, openUntil: undefined }),
    armOpen: enqueueActions(({ context, enqueue }) => {
      if (context.openUntil !== undefined)
        enqueue.emit({ type: 'timer.arm', key: 'open', at: context.openUntil })
    }),
    cancelOpen: emit({ type: 'timer.cancel', key: 'open' }),
    startProbe: emit(({ event }) => ({ type: 'task.start', id: idOf(event), probe: true })),
    grantProbe: emit(({ event }) => ({ type: 'attempt.grant', id: idOf(event), probe: true })),
    countProbe: enqueueActions(({ context, event, enqueue }) => {
      // Since the oldest probe: steady good ones must not hide one that hangs.
      if (context.probing === 0) {
        enqueue.emit({ type: 'timer.arm', key: 'probe', at: event.at + context.limits.probeTimeoutMs })
      }
      enqueue.assign({ probing: context.probing + 1 })
    }),
    noteProbe: enqueueActions(({ context, event, enqueue }) => {
      if (!isProbe({ context, event })) return
      if (context.probing === 1) enqueue.emit({ type: 'timer.cancel', key: 'probe' })
      enqueue.assign({
        probing: context.probing - 1,
        passed: context.passed + (isGood(event) ? 1 : 0),
        missed: context.missed + (isBad(event) ? 1 : 0),
      })
    }),
    cancelProbe: emit({ type: 'timer.cancel', key: 'probe' }),
  },
})

const admit = { target: 'running', actions: ['countTask', 'startTask'] } as const
const openUp = [{ type: 'announce', params: { to: 'open' } }, 'open'] as const
const openHalf = [{ type: 'announce', params: { to: 'half-open' } }, 'halfOpen', 'countProbe'] as const
const closeIt = [{ type: 'announce', params: { to: 'closed' } }, 'close'] as const
const refuse = [{ guard: 'hasFallback', actions: ['countTask', 'divert'] }, { actions: 'reject' }] as const

/** One per agent; tests and diagrams use it as it is, the kernel runs it compiled. */
export const agentMachine = statechart.createMachine({
  id: 'agent',
  description: 'The lifecycle of an agent: tasks in flight, how the last one ended, and its circuit.',
  // In one literal, without a spread: it is copied for each task, and so lies in one piece.
  context: ({ input }) => ({
    limits: input,
    circuit: 'closed',
    running: 0,
    failures: 0,
    trips: 0,
    openUntil: undefined,
    probing: 0,
    passed: 0,
    missed: 0,
  }),
  initial: 'idle',
  on: {
    'attempt.requested': { actions: 'grant' },
    'circuit.set': [
      { guard: 'isolates', target: '.openCircuit.open', actions: ['announceMode', 'setMode'] },
      { guard: 'changesMode', actions: ['announceMode', 'setMode'] },
    ],
  },
  states: {
    idle: {
      description: 'No task in flight; the last one, if any, ended well.',
      on: {
        'task.request': admit,
        'circuit.restored': [
          { guard: 'wasOpen', target: 'openCircuit.open', actions: 'restore' },
          { actions: 'restore' },
        ],
      },
    },
    running: {
      description: 'At least one task in flight.',
      on: {
        'task.request': { actions: ['countTask', 'startTask'] },
        'attempt.failed': [
          { guard: 'trips', target: 'openCircuit.open', actions: openUp },
          { actions: 'countFailure' },
        ],
        'task.settled': [
          { guard: 'trips', target: 'openCircuit.open', actions: ['settleTask', ...openUp] },
          { guard: 'hasOthers', actions: 'settleTask' },
          { guard: 'hasFailed', target: 'failed', actions: 'settleTask' },
          { target: 'idle', actions: 'settleTask' },
        ],
      },
    },
    failed: {
      description: 'No task in flight; the last one failed.',
      on: { 'task.request': admit },
    },
    openCircuit: {
      description: 'New tasks are refused, or answered by the fallback; tasks in flight go on.',
      initial: 'open',
      on: {
        'task.settled': { guard: 'hasTasks', actions: 'settleTask' },
        'circuit.set': [
          { guard: 'isolates', target: '.open', actions: ['announceMode', 'setMode'] },
          { guard: 'changesModeAndHasTasks', target: 'running', actions: ['announceMode', 'setMode'] },
          { guard: 'changesMode', target: 'idle', actions: ['announceMode', 'setMode'] },
        ],
      },
      states: {
        open: {
          description: 'Nothing is tried until `openUntil`; without one, until it is set by hand.',
          entry: 'armOpen',
          exit: 'cancelOpen',
          on: {
            'task.request': [
              { guard: 'isDue', target: 'halfOpen', actions: [...openHalf, 'countTask', 'startProbe'] },
              ...refuse,
            ],
            'attempt.requested': [
              { guard: 'isDue', target: 'halfOpen', actions: [...openHalf, 'grantProbe'] },
              { actions: 'deny' },
            ],
            'open.timer': {
              guard: 'isDue',
              target: 'halfOpen',
              actions: [{ type: 'announce', params: { to: 'half-open' } }, 'halfOpen'],
            },
          },
        },
        halfOpen: {
          description: 'As many are tried as there are probes; their results decide.',
          exit: 'cancelProbe',
          on: {
            'task.request': [
              { guard: 'hasProbeLeft', actions: ['countProbe', 'countTask', 'startProbe'] },
              ...refuse,
            ],
            'attempt.requested': [
              { guard: 'hasProbeLeft', actions: ['countProbe', 'grantProbe'] },
              { actions: 'deny' },
            ],
            'attempt.failed': [
              { guard: 'opens', target: 'open', actions: openUp },
              { guard: 'closesAndHasTasks', target: '#agent.running', actions: closeIt },
              { guard: 'closes', target: '#agent.idle', actions: closeIt },
              { actions: 'noteProbe' },
            ],
            'task.settled': [
              { guard: 'opens', target: 'open', actions: ['settleTask', ...openUp] },
              { guard: 'closesAndHasOthers', target: '#agent.running', actions: ['settleTask', ...closeIt] },
              { guard: 'closes', target: '#agent.idle', actions: ['settleTask', ...closeIt] },
              { guard: 'hasTasks', actions: ['noteProbe', 'settleTask'] },
            ],
            'probe.timer': { target: 'open', actions: openUp },
          },
        },
      },
    },
  },
})
