/** How a task takes part in the conversation that it answers in. A model says more than this: all of its turns. */
import type { Outcome } from '../src/contracts/errors.ts'
import type { ModelMessage } from '../src/contracts/ports.ts'
import type { TaskScope } from '../src/contracts/task-scope.ts'
import { letInKey } from './guard.ts'
import { turnOf } from './history.ts'

/** What went in and what came out, unless the task hands its work on to others, who say it. */
export const takePart = (task: TaskScope, input: unknown, outcome: () => Outcome | undefined): void => {
  const { thread } = task.meta
  if (!thread || task.definition.turns?.session === false) return
  const said = (): readonly ModelMessage[] => {
    const letIn = letInBy(task, input)
    return letIn && thread.speakers === speakers ? turnOf(letIn.value, outcome()) : []
  }
  thread.speak(task.taskId, said)
  const { speakers } = thread
}

/** What the guard has let in; nothing before that. */
const letInBy = (task: TaskScope, input: unknown): { readonly value: unknown } | undefined =>
  task.definition.guard?.input
    ? (task.steps.get(letInKey(task)) as { value: unknown } | undefined)
    : { value: input }
