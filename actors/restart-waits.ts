/** The waits of children before they are restarted: with backoff in time, else until a later turn. */
import type { EventObject } from 'xstate'
import type { CellScope } from '../src/contracts/behavior.ts'
import { backoffMs, type Backoff } from './backoff.ts'
import type { Child, ChildTable } from './child-table.ts'

/** What a supervisor tells itself when a wait is over. */
export interface RestartDue {
  readonly type: 'supervisor.restart-due'
  readonly id: string
}

/** One wait per child. */
export interface RestartWaits {
  begin(child: Child): void
  cancel(child: Child): void
  /** Whose wait this message ends; `undefined` when it was cancelled, or the message was made up. */
  over(message: RestartDue): Child | undefined
}

/** What waiting takes of a supervisor's powers. */
type Waiting = Pick<CellScope<EventObject & { readonly type: `supervisor.${string}` }>, 'pipe' | 'random' | 'timers'>

/** For the children of this table. */
export const restartWaits = (
  scope: Waiting,
  table: ChildTable,
  { backoff, now }: { backoff: Backoff | undefined; now: () => number },
): RestartWaits => {
  const keyOf = (child: Child): string => `restart:${child.id}`

  // From now. A wait begins with the failure, also when a group had to be stopped meanwhile.
  const waitMs = (child: Child): number => {
    if (!backoff) return 0
    if (child.failedAt - child.startedAt >= backoff.resetMs) child.failures = 0
    const wait = backoffMs(backoff, child.failures, scope.random())
    child.failures += 1
    return child.failedAt + wait - now()
  }

  return {
    begin: (child) => {
      const due: RestartDue = { type: 'supervisor.restart-due', id: child.id }
      child.due = due
      const afterMs = waitMs(child)
      // Retry by a message to ourselves, so that a stop request can get in between.
      if (afterMs <= 0) scope.pipe(Promise.resolve(), () => due)
      else scope.timers.start(keyOf(child), due, { afterMs })
    },
    cancel: (child) => {
      if (!child.due) return
      child.due = undefined
      scope.timers.cancel(keyOf(child))
    },
    over: (message) => {
      const child = table.byId(message.id)
      if (child?.due !== message) return undefined
      child.due = undefined
      return child
    },
  }
}
