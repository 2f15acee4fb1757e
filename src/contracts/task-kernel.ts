/** What the kernel gives the cell of a task. Not exported by `troupe`. */
import type { AnyActorLogic, AnyEventObject } from 'xstate'
import type { AgentSettings } from './agent-settings.ts'
import type { AnyAgent } from './agents.ts'
import type { CellScope } from './behavior.ts'
import type { Outcome } from './errors.ts'
import type { Clock, Usage } from './ports.ts'
import type { TaskEvent } from './run-scope.ts'
import type { TaskReport } from './task-messages.ts'
import type { RequestOptions } from './task-request.ts'
import type { Held } from './tool-source.ts'

/**
 * What the kernel gives the cell of a task. What arrives at its `receive`: `TaskMessage`s, and what the task sent
 * itself by `timers` and `pipe`. Nobody else can tell it anything.
 *
 * A cell that ends without `settle` (it was killed, or our own code threw) is answered for by the kernel: DefectError
 * `ACTOR_CRASHED` to the requester, `task.lost` to the agent.
 */
export interface TaskKernel extends CellScope<AnyEventObject, unknown> {
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
  awaiting(): readonly AgentSettings[]
}

/** A limit of time, which stands still while somebody waits for people. */
export interface TimeLimit {
  /** What is left of it, in milliseconds. */
  readonly leftMs: number
  pause(): void
  resume(): void
  cancel(): void
}
