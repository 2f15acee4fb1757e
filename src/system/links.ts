/** Links: a pact of two actors. The abnormal exit of either stops the other one, unless it traps exits. */
import type { ExitReason, Exited } from '../contracts/logic.ts'
import type { Cell } from './cell.ts'

/** Links are of one incarnation: what restarts is linked no more. */
export const link = (a: Cell, b: Cell): void => {
  if (a === b) return
  ;(a.rest.links ??= new Set()).add(b)
  ;(b.rest.links ??= new Set()).add(a)
}

export const unlink = (a: Cell, b: Cell): void => {
  a.more?.links?.delete(b)
  b.more?.links?.delete(a)
}

/** The links of an actor that has ended; what is normal, or was asked for, hurts nobody. */
export const breakLinks = (cell: Cell, reason: ExitReason): void => {
  const links = cell.more?.links
  if (!links) return
  cell.more!.links = undefined
  const abnormal = reason.type === 'error' || reason.type === 'killed'
  for (const other of links) {
    other.more?.links?.delete(cell)
    if (!abnormal || other.state === 'terminated') continue
    if (other.options.trapExit) tellExit(cell, other, reason)
    else other.signal(() => other.kernel.endLinked(other, reason))
  }
}

const tellExit = (cell: Cell, other: Cell, reason: ExitReason): void => {
  const { kernel } = other
  const exited: Exited = { type: 'actor.exited', ref: cell.ref, reason }
  const mail = kernel.mail(exited, cell)
  mail.exempt = true
  kernel.post(other, mail)
}
