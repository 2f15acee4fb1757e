/**
 * The agent: a contract, a way to do the work, and resilience around it. Patterns, which are agents too, are
 * in `actors/`.
 */
import type {
  AnyActorScope,
  AnyStateMachine,
  EventObject,
  MachineSnapshot,
  MetaObject,
  Snapshot,
  StateSchema,
} from 'xstate'
import type { Outcome, TroupeError } from './errors.ts'
import type { AgentMessage, Sender } from './messages.ts'
import type { types } from './phantom.ts'
import type { Model, ModelMessage, ModelSettings } from './ports.ts'
import type { Given, MaybePromise, Options, Returned, Schema, Written } from './schemas.ts'
import type { AnyTool, Effect, Guard, Mcp, StepContext, Tool } from './tools.ts'

/** Takes an input, gives an output, and can stand wherever an agent can. */
export interface Agent<in I, out O> {
  readonly name: string
  readonly description: string | undefined
  /** The lifecycle statechart: idle, running, failed, openCircuit. */
  readonly machine: AnyStateMachine
  /** One shot, input to output in a private in-memory system, for plain `createActor`. */
  readonly logic: AgentLogic<I, O>
  asTool(options?: Options<{ description: string; effect: Effect }>): Tool<I, O>
  readonly [types]?: { input: (input: I) => void; output: O } | undefined
}

/** An agent with no matter what input and output. */
export type AnyAgent = Agent<never, unknown>

/** What an agent takes: the written form, where defaults may be left out. */
export type In<A> = A extends Agent<infer I, unknown> ? I : never

/** What an agent gives, after the parse. */
export type Out<A> = A extends Agent<never, infer O> ? O : never

/** What every agent and every pattern takes. */
export interface Common<I, O> {
  /** Read by models that choose. */
  description?: string | undefined
  /**
   * Per attempt; time spent waiting for people does not count. Default 60_000 for an agent, none for patterns,
   * whose parts have their own. `Infinity`: none.
   */
  timeoutMs?: number | undefined
  /** Default 3 attempts with a model, else 1. */
  retry?: Retry | undefined
  /** Default `{}`; for patterns `false`, since their parts have their own. */
  circuit?: Circuit | false | undefined
  /**
   * Tasks in flight; the rest waits in the mailbox. Default 1_000. With 1 an ask cycle is refused,
   * `ASK_CYCLE`.
   */
  concurrency?: number | undefined
  mailbox?: Mailbox | undefined
  /** Gets the same input when the last attempt has failed or the circuit is open. */
  fallback?: Agent<I, O> | undefined
  /** What `ctx.help` and auctions find it by. */
  capabilities?: readonly string[] | undefined
  /** Its bid for a task; `undefined` declines. Default: the cost is `running + queued`. */
  bid?:
    | ((task: NoInfer<I>, load: { running: number; queued: number }) => MaybePromise<Bid | undefined>)
    | undefined
}

/** When a task is tried again: after `minMs`, then twice as long each time. */
export type Retry = Options<{
  /** In all. Default 3. */
  attempts: number
  /** Default 500. */
  minMs: number
  /** Default 30_000. An error's `retryAfterMs` goes beyond it. */
  maxMs: number
  /** A random share of each wait, or all of it. Default true. */
  jitter: boolean
  /** Default: the error's `retryable`. */
  when: (error: TroupeError) => boolean
}>

/** When an agent stops trying, and for how long. */
export type Circuit = Options<{
  /** In a row, opens it. Default 5. */
  failures: number
  /** Default 30_000. */
  openMs: number
  /** `openMs` doubles up to this while probes fail. Default 300_000. */
  maxOpenMs: number
  /** Opens by rate as well. Off unless given. */
  window: Options<{
    /** The last so many calls. Default 20. */
    calls: number
    /** The last so many milliseconds instead of `calls`. */
    ms: number
    /** Fewer calls never open it. Default 5. */
    minCalls: number
    /** From 0 to 1. Default 0.5. */
    failureRate: number
    /** A call that takes longer is slow. Default 60_000. */
    slowMs: number
    /** From 0 to 1. Default 1. */
    slowRate: number
  }>
  /** Tasks let through when half open. Default 1. */
  probes: number
  /** A probe that takes longer opens it again. Default 60_000. */
  probeTimeoutMs: number
  /** Which errors count. Default: TimeoutError, ProviderError and DefectError; not `INVALID_OUTPUT`, which may be the task's fault. */
  counts: (error: TroupeError) => boolean
}>

/** What waits for an actor, and what happens when that is too much. */
export type Mailbox = Options<{
  /** Default 10_000. */
  capacity: number
  /** Default `reject`. */
  overflow: 'reject' | 'drop-oldest' | 'drop-new' | 'backpressure' | 'unbounded'
  /** Default 100. */
  stash: number
  /** Messages kept while the actor waits to be restarted. Default 1_000. */
  restartStash: number
  /** Tries again of a message that crashed its actor; then a dead letter, `poison`. Default 0. */
  redeliver: number
}>

/** An offer in an auction. */
export interface Bid {
  cost: number
  capability?: string | undefined
  timeMs?: number | undefined
  /** How long it binds. Default: until the award times out. */
  validMs?: number | undefined
}

/** Work done by turns of a model. */
export interface Turns<I> {
  model: Model
  instructions?: string | ((input: NoInfer<I>) => string) | undefined
  /** What the model is told of the input. Default: the text itself, else JSON. */
  prompt?: ((input: NoInfer<I>) => string) | undefined
  /** An agent is a tool. More than 8 are warned about. */
  tools?: readonly (AnyTool | AnyAgent | Mcp)[] | undefined
  /** Default 10, then failed with ProviderError `TRUNCATED`. */
  maxTurns?: number | undefined
  /** Turns that name the faults of an invalid answer or tool call. Default 1. */
  repairs?: number | undefined
  settings?: ModelSettings | undefined
  /** History of the run's `session`: default 32_000 tokens, trimmed `oldest` first. `false`: none. */
  session?: Options<{ maxTokens: number; trim: 'oldest' | 'summary' }> | false | undefined
}

/** What `run` is given. Whatever it tells is recorded, and sent once. */
export interface Ctx extends StepContext, Sender {
  readonly taskId: string
  /** From 1. */
  readonly attempt: number
  /** What is left; `undefined`: no cap. */
  readonly budget: { readonly [L in keyof Budget]?: number | undefined }
  /** Set when a router or orchestrator handed this task over. */
  readonly handoff?: HandoffContext | undefined
  /** Set when a later stage sent the work back. */
  readonly revision?: Revision | undefined

  /** Recorded, so that a replay sees the same. Milliseconds since the epoch. */
  now(): number
  /** Recorded, so that a replay sees the same. From 0 to 1. */
  random(): number
  /**
   * Durable: goes on after a restart.
   * @throws CancelledError rejects with it when the task is cancelled
   */
  sleep(ms: number): Promise<void>

  /** A task below this one. Rejects as `run` does. */
  ask<I, O>(agent: Agent<I, O>, input: NoInfer<I>, options?: TaskOptions): Promise<O>
  /** Recorded once: what is finished never runs again. `effect` defaults to `idempotent`. */
  step<T>(
    name: string,
    fn: (step: StepContext) => MaybePromise<T>,
    options?: Options<{ effect: Effect }>,
  ): Promise<T>
  /**
   * Asks a peer with this capability.
   * @throws DeliveryError rejects with `NO_PEER`
   */
  help<O = unknown>(
    capability: string,
    task: unknown,
    options?: TaskOptions & { output?: Schema<O> | undefined },
  ): Promise<O>
  /** `run.emitted` in the run's events. */
  emit(name: string, data?: unknown): void
}

/** Limits of one task. */
export type TaskOptions = Options<{
  timeoutMs: number
  budget: Budget
  signal: AbortSignal
}>

/** Caps. None by default, but 10 hops. */
export type Budget = Options<{
  usd: number
  tokens: number
  calls: number
  hops: number
}>

/** How a task came to be handed over. */
export type HandoffContext = Readonly<{
  /** The name of an agent. */
  from: string
  /** The name of an agent. */
  to: string
  request: unknown
  results: readonly { agent: string; outcome: Outcome }[]
  history: readonly ModelMessage[]
  session?: string | undefined
  /** Milliseconds since the epoch. */
  at: number
}>

/** Why work was sent back. */
export type Revision = Readonly<{
  /** From 1. */
  round: number
  /** What this agent gave last time. */
  previous: unknown
  faults: readonly string[]
}>

/** The live state of an agent, as `system.actor(agent)` shows it. */
export type AgentSnapshot = MachineSnapshot<
  AgentContext,
  EventObject,
  Record<string, never>,
  'idle' | 'running' | 'failed' | { openCircuit: 'open' | 'halfOpen' },
  string,
  unknown,
  MetaObject,
  StateSchema
>

/** What the lifecycle of an agent counts. What belongs to one task lives in the task's own actor. */
export type AgentContext = Readonly<{
  /** Tasks in flight. */
  running: number
  /** In a row. */
  failures: number
  /** How often in a row the circuit has opened; 0 once a probe was good. */
  trips: number
  /** Absolute milliseconds, while the circuit is open. */
  openUntil: number | undefined
}>

/** Plain XState actor logic. */
export interface AgentLogic<in I, out O> {
  // Methods, not properties, so that `Agent` stays covariant in its output.
  transition(snapshot: Snapshot<O>, event: EventObject, scope: AnyActorScope): Snapshot<O>
  getInitialSnapshot(scope: AnyActorScope, input: I): Snapshot<O>
  getPersistedSnapshot(snapshot: Snapshot<O>): Snapshot<unknown>
  restoreSnapshot(persisted: Snapshot<unknown>, scope: AnyActorScope): Snapshot<O>
  start(snapshot: Snapshot<O>, scope: AnyActorScope): void
}

// Types that only serve inference. `IS` and `S` are the schemas of input and output, `I` and `R` stand in for
// a schema that is not given.

/** What an agent with its own contract takes, and orchestrators with it. */
export interface Contract<IS, I, S, R> extends Common<Written<IS, I>, Given<S, R>> {
  input?: IS
  output?: S
  guard?: Guard<Given<NoInfer<IS>, NoInfer<I>>, Given<NoInfer<S>, NoInfer<R>>> | undefined
  /** Messages that are no requests: of these topics, and broadcasts. Each is a task without an answer. */
  listen?:
    | {
        topics?: readonly string[] | undefined
        handle: (message: AgentMessage, ctx: Ctx) => MaybePromise<void>
      }
    | undefined
}

/** `agent` with a function. */
export interface ByRun<IS, I, S, R> extends Contract<IS, I, S, R> {
  run: (input: Given<IS, I>, ctx: Ctx) => Returned<S, R>
  /** Default `idempotent`. */
  effect?: Effect | undefined
  model?: never
  machine?: never
}

/** `agent` with a model. */
export interface ByModel<IS, I, S> extends Contract<IS, I, S, string>, Turns<Given<IS, I>> {
  run?: never
  machine?: never
}

/** Never inferred from where it stands: an agent written inside a pattern would take `never` otherwise. */
export type Fixed<T> = T extends infer U ? U : never
