/** What a work is given as its task by another work around it: the task's own powers, but for those that come by there. */
import type { AnyActorLogic } from 'xstate'
import type { AgentSettings } from '../src/contracts/agent-settings.ts'
import type { AnyAgent } from '../src/contracts/agents.ts'
import type { Outcome, TroupeError } from '../src/contracts/errors.ts'
import type { AgentMessage } from '../src/contracts/messages.ts'
import type { TaskEvent } from '../src/contracts/run-scope.ts'
import type { Schema } from '../src/contracts/schemas.ts'
import type { TaskKernel } from '../src/contracts/task-kernel.ts'
import type { TaskMeta } from '../src/contracts/task-request.ts'
import type { DelegateOptions, TaskScope } from '../src/contracts/task-scope.ts'

/** Hands everything on to the task; whoever stands between overrides what he has a part in. */
export abstract class InnerTask implements TaskScope {
  protected readonly task: TaskScope

  constructor(task: TaskScope) {
    this.task = task
  }

  get taskId(): string {
    return this.task.taskId
  }

  get attempt(): number {
    return this.task.attempt
  }

  get leftMs(): number {
    return this.task.leftMs
  }

  get request(): AgentMessage {
    return this.task.request
  }

  get meta(): TaskMeta {
    return this.task.meta
  }

  get definition(): AgentSettings {
    return this.task.definition
  }

  get cell(): TaskKernel {
    return this.task.cell
  }

  get steps(): Map<string, unknown> {
    return this.task.steps
  }

  delegate(agent: AnyAgent, input: unknown, options?: DelegateOptions): string {
    return this.task.delegate(agent, input, options)
  }

  execute(logic: AnyActorLogic, input: unknown): string {
    return this.task.execute(logic, input)
  }

  withdraw(id: string, reason: string): void {
    this.task.withdraw(id, reason)
  }

  done(outcome: Outcome, parsed?: Schema, last?: boolean): void {
    this.task.done(outcome, parsed, last)
  }

  record(event: TaskEvent): void {
    this.task.record(event)
  }

  retrying(error: TroupeError, delayMs: number): void {
    this.task.retrying(error, delayMs)
  }

  waiting(waiting: boolean): void {
    this.task.waiting(waiting)
  }
}
