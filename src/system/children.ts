/** What a supervisor does with the cells of its children. */
import type { Children } from '../contracts/behavior.ts'
import { DeliveryError } from '../contracts/errors.ts'
import type { AnyRef } from '../contracts/messages.ts'
import type { Cell } from './cell.ts'
import { restart } from './start-cell.ts'
import { kill, reportKilled, terminate } from './terminate.ts'
import { limitOf } from './hooks.ts'
import { stop } from './stopping.ts'
import { spawn } from './spawn.ts'

export const childrenOf = (parent: Cell): Children => {
  const { kernel, powers: asking } = parent
  const child = (ref: AnyRef): Cell => {
    const cell = kernel.cellOf(ref)
    if (cell?.parent === parent) return cell
    throw new DeliveryError('NO_SUCH_ACTOR', `${ref.address} is no child of "${parent.ref.path}"`)
  }
  /** `done` is called once it is down. False: it is so already. */
  const runs = (cell: Cell | undefined, suspend: boolean, done: () => void): cell is Cell => {
    const tell = (): void => parent.signal(() => !asking?.over && done())
    if (cell?.alive && cell.state !== 'suspended') {
      cell.rest.intercept = (reason) => {
        if (!suspend) terminate(cell, reason)
        tell()
      }
      return true
    }
    if (cell?.alive && !suspend) terminate(cell, { type: 'shutdown' })
    tell()
    return false
  }
  const brutally = (cell: Cell): void => kill(cell, () => reportKilled(cell))
  return {
    start: (logic, options) => spawn(kernel, logic, options, parent).ref,
    restart: (ref) => restart(child(ref)),
    forget: (ref, reason) => terminate(child(ref), reason),
    stop: (ref, { suspend }, done) => {
      const cell = kernel.cellOf(ref)
      if (!runs(cell, suspend, done)) return
      if (cell.options.shutdownMs === 'brutal-kill') brutally(cell)
      else stop(cell, { reason: { type: 'shutdown' }, toRestart: suspend })
    },
    stopAll: (children) => {
      const cells: Cell[] = []
      for (const { ref, done } of children) {
        const cell = kernel.cellOf(ref)
        if (runs(cell, false, done)) cells.push(cell)
      }
      const [first] = cells
      if (!first) return
      const limit = limitOf(first)
      if (limit === 'brutal-kill') return cells.forEach(brutally)
      if (limit !== 'infinity') limitTogether(cells, limit)
      for (const cell of cells) stop(cell, { reason: { type: 'shutdown' }, timeoutMs: 'infinity' })
    },
    isStopped: (ref) => child(ref).isStopped,
    now: () => kernel.timers.now(),
  }
}

/** Whoever is left when it is over is killed. */
const limitTogether = (cells: readonly Cell[], limitMs: number): void => {
  const { kernel } = cells[0]!
  const left = new Set(cells)
  const timer = kernel.timers.start(kernel.now() + limitMs, () => {
    for (const cell of left) cell.signal(() => kill(cell, () => reportKilled(cell)))
  })
  for (const cell of cells) {
    ;(cell.gone ??= []).push(() => {
      left.delete(cell)
      if (left.size === 0) kernel.timers.cancel(timer)
    })
  }
}
