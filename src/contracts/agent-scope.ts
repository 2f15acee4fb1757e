/**
 * What the kernel gives the cell of an agent, and what that gives its tasks. An agent is one long-lived cell that admits,
 * each of its tasks a cell below it. Not exported by `troupe`.
 */
import type { AnyEventObject } from 'xstate'
import type { AgentDefinition } from './agent-definition.ts'
import type { CircuitRecord, MetricsRecord } from './agent-record.ts'
import type { CellScope } from './behavior.ts'
import type { Outcome } from './errors.ts'
import type { AgentMessage } from './messages.ts'
import type { CircuitControl } from './system.ts'
import type { Permit, PermitAnswer } from './task-messages.ts'
import type { TaskMeta } from './task-request.ts'

/**
 * The powers of an agent's cell. What arrives at its `receive`: envelopes (`AgentMessage`) from others; without an
 * envelope `TaskReport`s, `TaskLost`, `CircuitSet`, and its own timers.
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

/** What the kernel tells an agent: the cell of a task is gone without having settled. */
export interface TaskLost {
  readonly type: 'task.lost'
  readonly input: TaskInput
}
