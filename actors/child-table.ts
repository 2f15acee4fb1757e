/**
 * The children of a supervisor: what there is to know of each, in start order. Every operation on one child costs the
 * same with ten siblings and with ten thousand.
 */
import type { AnyChildSpec } from '../src/contracts/behavior.ts'
import type { ExitReason, Restart } from '../src/contracts/logic.ts'
import type { ActorRef, AnyRef } from '../src/contracts/messages.ts'

/** One child. */
export interface Child {
  readonly id: string
  readonly restart: Restart
  readonly significant: boolean
  readonly supervisor: boolean
  /** To start it from nothing. Without one it is gone when it has ended: temporary, or of a dynamic supervisor. */
  readonly spec: AnyChildSpec | undefined
  /** While there is a cell: it runs, or waits for its restart with its mailbox. */
  ref: ActorRef | undefined
  status: ChildStatus
  /** Why the last incarnation ended. */
  reason: ExitReason
  /** While it is being stopped. */
  stopping: Stopping | undefined
  /** The message that ends the wait for its restart; another one is out of date. */
  due: object | undefined
  /** Failures in a row, as backoff counts them. */
  failures: number
  startedAt: number
  failedAt: number
  /** Its own restarts, where children have a limit of their own. */
  restarts: readonly number[]
}

/** A stop that has begun. */
export interface Stopping {
  /** Its cell stays, to be restarted; until somebody wants it stopped for good. */
  suspend: boolean
  /** What waits for it to be down. */
  readonly next: (() => void)[]
  /** It is down. A second call does nothing. */
  readonly down: () => void
}

/** As `whichChildren` shows it. */
export type ChildStatus = 'running' | 'restarting' | 'stopped'

/** How a child ends that its supervisor stops. */
export const SHUTDOWN: ExitReason = { type: 'shutdown' }

/** All children of one supervisor. */
export interface ChildTable {
  readonly size: number
  /** Significant children that have not ended. */
  readonly significant: number
  /** @param at when it starts */
  add(spec: AnyChildSpec, keeps: 'spec' | 'nothing', at: number): Child
  remove(child: Child): void
  byId(id: string): Child | undefined
  byRef(ref: AnyRef): Child | undefined
  /** It has a cell now. */
  started(child: Child, ref: ActorRef, at: number): void
  /** Its cell has ended for good. */
  ended(child: Child): void
  /** Its incarnation is over, its cell waits. */
  suspended(child: Child): void
  /** In start order. @param from only this one and those that were started after it */
  list(from?: Child): Child[]
}

/** No children yet. */
export const childTable = (): ChildTable => {
  const children = new Map<string, Child>()
  const byUid = new Map<string, Child>()
  let significant = 0

  const mark = (child: Child, status: ChildStatus): void => {
    if (child.significant) significant += Number(status !== 'stopped') - Number(child.status !== 'stopped')
    child.status = status
  }

  return {
    get size() {
      return children.size
    },
    get significant() {
      return significant
    },
    add: (spec, keeps, at) => {
      const { id, logic, restart = 'permanent', significant: counts = false } = spec
      const child: Child = {
        id,
        restart,
        significant: counts,
        supervisor: 'supervisor' in logic && logic.supervisor === true,
        spec: keeps === 'nothing' || restart === 'temporary' ? undefined : spec,
        ref: undefined,
        status: 'stopped',
        reason: SHUTDOWN,
        stopping: undefined,
        due: undefined,
        failures: 0,
        startedAt: at,
        failedAt: at,
        restarts: [],
      }
      children.set(id, child)
      return child
    },
    remove: (child) => {
      mark(child, 'stopped')
      if (children.get(child.id) === child) children.delete(child.id)
    },
    byId: (id) => children.get(id),
    byRef: (ref) => byUid.get(ref.uid),
    started: (child, ref, at) => {
      mark(child, 'running')
      child.ref = ref
      child.reason = SHUTDOWN
      child.startedAt = at
      byUid.set(ref.uid, child)
    },
    ended: (child) => {
      mark(child, 'stopped')
      if (child.ref) byUid.delete(child.ref.uid)
      child.ref = undefined
    },
    suspended: (child) => mark(child, 'restarting'),
    list: (from) => {
      const all = [...children.values()]
      return from ? all.slice(all.indexOf(from)) : all
    },
  }
}
