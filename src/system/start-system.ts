/** A running system: the verbs from outside, over the kernel. What it is plugged into is handed in. */
import type { EventObject, InspectionEvent } from 'xstate'
import { checkMailbox } from '../../actors/spawn-options.ts'
import { restartSettings } from '../../actors/supervisor-options.ts'
import type { Run } from '../contracts/runs.ts'
import { providePrivateSystem } from '../contracts/private-system.ts'
import { budgetFault } from '../contracts/account.ts'
import { ConfigurationError, DeliveryError, type RestartLimitError } from '../contracts/errors.ts'
import type { AnyAgent, Mailbox } from '../contracts/agents.ts'
import type { ExitReason } from '../contracts/logic.ts'
import type { AgentMessage, AnyRef, Topic } from '../contracts/messages.ts'
import type { Bus, Clock, Logger } from '../contracts/ports.ts'
import type { MaybePromise, Unsubscribe } from '../contracts/schemas.ts'
import type { AgentMetrics, CircuitControl, Phase, System, SystemOptions } from '../contracts/system.ts'
import { definition } from '../contracts/agent-definition.ts'
import { circuitOf } from './circuit-control.ts'
import { Kernel } from './kernel.ts'
import { link, unlink } from './links.ts'
import type { LiveActor } from './live-actor.ts'
import { metricsOf } from './metrics.ts'
import { checkMs } from './milliseconds.ts'
import { killed, stopped } from './stop-by-ref.ts'
import { Shutdown } from './shutdown.ts'
import type { RootPolicy } from './child-exit.ts'
import { statsOf } from './stats.ts'
import { Time } from './time.ts'
import { destructurable } from './destructurable.ts'
import { Verbs } from './verbs.ts'

/** The ports, chosen. */
export interface Ports {
  readonly clock: Clock
  readonly log: Logger
  readonly bus: Bus | undefined
  readonly seed: string | number
  readonly freeze: boolean
}

/** Starts a system. @throws ConfigurationError */
export const startSystem = (options: SystemOptions, ports: Ports): System => {
  const running = new RunningSystem(options, ports)
  return running as unknown as System
}

/** The kernel of a system, for `crash`. */
export const kernelOf = (system: System): Kernel => (system as unknown as RunningSystem).kernel

class RunningSystem extends Verbs implements Record<keyof System, unknown> {
  /** It acts from outside of all actors. */
  readonly cell = undefined
  readonly over = false
  readonly kernel: Kernel
  readonly clock: Clock
  readonly terminated: Promise<void>
  readonly #shutdown: Shutdown
  readonly #detachClock: Unsubscribe | undefined
  readonly #inspectors = new Set<(event: InspectionEvent) => void>()
  #end!: { resolve: () => void; reject: (error: RestartLimitError) => void }

  constructor(options: SystemOptions, { clock, log, bus, seed, freeze }: Ports) {
    super()
    const name = options.name ?? 'local'
    if (!/^[\w.-]+$/.test(name)) {
      throw new ConfigurationError(`"${name}" cannot name a system: letters, digits, ".", "_" and "-" can`)
    }
    const mailbox: Mailbox = options.mailbox ?? {}
    checkMailbox(name, mailbox)
    const supervision = rootPolicy(options.supervision)
    checkMs('`timeoutMs` of a system', options.timeoutMs ?? Infinity)
    this.clock = clock
    this.kernel = new Kernel({ name, seed, clock: new Time(clock), log, mailbox, freeze, supervision })
    this.kernel.topics.bus = bus
    const fault = budgetFault(options.budget ?? {}, 'a system')
    if (fault) throw fault
    this.kernel.runs.defaults = { budget: options.budget ?? {}, timeoutMs: options.timeoutMs }
    this.terminated = new Promise((resolve, reject) => (this.#end = { resolve, reject }))
    // Nobody has to listen to it.
    this.terminated.catch(() => {})
    this.#shutdown = new Shutdown(this.kernel, () => this.#close(), options.shutdown)
    this.#planShutdown()
    this.#detachClock = clock.attach?.(() => this.settle())
    for (const agent of options.agents ?? []) this.kernel.agents.declare(agent)
  }

  get name(): string {
    return this.kernel.name
  }

  get runs(): Kernel['runs'] {
    return this.kernel.runs
  }

  get approvals(): Kernel['inbox'] {
    return this.kernel.inbox
  }

  get events(): Kernel['events'] {
    return this.kernel.events
  }

  get deadLetters(): Kernel['deadLetters'] {
    return this.kernel.deadLetters
  }

  get unhandled(): Kernel['unhandled'] {
    return this.kernel.unhandled
  }

  get sessions(): Kernel['runs']['sessions'] {
    return this.kernel.runs.sessions
  }

  override stop(ref?: AnyRef, options?: { timeoutMs?: number | undefined; info?: unknown }): Promise<void> {
    if (ref) return super.stop(ref, options)
    return this.#shutdown.run().then(() => this.#end.resolve())
  }

  watch(ref: AnyRef): Promise<ExitReason> {
    return new Promise((resolve) => {
      const cell = this.kernel.cellOf(ref)
      if (!cell?.alive) return resolve({ type: 'no-actor' })
      ;(cell.gone ??= []).push(resolve)
    })
  }

  link(a: AnyRef, b: AnyRef): void {
    const [one, two] = [this.#living(a), this.#living(b)]
    link(one, two)
  }

  unlink(a: AnyRef, b: AnyRef): void {
    const [one, two] = [this.kernel.cellOf(a), this.kernel.cellOf(b)]
    if (one && two) unlink(one, two)
  }

  subscribe(topic: Topic<EventObject> | string, to: AnyRef | ((message: AgentMessage) => void)): Unsubscribe {
    const name = typeof topic === 'string' ? topic : topic.name
    if (typeof to === 'function') return this.kernel.topics.subscribe(name, { listener: to })
    return this.kernel.topics.subscribe(name, { cell: this.#living(to) })
  }

  actor(target: AnyRef | AnyAgent): LiveActor {
    const cell = definition in target ? this.kernel.agents.cellOf(target as AnyAgent) : this.kernel.cellOf(target as AnyRef)
    if (cell) return this.kernel.live(cell)
    throw new DeliveryError('NO_SUCH_ACTOR', `${(target as AnyRef).address} is not in this process`)
  }

  inspect(observer: (event: InspectionEvent) => void): Unsubscribe {
    this.#inspectors.add(observer)
    this.kernel.inspector = this.#inspected
    return () => {
      this.#inspectors.delete(observer)
      if (this.#inspectors.size === 0) this.kernel.inspector = undefined
    }
  }

  // A throwing inspector would wedge an actor of XState's for ever.
  readonly #inspected = (event: InspectionEvent): void => {
    for (const observer of this.#inspectors) {
      try {
        observer(event)
      } catch (error) {
        this.kernel.log.error({ err: error }, 'an inspector threw')
      }
    }
  }

  circuit(agent: AnyAgent): CircuitControl {
    return circuitOf(this.kernel, agent)
  }

  stats(): ReturnType<System['stats']> {
    return statsOf(this.kernel)
  }

  metrics(): readonly AgentMetrics[] {
    return metricsOf(this.kernel)
  }

  async settle(): Promise<void> {
    const { scheduler } = this.kernel
    do await new Promise<void>((resolve) => void setImmediate(resolve))
    while (scheduler.busy)
  }

  onShutdown(phase: Phase, name: string, task: (signal: AbortSignal) => MaybePromise<void>): Unsubscribe {
    return this.#shutdown.add(phase, name, task)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #living(ref: AnyRef): NonNullable<ReturnType<Kernel['cellOf']>> {
    const cell = this.kernel.cellOf(ref)
    if (cell?.alive) return cell
    throw new DeliveryError('NO_SUCH_ACTOR', `${ref.address} has ended`)
  }

  #planShutdown(): void {
    const { kernel } = this
    const shutdown = this.#shutdown
    shutdown.add('stop-intake', 'runs', () => {
      kernel.runs.closed = true
      kernel.agents.refuseWaiting()
    })
    shutdown.add('drain', 'runs', (signal) => {
      // At once, so that the phases behind this one find every run ended.
      signal.addEventListener('abort', () => kernel.runs.cancelAll('the system is stopping'), { once: true })
      return kernel.runs.idle(signal)
    })
    shutdown.add('stop-actors', 'actors', (signal) => this.#stopActors(signal))
    shutdown.add('disconnect', 'bus', () => kernel.topics.close())
    shutdown.add('disconnect', 'tools', () => kernel.letGo())
    ;(kernel.root.gone ??= []).push((reason) => this.#rootIsGone(reason))
  }

  // Not a task of a phase: the limits of phases are timers of the kernel.
  #close(): void {
    const { kernel } = this
    kernel.scheduler.halt()
    kernel.timers.clear()
    kernel.events.close()
    kernel.deadLetters.close()
    kernel.unhandled.close()
    kernel.inbox.close()
    this.#detachClock?.()
  }

  // The root goes down like any actor: children first, last started first. Whoever takes too long is killed.
  #stopActors(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => killed(this.kernel, this.kernel.root.ref), { once: true })
    return stopped(this.kernel, this.kernel.root.ref, {})
  }

  /** The root gave up: what is left is shut down, and whoever waits for the end is told why. */
  #rootIsGone(reason: ExitReason): void {
    if (this.#shutdown.started) return
    const error = reason.type === 'shutdown' ? reason.info : undefined
    void this.#shutdown.run().then(() => this.#end.reject(error as RestartLimitError))
  }
}

destructurable(RunningSystem.prototype)

/** The root's restarts, with their defaults. @throws ConfigurationError for what a root cannot do */
const rootPolicy = (given: SystemOptions['supervision'] = {}): RootPolicy => {
  if (given.autoShutdown && given.autoShutdown !== 'never') {
    throw new ConfigurationError('the root of a system has no significant children: `autoShutdown` is for supervisors')
  }
  if ('strategy' in given && given.strategy !== 'one-for-one') {
    throw new ConfigurationError('the root of a system restarts its children one-for-one: `strategy` is for supervisors')
  }
  return restartSettings(given)
}

/** Drops a system as a killed process would. */
export const dropSystem = (system: System): void => {
  const kernel = kernelOf(system)
  kernel.scheduler.halt()
  kernel.timers.clear()
  // What a process has started goes with it.
  void kernel.letGo()
}

/** For `billing.logic`: one run in a system of its own. */
export const providePrivate = (start: () => Promise<System>): void =>
  providePrivateSystem((agent, input) => {
    const running = start()
    let over: string | undefined
    let run: Run<unknown> | undefined
    const outcome = running.then(async (system) => {
      run = system.submit(agent as never, input, over === undefined ? {} : { signal: AbortSignal.abort(over) })
      const result = await run.outcome
      void system.stop()
      return result
    })
    const cancel = (reason: string): void => {
      over = reason
      run?.cancel(reason)
    }
    return { outcome, cancel }
  })
