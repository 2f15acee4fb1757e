/**
 * Takes children down: one, several last first, or all at once. How long they may take to stop is kept by the kernel.
 * A child that dies by other means meanwhile is down all the same.
 */
import type { CellScope } from '../src/contracts/behavior.ts'
import type { AnyRef } from '../src/contracts/messages.ts'
import type { Child, ChildTable, Stopping } from './child-table.ts'

/** What a supervisor can do to end children. `suspend`: their cells stay, to be restarted. */
export interface StopChildren {
  /** `then` is called when it is down; at once when it is already. */
  one(child: Child, suspend: boolean, then: () => void): void
  /** One after the other, the last of the list first. Another one may be under way. */
  inReverse(children: readonly Child[], suspend: (child: Child) => boolean, then: () => void): void
  /** All at once, with one limit for all. */
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

  /** From now on it is being stopped. Gives what to call when it is down. */
  const begin = (child: Child, suspend: boolean, then: () => void): (() => void) => {
    const next = [then]
    const down = (): void => {
      if (child.stopping !== stopping) return
      child.stopping = undefined
      if (stopping.suspend) table.suspended(child)
      else ended(child)
      for (const waiting of next) waiting()
    }
    const stopping: Stopping = { suspend, next, down }
    child.stopping = stopping
    return down
  }

  const one = (child: Child, suspend: boolean, then: () => void): void => {
    const { stopping, ref } = child
    if (stopping) {
      if (stopping.suspend && !suspend && ref) {
        stopping.suspend = false
        scope.children.stop(ref, { suspend }, stopping.down)
      }
      return void stopping.next.push(() => one(child, suspend, then))
    }
    if (child.status === 'running' && ref) return scope.children.stop(ref, { suspend }, begin(child, suspend, then))
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
      const oneLess = (): void => void ((left -= 1) === 0 && then())
      const running: { ref: AnyRef; done: () => void }[] = []
      for (const child of children) {
        const { ref, status, stopping } = child
        if (ref && status === 'running' && !stopping) running.push({ ref, done: begin(child, false, oneLess) })
        else one(child, false, oneLess)
      }
      scope.children.stopAll(running)
    },
  }
}
