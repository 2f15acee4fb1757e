/** The children that are restarted together, under one-for-all and rest-for-one. */
import type { Child, ChildTable } from './child-table.ts'
import type { StartChildren } from './start-children.ts'
import type { StopChildren } from './stop-children.ts'

/** One group at a time: that of the child whose failure it is about. */
export interface RestartGroup {
  includes(failed: string | undefined, child: Child): boolean
  /** Last first. */
  stop(failed: string, then: () => void): void
  /** In start order, also what had ended before. Gives the child that did not start. */
  start(failed: string): Child | undefined
  /** Somebody wants this child stopped: this time it is left out. */
  leaveOut(child: Child): void
}

/** @param onlyLater whether those that were started before the failed one are left alone */
export const restartGroup = (
  table: ChildTable,
  { start, stop, onlyLater }: { start: StartChildren; stop: StopChildren; onlyLater: boolean },
): RestartGroup => {
  const leftOut = new Set<Child>()
  const membersOf = (failed: string | undefined): Child[] =>
    table.list(onlyLater && failed !== undefined ? table.byId(failed) : undefined)

  return {
    includes: (failed, child) => membersOf(failed).includes(child),
    leaveOut: (child) => void leftOut.add(child),
    stop: (failed, then) => {
      const members = membersOf(failed)
      // One of them may have waited for a group of its own, which this one replaces.
      for (const child of members) stop.cancelWait(child)
      stop.inReverse(members, ({ restart }) => restart !== 'temporary', then)
    },
    start: (failed) => {
      for (const child of membersOf(failed)) {
        const stays = child.status === 'running' || (child.status === 'stopped' && leftOut.has(child))
        if (stays) continue
        if (child.id === failed) start.count(child)
        if (!start.again(child)) return child
      }
      leftOut.clear()
      return undefined
    },
  }
}
