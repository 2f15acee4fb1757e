/**
 * What agents and the kernel ask of each other about tasks and runs. An agent is one long-lived cell that admits, each
 * of its tasks a cell below it. Not exported by `troupe`.
 */
import type { AnyActorLogic, AnyEventObject } from 'xstate'
import type { Account } from './account.ts'
import type { AnyAgent, Agent, Bid, Budget, Circuit, HandoffContext, Mailbox, Retry, Revision } from './agents.ts'
import type { CellScope } from './behavior.ts'
import type { Outcome, TroupeError } from './errors.ts'
import type { AgentMessage } from './messages.ts'
import type { ApprovalRequest, RunEvent } from './runs.ts'
import type { Clock, Model, Usage } from './ports.ts'
import type { MaybePromise, Schema } from './schemas.ts'
import type { CircuitControl } from './system.ts'
import type { Part, Shape } from './team.ts'
import type { Thread } from './thread.ts'
import type { ToolDefinition } from './tool-definition.ts'
import type { Held, ToolSource } from './tool-source.ts'
import type { Effect, Guard } from './tools.ts'

/** The key of an agent's definition. */
export const definition: unique symbol = Symbol('troupe.definition')

/** What stands behind an `Agent`. */
export interface DefinedAgent<I = never, O = unknown> extends Agent<I, O> {
  readonly [definition]: AgentDefinition
}

/** An agent's options, with their defaults filled in. */
export interface AgentDefinition {
  readonly name: string
  readonly input: Schema | undefined
  /** What its input is where it has no schema: a text, anything, or what these agents take, which get the same. */
  readonly takes: 'text' | 'anything' | readonly AnyAgent[]
  readonly output: Schema | undefined
  /** Per attempt; `Infinity`: none. */
  readonly timeoutMs: number
  readonly retry: Required<{ [K in keyof Retry]: NonNullable<Retry[K]> }>
  readonly circuit: ResolvedCircuit | false
  readonly concurrency: number
  readonly mailbox: Mailbox | undefined
  readonly fallback: AnyAgent | undefined
  readonly capabilities: readonly string[]
  readonly bid: ((task: never, load: { running: number; queued: number }) => MaybePromise<Bid | undefined>) | undefined
  readonly guard: Guard<never, never> | undefined
  /** What becomes of an attempt whose result a crash lost. */
  readonly effect: Effect
  readonly listen:
    | { readonly topics: readonly string[]; readonly handle: (message: AgentMessage, ctx: never) => MaybePromise<void> }
    | undefined
  /** What does the work of one attempt. */
  readonly work: StartWork
  /** How that is done, for graphs and checks. */
  readonly shape: Shape
  /** The agents that it is made of. */
  readonly parts: readonly Part[]
  /** Whom `ctx.help` of the tasks below asks, instead of all agents of the system. */
  readonly team: readonly AnyAgent[] | undefined
  /** Where the work is turns of a model. */
  readonly turns: TurnsDefinition | undefined
}

/** Turns of a model, with their defaults filled in. */
export interface TurnsDefinition {
  readonly model: Model
  readonly tools: readonly ToolDefinition[]
  /** Where more tools come from, once they are asked for. */
  readonly sources: readonly ToolSource[]
  readonly maxTurns: number
  readonly repairs: number
  /** How much it reads of what was said before; `false`: it takes no part in conversations. */
  readonly session: { readonly maxTokens: number; readonly trim: 'oldest' | 'summary' } | false
}

/** `Circuit` with its defaults; `window` stays off unless given. */
export type ResolvedCircuit = {
  readonly [K in Exclude<keyof Circuit, 'window'>]-?: NonNullable<Circuit[K]>
} & {
  readonly window:
    | {
        readonly calls: number
        readonly ms: number | undefined
        readonly minCalls: number
        readonly failureRate: number
        readonly slowMs: number
        readonly slowRate: number
      }
    | undefined
}

/** Starts one attempt. A throw here is a defect of the task. */
export type StartWork = (input: unknown, task: TaskScope) => Work

/** One attempt at a task, at work in the task's cell. It ends by `task.done`, once. */
export interface Work {
  /** The answer to a `delegate(...)` or `execute(...)` of this attempt. */
  responded?(id: string, outcome: Outcome): void
  /** Any other message to the cell: what the work told itself by `pipe` or `timers`. */
  receive?(message: AnyEventObject): void
  /** The attempt has ended: it was timed out or cancelled, or it is done. What it asked for is withdrawn by the task. */
  ended?(reason: EndOfWork): void
}

/** Why an attempt has ended. */
export type EndOfWork = { readonly done: boolean; readonly reason: string }

/** The powers of a work: those of its task, built by `actors/task.ts` on the cell that the kernel gives. */
export interface TaskScope {
  /** The id of its request. */
  readonly taskId: string
  /** From 1. */
  readonly attempt: number
  /** How long the attempt may still take, in milliseconds; known once it has begun. */
  readonly leftMs: number
  readonly request: AgentMessage
  readonly meta: TaskMeta
  readonly definition: AgentDefinition
  readonly cell: TaskKernel
  /** Results of finished steps by key, over all attempts. */
  readonly steps: Map<string, unknown>

  /** Sends a task to another agent. Its response comes to `Work.responded` under the id that this gives. */
  delegate(agent: AnyAgent, input: unknown, options?: DelegateOptions): string
  /** Runs logic of XState below this task, in a cell of its own; it ends like a delegated task. */
  execute(logic: AnyActorLogic, input: unknown): string
  /** Takes a request back: its task is cancelled, no response comes. */
  withdraw(id: string, reason: string): void
  /**
   * Ends the attempt: `completed` is parsed by the output schema, what fails may be retried.
   * @param parsed the schema that the output has been parsed with already
   * @param last it has been tried often enough: no further attempt is made
   */
  done(outcome: Outcome, parsed?: Schema, last?: boolean): void
  /** Adds to the run's events. */
  record(event: TaskEvent): void
  /** A part of the attempt failed and is tried again after so long: recorded, and counted as a retry. */
  retrying(error: TroupeError, delayMs: number): void
  /** This task itself waits for people, or no longer. */
  waiting(waiting: boolean): void
}

/** How a task is handed on. */
export interface DelegateOptions extends RequestOptions {
  /** The requesting task withdraws it after so long; waiting for people does not count. */
  readonly timeoutMs?: number | undefined
}

/**
 * What the kernel gives the cell of a task. What arrives at its `receive`: `TaskMessage`s, and what the task sent
 * itself by `timers` and `pipe`. Nobody else can tell it anything.
 *
 * A cell that ends without `settle` (it was killed, or our own code threw) is answered for by the kernel: DefectError
 * `ACTOR_CRASHED` to the requester, `task.lost` to the agent.
 */
export interface TaskKernel extends CellScope<AnyEventObject, TaskInput> {
  /**
   * Sends `task.request` to another agent, which is started if need be. Exactly one `task.response` comes, unless it
   * is withdrawn first; also when the agent is gone, its mailbox is full, or the run's hops are spent (`exhausted`).
   * @returns the id of the request, which is the id of the task below
   */
  request(agent: AnyAgent, input: unknown, options?: RequestOptions): string
  /** Starts logic of XState in a child cell. A `task.response` comes when it is done or has failed. */
  execute(logic: AnyActorLogic, input: unknown): string
  /**
   * Takes back a request or an execution: what waits is dropped from its mailbox, the task that runs gets
   * `task.cancel`, no response comes. Of an unknown id nothing.
   */
  withdraw(id: string, reason: string): void
  /** Answers the requester, once, and ends the cell after the message in hand. Whatever is still requested is withdrawn. */
  settle(outcome: Outcome): void
  /** To the agent's cell, past its gate and its mailbox's bound. */
  report(report: TaskReport): void
  /** A timer of this cell under a key, which tells it `message` after so long. */
  limit(key: string, message: AnyEventObject, ms: number): TimeLimit
  /** Adds to the run's events; nothing once the run has ended. */
  record(event: TaskEvent): void
  /** Adds to what its agent and its run have used. */
  spend(usage: Usage): void
  /** The system's, for what waits by itself. */
  readonly clock: Clock
  /** Sends `task.waiting` to the task that requested this one; nothing at the root. */
  waiting(waiting: boolean): void
  /** The agents that the system knows: its roots, those that were asked, and what they are made of. */
  agents(): readonly AnyAgent[]
  /** Whether a request is at work: its agent has taken it from its mailbox, and it has not been answered. */
  started(id: string): boolean
  /** What an agent has in hand; of one that has not been started: nothing. */
  load(agent: AnyAgent): { readonly running: number; readonly queued: number }
  /** Lets this go when the system stops, once for each. @returns who holds it: the system */
  hold(held: Held): object
  /** The agents that await this task, outermost first. */
  awaiting(): readonly AgentDefinition[]
}

/** A limit of time, which stands still while somebody waits for people. */
export interface TimeLimit {
  /** What is left of it, in milliseconds. */
  readonly leftMs: number
  pause(): void
  resume(): void
  cancel(): void
}

/** What the kernel sends to the cell of a task. */
export type TaskMessage =
  | { readonly type: 'task.response'; readonly id: string; readonly outcome: Outcome }
  | { readonly type: 'task.cancel'; readonly reason: string }
  // The task below with this id, or one below that, waits for people, or no longer.
  | { readonly type: 'task.waiting'; readonly id: string; readonly waiting: boolean }
  | PermitAnswer

/** What an agent answers to `attempt.requested`. */
export type PermitAnswer =
  | { readonly type: 'attempt.granted'; readonly permit: Permit }
  | { readonly type: 'attempt.denied'; readonly retryAfterMs: number }

/** What a task tells its agent, in the order in which it happens. `id` is the task's. */
export type TaskReport =
  | { readonly type: 'attempt.requested'; readonly id: string }
  | {
      readonly type: 'attempt.failed'
      readonly id: string
      readonly permit: Permit
      /** For the breaker; one that does not count only gives its permit back. */
      readonly counts: boolean
      readonly durationMs: number
    }
  | {
      readonly type: 'task.settled'
      readonly id: string
      /** What it still held: its last attempt was good, or had no result. */
      readonly permit: Permit | undefined
      readonly good: boolean
      readonly status: Outcome['status']
      /** Of the last attempt. */
      readonly attemptMs: number
      /** Of the whole task. */
      readonly durationMs: number
      /** With those of calls within them. */
      /** As many as were waited for, in attempts too. */
      readonly retries: number
    }
  // By the kernel: the cell is gone without having settled.
  | { readonly type: 'task.lost'; readonly input: TaskInput }

/** How a request is sent. */
export interface RequestOptions {
  /** How much deeper it is; 1 for a handoff, a delegation, a step of a router. Default 0. */
  readonly hops?: number | undefined
  readonly handoff?: HandoffContext | undefined
  readonly revision?: Revision | undefined
  /** Caps of its own. */
  readonly budget?: Budget | undefined
  /** What it may spend from, where that is not its requester's account. */
  readonly account?: Account | undefined
  /** The schema that the input has been parsed with: an agent with the very same input schema does not parse again. */
  readonly parsed?: Schema | undefined
  /** The conversation that it answers in. Without one it only reads that of the run's session. */
  readonly thread?: Thread | undefined
}

/** What travels with a request besides its envelope, in process. */
export interface TaskMeta {
  readonly run: RunScope
  readonly parentTaskId: string | undefined
  readonly handoff: HandoffContext | undefined
  readonly revision: Revision | undefined
  readonly parsed: Schema | undefined
  /** The conversation that this task answers in. */
  readonly thread?: Thread | undefined
  /** What its calls of models spend from; `undefined`: nothing caps them. */
  readonly account: Account | undefined
  /** Results of finished steps by key: they outlive attempts, and a restart of the agent. */
  steps?: Map<string, unknown>
}

/** What the agent gives its task. */
export interface TaskInput {
  readonly definition: AgentDefinition
  /** A `task.request`, or a message for `listen`: then nobody is answered. */
  readonly request: AgentMessage
  readonly meta: TaskMeta
  /** The payload after the parse. */
  readonly input: unknown
  /**
   * What the breaker gave for the attempt in hand; the task keeps it current, so that the agent of a lost task knows.
   * `undefined` at the start: the circuit is open, and only the fallback may answer.
   */
  permit: Permit | undefined
  /** Why there is no permit. */
  readonly retryAfterMs: number
}

/** Leave to try. A result under a permit of an older epoch is metered and changes nothing. */
export interface Permit {
  readonly epoch: number
  readonly probe: boolean
}

/** A run as its tasks see it. */
export interface RunScope {
  readonly id: string
  readonly session: string | undefined
  /** The conversation of its session. */
  readonly thread?: Thread | undefined
  readonly traceparent: string | undefined
  /** Most hops from the root. */
  readonly maxHops: number
  /** What its tasks spend from, unless they have caps of their own; `undefined`: nothing caps calls of models. */
  readonly account: Account | undefined
  /** Whether it has ended: nothing is recorded any more. */
  readonly ended: boolean
  /** The task that answers for all of it. */
  readonly root?: TaskIdentity | undefined
  record(task: TaskIdentity, event: TaskEvent): void
  /** Adds to what the run has used. */
  spend(usage: Usage): void
  /** Puts up what people of this run have to decide. @returns takes it back: the request as it was left, if undecided */
  ask(request: Question): () => ApprovalRequest | undefined
}

/** Which task an event belongs to. */
export interface TaskIdentity {
  readonly taskId: string
  readonly parentTaskId: string | undefined
  readonly agent: string
  readonly path: string
  /** Kept by the run, once the task has started. */
  input?: unknown
}

type WithoutTask<E> = E extends unknown
  ? Omit<E, 'seq' | 'at' | 'runId' | 'taskId' | 'parentTaskId' | 'agent' | 'path'>
  : never

/** A run event without what the run adds to it. */
export type TaskEvent = WithoutTask<Exclude<RunEvent, { type: 'run.skipped' }>>

/** Something that a person has to decide. */
export interface Question {
  readonly request: Omit<ApprovalRequest, 'status' | 'decisions' | 'runId'>
  /** The faults of an answer, or of a tool's edited arguments; or what they were parsed to. */
  readonly check: (output: unknown) => { value: unknown } | { faults: readonly { path: string; message: string }[] }
  /**
   * The one decision that counts, and the request as it stands then. May be called in any turn. For a tool `answered`
   * means that it may run; its `output` are other arguments, `undefined` for those that were shown.
   */
  readonly decided: (
    decision: { verdict: 'answered'; output: unknown } | { verdict: 'denied'; error: TroupeError },
    request?: ApprovalRequest,
  ) => void
}

/**
 * The powers of an agent's cell. What arrives at its `receive`: envelopes (`AgentMessage`) from others; without an
 * envelope `TaskReport`s, `CircuitSet`, and its own timers.
 */
export interface AgentScope extends CellScope<AnyEventObject, AgentDefinition> {
  /**
   * What the message in hand carries. For a message that is no request: of the run that sent it while that goes on, else
   * of a run that nobody watches.
   */
  readonly meta: TaskMeta
  /** Starts the cell of one task, `taskLogic` of `actors/task.ts`, as `t-<id of the request>`. */
  startTask(input: TaskInput): void
  /** Nothing when that task is gone. */
  answerTask(id: string, answer: PermitAnswer): void
  /** Answers a request that is not started. */
  refuse(request: AgentMessage, outcome: Outcome): void
  /** The message in hand is none that this actor knows. */
  unhandled(): void
  /** Survives restarts of the agent, keyed by its path. */
  readonly circuit: CircuitRecord
  readonly metrics: MetricsRecord
  circuitChanged(from: CircuitControl['state'], to: CircuitControl['state']): void
}

/** `system.circuit(agent).set(...)`. For an agent that is not running the kernel writes the record's `mode`. */
export type CircuitSet = { readonly type: 'circuit.set'; readonly mode: CircuitRecord['mode'] }

/** The state of a circuit outside any incarnation. Written by the agent. */
export interface CircuitRecord {
  state: CircuitControl['state']
  epoch: number
  /** In a row, while it is closed. */
  failures: number
  trips: number
  openUntil: number | undefined
  mode: 'normal' | 'isolated' | 'disabled' | 'metrics-only'
  /** Results of the window, oldest first. */
  readonly results: { at: number; failed: boolean; slow: boolean }[]
}

/** What `system.metrics()` counts. */
export interface MetricsRecord {
  completed: number
  failed: number
  retried: number
  totalMs: number
  /** The last so many durations, for percentiles. */
  readonly durationsMs: number[]
  messagesIn: number
  messagesOut: number
  usage: Usage
}
