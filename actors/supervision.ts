/**
 * One life of a supervisor. Its machine decides what becomes of children; here they are started, stopped and waited
 * for. What is asked of it by hand is answered in `supervisor-requests.ts`.
 */
import type {
  AnyChildSpec,
  CellScope,
  ChildExit,
  Incarnation,
  Interpreter,
  SupervisorRequest,
} from '../src/contracts/behavior.ts'
import { ConfigurationError, DeliveryError, RestartLimitError, toTroupeError } from '../src/contracts/errors.ts'
import type { AgentMessage } from '../src/contracts/messages.ts'
import { countRestart, isOverLimit } from '../machines/restart-window.ts'
import { supervisorMachine } from '../machines/supervisor.ts'
import type { SupervisorEffect, SupervisorEnding, SupervisorEvent } from '../machines/supervisor-protocol.ts'
import { backoffMs } from './backoff.ts'
import { childTable, SHUTDOWN, type Child } from './child-table.ts'
import { stopChildren, waitKey, type StopChildren } from './stop-children.ts'
import type { SupervisorSettings } from './supervisor-options.ts'
import { answerRequest, isQuestion, type Answering, type SupervisorMessage } from './supervisor-requests.ts'

/** What a child waits for before it is restarted. */
interface RestartDue {
  readonly type: 'supervisor.restart-due'
  readonly id: string
}

/** Starts all children at once. A throw ends it: what had started by then is stopped by the kernel. */
export class Supervision implements Incarnation<SupervisorMessage> {
  readonly #scope: CellScope<SupervisorMessage>
  readonly #settings: SupervisorSettings
  readonly #machine: Interpreter<typeof supervisorMachine>
  readonly #table = childTable()
  readonly #stop: StopChildren
  readonly #desk: Answering
  /** Events for the machine, while it takes a step. */
  readonly #events: SupervisorEvent[] = []
  /** What came while a group goes down, and has to wait until it is up again. */
  readonly #deferred: (() => void)[] = []
  /** Children that this group restart leaves out. */
  readonly #held = new Set<Child>()
  #stepping = false
  #clock = -Infinity
  #gaveUp: RestartLimitError | undefined

  constructor(scope: CellScope<SupervisorMessage>, settings: SupervisorSettings) {
    this.#scope = scope
    this.#settings = settings
    this.#stop = stopChildren(scope, this.#table)
    this.#desk = {
      scope,
      settings,
      table: this.#table,
      stop: this.#stop,
      start: (child, spec) => this.#start(child, spec),
      now: () => this.#now(),
      terminated: (child) => this.#terminated(child),
    }
    const { strategy, limit, autoShutdown, backoff } = settings
    this.#machine = scope.interpret(supervisorMachine, {
      input: { strategy, ...limit, autoShutdown, backoff: backoff !== undefined },
      perform: (effect) => this.#perform(effect as SupervisorEffect),
    })
    for (const spec of settings.children) this.#startFirst(spec)
    this.#send({ type: 'children.started' })
  }

  receive(message: SupervisorMessage): void {
    const known = message as SupervisorRequest | RestartDue
    switch (known.type) {
      case 'supervisor.restart-due':
        return this.#due(known)
      case 'supervisor.start-child':
      case 'supervisor.terminate-child':
      case 'supervisor.restart-child':
      case 'supervisor.delete-child':
      case 'supervisor.which-children':
      case 'supervisor.count-children':
        return this.#asked(known)
      default:
        this.#scope.unhandled()
    }
  }

  childExited(exit: ChildExit): void {
    const child = this.#table.byRef(exit.ref)
    // Spawned under this supervisor without a spec: nobody said how to restart it.
    if (!child) return this.#scope.children.forget(exit.ref, exit.reason)
    const waited = child.status === 'restarting'
    child.reason = exit.reason
    if (this.#stop.died(child)) return
    child.failedAt = this.#now()
    this.#table.suspended(child)
    if (waited && exit.stopped) return this.#stop.one(child, false, () => this.#terminated(child))
    if (this.#isInGroup(child)) return this.#exitedInGroup(child, exit)
    this.#whenSettled(() => this.#judge(child, exit))
  }

  stopping(): void {
    if (this.#machine.status === 'done') return this.#scope.finish()
    this.#send({ type: 'stop.requested' })
  }

  /** Events come up while the machine steps, and wait for the step's end. */
  #send(event: SupervisorEvent): void {
    this.#events.push(event)
    if (this.#stepping) return
    this.#stepping = true
    try {
      for (let next = this.#events.shift(); next; next = this.#events.shift()) this.#machine.send(next)
    } finally {
      this.#stepping = false
    }
    while (this.#deferred.length > 0 && !this.#isClearing) this.#deferred.shift()?.()
  }

  #perform(effect: SupervisorEffect): void {
    switch (effect.type) {
      case 'child.forget':
        return this.#forget(this.#child(effect.id))
      case 'child.abandon':
        return this.#abandon(this.#child(effect.id))
      case 'child.restart':
        return this.#restartOne(this.#child(effect.id))
      case 'restart.wait':
        return this.#wait(this.#child(effect.id))
      case 'group.stop':
        return this.#stopGroup(effect.id)
      case 'group.start':
        return this.#startGroup(effect.id)
      case 'children.stop':
        return this.#stopAll()
      case 'restarts.exhausted':
        return this.#giveUp(this.#child(effect.id))
      case 'supervisor.ended':
        return this.#end(effect.ending)
    }
  }

  /** The machine speaks of a child by the id that it was told in this very turn. */
  #child(id: string): Child {
    const child = this.#table.byId(id)
    if (!child) throw new ConfigurationError(`a supervisor has lost its child "${id}"`)
    return child
  }

  #startFirst(spec: AnyChildSpec): void {
    const child = this.#table.add(spec, 'spec', this.#now())
    try {
      this.#start(child, spec)
    } catch (thrown) {
      this.#send({ type: 'start.failed', id: child.id })
      throw thrown
    }
  }

  #start(child: Child, spec: AnyChildSpec): void {
    const { id, input, mailbox, persist, protocol, trapExit, stopChildren: stops, shutdownMs } = spec
    const { restart } = child
    const options = { id, input, restart, mailbox, persist, protocol, trapExit, stopChildren: stops, shutdownMs }
    this.#table.started(child, this.#scope.children.start(spec.logic, options), this.#now())
  }

  /** False when it did not start, of which the machine is told. */
  #revive(child: Child): boolean {
    try {
      if (child.ref) {
        this.#scope.children.restart(child.ref)
        this.#table.started(child, child.ref, this.#now())
      } else if (child.spec) this.#start(child, child.spec)
      return true
    } catch (thrown) {
      child.reason = { type: 'error', error: toTroupeError(thrown) }
      child.startedAt = child.failedAt = this.#now()
      this.#table.suspended(child)
      this.#send({ type: 'start.failed', id: child.id })
      return false
    }
  }

  #restartOne(child: Child): void {
    this.#count(child)
    this.#revive(child)
  }

  #wait(child: Child): void {
    // Terminated by hand while its group went down.
    if (child.status !== 'restarting') return this.#send({ type: 'restart.withdrawn' })
    const due: RestartDue = { type: 'supervisor.restart-due', id: child.id }
    child.due = due
    const afterMs = this.#waitMs(child)
    // Retry by a message to ourselves, so that a stop request can get in between.
    if (afterMs <= 0) this.#scope.pipe(Promise.resolve(), () => due)
    else this.#scope.timers.start(waitKey(child), due, { afterMs })
  }

  /** From now. A wait begins with the failure, also when a group had to be stopped meanwhile. */
  #waitMs(child: Child): number {
    const { backoff } = this.#settings
    if (!backoff) return 0
    if (child.failedAt - child.startedAt >= backoff.resetMs) child.failures = 0
    const wait = backoffMs(backoff, child.failures, this.#scope.random())
    child.failures += 1
    return child.failedAt + wait - this.#now()
  }

  #due(message: RestartDue): void {
    const child = this.#table.byId(message.id)
    if (child?.due !== message) return
    child.due = undefined
    const at = this.#now()
    this.#send({ type: 'restart.due', id: child.id, at, spent: this.#isSpent(child, at) })
  }

  #judge(child: Child, { reason, stopped }: ChildExit): void {
    // It may have been stopped for good while this had to wait.
    if (child.status !== 'restarting' || child.reason !== reason) return
    const { id, restart, significant } = child
    const at = this.#now()
    const others = this.#table.significant > Number(significant)
    const spent = this.#isSpent(child, at)
    this.#send({ type: 'child.exited', id, at, restart, exit: reason.type, stopped, significant, others, spent })
  }

  #isSpent(child: Child, at: number): boolean {
    const { perChild } = this.#settings
    return perChild !== undefined && isOverLimit(child.restarts, at, perChild)
  }

  #count(child: Child): void {
    const { perChild } = this.#settings
    if (perChild) child.restarts = countRestart(child.restarts, this.#now(), perChild)
  }

  #forget(child: Child): void {
    this.#holdBack(child)
    this.#stop.forget(child)
  }

  /** It has used up a limit of its own; its siblings go on. */
  #abandon(child: Child): void {
    const { intensity, periodMs } = this.#settings.perChild ?? this.#settings.limit
    const error = new RestartLimitError(child.ref?.path ?? child.id, intensity, periodMs, causeOf(child))
    child.reason = { type: 'error', error }
    this.#scope.gaveUp(error)
    this.#forget(child)
  }

  /** What is restarted together with this child, in start order. */
  #groupOf(failed: string | undefined): Child[] {
    const first = failed === undefined ? undefined : this.#table.byId(failed)
    return this.#table.list(this.#settings.strategy === 'rest-for-one' ? first : undefined)
  }

  #isInGroup(child: Child): boolean {
    return this.#isRestarting && this.#groupOf(this.#machine.context.failed).includes(child)
  }

  #stopGroup(failed: string): void {
    const group = this.#groupOf(failed)
    for (const child of group) this.#stop.cancelWait(child)
    const isKept = (child: Child): boolean => child.restart !== 'temporary'
    this.#stop.inReverse(group, isKept, () => this.#send({ type: 'group.stopped' }))
  }

  #startGroup(failed: string): void {
    for (const child of this.#groupOf(failed)) {
      if (child.status === 'running' || this.#held.has(child)) continue
      if (child.id === failed) this.#count(child)
      if (!this.#revive(child)) return
    }
    this.#held.clear()
    this.#send({ type: 'group.started' })
  }

  /** An end within a group that is being restarted is part of that restart. */
  #exitedInGroup(child: Child, { stopped }: ChildExit): void {
    if (stopped) return this.#stop.one(child, false, () => this.#terminated(child))
    if (child.restart === 'temporary') this.#stop.forget(child)
  }

  /** Somebody wants it stopped: it is not started with the group that waits for its restart. */
  #terminated(child: Child): void {
    this.#holdBack(child)
    const waits = this.#isRestarting && !this.#isClearing
    if (waits && this.#machine.context.failed === child.id) this.#send({ type: 'restart.withdrawn' })
  }

  #holdBack(child: Child): void {
    if (this.#isInGroup(child)) this.#held.add(child)
  }

  #stopAll(): void {
    const children = this.#table.list()
    const then = (): void => this.#send({ type: 'children.stopped' })
    if (this.#settings.strategy === 'dynamic') this.#stop.atOnce(children, then)
    else this.#stop.inReverse(children, () => false, then)
  }

  #giveUp(child: Child): void {
    const { intensity, periodMs } = this.#settings.limit
    this.#gaveUp = new RestartLimitError(this.#scope.self.path, intensity, periodMs, causeOf(child))
    this.#scope.gaveUp(this.#gaveUp)
  }

  #end(ending: SupervisorEnding): void {
    if (ending === 'stopped') this.#scope.finish()
    else if (ending === 'auto-shutdown') this.#scope.end(SHUTDOWN)
    else if (ending === 'gave-up') this.#scope.end({ type: 'shutdown', info: this.#gaveUp })
  }

  #asked(request: SupervisorRequest): void {
    const { envelope } = this.#scope
    if (isQuestion(request)) return this.#answer(request, envelope)
    this.#whenSettled(() => this.#answer(request, envelope))
  }

  #answer(request: SupervisorRequest, to: AgentMessage): void {
    const { value } = this.#machine
    if (!isQuestion(request) && value !== 'running' && !this.#isRestarting) {
      const error = new DeliveryError('ACTOR_TERMINATED', `"${this.#scope.self.path}" is stopping its children`)
      return this.#scope.replyError(error, to)
    }
    answerRequest(this.#desk, request, to)
  }

  #whenSettled(act: () => void): void {
    if (this.#isClearing) this.#deferred.push(act)
    else act()
  }

  get #isRestarting(): boolean {
    return typeof this.#machine.value === 'object'
  }

  /** Whether a group is on its way down. */
  get #isClearing(): boolean {
    const { value } = this.#machine
    return typeof value === 'object' && (value['restarting'] === 'stopping' || value['restarting'] === 'clearing')
  }

  /** Never runs backwards, as a system's clock may. */
  #now(): number {
    this.#clock = Math.max(this.#clock, this.#scope.now())
    return this.#clock
  }
}

const causeOf = ({ reason }: Child): unknown => (reason.type === 'error' ? reason.error : undefined)
