/** What the cells of agents, their tasks and the tasks below tell each other. Not exported by `troupe`. */
import type { Outcome } from './errors.ts'

/** What the kernel sends to the cell of a task. */
export type TaskMessage =
  | { readonly type: 'task.response'; readonly id: string; readonly outcome: Outcome }
  | { readonly type: 'task.cancel'; readonly reason: string }
  // The task below with this id, or one below that, waits for people, or no longer.
  | { readonly type: 'task.waiting'; readonly id: string; readonly waiting: boolean }
  | PermitAnswer

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
      /** As many as were waited for, those of calls within attempts too. */
      readonly retries: number
    }

/** What an agent answers to `attempt.requested`. */
export type PermitAnswer =
  | { readonly type: 'attempt.granted'; readonly permit: Permit }
  | { readonly type: 'attempt.denied'; readonly retryAfterMs: number }

/** Leave to try. A result under a permit of an older epoch is metered and changes nothing. */
export interface Permit {
  readonly epoch: number
  readonly probe: boolean
}
