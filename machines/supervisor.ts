/**
 * A supervisor by the rules of OTP: what becomes of a child that ended, when a group is restarted, and when to give up.
 * It decides over one child at a time and keeps nothing per child: the table of children, their waits and limits of
 * their own are its actor's, which performs what is emitted here and reports back.
 * @see https://www.erlang.org/doc/system/sup_princ.html
 */
import { assign, emit, setup } from 'xstate'
import { countRestart, isOverLimit } from './restart-window.ts'
import type {
  ChildExited,
  SupervisorContext,
  SupervisorEffect,
  SupervisorEnding,
  SupervisorEvent,
  SupervisorInput,
  SupervisorOutput,
} from './supervisor-protocol.ts'

type Attempt = { readonly at: number; readonly spent?: boolean }
type Child = { readonly id: string }

const isAbnormal = ({ exit }: ChildExited): boolean => exit === 'error' || exit === 'killed'

const endsForGood = (exited: ChildExited): boolean =>
  exited.stopped === true ||
  exited.restart === 'temporary' ||
  (exited.restart === 'transient' && !isAbnormal(exited))

const endsTheCrew = ({ autoShutdown }: SupervisorContext, exited: ChildExited): boolean => {
  if (!exited.significant || exited.stopped || !endsForGood(exited)) return false
  if (autoShutdown === 'all-significant') return !exited.others
  return autoShutdown === 'any-significant'
}

const isGroup = ({ strategy }: SupervisorContext): boolean =>
  strategy === 'one-for-all' || strategy === 'rest-for-one'

const statechart = setup({
  types: {
    // All its members are optional, yet it is this type that XState has to see.
    // oxlint-disable-next-line typescript/no-unnecessary-type-assertion
    input: {} as SupervisorInput,
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    emitted: {} as SupervisorEffect,
    output: {} as SupervisorOutput,
  },
  guards: {
    endsTheCrew: ({ context }, exited: ChildExited) => endsTheCrew(context, exited),
    endsForGood: (_, exited: ChildExited) => endsForGood(exited),
    isGroup: ({ context }) => isGroup(context),
    waits: ({ context }) => context.backoff && !isGroup(context),
    waitsAsGroup: ({ context }) => context.backoff && isGroup(context),
    isSpent: (_, { spent }: Attempt) => spent === true,
    isExhausted: ({ context }, { at }: Attempt) => isOverLimit(context.restarts, at, context),
  },
  actions: {
    forget: emit((_, { id }: Child) => ({ type: 'child.forget', id })),
    abandon: emit((_, { id }: Child) => ({ type: 'child.abandon', id })),
    restart: emit((_, { id }: Child) => ({ type: 'child.restart', id })),
    wait: emit((_, { id }: Child) => ({ type: 'restart.wait', id })),
    giveUp: emit((_, { id }: Child) => ({ type: 'restarts.exhausted', id })),
    count: assign({ restarts: ({ context }, { at }: Attempt) => countRestart(context.restarts, at, context) }),
    blame: assign({ failed: (_, { id }: Child) => id }),
    absolve: assign({ failed: undefined }),
    stopGroup: emit(({ context }) => ({ type: 'group.stop', id: context.failed ?? '' })),
    startGroup: emit(({ context }) => ({ type: 'group.start', id: context.failed ?? '' })),
    waitForGroup: emit(({ context }) => ({ type: 'restart.wait', id: context.failed ?? '' })),
    stopChildren: emit({ type: 'children.stop' }),
    endAs: assign({ ending: (_, ending: SupervisorEnding) => ending }),
    reportEnd: emit(({ context }) => ({ type: 'supervisor.ended', ending: context.ending ?? 'stopped' })),
  },
})

const exited = ({ event }: { event: ChildExited }): ChildExited => event
const attempt = ({ event }: { event: Attempt }): Attempt => event
const child = ({ event }: { event: Child }): Child => event

// What may become of a child, each with what it takes for that.

const endTheCrew = {
  guard: { type: 'endsTheCrew', params: exited },
  target: '#supervisor.stopping',
  actions: [
    { type: 'forget', params: child },
    { type: 'endAs', params: 'auto-shutdown' },
  ],
} as const

const endForGood = {
  guard: { type: 'endsForGood', params: exited },
  actions: { type: 'forget', params: child },
} as const

const waitAsGroup = {
  guard: 'waitsAsGroup',
  target: '#supervisor.restarting.clearing',
  actions: { type: 'blame', params: child },
} as const

const abandon = {
  guard: { type: 'isSpent', params: attempt },
  actions: { type: 'abandon', params: child },
} as const

const giveUp = {
  guard: { type: 'isExhausted', params: attempt },
  target: '#supervisor.escalating',
  actions: { type: 'giveUp', params: child },
} as const

const restartGroup = {
  target: '#supervisor.restarting.stopping',
  actions: [
    { type: 'count', params: attempt },
    { type: 'blame', params: child },
  ],
} as const

const restartAlone = {
  actions: [
    { type: 'count', params: attempt },
    { type: 'restart', params: child },
  ],
} as const

/** Restarts children one by one or in groups, until there were too many restarts. */
export const supervisorMachine = statechart.createMachine({
  id: 'supervisor',
  description: 'Restarts children one by one or in groups, until there were too many restarts',
  context: ({ input }) => ({
    strategy: input.strategy ?? 'one-for-one',
    intensity: input.intensity ?? 3,
    periodMs: input.periodMs ?? 5_000,
    autoShutdown: input.autoShutdown ?? 'never',
    backoff: input.backoff ?? false,
    restarts: [],
    failed: undefined,
    ending: undefined,
  }),
  output: ({ context }) => context.ending ?? 'stopped',
  initial: 'starting',
  on: { 'stop.requested': { target: '.stopping', actions: { type: 'endAs', params: 'stopped' } } },
  states: {
    starting: {
      description: 'The first start, all children in one turn: what fails here is not tried again',
      on: {
        'children.started': 'running',
        'start.failed': { target: 'stopped', actions: { type: 'endAs', params: 'start-failed' } },
      },
    },
    running: {
      description: 'Children that are restarted alone are so here',
      on: {
        'child.exited': [
          endTheCrew,
          endForGood,
          waitAsGroup,
          { guard: 'waits', actions: { type: 'wait', params: child } },
          abandon,
          giveUp,
          { guard: 'isGroup', ...restartGroup },
          restartAlone,
        ],
        'start.failed': { actions: { type: 'wait', params: child } },
        'restart.due': [abandon, giveUp, restartAlone],
      },
    },
    restarting: {
      description: 'A group restart: it counts once, and once more for each time that it is tried again',
      initial: 'stopping',
      states: {
        stopping: {
          description: 'The group goes down for an attempt that is counted',
          entry: 'stopGroup',
          on: { 'group.stopped': 'starting' },
        },
        clearing: {
          description: 'The group goes down, to wait for an attempt that is counted when it is made',
          entry: 'stopGroup',
          on: { 'group.stopped': 'waiting' },
        },
        waiting: {
          description: 'The group waits as long as the child that failed has to',
          entry: 'waitForGroup',
          on: {
            // Of a child before the one that is waited for: a larger group takes over.
            'child.exited': [endTheCrew, endForGood, waitAsGroup, abandon, giveUp, restartGroup],
            'restart.withdrawn': 'starting',
            'restart.due': [
              { ...abandon, target: 'starting' },
              giveUp,
              { target: 'starting', actions: { type: 'count', params: attempt } },
            ],
          },
        },
        starting: {
          description: 'The group is started, in order, in one turn',
          entry: 'startGroup',
          on: {
            'group.started': { target: '#supervisor.running', actions: 'absolve' },
            'start.failed': { target: 'clearing', actions: { type: 'blame', params: child } },
          },
        },
      },
    },
    escalating: {
      description: 'There were too many restarts: all children are stopped, then it ends for its own supervisor to see',
      entry: [{ type: 'endAs', params: 'gave-up' }, 'stopChildren'],
      on: {
        'child.exited': { actions: { type: 'forget', params: child } },
        // Whoever stops it meanwhile does not wait for a reason of ours.
        'stop.requested': { actions: { type: 'endAs', params: 'stopped' } },
        'children.stopped': 'stopped',
      },
    },
    stopping: {
      description: 'All children are stopped, since it was asked to or its crew is done',
      entry: 'stopChildren',
      on: {
        'child.exited': { actions: { type: 'forget', params: child } },
        'stop.requested': { actions: { type: 'endAs', params: 'stopped' } },
        'children.stopped': 'stopped',
      },
    },
    stopped: { description: 'No child is left', type: 'final', entry: 'reportEnd' },
  },
})
