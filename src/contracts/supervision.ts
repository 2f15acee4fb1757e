/** Supervisors by the rules of OTP, and pools. Not the lead of a team: that is `orchestrator`. */
import type { EventObject } from 'xstate'
import type {
  Behavior,
  InputTo,
  Logic,
  MessageTo,
  Restart,
  SnapshotTo,
  SpawnOptions,
  WithInput,
} from './logic.ts'
import type { ActorRef, AnyRef, Service } from './messages.ts'
import type { Options } from './schemas.ts'

/** What supervisors have in common. */
export interface SupervisorOptions extends Intensity {
  /** A limit for each child as well. Off unless given. */
  perChild?: Intensity | undefined
  /** Waits before a restart. Off unless given. */
  backoff?:
    | Options<{
        /** Default 200. */
        minMs: number
        /** Default 10_000. */
        maxMs: number
        /** Added at random, as a share of the wait. Default 0.2. */
        jitter: number
        /** So long without a failure starts the waits anew. Default (minMs + maxMs) / 2. */
        resetMs: number
      }>
    | undefined
  /** Whether it ends when significant children have ended by themselves. Default `never`. */
  autoShutdown?: 'never' | 'any-significant' | 'all-significant' | undefined
}

/** So many restarts within a sliding window; the next one gives up with RestartLimitError. */
export type Intensity = Options<{
  /** Default 3. */
  intensity: number
  /** Default 5_000. */
  periodMs: number
}>

/** A child of a supervisor. */
export type ChildSpec<L> = Omit<SpawnOptions<InputTo<L>>, 'parent' | 'restart' | 'link'> & {
  id: string
  logic: L
  /** Default `permanent`. */
  restart?: Restart | undefined
  /** Counts for `autoShutdown`. Default false. */
  significant?: boolean | undefined
} & WithInput<L>

/** The logic of a supervisor. Marked, or any logic that takes every event would pass for one. */
export interface SupervisorLogic extends Behavior<EventObject & { readonly type: `supervisor.${string}` }> {
  readonly supervisor: true
}

/** The ref of a supervisor. */
export interface SupervisorRef extends ActorRef<never> {
  readonly supervisor: true
}

/** What can be asked of a supervisor. */
export interface Supervision {
  /**
   * Under `dynamic`: id and input, the rest from the template.
   * @throws DefectError rejects with `START_FAILED`
   * @throws ConflictError rejects with `NAME_TAKEN` or `MAX_CHILDREN`
   */
  startChild<L extends Logic>(supervisor: SupervisorRef, child: ChildSpec<L>): Promise<RefTo<L>>

  /**
   * Stops a child and does not restart it; its spec stays, but for temporary children and under `dynamic`.
   * @throws DeliveryError rejects with `NO_SUCH_ACTOR`
   */
  terminateChild(supervisor: SupervisorRef, id: string): Promise<void>

  /**
   * Starts a child that was terminated or has ended.
   * @throws DeliveryError rejects with `NO_SUCH_ACTOR`, always under `dynamic`
   * @throws ConflictError rejects with `CONFLICT` while it runs
   */
  restartChild(supervisor: SupervisorRef, id: string): Promise<void>

  /**
   * @throws DeliveryError rejects with `NO_SUCH_ACTOR`
   * @throws ConflictError rejects with `CONFLICT` while it runs
   */
  deleteChild(supervisor: SupervisorRef, id: string): Promise<void>

  whichChildren(supervisor: SupervisorRef): Promise<
    readonly {
      id: string
      ref: AnyRef | undefined
      status: 'running' | 'restarting' | 'stopped'
      restart: Restart
    }[]
  >

  countChildren(supervisor: SupervisorRef): Promise<{
    specs: number
    active: number
    supervisors: number
    workers: number
  }>
}

/** Whoever is registered for a service, given actors, or so many of a logic that the pool spawns itself. */
export type Routees = Service<never> | readonly AnyRef[] | { readonly logic: Logic; readonly size: number }

// Types that only serve inference.

/** The ref of an actor with this logic. */
export type RefTo<L> = L extends SupervisorLogic ? SupervisorRef : ActorRef<MessageTo<L>, SnapshotTo<L>>

/** The messages that all routees take. */
export type MessageToAny<R> = R extends { readonly logic: infer L }
  ? MessageTo<L>
  : R extends readonly ActorRef<infer M>[]
    ? M
    : R extends Service<infer M>
      ? M
      : never
