/**
 * Takes children down: one, several last first, or all at once. Each has its own time to stop, which the kernel keeps.
 * A child that dies by other means meanwhile is down all the same.
 */
import type { CellScope } from '../src/contracts/behavior.ts'
import type { Child, ChildTable } from './child-table.ts'

/** What a supervisor can do to end children. `suspend`: their cells stay, to be restarted. */
export interface StopChildren {
  /** `then` is called when it is down; at once when it is already. */
  one(child: Child, suspend: boolean, then: () => void): void
  /** One after the other, the last of the list first. Another one may be under way. */
  inReverse(children: readonly Child[], suspend: (child: Child) => boolean, then: () => void): void
  /** In no order. */
  atOnce(children: readonly Child[], then: () => void): void
  /** The end of a child that does not run: nothing waits any more, and its cell is let go. */
  forget(child: Child): void
  /** It ended by itself. Whether that was while it was being stopped, so that this is done. */
  died(child: Child): boolean
  /** It is not to be restarted when its wait is over. */
  cancelWait(child: Child): void
}

/** For the children of this table. */
export const stopChildren = (scope: Pick<CellScope<never>, 'children'>, table: ChildTable, cancelWait: (child: Child) => void): StopChildren => {
  const ended = (child: Child): void => {
    table.ended(child)
    if (!child.spec) table.remove(child)
  }

  const forget = (child: Child): void => {
    cancelWait(child)
    const { ref } = child
    // The table first: with its last watcher told, the name may be taken again.
    ended(child)
    if (ref) scope.children.forget(ref, child.reason)
  }

  const stop = (child: Child, suspend: boolean, then: () => void): void => {
    if (!child.ref) return then()
    const next = [then]
    const down = (): void => {
      if (child.stopping !== stopping) return
      child.stopping = undefined
      if (suspend) table.suspended(child)
      else ended(child)
      for (const waiting of next) waiting()
    }
    const stopping = { suspend, next, down }
    child.stopping = stopping
    scope.children.stop(child.ref, { suspend }, down)
  }

  const one = (child: Child, suspend: boolean, then: () => void): void => {
    // Whoever is stopping it may have wanted less: look again afterwards.
    if (child.stopping) return void child.stopping.next.push(() => one(child, suspend, then))
    if (child.status === 'running') return stop(child, suspend, then)
    if (!suspend) forget(child)
    then()
  }

  return {
    one,
    forget,
    cancelWait,
    died: (child) => {
      const { stopping, ref } = child
      if (!stopping) return false
      if (!stopping.suspend && ref) scope.children.forget(ref, child.reason)
      stopping.down()
      return true
    },
    inReverse: (children, suspend, then) => {
      const left = [...children]
      const next = (): void => {
        // A loop, since thousands may be down already.
        for (let child = left.pop(); child; child = left.pop()) {
          if (child.status === 'running') return one(child, suspend(child), next)
          if (!suspend(child)) forget(child)
        }
        then()
      }
      next()
    },
    atOnce: (children, then) => {
      let left = children.length
      if (left === 0) return then()
      for (const child of children) one(child, false, () => void ((left -= 1) === 0 && then()))
    },
  }
}
