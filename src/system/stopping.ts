/**
 * How an actor is brought to its end in good order: the work in hand first, then children, then hooks. It stops because
 * somebody says so, because it has drained, or because it ends itself; its parent judges what follows.
 */
import { toTroupeError, type TroupeError } from '../contracts/errors.ts'
import type { ExitReason } from '../contracts/logic.ts'
import type { Cell } from './cell.ts'
import type { More } from './more.ts'
import {
  discardLife,
  endTimers,
  isChildless,
  kill,
  KILLED,
  killChildren,
  refuseSenders,
  release,
  reportKilled,
  settleOwed,
  tellDown,
  terminate,
} from './terminate.ts'
import { limitOf, runHooks, unlessOvertaken } from './hooks.ts'
import { breakLinks } from './links.ts'

/** What its logic threw, or that it ended by itself, is acted on. */
export const crash = (cell: Cell, error: TroupeError): void => endItself(cell, { type: 'error', error })

/** Asked for in a turn by the actor itself: happens after the message in hand. */
export const requestExit = (cell: Cell, reason: ExitReason): void => {
  if (cell.exit) return
  cell.exit = reason
  if (!cell.inTurn && cell.state !== 'starting') cell.signal(() => leave(cell))
}

/** What was asked for in this turn, and what a stop or a drain was waiting for. */
export const afterTurn = (cell: Cell): void => {
  if (cell.exit !== undefined) leave(cell)
  if (cell.state === 'stopping') proceed(cell)
  else if (cell.state === 'draining') stopDrained(cell)
}

/** Ends itself, if it has asked to. */
export const leave = (cell: Cell): void => {
  const reason = cell.exit
  if (reason === undefined) return
  cell.exit = undefined
  endItself(cell, reason)
}

/** An end that nobody outside asked for: its parent decides what follows. */
export const endItself = (cell: Cell, reason: ExitReason): void => {
  if (!cell.receiving && cell.state !== 'starting') return
  cell.state = 'ending'
  if (cell.more === undefined && !cell.powers?.keyed?.size && cell.piped === 0 && isChildless(cell)) {
    return isDown(cell, reason, false)
  }
  release(cell)
  const down = (): void => runHooks(cell, reason, () => isDown(cell, reason, cell.isStopped))
  // Tasks are taken up again by the next incarnation; none of them waits for its end.
  if (cell.options.envelopes) killChildren(cell)
  if (cell.options.stopChildren === false && cell.options.restart !== 'temporary') down()
  else stopChildren(cell, down)
}

/** Somebody linked to it has ended abnormally: it ends for the same reason, and its own parent judges. */
export const endLinked = (cell: Cell, reason: ExitReason): void => endItself(cell, reason)

/** Its logic is over, and so are its children. */
const isDown = (cell: Cell, reason: ExitReason, stopped: boolean): void => {
  if (cell.state === 'terminated') return
  if (cell.more?.stop?.timer) cell.kernel.timers.cancel(cell.more.stop.timer)
  discardLife(cell)
  cell.state = 'suspended'
  breakLinks(cell, reason)
  if (cell.more?.owed && !cell.options.envelopes) settleOwed(cell)
  tellDown(cell, reason, stopped)
}

/** How an actor is to be stopped. */
export interface StopOrder {
  readonly reason: ExitReason
  /** Default: its own `shutdownMs`. */
  readonly timeoutMs?: number | 'infinity' | undefined
  /** It stops itself: whether it is restarted is up to its parent. */
  readonly byItself?: boolean | undefined
  /** Its supervisor will start it again: its mail stays. */
  readonly toRestart?: boolean | undefined
}

/** Waits for the work in hand, then children, then hooks, then tells the parent. */
export const stop = (cell: Cell, order: StopOrder): void => {
  if (cell.inTurn || cell.state === 'starting') cell.signal(() => stopNow(cell, order))
  else stopNow(cell, order)
}

const stopNow = (cell: Cell, order: StopOrder): void => {
  const { reason, timeoutMs, byItself = false, toRestart = false } = order
  if (cell.state === 'terminated') return
  if (cell.state === 'suspended') {
    noteStop(cell, { reason, byItself, toRestart })
    return cell.kernel.childIsDown(cell, reason, !byItself)
  }
  if (cell.more?.stop) return joinStop(cell, { byItself, toRestart })
  const limit = timeoutMs ?? limitOf(cell)
  if (limit === 'brutal-kill') {
    noteStop(cell, { reason, byItself, toRestart })
    const why = byItself ? reason : KILLED
    return kill(cell, () => cell.kernel.childIsDown(cell, why, !byItself), why)
  }
  // It ends already, by itself: now it is not restarted.
  if (cell.state === 'ending') return planStop(cell, { reason, byItself, toRestart }, limit)
  cell.state = 'stopping'
  if (cell.powers?.keyed?.size || cell.more?.receiveTimeout) endTimers(cell)
  if (!toRestart) refuseMail(cell)
  if (hasNothingToWaitFor(cell)) {
    if (cell.options.restart !== 'temporary') noteStop(cell, { reason, byItself, toRestart })
    cell.state = 'ending'
    release(cell)
    return isDown(cell, reason, !byItself && !toRestart)
  }
  planStop(cell, { reason, byItself, toRestart }, limit)
  if (cell.life?.stopping) cell.signal(() =>  guarded(cell, () => cell.life?.stopping?.(reason)))
  proceed(cell)
}

const hasNothingToWaitFor = (cell: Cell): boolean =>
  !cell.life?.stopping && !cell.more?.hooks && isChildless(cell) && cell.piped === 0 && cell.mailbox.size === 0

/** It was about to stop by itself, or to be started again, and now somebody else wants it stopped. */
const joinStop = (cell: Cell, { byItself, toRestart }: { byItself: boolean; toRestart: boolean }): void => {
  if (byItself || cell.isStopped) return
  const asked = cell.more!.stop!
  asked.byItself = false
  asked.toRestart = toRestart
  if (!toRestart) refuseMail(cell)
}

const refuseMail = (cell: Cell): void => {
  if (cell.mailbox.size > 0) for (const mail of cell.mailbox.drain(false)) cell.kernel.deadLetter(mail, cell, 'stopped')
  refuseSenders(cell)
}

type Stop = NonNullable<More<Cell>['stop']>

/** So that nobody starts it again before its parent has heard of this. */
const noteStop = (cell: Cell, order: Pick<Stop, 'reason' | 'byItself' | 'toRestart'>): Stop =>
  (cell.rest.stop = { ...order, timer: undefined, waiting: cell.life?.stopping !== undefined })

const planStop = (
  cell: Cell,
  order: Pick<Stop, 'reason' | 'byItself' | 'toRestart'>,
  limit: number | 'infinity',
): void => {
  const { kernel } = cell
  const asked = noteStop(cell, order)
  if (limit === 'infinity') return
  asked.timer = kernel.timers.start(kernel.now() + limit, () =>
    cell.signal(() => kill(cell, () => reportKilled(cell))),
  )
}

const guarded = (cell: Cell, act: () => void): void => {
  try {
    act()
  } catch (thrown) {
    crash(cell, toTroupeError(thrown))
  }
}

/** A stop goes on once nothing is in hand any more. */
const proceed = (cell: Cell): void => {
  const asked = cell.more?.stop
  if (cell.state !== 'stopping' || asked === undefined) return
  if (asked.waiting || cell.piped > 0 || cell.hasMail) return
  cell.state = 'ending'
  release(cell)
  stopChildren(cell, () => runHooks(cell, asked.reason, () => isDown(cell, asked.reason, cell.isStopped)))
}

/** Takes no more, and stops when it has handled what it has. */
export const drain = (cell: Cell, timeoutMs: number): void => {
  const { kernel } = cell
  cell.rest.draining = true
  refuseSenders(cell)
  const timer = kernel.timers.start(kernel.now() + timeoutMs, () => stop(cell, { reason: { type: 'shutdown' } }))
  ;(cell.gone ??= []).push(() => kernel.timers.cancel(timer))
  goOnDraining(cell)
}

/** Takes up a drain again, after a restart. */
export const goOnDraining = (cell: Cell): void => {
  if (cell.state === 'running') cell.state = 'draining'
  cell.signal(() => stopDrained(cell))
}

const stopDrained = (cell: Cell): void => {
  if (cell.state === 'draining' && cell.mailbox.size === 0) stop(cell, { reason: { type: 'shutdown' } })
}

/** Last first, at the same time; each has its own limit. */
const stopChildren = (cell: Cell, then: () => void): void => {
  if (isChildless(cell)) return then()
  const children = cell.children?.lastFirst() ?? []
  let left = children.length
  if (left === 0) return then()
  const goOn = unlessOvertaken(cell, then)
  const oneLess = (): void => {
    left -= 1
    if (left === 0) goOn()
  }
  for (const child of children) {
    ;(child.gone ??= []).push(oneLess)
    child.rest.intercept = (reason) => terminate(child, reason)
    stop(child, { reason: { type: 'shutdown' } })
  }
}
