/**
 * What a supervisor's machine starts with, is told, and asks for: what its actor and its tests need to know of it.
 */
import type { ExitReason, Restart } from '../src/contracts/logic.ts'

/** Which children are restarted when one of them ends. */
export type Strategy = 'one-for-one' | 'one-for-all' | 'rest-for-one' | 'dynamic'

/** Everything has a default. */
export interface SupervisorInput {
  /** Default `one-for-one`. */
  readonly strategy?: Strategy
  /** Restarts within `periodMs`; one more gives up. Default 3. */
  readonly intensity?: number
  /** Default 5_000. */
  readonly periodMs?: number
  /** Default `never`. */
  readonly autoShutdown?: 'never' | 'any-significant' | 'all-significant'
  /** Whether a restart waits before it is tried and counted. Default false. */
  readonly backoff?: boolean
}

/** How a supervisor ended. */
export type SupervisorEnding = 'start-failed' | 'stopped' | 'auto-shutdown' | 'gave-up'

/** Bounded by the intensity. */
export interface SupervisorContext extends Required<SupervisorInput> {
  /** When children were restarted, oldest first. */
  readonly restarts: readonly number[]
  /** The child whose failure a group restart is about. */
  readonly failed: string | undefined
  readonly ending: SupervisorEnding | undefined
}

/** A child ended. */
export interface ChildExited {
  readonly type: 'child.exited'
  readonly id: string
  /** Monotonic milliseconds. */
  readonly at: number
  readonly restart: Restart
  readonly exit: ExitReason['type']
  /** Whether somebody stopped it, rather than that it ended by itself. */
  readonly stopped?: boolean
  readonly significant?: boolean
  /** Whether other significant children still live. */
  readonly others?: boolean
  /** Whether it has used up a limit of its own. */
  readonly spent?: boolean
}

/** What a supervisor is told. Times are monotonic milliseconds. */
export type SupervisorEvent =
  | { readonly type: 'children.started' }
  /** A child did not start: one of the first, or one that was to be restarted. */
  | { readonly type: 'start.failed'; readonly id: string }
  | ChildExited
  /** The wait that `restart.wait` asked for is over: the attempt is made, and counted, now. */
  | { readonly type: 'restart.due'; readonly id: string; readonly at: number; readonly spent?: boolean }
  /** The child that a group waits for was terminated by hand. */
  | { readonly type: 'restart.withdrawn' }
  /** All that `group.stop` asked for is down. */
  | { readonly type: 'group.stopped' }
  | { readonly type: 'group.started' }
  | { readonly type: 'stop.requested' }
  | { readonly type: 'children.stopped' }

/** What a supervisor asks for. */
export type SupervisorEffect =
  /** The child is not restarted. */
  | { readonly type: 'child.forget'; readonly id: string }
  /** The child is not restarted, since it has used up a limit of its own. */
  | { readonly type: 'child.abandon'; readonly id: string }
  /** Answered by `start.failed` when it does not work. */
  | { readonly type: 'child.restart'; readonly id: string }
  /** Answered by `restart.due` after the child's wait, or in a later turn, so that other requests get in between. */
  | { readonly type: 'restart.wait'; readonly id: string }
  /** Stop what is restarted together with this child, last first. Answered by `group.stopped`. */
  | { readonly type: 'group.stop'; readonly id: string }
  /** Answered by `group.started` or `start.failed`. */
  | { readonly type: 'group.start'; readonly id: string }
  /** Stop all children for good, last first; under `dynamic` all at once. Answered by `children.stopped`. */
  | { readonly type: 'children.stop' }
  | { readonly type: 'restarts.exhausted'; readonly id: string }
  | { readonly type: 'supervisor.ended'; readonly ending: SupervisorEnding }

/** How it ended. */
export type SupervisorOutput = SupervisorEnding
