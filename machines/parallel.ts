/**
 * One task of a parallel: branches on the same input, until all have settled, what is needed has completed, or it no
 * longer can. Results keep the order in which the branches are declared.
 */
import { assign, emit, setup } from 'xstate'
import type { Outcome } from '../src/contracts/errors.ts'

/** What has to complete; `settled`: nothing, the join judges. */
export type ParallelNeed = 'settled' | 'all' | 'any' | { readonly quorum: number }

/** The branches and what is needed of them. */
export interface ParallelInput {
  readonly branches: readonly string[]
  readonly need: ParallelNeed
}

/** What the branches have given so far. */
export interface ParallelContext extends ParallelInput {
  readonly results: Readonly<Record<string, Outcome>>
}

/** What happens to a parallel. */
export interface ParallelEvent {
  readonly type: 'branch.settled'
  readonly branch: string
  readonly outcome: Outcome
  /** Whether this is as much as is wanted. */
  readonly enough: boolean
}

/** What a parallel asks for. */
export type ParallelEffect =
  // Each branch is answered by `branch.settled`.
  | { readonly type: 'branches.ask' }
  | { readonly type: 'branches.withdraw'; readonly branches: readonly string[] }
  // What was withdrawn is in the results as cancelled.
  | { readonly type: 'results.join'; readonly results: Readonly<Record<string, Outcome>> }
  | { readonly type: 'work.done'; readonly outcome: Outcome }

const notNeeded: Outcome = { status: 'cancelled', reason: 'not needed any more' }

/** How many have to complete. */
const needed = ({ need, branches }: ParallelContext): number => {
  if (need === 'settled') return 0
  if (need === 'all') return branches.length
  return need === 'any' ? 1 : need.quorum
}

// A branch may be called `toString`.
const has = (results: Readonly<Record<string, Outcome>>, branch: string): boolean =>
  Object.hasOwn(results, branch)

const withResult = (
  { results }: ParallelContext,
  { branch, outcome }: ParallelEvent,
): Record<string, Outcome> => ({
  ...results,
  [branch]: outcome,
})

const pending = (context: ParallelContext, event: ParallelEvent): readonly string[] =>
  context.branches.filter((branch) => branch !== event.branch && !has(context.results, branch))

/** How many have completed with this one, and how many still can; without a copy, as it is asked for each branch. */
const count = (
  { branches, results }: ParallelContext,
  event: ParallelEvent,
): { completed: number; open: number } => {
  let completed = 0
  let open = 0
  for (const branch of branches) {
    if (branch === event.branch) completed += event.outcome.status === 'completed' ? 1 : 0
    else if (!has(results, branch)) open += 1
    else if (results[branch]?.status === 'completed') completed += 1
  }
  return { completed, open }
}

const isOpen = ({ branches, results }: ParallelContext, { branch }: ParallelEvent): boolean =>
  branches.includes(branch) && !has(results, branch)

const isMet = (context: ParallelContext, event: ParallelEvent): boolean => {
  if (!isOpen(context, event)) return false
  if (event.enough) return true
  const { completed, open } = count(context, event)
  return context.need === 'settled' ? open === 0 : completed >= needed(context)
}

const isImpossible = (context: ParallelContext, event: ParallelEvent): boolean => {
  if (!isOpen(context, event)) return false
  const { completed, open } = count(context, event)
  return completed + open < needed(context)
}

/** All branches, in their order. */
const inOrder = (context: ParallelContext, event: ParallelEvent): Record<string, Outcome> => {
  const results = withResult(context, event)
  return Object.fromEntries(
    context.branches.map((branch) => [branch, (has(results, branch) && results[branch]) || notNeeded]),
  )
}

const firstFailed = (context: ParallelContext, event: ParallelEvent): Outcome => {
  const results = withResult(context, event)
  const failed = context.branches.find(
    (branch) => has(results, branch) && results[branch]?.status !== 'completed',
  )
  return (failed !== undefined && results[failed]) || event.outcome
}

const statechart = setup({
  types: {
    input: {} as ParallelInput,
    context: {} as ParallelContext,
    events: {} as ParallelEvent,
    emitted: {} as ParallelEffect,
  },
  guards: {
    isMet: ({ context, event }) => isMet(context, event),
    isImpossible: ({ context, event }) => isImpossible(context, event),
    isOpen: ({ context, event }) => isOpen(context, event),
  },
  actions: {
    ask: emit({ type: 'branches.ask' }),
    withdraw: emit(({ context, event }) => ({
      type: 'branches.withdraw',
      branches: pending(context, event),
    })),
    join: emit(({ context, event }) => ({ type: 'results.join', results: inOrder(context, event) })),
    fail: emit(({ context, event }) => ({ type: 'work.done', outcome: firstFailed(context, event) })),
    keep: assign({ results: ({ context, event }) => withResult(context, event) }),
  },
})

/** One per task. */
export const parallelMachine = statechart.createMachine({
  id: 'parallel',
  description: 'Branches side by side, joined when enough of them have settled.',
  context: ({ input }) => ({ ...input, results: {} }),
  initial: 'gathering',
  states: {
    gathering: {
      description: 'Branches are at work.',
      entry: 'ask',
      on: {
        'branch.settled': [
          { guard: 'isMet', target: 'ended', actions: ['withdraw', 'join', 'keep'] },
          { guard: 'isImpossible', target: 'ended', actions: ['withdraw', 'fail', 'keep'] },
          { guard: 'isOpen', actions: 'keep' },
        ],
      },
    },
    ended: { type: 'final', description: 'Joined, or failed.' },
  },
})
