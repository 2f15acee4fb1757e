/**
 * The powers of one incarnation of an actor. Once it is over, whatever it still does is refused: nothing is sent, spawned
 * or written any more.
 */
import type { EventObject } from 'xstate'
import type { Children, Interpreter, StateRecorder } from '../contracts/behavior.ts'
import type { StepPlace } from '../contracts/context-of.ts'
import { Few } from '../contracts/few.ts'
import { ConfigurationError, DeliveryError, toTroupeError, type Outcome, type RestartLimitError, type TroupeError } from '../contracts/errors.ts'
import type { ExitReason, Logic, SpawnOptions } from '../contracts/logic.ts'
import type { ActorRef, AgentMessage, AnyRef, SendOptions, Topic } from '../contracts/messages.ts'
import type { Logger } from '../contracts/ports.ts'
import type { RunOptions } from '../contracts/runs.ts'
import type { MaybePromise, Unsubscribe } from '../contracts/schemas.ts'
import type { DeadReason } from '../contracts/system.ts'
import type { Held } from '../contracts/tool-source.ts'
import { interpret } from '../logic/interpret.ts'
import { ask, reply, sendWhenRoom } from './asks.ts'
import type { Cell, Core, Powers, Revocable } from './cell.ts'
import { childrenOf } from './children.ts'
import { unwatch, watch } from './death-watch.ts'
import { destructurable } from './destructurable.ts'
import type { Inbox } from './inbox.ts'
import { mailboxOf, putBack } from './intake.ts'
import { kill, reportKilled } from './end.ts'
import { drain, requestExit, stop, type StopOrder } from './stopping.ts'
import { KeyedTimer, type TimerOrder, type TimerOwner } from './keyed-timer.ts'
import { link, unlink } from './links.ts'
import { mailOf, type Mail, type Token } from './mail.ts'
import { checkMs } from './milliseconds.ts'
import { manage } from './management.ts'
import type { Names } from './names.ts'
import type { RunBook } from './run-book.ts'
import { spawn } from './spawn.ts'
import type { Topics } from './topics.ts'

type When = { afterMs: number } | { everyMs: number }

/** The kernel with its registers. */
export interface Registers extends Core {
  readonly names: Names
  readonly topics: Topics
  readonly inbox: Inbox
  readonly runs: RunBook
  readonly held: Set<Held>
}

export class Scope implements Powers, TimerOwner {
  over = false
  interpreter: Interpreter<never> | undefined
  keyed: Few<KeyedTimer> | undefined
  #timers: ScopeTimers | undefined
  /** How often its logic has taken each step. */
  #steps: Few<number> | undefined
  readonly cell: Cell
  readonly kernel: Registers

  constructor(cell: Cell, kernel: Registers) {
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

  get root(): AnyRef {
    return this.kernel.root.ref
  }

  get receptionist(): Names {
    return this.kernel.names
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

  get timers(): ScopeTimers {
    return (this.#timers ??= new ScopeTimers(this))
  }

  get children(): Children {
    return childrenOf(this.cell)
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

  now(): number {
    return this.kernel.now()
  }

  steady(): number {
    return this.kernel.timers.steadily(this.kernel.now())
  }

  random(): number {
    return this.kernel.random()
  }

  tell(to: AnyRef, message: EventObject): 'accepted' | 'rejected' {
    if (!this.over) return this.kernel.tell(this.cell, to, message)
    this.kernel.refuseStale(this.cell, message, to.address)
    return 'rejected'
  }

  publish(topic: Topic<EventObject> | string, message: EventObject): void {
    const name = typeof topic === 'string' ? topic : topic.name
    if (this.over) this.kernel.refuseStale(this.cell, message, `topic:${name}`)
    else this.kernel.topics.publish(this.cell, name, message)
  }

  ask(to: AnyRef, message: EventObject, options?: SendOptions): Promise<unknown> {
    return this.over ? never() : ask({ kernel: this.kernel, from: this.cell }, to, message, options)
  }

  send(to: AnyRef, message: EventObject, options: SendOptions & { timeoutMs: number }): Promise<void> {
    return this.over ? never() : sendWhenRoom({ kernel: this.kernel, from: this.cell }, to, message, options)
  }

  spawn(logic: Logic, options: SpawnOptions = {}): ActorRef {
    this.refuseWhenOver('spawn')
    return spawn(this.kernel, logic, options, this.cell).ref
  }

  run(agent: never, input: unknown, options?: RunOptions): Promise<unknown> {
    this.refuseWhenOver('run')
    return this.kernel.runs.run(agent, input, options)
  }

  submit(agent: never, input: unknown, options?: RunOptions): unknown {
    this.refuseWhenOver('submit')
    return this.kernel.runs.submit(agent, input, options)
  }

  stop(ref: AnyRef, { timeoutMs, info }: { timeoutMs?: number | undefined; info?: unknown } = {}): Promise<void> {
    const byItself = ref.uid === this.cell.ref.uid
    return this.over ? never() : stopped(this.kernel, ref, { timeoutMs, info, byItself })
  }

  drain(ref: AnyRef, { timeoutMs = 30_000 }: { timeoutMs?: number | undefined } = {}): Promise<void> {
    return this.over ? never() : drained(this.kernel, ref, timeoutMs)
  }

  kill(ref: AnyRef): void {
    if (!this.over) killed(this.kernel, ref)
  }

  register(name: string, ref: AnyRef): void {
    this.refuseWhenOver('register')
    this.kernel.names.claim(name, ref)
  }

  unregister(name: string): void {
    this.kernel.names.free(name)
  }

  lookup(name: string): ActorRef | undefined {
    return this.kernel.names.lookup(name)
  }

  startChild(supervisor: AnyRef, spec: unknown): Promise<unknown> {
    return manage(this.kernel, this.cell, supervisor, { type: 'supervisor.start-child', spec })
  }

  terminateChild(supervisor: AnyRef, id: string): Promise<unknown> {
    return manage(this.kernel, this.cell, supervisor, { type: 'supervisor.terminate-child', id })
  }

  restartChild(supervisor: AnyRef, id: string): Promise<unknown> {
    return manage(this.kernel, this.cell, supervisor, { type: 'supervisor.restart-child', id })
  }

  deleteChild(supervisor: AnyRef, id: string): Promise<unknown> {
    return manage(this.kernel, this.cell, supervisor, { type: 'supervisor.delete-child', id })
  }

  whichChildren(supervisor: AnyRef): Promise<unknown> {
    return manage(this.kernel, this.cell, supervisor, { type: 'supervisor.which-children' })
  }

  countChildren(supervisor: AnyRef): Promise<unknown> {
    return manage(this.kernel, this.cell, supervisor, { type: 'supervisor.count-children' })
  }

  reply(value: unknown, to?: AgentMessage): void {
    this.answer({ status: 'completed', output: value }, to)
  }

  replyError(error: TroupeError, to?: AgentMessage): void {
    const mail = to ? mailOf(to) : this.cell.mail
    if (mail?.asker) this.answer({ status: 'failed', error }, to)
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

  finish(): void {
    const asked = this.cell.more?.stop
    if (this.over || !asked) return
    asked.waiting = false
    this.cell.signal(() => {})
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

  interpret(machine: never, performer: never, recorder?: StateRecorder): Interpreter<never> {
    const interpreter: Interpreter<never> = interpret(machine, performer, recorder)
    this.interpreter = interpreter
    return interpreter
  }

  aside(machine: never, performer: never): Interpreter<never> {
    return interpret(machine, performer)
  }

  gate(open: boolean): void {
    this.cell.gateOpen = open
    if (open && this.cell.pending) this.kernel.scheduler.ready(this.cell)
  }

  forward(to: AnyRef): 'accepted' | 'rejected' {
    const mail = this.mailInHand()
    const target = this.kernel.cellOf(to)
    if (target) return this.kernel.post(target, mail.with(mail.event))
    this.kernel.sent += 1
    this.kernel.deadLetter(mail, undefined, 'no-such-actor', to.address)
    return 'rejected'
  }

  deadLetter(reason: DeadReason): void {
    this.kernel.fate = 'dead'
    this.kernel.deadLetter(this.mailInHand(), this.cell, reason)
  }

  unhandled(): void {
    this.kernel.fate = 'unhandled'
  }

  queueLength(ref: AnyRef): number {
    const cell = this.kernel.cellOf(ref)
    return cell ? cell.mailbox.size + (cell.options.envelopes ? (cell.children?.size ?? 0) : 0) : 0
  }

  gaveUp(error: RestartLimitError): void {
    this.kernel.events.emit({ type: 'supervisor.gave-up', at: this.now(), ref: this.cell.ref, error })
    this.kernel.log.error({ path: this.cell.ref.path, err: error }, 'a supervisor gave up')
  }

  private mailInHand(): Mail {
    const { mail } = this.cell
    if (mail !== undefined && !this.over) return mail
    throw new ConfigurationError(`"${this.cell.ref.path}" has no message in hand outside its handler`)
  }

  private answer(outcome: Outcome, to: AgentMessage | undefined): void {
    if (!this.over) reply(this.kernel, this.cell, to ? mailOf(to) : this.cell.mail, outcome)
  }

  /** Effect results, timers and replies: past the gate and the bound. */
  tellSelf(event: EventObject, token: Token): void {
    const mail = this.kernel.note(event, this.cell)
    mail.token = token
    this.kernel.post(this.cell, mail)
  }

  private refuseWhenOver(what: string): void {
    if (this.over) throw new DeliveryError('ACTOR_TERMINATED', `"${this.cell.ref.path}" has ended: ${what} is refused`)
  }
}

/** `ctx.timers`. */
class ScopeTimers {
  readonly #scope: Scope

  constructor(scope: Scope) {
    this.#scope = scope
  }

  start(key: string, message: EventObject, when: When): void {
    this.#scope.startTimer(key, message, when)
  }

  cancel(key: string): void {
    this.#scope.cancelTimer(key)
  }
}

/** The same for behaviours of users, who take methods out of it. */
export class ActorScope extends Scope {}

destructurable(ActorScope.prototype)

/** What was asked for by an incarnation that is over is never answered. */
const never = (): Promise<never> => new Promise(() => {})

const linkToNobody = (cell: Cell, ref: AnyRef): void => {
  const { kernel } = cell
  const reason: ExitReason = { type: 'no-actor' }
  if (!cell.options.trapExit) return requestExit(cell, { type: 'error', error: new DeliveryError('NO_SUCH_ACTOR', `${ref.address} is linked to and gone`) })
  const mail = kernel.mail({ type: 'actor.exited', ref, reason } as EventObject, undefined)
  mail.exempt = true
  kernel.post(cell, mail)
}

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
    stop(cell, { reason: info === undefined ? { type: 'shutdown' } : { type: 'shutdown', info }, timeoutMs, byItself })
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
