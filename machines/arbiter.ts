/**
 * One task of an arbiter: branches side by side that may claim the same resources. What clashes does not run together:
 * it goes in turn, or one of both is refused; or both run, and `join` merges them, or the one that completed later is
 * undone and runs again by itself.
 */
import { assign, emit, enqueueActions, setup } from 'xstate'
import type { Outcome } from '../src/contracts/errors.ts'
import {
  blockersOf,
  clashesOf,
  firstRivalDone,
  openClash,
  refusalsOf,
  resultsOf,
  undoable,
  withState,
  type ArbiterBranch,
  type ArbiterContext,
  type ArbiterInput,
  type BranchClash,
} from './arbiter-clashes.ts'

export type {
  ArbiterBranch,
  ArbiterContext,
  ArbiterInput,
  ArbiterRule,
  BranchClash,
} from './arbiter-clashes.ts'

/** What happens to an arbiter. */
export type ArbiterEvent =
  | { readonly type: 'branch.settled'; readonly branch: string; readonly outcome: Outcome }
  | {
      readonly type: 'branch.undone'
      readonly branch: string
      /** Given when it could not be undone: how the branch ends. */
      readonly outcome?: Outcome | undefined
    }
  | { readonly type: 'clash.decided'; readonly winner: string }
  | { readonly type: 'decision.failed'; readonly outcome: Outcome }

/** What an arbiter asks for. */
export type ArbiterEffect =
  // Answered by `branch.settled`.
  | { readonly type: 'branch.ask'; readonly branch: string }
  // It lost: answered by `branch.settled`, without that it ever runs.
  | {
      readonly type: 'branch.refuse'
      readonly branch: string
      readonly clash: BranchClash
      readonly winner: string
    }
  // Answered by `branch.undone`.
  | { readonly type: 'branch.undo'; readonly branch: string; readonly output: unknown }
  // Answered by `clash.decided` or `decision.failed`.
  | { readonly type: 'clash.ask'; readonly clash: BranchClash }
  // For the record. No winner: both count.
  | { readonly type: 'conflict.decided'; readonly clash: BranchClash; readonly winner: string | undefined }
  // It names neither of the two.
  | { readonly type: 'winner.unknown'; readonly clash: BranchClash; readonly winner: string }
  | { readonly type: 'branches.withdraw' }
  | { readonly type: 'results.join'; readonly results: Readonly<Record<string, Outcome>> }
  | { readonly type: 'work.done'; readonly outcome: Outcome }

const branchOf = (context: ArbiterContext, event: ArbiterEvent): ArbiterBranch | undefined =>
  'branch' in event ? context.branches.find(({ key }) => key === event.branch) : undefined

const settled = (context: ArbiterContext, key: string, outcome: Outcome): readonly ArbiterBranch[] =>
  context.branches.map((branch) => (branch.key === key ? { ...branch, state: 'settled', outcome } : branch))

const statechart = setup({
  types: {
    input: {} as ArbiterInput,
    context: {} as ArbiterContext,
    events: {} as ArbiterEvent,
    emitted: {} as ArbiterEffect,
  },
  guards: {
    isDecided: ({ context }) => context.asking === undefined,
    isOver: ({ context }) => context.branches.every(({ state }) => state === 'settled'),
    isAtWork: ({ context, event }) => {
      const state = branchOf(context, event)?.state
      return state === 'running' || state === 'rerunning' || state === 'refused'
    },
    // Only what has completed can be undone.
    completesLater: ({ context, event }) =>
      event.type === 'branch.settled' &&
      event.outcome.status === 'completed' &&
      branchOf(context, event)?.state === 'running' &&
      firstRivalDone(context, event.branch) !== undefined,
    isUndoing: ({ context, event }) => branchOf(context, event)?.state === 'undoing',
    namesOne: ({ context, event }) =>
      event.type === 'clash.decided' && context.asking?.between.includes(event.winner) === true,
  },
  actions: {
    announce: enqueueActions(({ context, enqueue }) => {
      if (context.rule !== 'in-turn' && context.rule !== 'merge') return
      for (const clash of context.clashes) {
        const winner =
          context.rule === 'merge' ? undefined : context.order.find((key) => clash.between.includes(key))
        enqueue.emit({ type: 'conflict.decided', clash, winner })
      }
    }),
    refuseLower: enqueueActions(({ context, enqueue }) => {
      if (context.rule !== 'priority') return
      const refusals = refusalsOf(context)
      enqueue.assign({
        branches: withState(
          context,
          refusals.map(({ loser }) => loser),
          'refused',
        ),
      })
      for (const { clash, winner, loser } of refusals) {
        enqueue.emit({ type: 'conflict.decided', clash, winner })
        enqueue.emit({ type: 'branch.refuse', branch: loser, clash, winner })
      }
    }),
    refuseLoser: enqueueActions(({ context, event, enqueue }) => {
      const { asking: clash } = context
      if (clash === undefined || event.type !== 'clash.decided') return
      const { winner } = event
      const loser = clash.between[0] === winner ? clash.between[1] : clash.between[0]
      enqueue.assign({ branches: withState(context, [loser], 'refused'), asking: undefined })
      enqueue.emit({ type: 'conflict.decided', clash, winner })
      enqueue.emit({ type: 'branch.refuse', branch: loser, clash, winner })
    }),
    askWinner: enqueueActions(({ context, enqueue }) => {
      const clash = openClash(context)
      if (clash === undefined) return
      enqueue.assign({ asking: clash })
      enqueue.emit({ type: 'clash.ask', clash })
    }),
    start: enqueueActions(({ context, enqueue }) => {
      const ready = context.branches.filter((branch) => blockersOf(context, branch).length === 0)
      const first = ready.flatMap(({ key, state }) => (state === 'waiting' ? [key] : []))
      const again = ready.flatMap(({ key, state }) => (state === 'undone' ? [key] : []))
      if (first.length + again.length === 0) return
      const branches = withState(context, first, 'running')
      enqueue.assign({ branches: withState({ ...context, branches }, again, 'rerunning') })
      for (const branch of [...first, ...again]) enqueue.emit({ type: 'branch.ask', branch })
    }),
    keep: assign(({ context, event }) => {
      const branch = branchOf(context, event)
      if (event.type !== 'branch.settled' || !branch) return {}
      const counts = branch.state === 'running' && event.outcome.status === 'completed'
      return {
        branches: settled(context, event.branch, event.outcome),
        completed: counts ? [...context.completed, event.branch] : context.completed,
      }
    }),
    doom: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'branch.settled') return
      const rival = firstRivalDone(context, event.branch)
      if (rival === undefined) return
      const branches = withState(context, [event.branch], 'doomed').map((branch) =>
        branch.key === event.branch ? { ...branch, outcome: event.outcome } : branch,
      )
      enqueue.assign({ branches, completed: [...context.completed, event.branch] })
      enqueue.emit({ type: 'conflict.decided', clash: rival.clash, winner: rival.key })
    }),
    undo: enqueueActions(({ context, enqueue }) => {
      const ready = undoable(context)
      if (ready.length === 0) return
      enqueue.assign({
        branches: withState(
          context,
          ready.map(({ key }) => key),
          'undoing',
        ),
      })
      for (const { key, outcome } of ready) {
        const output = outcome?.status === 'completed' ? outcome.output : undefined
        enqueue.emit({ type: 'branch.undo', branch: key, output })
      }
    }),
    keepUndone: assign(({ context, event }) => {
      if (event.type !== 'branch.undone') return {}
      const { branch, outcome } = event
      return {
        branches: outcome ? settled(context, branch, outcome) : withState(context, [branch], 'undone'),
      }
    }),
    withdraw: emit({ type: 'branches.withdraw' }),
    miss: enqueueActions(({ context, event, enqueue }) => {
      if (context.asking === undefined || event.type !== 'clash.decided') return
      enqueue.emit({ type: 'winner.unknown', clash: context.asking, winner: event.winner })
    }),
    fail: emit(({ event }) => ({
      type: 'work.done',
      outcome: event.type === 'decision.failed' ? event.outcome : { status: 'cancelled', reason: event.type },
    })),
    join: emit(({ context }) => ({ type: 'results.join', results: resultsOf(context) })),
  },
})

/** One per task. */
export const arbiterMachine = statechart.createMachine({
  id: 'arbiter',
  description: 'Branches side by side, of which no two use a resource together that one of them writes.',
  context: ({ input }) => ({
    rule: input.rule,
    branches: input.branches.map(({ key }) => ({ key, state: 'waiting', outcome: undefined })),
    clashes: clashesOf(input.branches),
    order: input.branches.toSorted((a, b) => b.priority - a.priority).map(({ key }) => key),
    completed: [],
    asking: undefined,
  }),
  initial: 'deciding',
  states: {
    deciding: {
      description: 'Who clashes has not begun as long as it is open who wins; the others work.',
      entry: ['announce', 'refuseLower', 'askWinner', 'start'],
      always: { guard: 'isDecided', target: 'working' },
      on: {
        'clash.decided': [
          { guard: 'namesOne', actions: ['refuseLoser', 'askWinner', 'start'] },
          { target: 'ended', actions: ['withdraw', 'miss'] },
        ],
        'decision.failed': { target: 'ended', actions: ['withdraw', 'fail'] },
        'branch.settled': { guard: 'isAtWork', actions: ['keep', 'start'] },
      },
    },
    working: {
      description: 'Branches work, wait for their turn, or are undone to run again.',
      always: { guard: 'isOver', target: 'ended', actions: 'join' },
      on: {
        'branch.settled': [
          { guard: 'completesLater', actions: ['doom', 'undo', 'start'] },
          { guard: 'isAtWork', actions: ['keep', 'undo', 'start'] },
        ],
        'branch.undone': { guard: 'isUndoing', actions: ['keepUndone', 'undo', 'start'] },
      },
    },
    ended: { type: 'final', description: 'Joined, or nobody could decide.' },
  },
})
