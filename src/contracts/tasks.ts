/**
 * What agents and the kernel ask of each other about tasks and runs. An agent is one long-lived cell that admits, each
 * of its tasks a cell below it. Not exported by `troupe`.
 */
import type { AnyActorLogic, EventObject } from 'xstate'
import type { AnyAgent, Agent, Bid, Budget, Circuit, HandoffContext, Mailbox, Retry, Revision } from './agents.ts'
import type { CellScope } from './behavior.ts'
import type { Outcome, TroupeError } from './errors.ts'
import type { ActorRef, AgentMessage } from './messages.ts'
import type { ApprovalRequest, RunEvent } from './runs.ts'
import type { MaybePromise, Schema } from './schemas.ts'
import type { CircuitControl } from './system.ts'
import type { Guard } from './tools.ts'

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
  readonly listen:
    | { readonly topics: readonly string[]; readonly handle: (message: AgentMessage, ctx: never) => MaybePromise<void> }
    | undefined
  /** What does the work of one attempt. */
  readonly work: StartWork
  /** The agents that it is made of, each with the role it has, for graphs and checks. */
  readonly parts: readonly { readonly role: string; readonly agent: AnyAgent }[]
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
  /** The answer to a `task.request(...)` of this attempt. */
  responded?(id: string, outcome: Outcome): void
  /** Any other message to the cell: what the work told itself by `pipe` or `timers`. */
  receive?(message: EventObject): void
  /** The attempt was timed out or cancelled. What it asked for is withdrawn by the task. */
  abandoned?(): void
}

/** The powers of a task. Its methods work destructured. */
export interface TaskScope extends CellScope<EventObject, TaskInput> {
  readonly taskId: string
  /** From 1. */
  readonly attempt: number
  readonly request: AgentMessage<'task.request'>
  readonly meta: TaskMeta
  readonly definition: AgentDefinition

  /**
   * Sends a task to another agent. Its response comes to `Work.responded` under the id that this gives. Once the run's
   * hops are spent, the response is `exhausted`.
   */
  delegate(agent: AnyAgent, input: unknown, options?: DelegateOptions): string
  /** Takes a request back: its task is cancelled, no response comes. */
  withdraw(id: string, reason: string): void
  /** Ends the attempt: `completed` is parsed by the output schema, what fails may be retried. */
  done(outcome: Outcome): void
  /** Runs logic of XState below this task; `done` is called in a turn of this cell. */
  execute(logic: AnyActorLogic, input: unknown, done: (outcome: Outcome) => void): void
  /** Adds to the run's events. */
  record(event: TaskEvent): void
  /** While somebody waits for people, the time limits of the tasks above stand still. */
  waiting(waiting: boolean): void
}

/** How a task is handed on. */
export interface DelegateOptions {
  /** How much deeper it is; 1 for a handoff, a delegation, a step of a router. Default 0. */
  readonly hops?: number
  readonly handoff?: HandoffContext
  readonly revision?: Revision
  readonly timeoutMs?: number | undefined
  readonly budget?: Budget | undefined
  /** The schema that the input has been parsed with: an agent with the very same input schema does not parse again. */
  readonly parsed?: Schema | undefined
}

/** What travels with a request besides its envelope, in process. */
export interface TaskMeta {
  readonly run: RunScope
  readonly parentTaskId: string | undefined
  readonly handoff: HandoffContext | undefined
  readonly revision: Revision | undefined
  readonly parsed: Schema | undefined
  /** Absolute milliseconds. */
  readonly deadline: number | undefined
}

/** What the agent gives its task. */
export interface TaskInput {
  readonly definition: AgentDefinition
  readonly request: AgentMessage<'task.request'>
  readonly meta: TaskMeta
  /** The agent's cell: told `attempt.failed`, `attempt.requested` and `task.settled`. */
  readonly agent: ActorRef
  /** What the breaker gave for the first attempt. */
  readonly permit: Permit
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
  readonly traceparent: string | undefined
  /** Most hops from the root. */
  readonly maxHops: number
  readonly budget: Budget
  /** Whether it has ended: nothing is recorded any more. */
  readonly ended: boolean
  record(task: TaskIdentity, event: TaskEvent): void
  /** Who waits for people in this run. */
  ask(request: Question): () => void
}

/** Which task an event belongs to. */
export interface TaskIdentity {
  readonly taskId: string
  readonly parentTaskId: string | undefined
  readonly agent: string
  readonly path: string
}

type WithoutTask<E> = E extends unknown
  ? Omit<E, 'seq' | 'at' | 'runId' | 'taskId' | 'parentTaskId' | 'agent' | 'path'>
  : never

/** A run event without what the run adds to it. */
export type TaskEvent = WithoutTask<Exclude<RunEvent, { type: 'run.skipped' }>>

/** Something that a person has to decide. */
export interface Question {
  readonly request: Omit<ApprovalRequest, 'status' | 'decisions' | 'runId'>
  /** The faults of an answer, or what it was parsed to. */
  readonly check: (output: unknown) => { value: unknown } | { faults: readonly { path: string; message: string }[] }
  readonly decided: (decision: { verdict: 'answered'; output: unknown } | { verdict: 'denied'; error: TroupeError }) => void
}

/** The powers of an agent's cell. */
export interface AgentScope extends CellScope<EventObject, AgentDefinition> {
  /** What the message in hand carries, when it is a `task.request`. */
  readonly meta: TaskMeta
  /** Starts the cell of one task. */
  startTask(input: TaskInput): void
  /** Cancels the task that was started for this request; false when there is none. */
  cancelTask(requestId: string, reason: string): boolean
  /** Answers a request that is not started. */
  refuse(request: AgentMessage, outcome: Outcome): void
  /** Survives restarts of the agent, keyed by its path. */
  readonly circuit: CircuitRecord
  readonly metrics: MetricsRecord
  circuitChanged(from: CircuitControl['state'], to: CircuitControl['state']): void
}

/** The state of a circuit outside any incarnation. */
export interface CircuitRecord {
  epoch: number
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
}
