/** What does the work of an attempt at a task, and the powers that it gets for that. Not exported by `troupe`. */
import type { AnyActorLogic, AnyEventObject } from 'xstate'
import type { AgentSettings } from './agent-settings.ts'
import type { AnyAgent } from './agents.ts'
import type { Outcome, TroupeError } from './errors.ts'
import type { AgentMessage } from './messages.ts'
import type { TaskEvent } from './run-scope.ts'
import type { Schema } from './schemas.ts'
import type { TaskKernel } from './task-kernel.ts'
import type { RequestOptions, TaskMeta } from './task-request.ts'

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
  readonly definition: AgentSettings
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
