/**
 * From the start of an actor to its end: starts and restarts, crash, stop, kill. Who decides about a restart is in
 * `supervision.ts`.
 */
import type { AnyActorLogic } from 'xstate'
import {
  ConflictError,
  DefectError,
  DeliveryError,
  toTroupeError,
  type TroupeError,
} from '../contracts/errors.ts'
import type { CellScope } from '../contracts/behavior.ts'
import type { ExitReason } from '../contracts/logic.ts'
import { isCellLogic, runInCell } from '../logic/cell-life.ts'
import { runLogic } from '../logic/run-logic.ts'
import { Cell, type CellOptions, type Powers, type More } from './cell.ts'
import { tellWatchers, unwatchAll } from './death-watch.ts'
import { breakLinks, link } from './links.ts'
import { Family } from './family.ts'
import { CellHost } from './host.ts'
import type { Mail } from './mail.ts'
import type { Timer } from './timers.ts'

/** What a spawn asks for. */
export interface Birth {
  readonly logic: AnyActorLogic
  readonly name: string
  readonly input: unknown
  readonly options: CellOptions
  readonly link?: Cell | undefined
  /** The request that it works at. */
  readonly origin?: Mail | undefined
}

const FINAL: readonly string[] = ['ending', 'stopping', 'terminated']

/**
 * A new actor under `parent`; its logic starts at once.
 * @throws ConflictError `NAME_TAKEN`
 * @throws DefectError `START_FAILED`
 */
export const spawnCell = (parent: Cell, birth: Birth): Cell => {
  const { kernel } = parent
  if (FINAL.includes(parent.state)) {
    throw new DefectError(`"${parent.ref.path}" is stopping and starts no more actors`, undefined, 'START_FAILED')
  }
  if (parent.children?.has(birth.name)) {
    throw new ConflictError(`${parent.ref.path}:${birth.name}`, 'a free name', 'an actor', 'NAME_TAKEN')
  }
  const cell = new Cell(kernel, parent, birth.name, birth)
  ;(parent.children ??= new Family()).add(cell, birth.origin === undefined)
  kernel.actors += 1
  if (birth.origin) {
    cell.origin = birth.origin
    if (birth.origin.asker) birth.origin.asker.target = cell
  }
  if (birth.link) link(birth.link, cell)
  try {
    beginLife(cell)
  } catch (thrown) {
    const error = startFailed(cell, thrown)
    // What it had started already is stopped, and may take its time; its name is free for another try.
    parent.children.unname(cell)
    cell.rest.intercept = (reason) => terminate(cell, reason)
    endItself(cell, { type: 'error', error })
    throw error
  }
  if (kernel.events.active && cell.alive) {
    kernel.events.emit({ type: 'actor.started', at: kernel.now(), ref: cell.ref, generation: 0 })
  }
  return cell
}

/**
 * Another incarnation of a suspended cell, under the same ref and with the same mailbox.
 * @throws DefectError `START_FAILED`; the cell stays suspended
 */
export const restart = (cell: Cell): void => {
  const { kernel } = cell
  cell.generation += 1
  try {
    beginLife(cell)
  } catch (thrown) {
    const error = startFailed(cell, thrown)
    kill(cell, () => {}, { type: 'error', error })
    cell.state = 'suspended'
    kernel.events.emit({ type: 'actor.start-failed', at: kernel.now(), ref: cell.ref, error })
    throw error
  }
  kernel.events.emit({ type: 'actor.restarted', at: kernel.now(), ref: cell.ref, generation: cell.generation })
  kernel.scheduler.ready(cell)
}

const KILLED: ExitReason = { type: 'killed' }


const startFailed = (cell: Cell, thrown: unknown): DefectError => {
  const why = toTroupeError(thrown)
  return new DefectError(`"${cell.ref.path}" did not start: ${why.message}`, thrown, 'START_FAILED')
}

const beginLife = (cell: Cell): void => {
  cell.state = 'starting'
  cell.gateOpen = true
  const scope = cell.kernel.scopeFor(cell)
  cell.scope = scope
  if (cell.more) forgetLast(cell, cell.more)
  const { logic, input } = cell
  const life = isCellLogic(logic)
    ? runInCell(logic, scope as unknown as CellScope & Powers, input)
    : runLogic(logic, { host: new CellHost(cell, scope), input })
  // It was killed while it started.
  if (scope.over) return life.discard()
  cell.life = life
  if (cell.state === 'starting') cell.state = 'running'
  if (cell.more?.draining) goOnDraining(cell)
  cell.more?.live?.changed()
  if (cell.exit) leave(cell)
}

/** What the last incarnation left behind. */
const forgetLast = ({ options }: Cell, more: More): void => {
  more.stashedSinceCrash = 0
  more.hooks = undefined
  more.stop = undefined
  // Restarts of its children; its own, where it has a budget of its own, go on counting.
  if (!options.ownBudget) more.restarts = undefined
}

/** The end of an incarnation, after which nothing of it can act any more. */
const discardLife = (cell: Cell): void => {
  if (cell.scope) cell.scope.over = true
  const { life } = cell
  if (life === undefined) return
  if (cell.more?.live) cell.more.live.keep(life.snapshot())
  cell.life = undefined
  try {
    life.discard()
  } catch (error) {
    cell.kernel.log.error({ err: error, path: cell.ref.path }, 'an actor threw while it was discarded')
  }
}

/** Timers, asks, pipes and the signal are of one incarnation. */
const release = (cell: Cell): void => {
  const { more, kernel, scope } = cell
  cell.piped = 0
  if (scope?.keyed) {
    for (const [, timer] of scope.keyed.entries()) timer.cancel()
    scope.keyed = undefined
  }
  if (more === undefined) return
  if (more.receiveTimeout) {
    more.receiveTimeout.token.active = false
    kernel.timers.cancel(more.receiveTimeout.timer)
    more.receiveTimeout = undefined
  }
  for (const ask of more.asks ?? []) ask.abandon('its asker has ended')
  more.asks = undefined
  if (more.stash) {
    cell.mailbox.putBack(more.stash, (mail) => kernel.isWork(cell, mail))
    more.stash = undefined
  }
  more.abort?.abort()
}

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

const leave = (cell: Cell): void => {
  const reason = cell.exit
  if (reason === undefined) return
  cell.exit = undefined
  endItself(cell, reason)
}

/** An end that nobody outside asked for: its parent decides what follows. */
const endItself = (cell: Cell, reason: ExitReason): void => {
  if (!cell.receiving && cell.state !== 'starting') return
  cell.state = 'ending'
  if (cell.more === undefined && !cell.scope?.keyed?.size && cell.piped === 0 && isChildless(cell)) {
    return isDown(cell, reason, false)
  }
  release(cell)
  const down = (): void => runHooks(cell, reason, () => isDown(cell, reason, isStopped(cell)))
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
  readonly timeoutMs?: number | undefined
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
  if (cell.state === 'suspended') return cell.kernel.childIsDown(cell, reason, !byItself)
  if (cell.state === 'terminated') return
  if (cell.more?.stop) return joinStop(cell, { byItself, toRestart })
  const limit = timeoutMs ?? limitOf(cell)
  if (limit === 'brutal-kill') return kill(cell, () => cell.kernel.childIsDown(cell, byItself ? reason : KILLED, !byItself))
  // It ends already, by itself: now it is not restarted.
  if (cell.state === 'ending') return planStop(cell, { reason, byItself, toRestart }, limit)
  cell.state = 'stopping'
  if (!toRestart) refuseMail(cell)
  if (!cell.life?.stopping && !cell.more && !cell.scope?.keyed?.size && isChildless(cell) && cell.piped === 0 && cell.mailbox.size === 0) {
    cell.state = 'ending'
    return isDown(cell, reason, !byItself)
  }
  planStop(cell, { reason, byItself, toRestart }, limit)
  if (cell.life?.stopping) cell.signal(() =>  guarded(cell, () => cell.life?.stopping?.(reason)))
  proceed(cell)
}

/** It was about to stop by itself, or to be started again, and now somebody else wants it stopped. */
const joinStop = (cell: Cell, { byItself, toRestart }: { byItself: boolean; toRestart: boolean }): void => {
  if (byItself || isStopped(cell)) return
  const asked = cell.more!.stop!
  asked.byItself = false
  asked.toRestart = toRestart
  if (!toRestart) refuseMail(cell)
}

const refuseMail = (cell: Cell): void => {
  if (cell.mailbox.size > 0) for (const mail of cell.mailbox.drain(false)) cell.kernel.deadLetter(mail, cell, 'stopped')
  refuseSenders(cell)
}

/** How long it may take to stop. */
const limitOf = ({ options, life }: Cell): number | 'infinity' | 'brutal-kill' =>
  options.shutdownMs ?? (life?.childExited ? 'infinity' : 5_000)

/** Whether somebody else stops it for good. */
export const isStopped = ({ more }: Cell): boolean => more?.stop !== undefined && !more.stop.byItself && !more.stop.toRestart

const planStop = (
  cell: Cell,
  order: { reason: ExitReason; byItself: boolean; toRestart: boolean },
  limit: number | 'infinity',
): void => {
  const { rest, kernel } = cell
  rest.stop = { ...order, timer: undefined, waiting: cell.life?.stopping !== undefined }
  if (limit === 'infinity') return
  rest.stop.timer = kernel.timers.start(kernel.now() + limit, () =>
    cell.signal(() => kill(cell, () => reportKilled(cell))),
  )
}

/** What follows a kill. */
export const reportKilled = (cell: Cell): void => {
  tellDown(cell, KILLED, isStopped(cell))
}

/** Its supervisor may wait for it, else its parent decides what follows. */
const tellDown = (cell: Cell, reason: ExitReason, stopped: boolean): void => {
  const intercept = cell.more?.intercept
  if (intercept) {
    cell.more!.intercept = undefined
    intercept(reason)
    // Kept to be started again, while somebody else wants it stopped.
    if (!stopped || cell.state !== 'suspended') return
  }
  cell.kernel.childIsDown(cell, reason, stopped)
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
  stopChildren(cell, () => runHooks(cell, asked.reason, () => isDown(cell, asked.reason, isStopped(cell))))
}

/** Takes no more, and stops when it has handled what it has. */
export const drain = (cell: Cell, timeoutMs: number): void => {
  const { kernel } = cell
  cell.rest.draining = true
  refuseSenders(cell)
  const timer = kernel.timers.start(kernel.now() + timeoutMs, () => stop(cell, { reason: { type: 'shutdown' } }))
  ;(cell.rest.gone ??= []).push(() => kernel.timers.cancel(timer))
  goOnDraining(cell)
}

const goOnDraining = (cell: Cell): void => {
  if (cell.state === 'running') cell.state = 'draining'
  cell.signal(() => stopDrained(cell))
}

const stopDrained = (cell: Cell): void => {
  if (cell.state === 'draining' && cell.mailbox.size === 0) stop(cell, { reason: { type: 'shutdown' } })
}

/** At once: no hook runs, and what is below goes the same way. `then` decides what follows. */
export const kill = (cell: Cell, then: () => void, reason: ExitReason = KILLED): void => {
  if (cell.state === 'terminated' || cell.state === 'suspended') return
  if (cell.more?.stop?.timer) cell.kernel.timers.cancel(cell.more.stop.timer)
  // An end that was under way is overtaken.
  if (cell.more) cell.more.ending = undefined
  cell.state = 'ending'
  if (cell.scope) cell.scope.over = true
  release(cell)
  killChildren(cell)
  discardLife(cell)
  cell.state = 'suspended'
  breakLinks(cell, reason)
  if (cell.more?.owed && !cell.options.envelopes) settleOwed(cell)
  then()
}

const isChildless = ({ children }: Cell): boolean => children === undefined || children.size === 0

const killChildren = (cell: Cell): void => {
  for (const child of cell.children?.lastFirst() ?? []) {
    kill(child, () => terminate(child, KILLED))
    terminate(child, KILLED)
  }
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
    ;(child.rest.gone ??= []).push(oneLess)
    child.more!.intercept = (reason) => terminate(child, reason)
    stop(child, { reason: { type: 'shutdown' } })
  }
}

const runHooks = (cell: Cell, reason: ExitReason, then: () => void): void => {
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
  void Promise.all(waits).then(() => {
    if (timer) cell.kernel.timers.cancel(timer)
    cell.signal(goOn)
  })
}

/** Who ends by itself waits for its hooks no longer than if it were stopped; a stop has a timer of its own. */
const patience = (cell: Cell, goOn: () => void): Timer | undefined => {
  const limit = limitOf(cell)
  if (cell.more?.stop || limit === 'infinity') return undefined
  const { kernel } = cell
  return kernel.timers.start(kernel.now() + (limit === 'brutal-kill' ? 0 : limit), () => cell.signal(goOn))
}

/** A kill in the meantime has the last word. */
const unlessOvertaken = (cell: Cell, then: () => void): (() => void) => {
  const ending = (cell.rest.ending = {})
  return () => {
    if (cell.more?.ending !== ending) return
    cell.more.ending = undefined
    then()
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
  const gone = more?.gone
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
const settleOwed = ({ more, path }: Cell): void => {
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

const refuseSenders = (cell: Cell): void => {
  const senders = cell.more?.senders
  if (!senders) return
  cell.more!.senders = undefined
  const error = new DeliveryError('ACTOR_TERMINATED', `"${cell.ref.path}" has ended`)
  for (const { refused } of senders) refused(error)
}
