/** The work of an agent on a message that is no request: of a topic, or for everybody. Nobody waits for an answer. */
import type { StartWork } from '../src/contracts/task-scope.ts'
import { runFunction } from './run-work.ts'

/** Hands the message to the agent's `listen`. */
export const listening: StartWork = (_, task) => {
  const { listen } = task.definition
  return runFunction((message, ctx) => listen?.handle(message, ctx as never))(task.request, task)
}
