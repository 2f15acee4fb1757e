/** A run as its tasks see it: what they record, spend and ask of people. Not exported by `troupe`. */
import type { Account } from './account.ts'
import type { TroupeError } from './errors.ts'
import type { Usage } from './ports.ts'
import type { ApprovalRequest, RunEvent } from './runs.ts'
import type { Thread } from './thread.ts'

/** A run as its tasks see it. */
export interface RunScope {
  readonly id: string
  readonly session: string | undefined
  /** The conversation of its session. */
  readonly thread?: Thread | undefined
  readonly traceparent: string | undefined
  /** Most hops from the root. */
  readonly maxHops: number
  /** What its tasks spend from, unless they have caps of their own; `undefined`: nothing caps calls of models. */
  readonly account: Account | undefined
  /** Whether it has ended: nothing is recorded any more. */
  readonly ended: boolean
  /** The task that answers for all of it. */
  readonly root?: TaskIdentity | undefined
  record(task: TaskIdentity, event: TaskEvent): void
  /** Adds to what the run has used. */
  spend(usage: Usage): void
  /** Puts up what people of this run have to decide. @returns takes it back: the request as it was left, if undecided */
  ask(request: Question): () => ApprovalRequest | undefined
}

/** Which task an event belongs to. */
export interface TaskIdentity {
  readonly taskId: string
  readonly parentTaskId: string | undefined
  readonly agent: string
  readonly path: string
  /** Kept by the run, once the task has started. */
  input?: unknown
}

type WithoutTask<E> = E extends unknown
  ? Omit<E, 'seq' | 'at' | 'runId' | 'taskId' | 'parentTaskId' | 'agent' | 'path'>
  : never

/** A run event without what the run adds to it. */
export type TaskEvent = WithoutTask<Exclude<RunEvent, { type: 'run.skipped' }>>

/** Something that a person has to decide. */
export interface Question {
  readonly request: Omit<ApprovalRequest, 'status' | 'decisions' | 'runId'>
  /** The faults of an answer, or of a tool's edited arguments; or what they were parsed to. */
  readonly check: (output: unknown) => { value: unknown } | { faults: readonly { path: string; message: string }[] }
  /**
   * The one decision that counts, and the request as it stands then. May be called in any turn. For a tool `answered`
   * means that it may run; its `output` are other arguments, `undefined` for those that were shown.
   */
  readonly decided: (
    decision: { verdict: 'answered'; output: unknown } | { verdict: 'denied'; error: TroupeError },
    request?: ApprovalRequest,
  ) => void
}
