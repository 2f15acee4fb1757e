/**
 * What happens when a child is down. A supervisor is asked; under any other parent the kernel restarts children
 * one-for-one by their own `restart`, within a budget.
 */
import { backoffMs, type Backoff } from '../../actors/backoff.ts'
import { restartSettings, type RestartSettings } from '../../actors/supervisor-options.ts'
import { countRestart, isOverLimit, type RestartLimit } from '../../machines/restart-window.ts'
import { RestartLimitError, type TroupeError } from '../contracts/errors.ts'
import type { ExitReason } from '../contracts/logic.ts'
import type { Cell } from './cell.ts'
import { restart } from './start-cell.ts'
import { terminate } from './terminate.ts'
import { requestExit } from './stopping.ts'

/** How the root restarts its children. */
export type RootPolicy = RestartSettings

const DEFAULT = restartSettings({}).limit

/** @param stopped whether somebody stopped it, rather than that it ended by itself */
export const superviseExit = (child: Cell, reason: ExitReason, stopped: boolean, ofRoot: RootPolicy): void => {
  const { parent } = child
  const asks = parent?.life?.childExited
  if (parent === undefined || !parent.receiving) return terminate(child, reason)
  if (asks !== undefined) {
    return parent.signal(() => {
      if (child.state === 'suspended') parent.life?.childExited?.({ ref: child.ref, reason, stopped })
    })
  }
  if (stopped || !wantsRestart(child, reason)) return terminate(child, reason)
  // By a message, so that nobody's setup runs on the stack of whoever killed it, and a stop can get in between.
  child.signal(() => tryRestart(child, ofRoot))
}

const wantsRestart = ({ options }: Cell, reason: ExitReason): boolean => {
  if (options.restart === 'permanent') return true
  return options.restart === 'transient' && (reason.type === 'error' || reason.type === 'killed')
}

const tryRestart = (child: Cell, ofRoot: RootPolicy): void => {
  const parent = child.parent!
  if (child.state !== 'suspended') return
  if (!parent.receiving) return terminate(child, { type: 'shutdown' })
  const policy = parent.parent || child.options.ownBudget ? undefined : ofRoot
  const own = child.options.ownBudget ? DEFAULT : policy?.perChild
  if (own && isSpent(child, 'ownRestarts', own)) return giveUp(child, child, own)
  const limit = policy?.limit ?? DEFAULT
  if (!child.options.ownBudget && isSpent(parent, 'restarts', limit)) return giveUp(child, parent, limit)
  const waitMs = policy?.backoff ? nextWait(child, policy.backoff) : 0
  const again = (): void => {
    if (child.state !== 'suspended') return
    try {
      restart(child)
    } catch {
      child.signal(() => tryRestart(child, ofRoot))
    }
  }
  if (waitMs === 0) return again()
  child.kernel.timers.start(child.kernel.now() + waitMs, () => child.signal(again))
}

/** Counts a restart in the sliding window of whoever has the budget. */
const isSpent = (owner: Cell, kind: 'restarts' | 'ownRestarts', budget: RestartLimit): boolean => {
  const now = owner.kernel.timers.now()
  const before = owner.rest[kind] ?? []
  owner.rest[kind] = countRestart(before, now, budget)
  return isOverLimit(before, now, budget)
}

/** Longer after each failure, anew after a while without one. */
const nextWait = (child: Cell, backoff: Backoff): number => {
  const now = child.kernel.timers.now()
  const last = child.rest.failures
  const count = last && now - last.at < backoff.resetMs ? last.count : 0
  child.rest.failures = { count: count + 1, at: now }
  return backoffMs(backoff, count, child.kernel.random())
}

const giveUp = (child: Cell, owner: Cell, { intensity, periodMs }: RestartLimit): void => {
  const { kernel } = child
  const error: TroupeError = new RestartLimitError(owner.ref.path, intensity, periodMs)
  kernel.events.emit({
    type: 'supervisor.gave-up',
    at: kernel.now(),
    ref: child.parent!.ref,
    error: error as RestartLimitError,
  })
  kernel.log.error({ path: owner.ref.path, err: error }, 'gave up restarting')
  terminate(child, { type: 'error', error })
  if (owner !== child) requestExit(owner, { type: 'shutdown', info: error })
}
