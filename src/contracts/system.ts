/**
 * The system: one node that runs actors, agents and runs over its ports. The verbs it shares with actors are
 * in `actors.ts`.
 */
import type {
  ActorRef as XStateActorRef,
  AnyActorRef,
  AnyEventObject,
  EventObject,
  InspectionEvent,
  Snapshot,
} from 'xstate'
import type { Actors } from './actors.ts'
import type { Agent, AgentSnapshot, AnyAgent, Budget, Mailbox } from './agents.ts'
import type { RestartLimitError, TroupeError } from './errors.ts'
import type { ExitReason } from './logic.ts'
import type { ActorRef, AgentMessage, AnyRef, Message, Topic } from './messages.ts'
import type { Bus, Clock, Logger, Store, Usage } from './ports.ts'
import type { Approvals, RunEvent, Runs, Sessions } from './runs.ts'
import type { MaybePromise, Options, Stream, Unsubscribe } from './schemas.ts'
import type { SupervisorOptions } from './supervision.ts'

/** How a system is set up. */
export interface SystemOptions {
  /** The roots: found by recovery and by name. With a durable store only these can be run. */
  agents?: readonly AnyAgent[] | undefined
  /** In addresses. Default `local`. */
  name?: string | undefined
  /** Ids, jitter and `random()` follow from it. Default: random. */
  seed?: string | number | undefined
  /** Default `memory()`. */
  store?: Store | undefined
  /** Default: in process. */
  bus?: Bus | undefined
  /** Default: real time. */
  clock?: Clock | undefined
  /** Default: pino, level warn, to stderr. */
  logger?: Logger | undefined
  /** Default for every actor. */
  mailbox?: Mailbox | undefined
  /** Default for every run. */
  budget?: Budget | undefined
  /** Default for every run; none unless given. */
  timeoutMs?: number | undefined
  /** Of the root. When it gives up, `terminated` rejects. */
  supervision?: SupervisorOptions | undefined
  shutdown?:
    | Options<{
        /** In all. Default 30_000. */
        timeoutMs: number
        /** Per phase, but for `drain` and `stop-actors`: they get what the phases behind them leave. Default 5_000. */
        phaseTimeoutMs: number
        /** Phases of one's own, and which ones go before; of ours, what else goes before and their own limit. */
        phases: Readonly<Record<string, { after: readonly string[]; timeoutMs?: number | undefined }>>
      }>
    | undefined
}

/** A running system. On Node 24 `await using` stops it; else call `stop`. */
export interface System extends Actors, AsyncDisposable {
  readonly name: string
  readonly clock: Clock
  readonly runs: Runs
  readonly approvals: Approvals
  readonly sessions: Sessions

  /**
   * Without a ref: the whole system, in phases, once; with a durable store its unfinished runs wait for the
   * next start, else they are cancelled. With a ref: that actor.
   */
  stop(ref?: AnyRef, options?: Options<{ timeoutMs: number; info: unknown }>): Promise<void>
  /**
   * Resolves when the system has stopped. The process is never exited.
   * @throws RestartLimitError rejects with it when the root gave up
   */
  readonly terminated: Promise<void>
  /** Adds work to a phase of the shutdown. */
  onShutdown(phase: Phase, name: string, task: (signal: AbortSignal) => MaybePromise<void>): Unsubscribe

  /** Resolves when the actor is gone for good; at once when it is gone already. */
  watch(ref: AnyRef): Promise<ExitReason>
  link(a: AnyRef, b: AnyRef): void
  unlink(a: AnyRef, b: AnyRef): void
  subscribe<M extends EventObject = AnyEventObject>(
    topic: Topic<M> | string,
    to: ActorRef<M> | ((message: AgentMessage) => void),
  ): Unsubscribe

  /**
   * The live actor as XState sees it, for `waitFor`, `useSelector` of `@xstate/react` and the inspector; of
   * an agent its lifecycle. The same object each time, and over restarts. `send` is a tell from outside,
   * `start` does nothing, `stop` is `system.stop` without the wait. Once the actor is gone, the last snapshot
   * stays and subscriptions complete.
   * @throws DeliveryError `NO_SUCH_ACTOR` when it is not in this process
   */
  actor<T extends AnyRef | AnyAgent>(target: T): LiveActor<T>
  /** XState's inspection, attached while subscribed. */
  inspect(observer: (event: InspectionEvent) => void): Unsubscribe
  circuit(agent: AnyAgent): CircuitControl

  readonly events: Stream<SystemEvent>
  readonly deadLetters: Stream<DeadLetter>
  readonly unhandled: Stream<{ readonly message: AgentMessage; readonly ref: AnyRef }>
  /** `sent` = `handled` + `expired` + `deadLettered` + `queued`. */
  stats(): {
    readonly sent: number
    readonly handled: number
    readonly expired: number
    readonly deadLettered: number
    readonly queued: number
    readonly actors: number
    /** In flight. */
    readonly runs: number
  }
  /** Per agent, since the system started. */
  metrics(): readonly AgentMetrics[]
  /** Until no actor is ready, no commit is pending and no microtask is left. Does not move time. */
  settle(): Promise<void>
}

/** What an agent has done so far. */
export type AgentMetrics = Readonly<{
  agent: string
  state: 'idle' | 'running' | 'failed' | 'openCircuit'
  running: number
  queued: number
  completed: number
  /** Ended any other way. */
  failed: number
  retried: number
  totalMs: number
  averageMs: number
  p95Ms: number
  messagesIn: number
  messagesOut: number
  usage: Usage
}>

/** The phases of a shutdown, in order, and those of one's own. */
export type Phase =
  | 'unready'
  | 'stop-intake'
  | 'drain'
  | 'hand-off'
  | 'flush'
  | 'stop-actors'
  | 'disconnect'
  | 'close'
  | (string & {})

/** An agent's circuit, to be looked at and set by hand. */
export interface CircuitControl {
  readonly state: 'closed' | 'open' | 'half-open' | 'isolated' | 'disabled' | 'metrics-only'
  readonly retryAfterMs: number
  set(mode: 'normal' | 'isolated' | 'disabled' | 'metrics-only'): void
}

/**
 * What happens in a system: the events of its runs, and of its actors. `at` is milliseconds since the epoch.
 */
export type SystemEvent = Readonly<
  | RunEvent
  | ({ at: number } & (
      | { type: 'actor.started'; ref: AnyRef; generation: number }
      | { type: 'actor.restarted'; ref: AnyRef; generation: number }
      // A restart that did not succeed; its supervisor tries again or gives up.
      | { type: 'actor.start-failed'; ref: AnyRef; error: TroupeError }
      | { type: 'actor.terminated'; ref: AnyRef; reason: ExitReason }
      // Its handler threw.
      | { type: 'message.failed'; ref: AnyRef; message: AgentMessage; error: TroupeError }
      | { type: 'message.unhandled'; ref: AnyRef; message: AgentMessage }
      | { type: 'message.dead'; letter: DeadLetter }
      | { type: 'supervisor.gave-up'; ref: AnyRef; error: RestartLimitError }
      | {
          type: 'circuit.changed'
          agent: string
          from: CircuitControl['state']
          to: CircuitControl['state']
        }
      | { type: 'shutdown.phase'; phase: string; status: 'completed' | 'failed' | 'timed-out' }
      | { type: 'events.skipped'; count: number }
    ))
>

/** A message that nobody handled. `at` is milliseconds since the epoch. */
export type DeadLetter = Readonly<{ message: AgentMessage; reason: DeadReason; at: number }>

/** Why nobody did. */
export type DeadReason =
  | 'no-such-actor'
  | 'stopped'
  | 'mailbox-full'
  | 'restart-stash-full'
  | 'stash-full'
  | 'late-reply'
  | 'duplicate-reply'
  | 'no-subscribers'
  | 'no-routee'
  | 'expired'
  | 'poison'
  | 'stale-epoch'
  | 'decode-error'
  | 'invalid'

// Types that only serve inference.

/** XState's view of an agent or a ref; untyped where the logic behind the ref is not known. */
export type LiveActor<T> =
  T extends Agent<infer I, infer O>
    ? XStateActorRef<AgentSnapshot, Message<'task.request', I, O>, AnyEventObject>
    : T extends ActorRef<infer M, infer S>
      ? [S] extends [Snapshot<unknown>]
        ? XStateActorRef<S, M, AnyEventObject>
        : AnyActorRef
      : never
