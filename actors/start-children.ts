/** Starts children: from nothing, and again after they have ended. */
import type { AnyChildSpec, CellScope } from '../src/contracts/behavior.ts'
import { toTroupeError } from '../src/contracts/errors.ts'
import { countRestart, type RestartLimit } from '../machines/restart-window.ts'
import type { Child, ChildTable } from './child-table.ts'

/** What a supervisor can do to start children. */
export interface StartChildren {
  /** From nothing. A throw passes on, and the child is as it was. */
  anew(child: Child, spec: AnyChildSpec): void
  /**
   * In its cell, when it has one still. False when it does not start: it goes on waiting to be restarted. Whom somebody
   * has stopped meanwhile is not started: its supervisor is about to hear of that.
   */
  again(child: Child): boolean
  /** Adds to the restarts of a child that has a limit of its own. */
  count(child: Child): void
}

/** For the children of this table. */
export const startChildren = (
  scope: Pick<CellScope<never>, 'children'>,
  table: ChildTable,
  { perChild, now }: { perChild: RestartLimit | undefined; now: () => number },
): StartChildren => {
  const anew = (child: Child, spec: AnyChildSpec): void => {
    const { id, input, mailbox, persist, protocol, trapExit, stopChildren, shutdownMs } = spec
    const { restart } = child
    const options = { id, input, restart, mailbox, persist, protocol, trapExit, stopChildren, shutdownMs }
    table.started(child, scope.children.start(spec.logic, options), now())
  }

  const inItsCell = (child: Child): void => {
    if (!child.ref) return child.spec && anew(child, child.spec)
    scope.children.restart(child.ref)
    table.started(child, child.ref, now())
  }

  return {
    anew,
    again: (child) => {
      if (child.ref && scope.children.isStopped(child.ref)) return true
      try {
        inItsCell(child)
        return true
      } catch (thrown) {
        child.reason = { type: 'error', error: toTroupeError(thrown) }
        // It never ran: this failure follows the last one without a pause.
        child.startedAt = child.failedAt = now()
        table.suspended(child)
        return false
      }
    },
    count: (child) => {
      if (perChild) child.restarts = countRestart(child.restarts, now(), perChild)
    },
  }
}
