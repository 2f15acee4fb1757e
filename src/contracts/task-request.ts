/** What travels with a request for a task besides its envelope. Not exported by `troupe`. */
import type { Account } from './account.ts'
import type { Budget, HandoffContext, Revision } from './agents.ts'
import type { RunScope } from './run-scope.ts'
import type { Schema } from './schemas.ts'
import type { Thread } from './thread.ts'

/** How a request is sent. */
export interface RequestOptions {
  /** How much deeper it is; 1 for a handoff, a delegation, a step of a router. Default 0. */
  readonly hops?: number | undefined
  readonly handoff?: HandoffContext | undefined
  readonly revision?: Revision | undefined
  /** Caps of its own. */
  readonly budget?: Budget | undefined
  /** What it may spend from, where that is not its requester's account. */
  readonly account?: Account | undefined
  /** The schema that the input has been parsed with: an agent with the very same input schema does not parse again. */
  readonly parsed?: Schema | undefined
  /** The conversation that it answers in. Without one it only reads that of the run's session. */
  readonly thread?: Thread | undefined
}

/** What travels with a request besides its envelope, in process. */
export interface TaskMeta {
  readonly run: RunScope
  readonly parentTaskId: string | undefined
  readonly handoff: HandoffContext | undefined
  readonly revision: Revision | undefined
  readonly parsed: Schema | undefined
  /** The conversation that this task answers in. */
  readonly thread?: Thread | undefined
  /** What its calls of models spend from; `undefined`: nothing caps them. */
  readonly account: Account | undefined
  /** Results of finished steps by key: they outlive attempts, and a restart of the agent. */
  steps?: Map<string, unknown>
}
