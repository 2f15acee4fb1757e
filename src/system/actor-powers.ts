/** The powers of one incarnation of an actor, as `ActorContext` tells users of them. Its verbs are in `verbs.ts`. */
import type { EventObject } from 'xstate'
import type { ActorContext } from '../contracts/actors.ts'
import type { Interpreter } from '../contracts/behavior.ts'
import type { StepPlace } from '../contracts/context-of.ts'
import { ConfigurationError, DeliveryError, toTroupeError, type Outcome, type TroupeError } from '../contracts/errors.ts'
import { Few } from '../contracts/few.ts'
import type { ExitReason } from '../contracts/logic.ts'
import type { ActorRef, AgentMessage, AnyRef, Topic } from '../contracts/messages.ts'
import type { Logger } from '../contracts/ports.ts'
import type { MaybePromise, Unsubscribe } from '../contracts/schemas.ts'
import { reply } from './asks.ts'
import type { Cell } from './cell.ts'
import type { Powers } from './core.ts'
import { unwatch, watch } from './death-watch.ts'
import { mailboxOf, putBack } from './intake.ts'
import { KeyedTimer, type TimerOrder, type TimerOwner } from './keyed-timer.ts'
import { link, unlink } from './links.ts'
import { mailOf, type Mail, type Revocable, type Token } from './mail.ts'
import { checkMs } from './milliseconds.ts'
import type { Registers } from './registers.ts'
import { requestExit } from './stopping.ts'
import { Verbs } from './verbs.ts'

type When = { afterMs: number } | { everyMs: number }

export class ActorPowers extends Verbs implements Powers, TimerOwner, Record<keyof ActorContext, unknown> {
  over = false
  interpreter: Interpreter<never> | undefined
  keyed: Few<KeyedTimer> | undefined
  #timers: ContextTimers | undefined
  /** How often its logic has taken each step. */
  #steps: Few<number> | undefined
  readonly cell: Cell
  readonly kernel: Registers

  constructor(cell: Cell, kernel: Registers) {
    super()
    this.cell = cell
    this.kernel = kernel
  }

  /** As a token: what it told itself is for itself only. */
  get active(): boolean {
    return !this.over
  }

  get self(): ActorRef {
    return this.cell.ref
  }

  get input(): unknown {
    return this.cell.input
  }

  get envelope(): AgentMessage {
    return this.kernel.messageOf(this.mailInHand(), this.cell)
  }

  get log(): Logger {
    return this.kernel.log.child({ path: this.cell.ref.path })
  }

  get signal(): AbortSignal {
    const { rest } = this.cell
    if (!rest.abort || rest.abortOf !== this) {
      rest.abort = new AbortController()
      rest.abortOf = this
      if (this.over) rest.abort.abort()
    }
    return rest.abort.signal
  }

  get timers(): ContextTimers {
    return (this.#timers ??= new ContextTimers(this))
  }

  now(): number {
    return this.kernel.now()
  }

  random(): number {
    return this.kernel.random()
  }

  /** Of a task, what it does is known by the task: each attempt has an actor of its own. */
  nextStep(name: string): StepPlace {
    const steps = (this.#steps ??= new Few())
    const occurrence = (steps.get(name) ?? 0) + 1
    steps.set(name, occurrence)
    const task = this.cell.parent?.origin
    const runId = task?.meta?.run.id ?? this.cell.path.slice(1)
    const place = task === undefined ? runId : `${runId}/${task.id}`
    return { runId, key: `${place}/${name}#${String(occurrence)}` }
  }

  reply(value: unknown, to?: AgentMessage): void {
    this.answer({ status: 'completed', output: value }, to)
  }

  exit(): void {
    if (!this.over) requestExit(this.cell, { type: 'normal' })
  }

  end(reason: ExitReason): void {
    if (!this.over) requestExit(this.cell, reason)
  }

  crash(error: TroupeError): void {
    this.end({ type: 'error', error })
  }

  onStop(hook: (reason: ExitReason) => MaybePromise<void>): void {
    if (!this.over) (this.cell.rest.hooks ??= []).push(hook)
  }

  watch(ref: AnyRef, message?: EventObject): void {
    if (!this.over) watch(this.cell, this.kernel.cellOf(ref), ref, message)
  }

  unwatch(ref: AnyRef): void {
    unwatch(this.cell, this.kernel.cellOf(ref), ref)
  }

  link(ref: AnyRef): void {
    const other = this.kernel.cellOf(ref)
    if (this.over) return
    if (other?.alive) return link(this.cell, other)
    // As in OTP: a link to what is gone already breaks at once.
    linkToNobody(this.cell, ref)
  }

  unlink(ref: AnyRef): void {
    const other = this.kernel.cellOf(ref)
    if (other) unlink(this.cell, other)
  }

  subscribe(topic: Topic<EventObject> | string): Unsubscribe {
    this.refuseWhenOver('subscribe')
    return this.kernel.topics.subscribe(typeof topic === 'string' ? topic : topic.name, { cell: this.cell })
  }

  stash(): void {
    const mail = this.mailInHand()
    const { stash: capacity = 100 } = mailboxOf(this.cell)
    const stash = (this.cell.rest.stash ??= [])
    if (stash.at(-1) === mail) return
    if (stash.length >= capacity) {
      throw new DeliveryError('STASH_FULL', `the stash of "${this.cell.ref.path}" holds ${capacity} messages`, mail.event)
    }
    this.kernel.fate = 'kept'
    stash.push(mail)
  }

  unstashAll(): void {
    const stash = this.cell.more?.stash
    if (!stash) return
    this.cell.more!.stash = undefined
    putBack(this.cell, stash)
    this.kernel.scheduler.ready(this.cell)
  }

  startTimer(key: string, message: EventObject, when: When): void {
    if (this.over) return
    const everyMs = 'everyMs' in when ? when.everyMs : undefined
    checkMs('the time of a timer', 'everyMs' in when ? when.everyMs : when.afterMs)
    const at = this.now() + Math.max(0, 'everyMs' in when ? when.everyMs : when.afterMs)
    this.arm({ key, message, at, everyMs })
  }

  protected arm(order: TimerOrder): KeyedTimer {
    const { key } = order
    this.cancelTimer(key)
    this.kernel.share(order.message)
    const timer = new KeyedTimer(this, order)
    ;(this.keyed ??= new Few()).set(key, timer)
    this.kernel.timers.add(timer)
    return timer
  }

  cancelTimer(key: string): void {
    const timer = this.keyed?.get(key)
    if (!timer) return
    timer.cancel()
    this.keyed!.delete(key)
  }

  receiveTimeout(timeoutMs: number | undefined, message: EventObject = { type: 'receive.timeout' }): void {
    const { rest } = this.cell
    if (rest.receiveTimeout) {
      rest.receiveTimeout.token.active = false
      this.kernel.timers.cancel(rest.receiveTimeout.timer)
      rest.receiveTimeout = undefined
    }
    if (this.over || timeoutMs === undefined) return
    checkMs('`receiveTimeout`', timeoutMs)
    const token: Revocable = { active: true }
    const timer = this.kernel.timers.start(this.now() + timeoutMs, () => this.tellSelf(message, token))
    rest.receiveTimeout = { timeoutMs, message, timer, token }
  }

  /** A message has come: the wait for one begins anew, and a timeout that is queued already never arrives. */
  rearm(): void {
    const { timeoutMs, message } = this.cell.more!.receiveTimeout!
    this.receiveTimeout(timeoutMs, message as EventObject)
  }

  pipe<T>(
    work: PromiseLike<T>,
    message: (result: { status: 'completed'; output: T } | { status: 'failed'; error: TroupeError }) => EventObject,
  ): void {
    // Nobody is left to be told, which must not bring the process down.
    if (this.over) return void work.then(undefined, () => {})
    this.cell.piped += 1
    work.then(
      (output) => this.#arrived(message, { status: 'completed', output }),
      (thrown: unknown) => this.#arrived(message, { status: 'failed', error: toTroupeError(thrown) }),
    )
  }

  #arrived<R>(message: (result: R) => EventObject, result: R): void {
    if (this.over || this.cell.piped === 0) return
    this.cell.piped -= 1
    try {
      this.tellSelf(message(result), this)
    } catch (thrown) {
      this.crash(toTroupeError(thrown))
    }
  }

  /** Effect results, timers and replies: past the gate and the bound. */
  tellSelf(event: EventObject, token: Token): void {
    const mail = this.kernel.note(event, this.cell)
    mail.token = token
    this.kernel.post(this.cell, mail)
  }

  protected mailInHand(): Mail {
    const { mail } = this.cell
    if (mail !== undefined && !this.over) return mail
    throw new ConfigurationError(`"${this.cell.ref.path}" has no message in hand outside its handler`)
  }

  protected answer(outcome: Outcome, to: AgentMessage | undefined): void {
    if (!this.over) reply(this.kernel, this.cell, to ? mailOf(to) : this.cell.mail, outcome)
  }
}

/** `ctx.timers`. */
class ContextTimers {
  readonly #powers: ActorPowers

  constructor(powers: ActorPowers) {
    this.#powers = powers
  }

  start(key: string, message: EventObject, when: When): void {
    this.#powers.startTimer(key, message, when)
  }

  cancel(key: string): void {
    this.#powers.cancelTimer(key)
  }
}

const linkToNobody = (cell: Cell, ref: AnyRef): void => {
  const { kernel } = cell
  const reason: ExitReason = { type: 'no-actor' }
  if (!cell.options.trapExit) {
    const error = new DeliveryError('NO_SUCH_ACTOR', `${ref.address} is linked to and gone`)
    return requestExit(cell, { type: 'error', error })
  }
  const mail = kernel.mail({ type: 'actor.exited', ref, reason } as EventObject, undefined)
  mail.exempt = true
  kernel.post(cell, mail)
}
