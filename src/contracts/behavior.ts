/**
 * What our own logic and the kernel ask of each other. Behaviours in `actors/` are written against this file
 * only; the kernel in `src/system` implements the scopes. Not exported by `troupe`.
 */
import type { AnyEventObject, AnyStateMachine, EmittedFrom, EventObject, EventFrom, InputFrom, SnapshotFrom, StateValue } from 'xstate'
import type { RestartLimitError, TroupeError } from './errors.ts'
import type { ActorContext } from './actors.ts'
import type { ExitReason, Logic, Restart, SpawnOptions } from './logic.ts'
import type { ActorRef, AgentMessage, AnyRef } from './messages.ts'
import type { DeadReason } from './system.ts'

/**
 * The key under which logic of ours says how it runs in a cell. Logic with this member is never handed to XState's
 * interpreter by the kernel.
 */
export const incarnate: unique symbol = Symbol('troupe.incarnate')

/**
 * Logic that runs in a cell directly. `incarnate` is called at the start and again at each restart. When it throws, the
 * children that it had started are stopped one after the other, last first, and the actor is `START_FAILED`.
 */
export interface CellLogic<M extends EventObject = AnyEventObject, I = undefined, S = CellScope<M, I>> {
  readonly [incarnate]: (scope: S, input: I) => Incarnation<M>
}

/** One life of an actor. */
export interface Incarnation<M extends EventObject = AnyEventObject> {
  /** One message, one synchronous step. A throw crashes the actor. */
  receive(message: M): void
  /**
   * A child has ended and its cell is suspended: answer with `scope.children.restart` or `scope.children.forget`,
   * now or later. Without this member the kernel restarts children one-for-one by their own `restart`.
   */
  childExited?: ((exit: ChildExit) => void) | undefined
  /**
   * The actor is to stop: work in hand may go on, then `scope.finish()` has to be called; `shutdownMs` bounds the wait.
   * No more messages of the user lane's work arrive. Without this member it stops at once.
   */
  stopping?: ((reason: ExitReason) => void) | undefined
  /** It is over, whatever the reason: nothing can be sent any more, but what is outside may be let go. */
  discard?: (() => void) | undefined
}

/** How a child ended. */
export interface ChildExit {
  readonly ref: AnyRef
  readonly reason: ExitReason
  /** Whether somebody stopped it, rather than that it ended by itself. */
  readonly stopped: boolean
}

/** The powers of our own behaviours: those of any actor, and a few that only the kernel's own logic needs. */
export interface CellScope<M extends EventObject = AnyEventObject, I = undefined> extends ActorContext<M, I> {
  /**
   * One of our machines for this cell, compiled where `compile` covers it. It is not started yet. The machine of the last
   * call is what `system.actor(ref)` shows.
   * @param recorder gets each change of a state that is a single name
   */
  interpret<T extends AnyStateMachine>(
    machine: T,
    performer: Performer<T>,
    recorder?: StateRecorder,
  ): Interpreter<T>
  /** The same for a machine that stands for a part of the work only: `system.actor(ref)` does not show it. */
  aside<T extends AnyStateMachine>(machine: T, performer: Performer<T>): Interpreter<T>
  /** Whether messages of type `task.request` are taken from the mailbox; the rest always passes. */
  gate(open: boolean): void
  /** Milliseconds since some moment, whatever the date is set to: what durations are measured by. As of the slice in hand. */
  steady(): number
  /** Ends the wait that `stopping` began. */
  finish(): void
  /** Ends this actor abnormally, after the message in hand. */
  crash(error: TroupeError): void
  /** Ends this actor with this reason, after the turn in hand. `stopping` is not called. */
  end(reason: ExitReason): void
  /** Rejects the ask in hand, or the one that `to` was the envelope of. For a message that nobody awaits: nothing. */
  replyError(error: TroupeError, to?: AgentMessage): void
  /**
   * Hands the message in hand on as it is: id, `from` and asker stay, so that the reply goes to who asked first. More
   * than once is a broadcast; the first reply counts. What is `rejected` is dead-lettered, and its asker told.
   */
  forward(to: AnyRef): 'accepted' | 'rejected'
  /** The message in hand is a dead letter instead of handled; its asker is told at once: of `no-routee` by `NO_ROUTE`. */
  deadLetter(reason: DeadReason): void
  /** The message in hand counts as unhandled. */
  unhandled(): void
  /** Messages that wait for an actor of this process, with the tasks it has in flight; 0 of one that is gone. */
  queueLength(ref: AnyRef): number
  /** Adds `supervisor.gave-up` to the system's events. */
  gaveUp(error: RestartLimitError): void
  readonly children: Children
}

/** Performs what a machine asks for, in order after each step. */
export interface Performer<T extends AnyStateMachine> {
  /** May `send` to the machine that asked: that event waits until the effects at hand are performed. */
  perform(effect: EmittedFrom<T>): void
}

/** Told of changes of state. */
export interface StateRecorder {
  record(event: { type: 'state.changed'; from: string; to: string }): void
}

/**
 * A machine in a cell. One step at a time: what is sent in the middle of one waits until it is over. A throw of what is
 * performed passes on, and what was still to be performed or sent is dropped with it.
 */
export interface Interpreter<T extends AnyStateMachine> {
  /**
   * Enters the first states; what they ask for is performed before this returns.
   * @throws whatever its context or its entry actions throw
   */
  start(input: InputFrom<T>): void
  /** One step. A throw leaves the state as it was and passes on. */
  send(event: EventFrom<T>): void
  readonly value: StateValue
  readonly context: SnapshotFrom<T>['context']
  readonly status: 'active' | 'done' | 'error'
  readonly output: unknown
  /** `undefined` before the start. */
  snapshot(): SnapshotFrom<T> | undefined
}

/** What a supervisor does with the cells of its children. */
export interface Children {
  /**
   * Starts a child under this actor, as `spawn` does.
   * @throws DefectError `START_FAILED`
   * @throws ConflictError `NAME_TAKEN`
   */
  start(logic: Logic, options: SpawnOptions): ActorRef
  /**
   * A new incarnation of a suspended child, under the same ref, with its mailbox.
   * @throws DefectError `START_FAILED`: the child stays suspended
   */
  restart(ref: AnyRef): void
  /** The end of a suspended child: its mail is dead-lettered, its watchers are told `reason`. */
  forget(ref: AnyRef, reason: ExitReason): void
  /**
   * Stops a child's incarnation. With `suspend` the cell and its mailbox stay, to be restarted. `done` is called in a
   * turn of this actor once the child is down, and `childExited` is not.
   */
  stop(ref: AnyRef, how: { suspend: boolean }, done: () => void): void
  /** Stops running children for good, at the same time and with one limit for all: that of the first. */
  stopAll(children: readonly { readonly ref: AnyRef; readonly done: () => void }[]): void
  /** Whether somebody else has stopped a child that is down: it is not to be started, and `childExited` says so soon. */
  isStopped(ref: AnyRef): boolean
  /** Steady milliseconds, which restarts are counted by: they never go back, however the date is set. */
  now(): number
}

/**
 * What the verbs of `Supervision` ask of a supervisor, as it receives them; what `spec` holds is not looked at before.
 * Replies: the ref of the child, nothing, what `whichChildren` and `countChildren` resolve to.
 */
export type SupervisorRequest =
  | { readonly type: 'supervisor.start-child'; readonly spec: AnyChildSpec }
  | {
      readonly type: 'supervisor.terminate-child' | 'supervisor.restart-child' | 'supervisor.delete-child'
      readonly id: string
    }
  | { readonly type: 'supervisor.which-children' | 'supervisor.count-children' }

/** A child spec whatever its logic. */
export interface AnyChildSpec extends Omit<SpawnOptions, 'parent' | 'restart' | 'link'> {
  readonly id: string
  readonly logic: Logic
  readonly restart?: Restart | undefined
  readonly significant?: boolean | undefined
}
