/** How deep work may be handed on: by the run's cap, and by those of tasks below it. */
import type { Outcome } from './errors.ts'
import type { TaskMeta } from './task-request.ts'

/** Most hops of a run, unless its budget says otherwise. */
export const DEFAULT_HOPS = 10

type Exhausted = Extract<Outcome, { status: 'exhausted' }>

/** The cap of hops that a task so deep is beyond; `undefined`: there is none. */
export const beyondHops = ({ run, account }: TaskMeta, depth: number): Exhausted | undefined => {
  for (const { cap, from } of account?.hopCaps() ?? [])
    if (depth - from > cap) return { status: 'exhausted', what: 'hops', cap, spent: depth - from }
  return depth > run.maxHops
    ? { status: 'exhausted', what: 'hops', cap: run.maxHops, spent: depth }
    : undefined
}

/** How many hops are left below a task so deep. */
export const hopsLeft = ({ run, account }: TaskMeta, depth: number): number => {
  let left = run.maxHops - depth
  for (const { cap, from } of account?.hopCaps() ?? []) left = Math.min(left, cap - (depth - from))
  return Math.max(0, left)
}
