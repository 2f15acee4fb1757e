/** What a supervisor does with the cells of its children. */
import type { Children } from '../contracts/behavior.ts'
import { DeliveryError } from '../contracts/errors.ts'
import type { AnyRef } from '../contracts/messages.ts'
import type { Cell } from './cell.ts'
import { restart } from './birth.ts'
import { kill, reportKilled, terminate } from './end.ts'
import { stop } from './stopping.ts'
import { spawn } from './spawn.ts'

export const childrenOf = (parent: Cell): Children => {
  const { kernel, scope: asking } = parent
  const child = (ref: AnyRef): Cell => {
    const cell = kernel.cellOf(ref)
    if (cell?.parent === parent) return cell
    throw new DeliveryError('NO_SUCH_ACTOR', `${ref.address} is no child of "${parent.ref.path}"`)
  }
  return {
    start: (logic, options) => spawn(kernel, logic, options, parent).ref,
    restart: (ref) => restart(child(ref)),
    forget: (ref, reason) => terminate(child(ref), reason),
    stop: (ref, { suspend }, done) => {
      const cell = kernel.cellOf(ref)
      const tell = (): void => parent.signal(() => !asking?.over && done())
      if (!cell?.alive) return tell()
      if (cell.state === 'suspended') {
        if (!suspend) terminate(cell, { type: 'shutdown' })
        return tell()
      }
      cell.rest.intercept = (reason) => {
        if (!suspend) terminate(cell, reason)
        tell()
      }
      if (cell.options.shutdownMs === 'brutal-kill') return kill(cell, () => reportKilled(cell))
      stop(cell, { reason: { type: 'shutdown' }, toRestart: suspend })
    },
  }
}
