/** What can be spawned and how it ends: any XState logic, and agents. The verbs are in `actors.ts`. */
import type {
  ActorLogic,
  AnyActorLogic,
  EventFromLogic,
  EventObject,
  InputFrom,
  Snapshot,
  SnapshotFrom,
} from 'xstate'
import type { Agent, AgentSnapshot, AnyAgent, Mailbox } from './agents.ts'
import type { TroupeError } from './errors.ts'
import type { AnyRef, Message } from './messages.ts'

/** An agent as an actor is asked `task.request`. */
export type Logic = AnyActorLogic | AnyAgent

/**
 * Actor logic without a state to look at. Named and exported, so that logic which others export can be
 * declared (TS2742).
 */
export type Behavior<M extends EventObject, I = undefined> = ActorLogic<Snapshot<undefined>, M, I>

/** How an actor is spawned. */
export interface SpawnOptions<I = unknown> {
  /** Its segment of the path. Default: generated. */
  id?: string | undefined
  input?: I | undefined
  /** The actor stops with it. Default: the actor that spawns, or the root. */
  parent?: AnyRef | undefined
  /**
   * By the parent, one-for-one, at most 3 in 5_000 ms. Default `temporary`: a spawned actor is supervised
   * when its parent or a child spec says so.
   */
  restart?: Restart | undefined
  mailbox?: Mailbox | undefined
  /**
   * Keeps its state in the store: written after each message, in one commit with what it sends. Spawned again
   * under the same path, it goes on from there. For machines and logic that can persist its snapshot; default
   * false.
   */
  persist?: boolean | undefined
  /** Checks what comes from outside. A fault is answered with an `error` message and is a dead letter. */
  protocol?: { parse(message: unknown): EventObject } | undefined
  /** Linked before it starts. */
  link?: AnyRef | undefined
  /** Takes the abnormal exit of a link as a message, `actor.exited`, and lives on. */
  trapExit?: boolean | undefined
  /** Whether a restart stops its children. Default true. */
  stopChildren?: boolean | undefined
  /** How long it may take to stop before it is killed. Default 5_000; of supervisors `infinity`. */
  shutdownMs?: number | 'infinity' | 'brutal-kill' | undefined
}

/** When an actor that ended is started again: always, after an abnormal exit, never. */
export type Restart = 'permanent' | 'transient' | 'temporary'

/** How an actor ended. Abnormal: `error` and `killed`. */
export type ExitReason =
  | { readonly type: 'normal' | 'killed' | 'no-actor' | 'no-connection' }
  | { readonly type: 'shutdown'; readonly info?: unknown }
  | { readonly type: 'error'; readonly error: TroupeError }

/** What a watcher gets, once, when the actor is gone for good. */
export type Terminated = Readonly<{ type: 'actor.terminated'; ref: AnyRef; reason: ExitReason }>

/** What an actor with `trapExit` gets of a link. */
export type Exited = Readonly<{ type: 'actor.exited'; ref: AnyRef; reason: ExitReason }>

// Types that only serve inference. `EventFromLogic` and not `EventFrom`: the latter knows machines only.

/** The messages that a logic takes. */
export type MessageTo<L> =
  L extends Agent<infer I, infer O>
    ? Message<'task.request', I, O>
    : L extends AnyActorLogic
      ? EventFromLogic<L>
      : never

/** The input that a logic starts with. */
export type InputTo<L> = L extends AnyAgent ? undefined : InputFrom<L>

/** The snapshot of a logic. */
export type SnapshotTo<L> = L extends AnyAgent ? AgentSnapshot : SnapshotFrom<L>

/** Demands `input` of a logic that needs one. */
export type WithInput<L> = undefined extends InputTo<L> ? unknown : { input: InputTo<L> }

/** The options of `spawn`, which may be left out unless `input` is needed. */
export type OptionsFor<L> =
  undefined extends InputTo<L>
    ? [options?: SpawnOptions<InputTo<L>>]
    : [options: SpawnOptions<InputTo<L>> & { input: InputTo<L> }]
