/** The `onStop` hooks of an incarnation, and how long it waits for them. */
import type { ExitReason } from '../contracts/logic.ts'
import type { Cell } from './cell.ts'
import type { Timer } from './timers.ts'

/** How long it may take to stop. */
export const limitOf = ({ options, life }: Cell): number | 'infinity' | 'brutal-kill' =>
  options.shutdownMs ?? (life?.childExited ? 'infinity' : 5_000)

/** Runs them once, and then what follows. */
export const runHooks = (cell: Cell, reason: ExitReason, then: () => void): void => {
  const hooks = cell.more?.hooks
  if (hooks === undefined) return then()
  cell.more!.hooks = undefined
  const failed = (error: unknown): void =>
    cell.kernel.log.warn({ err: error, path: cell.ref.path }, 'an onStop hook threw')
  const waits: Promise<unknown>[] = []
  for (const hook of hooks) {
    try {
      const result = hook(reason)
      if (result instanceof Promise) waits.push(result.catch(failed))
    } catch (error) {
      failed(error)
    }
  }
  if (waits.length === 0) return then()
  const goOn = unlessOvertaken(cell, then)
  const timer = patience(cell, goOn)
  const finish = async (): Promise<void> => {
    await Promise.all(waits)
    if (timer) cell.kernel.timers.cancel(timer)
    cell.signal(goOn)
  }
  void finish()
}

/** Who ends by itself waits for its hooks no longer than if it were stopped; a stop has a timer of its own. */
const patience = (cell: Cell, goOn: () => void): Timer | undefined => {
  const limit = limitOf(cell)
  if (cell.more?.stop || limit === 'infinity') return undefined
  const { kernel } = cell
  return kernel.timers.start(kernel.now() + (limit === 'brutal-kill' ? 0 : limit), () => cell.signal(goOn))
}

/** A kill in the meantime has the last word. */
export const unlessOvertaken = (cell: Cell, then: () => void): (() => void) => {
  const ending = (cell.rest.ending = {})
  return () => {
    if (cell.more?.ending !== ending) return
    cell.more.ending = undefined
    then()
  }
}
