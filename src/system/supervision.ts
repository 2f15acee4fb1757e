/**
 * What happens when a child is down. A supervisor is asked; under any other parent the kernel restarts children
 * one-for-one by their own `restart`, within a budget.
 */
import { RestartLimitError, type TroupeError } from '../contracts/errors.ts'
import type { ExitReason } from '../contracts/logic.ts'
import type { Cell } from './cell.ts'
import { requestExit, restart, stop, terminate } from './lifecycle.ts'

/** A budget of restarts. */
export interface Budget {
  readonly intensity: number
  readonly periodMs: number
}

const DEFAULT: Budget = { intensity: 3, periodMs: 5_000 }

/** @param stopped whether somebody stopped it, rather than that it ended by itself */
export const superviseExit = (child: Cell, reason: ExitReason, stopped: boolean, ofRoot: Budget): void => {
  const { parent } = child
  const asks = parent?.life?.childExited
  if (parent === undefined || !parent.receiving) return terminate(child, reason)
  if (asks !== undefined) {
    return parent.signal(() => {
      if (child.state === 'suspended') parent.life?.childExited?.({ ref: child.ref, reason, stopped })
      // It was restarted meanwhile: it has to be stopped like any other.
      else if (stopped) stop(child, { reason })
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

const tryRestart = (child: Cell, ofRoot: Budget): void => {
  const parent = child.parent!
  if (child.state !== 'suspended') return
  if (!parent.receiving) return terminate(child, { type: 'shutdown' })
  const { intensity, periodMs } = parent.parent || child.options.ownBudget ? DEFAULT : ofRoot
  const owner = child.options.ownBudget ? child : parent
  const now = child.kernel.now()
  const recent = (owner.rest.restarts ?? []).filter((at) => at >= now - periodMs)
  recent.push(now)
  owner.rest.restarts = recent
  if (recent.length > intensity) return giveUp(child, owner, intensity, periodMs)
  try {
    restart(child)
  } catch {
    child.signal(() => tryRestart(child, ofRoot))
  }
}

const giveUp = (child: Cell, owner: Cell, intensity: number, periodMs: number): void => {
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
