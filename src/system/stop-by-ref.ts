/** Stops, drains and kills the actor behind a ref, for who waits until it is gone. How it ends is in `stopping.ts`. */
import type { ExitReason } from '../contracts/logic.ts'
import type { AnyRef } from '../contracts/messages.ts'
import type { Core } from './cell.ts'
import { checkMs } from './milliseconds.ts'
import { drain, stop, type StopOrder } from './stopping.ts'
import { kill, reportKilled } from './terminate.ts'

/** Resolves when it is gone. */
export const stopped = (
  kernel: Core,
  ref: AnyRef,
  { timeoutMs, info, byItself }: Omit<StopOrder, 'reason'> & { info?: unknown },
): Promise<void> =>
  new Promise((resolve) => {
    if (timeoutMs !== undefined && timeoutMs !== 'infinity') checkMs('`timeoutMs` of `stop`', timeoutMs)
    const cell = kernel.cellOf(ref)
    if (!cell?.alive) return resolve()
    ;(cell.gone ??= []).push(() => resolve())
    const reason: ExitReason = info === undefined ? { type: 'shutdown' } : { type: 'shutdown', info }
    stop(cell, { reason, timeoutMs, byItself })
  })

/** Resolves when it has handled what it had and is gone. */
export const drained = (kernel: Core, ref: AnyRef, timeoutMs: number): Promise<void> =>
  new Promise((resolve) => {
    checkMs('`timeoutMs` of `drain`', timeoutMs)
    const cell = kernel.cellOf(ref)
    if (!cell?.alive) return resolve()
    ;(cell.gone ??= []).push(() => resolve())
    drain(cell, timeoutMs)
  })

/** At once; its supervisor may restart it. */
export const killed = (kernel: Core, ref: AnyRef): void => {
  const cell = kernel.cellOf(ref)
  if (cell?.alive) kill(cell, () => reportKilled(cell))
}
