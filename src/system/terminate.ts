/**
 * The end of actors, at once: what an incarnation leaves is let go, a kill, and the end for good. How an actor is brought
 * to its end in good order is in `stopping.ts`.
 */
import { DeliveryError } from '../contracts/errors.ts'
import type { ExitReason } from '../contracts/logic.ts'
import { snapshotOf } from '../logic/cell-life.ts'
import type { Cell } from './cell.ts'
import { tellWatchers, unwatchAll } from './death-watch.ts'
import { breakLinks } from './links.ts'
import { putBack } from './intake.ts'
import type { Mail } from './mail.ts'

/** The reason of who was killed. */
export const KILLED: ExitReason = { type: 'killed' }

/** The end of an incarnation, after which nothing of it can act any more. */
export const discardLife = (cell: Cell): void => {
  if (cell.powers) cell.powers.over = true
  const { life } = cell
  if (life === undefined) return
  if (cell.more?.live) cell.more.live.keep(snapshotOf(life, cell.powers?.interpreter))
  cell.life = undefined
  try {
    life.discard?.()
  } catch (error) {
    cell.kernel.log.error({ err: error, path: cell.ref.path }, 'an actor threw while it was discarded')
  }
}

/** Timers, asks, pipes and the signal are of one incarnation. */
export const release = (cell: Cell): void => {
  const { more, powers } = cell
  cell.piped = 0
  if (powers?.keyed) {
    for (const [, timer] of powers.keyed.entries()) timer.cancel()
    powers.keyed = undefined
  }
  if (more === undefined) return
  endReceiveTimeout(cell)
  for (const ask of more.asks ?? []) ask.abandon('its asker has ended')
  more.asks = undefined
  if (more.stash) {
    putBack(cell, more.stash)
    more.stash = undefined
  }
  more.abort?.abort()
}

/** One that is queued already does not arrive. */
const endReceiveTimeout = ({ more, kernel }: Cell): void => {
  if (!more?.receiveTimeout) return
  more.receiveTimeout.token.active = false
  kernel.timers.cancel(more.receiveTimeout.timer)
  more.receiveTimeout = undefined
}

/**
 * With the request to stop. A timer that repeats would begin work anew and again; one that fires once may be what the
 * work in hand waits for, such as its time limit or its next attempt.
 */
export const endTimers = (cell: Cell): void => {
  endReceiveTimeout(cell)
  const { keyed } = cell.powers ?? {}
  const atWork = cell.piped > 0 || cell.life?.stopping !== undefined
  for (const [key, timer] of keyed?.entries() ?? []) {
    if (atWork && !timer.repeats) continue
    timer.cancel()
    keyed?.delete(key)
  }
}

/** What follows a kill. */
export const reportKilled = (cell: Cell): void => {
  tellDown(cell, KILLED, cell.isStopped)
}

/** Its supervisor may wait for it, else its parent decides what follows. */
export const tellDown = (cell: Cell, reason: ExitReason, stopped: boolean): void => {
  const intercept = cell.more?.intercept
  if (intercept) {
    cell.more!.intercept = undefined
    intercept(reason)
    // Kept to be started again, while somebody else wants it stopped.
    if (!stopped || cell.state !== 'suspended') return
  }
  cell.kernel.childIsDown(cell, reason, stopped)
}

/** At once: no hook runs, and what is below goes the same way. `then` decides what follows. */
export const kill = (cell: Cell, then: () => void, reason: ExitReason = KILLED): void => {
  if (cell.state === 'terminated' || cell.state === 'suspended') return
  if (cell.more?.stop?.timer) cell.kernel.timers.cancel(cell.more.stop.timer)
  // An end that was under way is overtaken.
  if (cell.more) cell.more.ending = undefined
  cell.state = 'ending'
  if (cell.powers) cell.powers.over = true
  release(cell)
  killChildren(cell)
  discardLife(cell)
  cell.state = 'suspended'
  breakLinks(cell, reason)
  if (cell.more?.owed && !cell.options.envelopes) settleOwed(cell)
  then()
}

/** Whether nobody is below it. */
export const isChildless = ({ children }: Cell): boolean => children === undefined || children.size === 0

/** Last first. */
export const killChildren = (cell: Cell): void => {
  for (const child of cell.children?.lastFirst() ?? []) {
    kill(child, () => terminate(child, KILLED))
    terminate(child, KILLED)
  }
}

/** Gone for good: its names are free, its mail is dead, then those who watched it are told. */
export const terminate = (cell: Cell, reason: ExitReason): void => {
  if (cell.state === 'terminated') return
  const { kernel, more, parent } = cell
  cell.state = 'terminated'
  discardLife(cell)
  if (!isChildless(cell)) killChildren(cell)
  if (parent) {
    parent.children!.remove(cell)
    kernel.actors -= 1
  }
  if (cell.origin !== undefined) kernel.taskIsGone(cell)
  // It watches nobody any more, so what it would have been told of others was never sent.
  if (more?.watching) unwatchAll(cell)
  if (cell.mailbox.size > 0) for (const mail of cell.mailbox.drain(true)) bury(cell, mail)
  if (more !== undefined) terminateRest(cell, reason)
  if (kernel.events.active) {
    kernel.events.emit({ type: 'actor.terminated', at: kernel.now(), ref: cell.ref, reason })
  }
  more?.live?.gone(reason)
  const { gone } = cell
  if (gone) for (const tell of gone) tell(reason)
}

const terminateRest = (cell: Cell, reason: ExitReason): void => {
  const more = cell.more!
  for (const free of more.releases ?? []) free()
  for (const mail of more.stash ?? []) bury(cell, mail)
  more.stash = undefined
  settleOwed(cell)
  refuseSenders(cell)
  unwatchAll(cell)
  breakLinks(cell, reason)
  tellWatchers(cell, reason)
}

/** Nobody will answer any more. */
export const settleOwed = ({ more, path }: Cell): void => {
  for (const asker of more?.owed ?? []) {
    const what = `"${path}" has ended without an answer`
    if (!asker.settled) asker.settle({ status: 'rejected', error: new DeliveryError('ACTOR_TERMINATED', what) })
  }
  if (more) more.owed = undefined
}

/** What a dead actor still had in its mailbox. */
const bury = (cell: Cell, mail: Mail): void => {
  if (mail.token && !mail.token.active) cell.kernel.withdraw()
  else cell.kernel.deadLetter(mail, cell, 'stopped')
}

/** Who waits for room waits in vain. */
export const refuseSenders = (cell: Cell): void => {
  const senders = cell.more?.senders
  if (!senders) return
  cell.more!.senders = undefined
  const error = new DeliveryError('ACTOR_TERMINATED', `"${cell.ref.path}" has ended`)
  for (const { refused } of senders) refused(error)
}
