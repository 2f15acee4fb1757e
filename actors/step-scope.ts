/** What a function is given that does something within a task, beside `ctx`: tools, guards. */
import type { Logger } from '../src/contracts/ports.ts'
import type { TaskScope } from '../src/contracts/task-scope.ts'
import type { StepContext } from '../src/contracts/tools.ts'

/** One step of a task. */
export class StepScope implements StepContext {
  readonly key: string
  readonly signal: AbortSignal
  readonly #task: TaskScope

  constructor(task: TaskScope, key: string, signal: AbortSignal) {
    this.#task = task
    this.key = key
    this.signal = signal
  }

  get runId(): string {
    return this.#task.meta.run.id
  }

  get log(): Logger {
    const { runId, key } = this
    const { taskId, definition, cell } = this.#task
    return cell.log.child({ runId, taskId, agent: definition.name, key })
  }
}

/** The key of a step, which is the same in each attempt. */
export const keyOf = ({ meta, taskId }: TaskScope, name: string, occurrence: number): string =>
  `${meta.run.id}/${taskId}/${name}#${String(occurrence)}`
