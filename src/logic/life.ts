/** What the kernel sees of running logic, whichever way it runs, and what running logic sees of its cell. */
import type { AnyActorRef, EventObject, InspectionEvent, Snapshot } from 'xstate'
import type { ActorContext } from '../contracts/actors.ts'
import type { Incarnation } from '../contracts/behavior.ts'

/** One incarnation of an actor's logic. Logic of ours needs no more than its messages. */
export interface Life extends Incarnation<EventObject> {
  /** `false`: the last message found nobody to handle it. */
  readonly handled?: boolean
  /** Default: of the machine that stands for it. */
  snapshot?(): Snapshot<unknown>
  /** Default: as the snapshot says. */
  persisted?(): Snapshot<unknown>
}

/** What running logic asks of its cell. */
export interface Host {
  /** The name of the cell, which is the id of its actor. */
  readonly id: string
  readonly context: ActorContext<EventObject, unknown>
  readonly inspector: ((event: InspectionEvent) => void) | undefined
  /** What `self` is for logic without an actor of XState's own. */
  readonly self: AnyActorRef
  /** @param at absolute milliseconds */
  startTimer(at: number, fire: () => void): unknown
  cancelTimer(timer: unknown): void
  /** The logic has ended by itself. */
  ended(result: { output: unknown } | { error: unknown }): void
  /** Its snapshot may have changed outside a message of the kernel's. */
  changed(): void
  emitted(event: EventObject): void
  /** An event that XState would drop in silence: the actor that it was for has stopped. */
  undeliverable(event: EventObject): void
}
