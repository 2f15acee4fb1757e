/** What a tool call needs of the work that it belongs to. */
import type { AnyAgent } from '../src/contracts/agents.ts'
import type { Outcome, TroupeError } from '../src/contracts/errors.ts'
import type { Schema } from '../src/contracts/schemas.ts'
import type { TaskScope } from '../src/contracts/task-scope.ts'
import type { Guard } from '../src/contracts/tools.ts'
import type { Failure } from './failure.ts'

/** How something asynchronous went. */
export type Settled<T> =
  | { readonly status: 'completed'; readonly output: T }
  | { readonly status: 'failed'; readonly error: TroupeError }

/** What a call needs of the work that it belongs to. */
export interface CallHost {
  readonly task: TaskScope
  readonly guard: Guard<never, never>['tool']
  /** Calls back in a turn of the task, unless the attempt is over by then. */
  later<T>(id: string, promise: Promise<T>, then: (settled: Settled<T>) => void): void
  /** The same for time. */
  after(id: string, ms: number, then: () => void): void
  cancelTimer(id: string): void
  /** The same for the answer of an agent. */
  ask(agent: AnyAgent, input: unknown, parsed: Schema | undefined, then: (outcome: Outcome) => void): void
  /** A call waits for people, or no longer. */
  waits(waiting: boolean): void
  /** It is over, with a result in its record or because nobody needs it. */
  settled(): void
  /** It ends the task. */
  failed(outcome: Failure): void
}
