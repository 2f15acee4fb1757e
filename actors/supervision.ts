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
import { ConfigurationError, DeliveryError, RestartLimitError } from '../src/contracts/errors.ts'
import type { AgentMessage } from '../src/contracts/messages.ts'
import { isOverLimit } from '../machines/restart-window.ts'
import { supervisorMachine } from '../machines/supervisor.ts'
import type { SupervisorEffect, SupervisorEnding, SupervisorEvent } from '../machines/supervisor-protocol.ts'
import { childTable, SHUTDOWN, type Child } from './child-table.ts'
import { restartGroup, type RestartGroup } from './restart-group.ts'
import { restartWaits, type RestartDue, type RestartWaits } from './restart-waits.ts'
import { startChildren, type StartChildren } from './start-children.ts'
import { stopChildren, type StopChildren } from './stop-children.ts'
import type { SupervisorSettings } from './supervisor-options.ts'
import { answerRequest, isForNow, isQuestion, type Answering, type SupervisorMessage } from './supervisor-requests.ts'

/** Starts all children at once. A throw ends it: what had started by then is stopped by the kernel. */
export class Supervision implements Incarnation<SupervisorMessage> {
  readonly #scope: CellScope<SupervisorMessage>
  readonly #settings: SupervisorSettings
  readonly #machine: Interpreter<typeof supervisorMachine>
  readonly #table = childTable()
  readonly #start: StartChildren
  readonly #stop: StopChildren
  readonly #waits: RestartWaits
  readonly #group: RestartGroup
  readonly #desk: Answering
  readonly #now: () => number
  /** Events for the machine, while it takes a step. */
  readonly #events: SupervisorEvent[] = []
  /** What came while a group goes down, and has to wait until it is up again. */
  readonly #deferred: (() => void)[] = []
  #stepping = false
  #gaveUp: RestartLimitError | undefined

  constructor(scope: CellScope<SupervisorMessage>, settings: SupervisorSettings) {
    this.#scope = scope
    this.#settings = settings
    const { now } = scope.children
    const table = this.#table
    this.#now = now
    this.#start = startChildren(scope, table, { perChild: settings.perChild, now })
    this.#waits = restartWaits(scope, table, { backoff: settings.backoff, now })
    this.#stop = stopChildren(scope, table, this.#waits.cancel)
    const onlyLater = settings.strategy === 'rest-for-one'
    this.#group = restartGroup(table, { start: this.#start, stop: this.#stop, onlyLater })
    const leaveOut = (child: Child): void => this.#leaveOut(child)
    const terminated = (child: Child): void => this.#terminated(child)
    this.#desk = { scope, settings, table, start: this.#start, stop: this.#stop, now, leaveOut, terminated }
    const { strategy, limit, autoShutdown, backoff } = settings
    this.#machine = scope.interpret(supervisorMachine, this)
    this.#machine.start({ strategy, ...limit, autoShutdown, backoff: backoff !== undefined })
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
    child.reason = exit.reason
    if (this.#stop.died(child)) return exit.stopped && child.ref ? this.#stopOne(child) : undefined
    child.failedAt = this.#now()
    this.#table.suspended(child)
    // Stopped since, which is what counts, and what comes next.
    if (!exit.stopped && this.#scope.children.isStopped(exit.ref)) return
    if (this.#isInGroup(child)) return this.#exitedInGroup(child, exit)
    this.#whenSettled(() => this.#judge(child, exit))
  }

  stopping(): void {
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

  perform(effect: SupervisorEffect): void {
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
        return this.#group.stop(effect.id, () => this.#send({ type: 'group.stopped' }))
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
      this.#start.anew(child, spec)
    } catch (thrown) {
      this.#send({ type: 'start.failed', id: child.id })
      throw thrown
    }
  }

  #restartOne(child: Child): void {
    this.#start.count(child)
    if (!this.#start.again(child)) this.#send({ type: 'start.failed', id: child.id })
  }

  #startGroup(failed: string): void {
    const child = this.#group.start(failed)
    this.#send(child ? { type: 'start.failed', id: child.id } : { type: 'group.started' })
  }

  #wait(child: Child): void {
    if (child.status === 'restarting') this.#waits.begin(child)
    // Terminated by hand while its group went down.
    else this.#send({ type: 'restart.withdrawn' })
  }

  #due(message: RestartDue): void {
    const child = this.#waits.over(message)
    if (!child) return
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

  #forget(child: Child): void {
    this.#leaveOut(child)
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

  /** An end within a group that is being restarted is part of that restart. */
  #exitedInGroup(child: Child, { stopped }: ChildExit): void {
    if (stopped) return this.#stopOne(child)
    if (child.restart === 'temporary') this.#stop.forget(child)
  }

  #stopOne(child: Child): void {
    this.#stop.one(child, false, () => this.#terminated(child))
  }

  /** Somebody wants it stopped: it is not started with the group that waits for its restart. */
  #terminated(child: Child): void {
    // A group may have begun to go down meanwhile.
    this.#leaveOut(child)
    const waits = this.#isRestarting && !this.#isClearing
    if (waits && this.#machine.context.failed === child.id) this.#send({ type: 'restart.withdrawn' })
  }

  #isInGroup(child: Child): boolean {
    return this.#isRestarting && this.#group.includes(this.#machine.context.failed, child)
  }

  #leaveOut(child: Child): void {
    if (this.#isInGroup(child)) this.#group.leaveOut(child)
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
    if (isForNow(request)) return this.#answer(request, envelope)
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
}

const causeOf = ({ reason }: Child): unknown => (reason.type === 'error' ? reason.error : undefined)
