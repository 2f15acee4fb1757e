/**
 * Plain actors: the verbs that `system` and an actor's `ctx` share, behaviours, and actions for machines. A
 * ref is an address. Who sends is always explicit, `system.tell` or `ctx.tell`: that keeps the order per
 * sender, `causedBy` and the check for ask cycles true.
 */
import type { AnyActorRef, AnyEventObject, EventObject, MachineContext } from 'xstate'
import type { Agent } from './agents.ts'
import type { TroupeError } from './errors.ts'
import type { ExitReason, Logic, OptionsFor } from './logic.ts'
import type {
  ActorRef,
  AgentMessage,
  AnyRef,
  Protocol,
  ReplyOf,
  Sender,
  SendOptions,
  Service,
  Topic,
} from './messages.ts'
import type { Logger } from './ports.ts'
import type { Run, RunOptions } from './runs.ts'
import type { MaybePromise, Options, Unsubscribe } from './schemas.ts'
import type { RefTo, Supervision } from './supervision.ts'

/** The verbs. The system's are sent from outside, an actor's from that actor. */
export interface Actors extends Sender, Supervision {
  /**
   * Starts an actor: a machine, other logic of XState, a behaviour, a supervisor or an agent.
   * @throws DefectError `START_FAILED`
   * @throws ConflictError `NAME_TAKEN`
   */
  spawn<L extends Logic>(logic: L, ...options: OptionsFor<L>): RefTo<L>

  /**
   * Tells and waits for the reply. `timeoutMs` defaults to 5_000.
   * @throws DeliveryError rejects with it when nobody can answer
   * @throws TimeoutError rejects with it when nobody does
   * @throws DefectError rejects with `ACTOR_CRASHED` when the handler threw
   */
  ask<M extends EventObject, const T extends M['type']>(
    to: ActorRef<M>,
    message: NoInfer<M> & { readonly type: T },
    options?: SendOptions,
  ): Promise<ReplyOf<M, T>>

  /**
   * Tells and waits for room in the mailbox.
   * @throws TimeoutError rejects with it when there was none in time
   * @throws DeliveryError rejects with it when the actor is gone
   */
  send<M extends EventObject>(
    to: ActorRef<M>,
    message: NoInfer<M>,
    options: SendOptions & { timeoutMs: number },
  ): Promise<void>

  /** Resolves to the output; rejects with the error of any other outcome. */
  run<I, O>(agent: Agent<I, O>, input: NoInfer<I>, options?: RunOptions): Promise<O>
  /** The run at once: its events, and an outcome that never rejects. */
  submit<I, O>(agent: Agent<I, O>, input: NoInfer<I>, options?: RunOptions): Run<O>

  /**
   * Waits for its work in hand and its `onStop` as long as its own `shutdownMs`, then kills. Resolves when it
   * is gone. `info` is in its exit reason. Of a supervisor's child it is `terminateChild`: no restart.
   */
  stop(ref: AnyRef, options?: Options<{ timeoutMs: number; info: unknown }>): Promise<void>
  /** It handles what it has, takes no more, and stops. `timeoutMs` defaults to 30_000. */
  drain(ref: AnyRef, options?: Options<{ timeoutMs: number }>): Promise<void>
  /** At once, reason `killed`, an abnormal exit: a supervisor restarts it. What it still does is refused. */
  kill(ref: AnyRef): void

  /** @throws ConflictError `NAME_TAKEN` */
  register(name: string, ref: AnyRef): void
  /** Not needed at the end: the name of an actor is gone before its `Terminated` arrives. */
  unregister(name: string): void
  /** A registered name, or a path such as '/shop/cart'. The protocol types the ref; nothing is checked. */
  lookup<M extends EventObject = AnyEventObject>(
    name: string,
    protocol?: Protocol<M>,
  ): ActorRef<M> | undefined
  readonly receptionist: Receptionist
  /** The parent of what the system spawns. */
  readonly root: AnyRef
}

/** Many actors under one name, by protocol. */
export interface Receptionist {
  /** A second time it does nothing. */
  register<M extends EventObject>(service: Service<M>, ref: ActorRef<M>): void
  /** A second time it does nothing. */
  deregister<M extends EventObject>(service: Service<M>, ref: ActorRef<M>): void
  find<M extends EventObject>(service: Service<M>): readonly ActorRef<M>[]
  /** Now, then once per change. */
  subscribe<M extends EventObject>(
    service: Service<M>,
    listener: (refs: readonly ActorRef<M>[]) => void,
  ): Unsubscribe
}

/** The powers of an actor. */
export interface ActorContext<M extends EventObject = AnyEventObject, I = undefined> extends Actors {
  readonly self: ActorRef<M>
  readonly input: I
  /** Of the message in hand. */
  readonly envelope: AgentMessage
  /** Aborts at stop and at kill. */
  readonly signal: AbortSignal
  readonly log: Logger

  /** Milliseconds since the epoch. */
  now(): number
  /** From 0 to 1. */
  random(): number

  /**
   * To the asker of the message in hand, or of an earlier one: `to` is the `envelope` that it had. A second
   * reply is a dead letter.
   */
  reply(value: ReplyOf<M, M['type']>, to?: AgentMessage): void
  /** Ends this actor after the message in hand, reason `normal`. */
  exit(): void
  /**
   * Called once when this incarnation ends, after its children: before a stop, which waits for it as long as
   * `shutdownMs`, and before a restart, on the old state. What it throws is logged. `kill` does not call it.
   */
  onStop(hook: (reason: ExitReason) => MaybePromise<void>): void

  /**
   * Sends `message`, default `Terminated`, once it is gone for good. Another `message` without `unwatch`
   * first throws.
   */
  watch(ref: AnyRef, message?: M): void
  unwatch(ref: AnyRef): void
  /** The abnormal exit of either stops the other one, unless it has `trapExit`. */
  link(ref: AnyRef): void
  unlink(ref: AnyRef): void
  subscribe<T extends M>(topic: Topic<T> | string): Unsubscribe

  /**
   * Keeps the message in hand for later.
   * @throws DeliveryError `STASH_FULL`
   */
  stash(): void
  unstashAll(): void
  readonly timers: {
    /** The same key replaces. */
    start(key: string, message: M, when: { afterMs: number } | { everyMs: number }): void
    cancel(key: string): void
  }
  /** `message`, default `receive.timeout`, after so long without one. `undefined` ends it. */
  receiveTimeout(timeoutMs: number | undefined, message?: M): void

  /** Sends the result to itself. Dropped after a restart. */
  pipe<T>(
    work: PromiseLike<T>,
    message: (result: { status: 'completed'; output: T } | { status: 'failed'; error: TroupeError }) => M,
  ): void
}

// Actions for machines. Each does what the verb of the same name does, as the machine's actor.

// Types that only serve inference.

/** What XState hands to an action. */
export interface Args<C, E> {
  context: C
  event: E
  self: AnyActorRef
}

/** An action of XState. */
export type Action<C extends MachineContext, E extends EventObject> = (
  args: Args<C, E>,
  params: unknown,
) => void

/** A value, or how to get it from context and event. */
export type Value<C, E, T> = T | ((args: { context: C; event: E }) => T)
