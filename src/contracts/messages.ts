/**
 * Messages: how they are typed, what travels with them, and whom they can be sent to. Not how they are
 * handled.
 */
import type { AnyEventObject, EventObject } from 'xstate'
import type { z } from 'zod'
import type { types } from './phantom.ts'
import type { Options, Schema } from './schemas.ts'

/** A set of messages, as one value. */
export interface Protocol<in out M extends EventObject> {
  /** @throws InvalidMessageError with the path of each fault */
  parse(message: unknown): M
  topic(name: string): Topic<M>
  service(name: string): Service<M>
}

/** The union of a protocol's messages, for `setup({ types: { events } })`. */
export type MessageOf<P> = P extends Protocol<infer M> ? M : never

/** A message as its handler sees it. `Reply` is what an asker gets. */
export interface Message<Type extends string, Payload = undefined, Reply = unknown> {
  readonly type: Type
  readonly payload: Payload
  readonly [types]?: { reply: Reply } | undefined
}

/** Payload schemas by message type; with `reply` for what is asked. */
export type Contracts = Readonly<
  Record<string, Schema | { readonly payload: Schema; readonly reply: Schema }>
>

/** The envelope. Agents receive it as their event, any other logic receives the bare event. */
export interface AgentMessage<Type extends string = string, Payload = unknown> {
  /** Also the idempotency key of the work that it asks for. */
  readonly id: string
  readonly type: Type
  readonly payload: Payload
  readonly from: Address
  readonly to: Address
  /** Milliseconds since the epoch, by the system's clock. */
  readonly timestamp: number
  /** The run; outside a run the id of the first message. */
  readonly correlationId: string
  /** Id of the message that this one answers. */
  readonly replyTo?: string | undefined
  /** Id of the message whose handling sent this one. */
  readonly causedBy?: string | undefined
  /** Agents that await this request, outermost first. */
  readonly chain: readonly Address[]
  /** Depth of delegation, bounded by the run's budget. */
  readonly hops: number
  /** Absolute milliseconds; past it the message is not handled but a dead letter, `expired`. */
  readonly deadline?: number | undefined
  /** W3C trace context. */
  readonly traceparent?: string | undefined
}

/** An actor, a topic, or every agent. */
export type Address = `troupe://${string}` | `topic:${string}` | 'broadcast'

/**
 * The address of an actor, as plain data: not an object with methods, since who sends is always explicit.
 * @typeParam M the messages that it takes
 * @typeParam S the snapshot that `system.actor` shows
 */
export interface ActorRef<in M extends EventObject = AnyEventObject, out S = unknown> {
  readonly address: Address
  /** Stable over restarts, as the ref is. */
  readonly path: string
  /** New when the name is spawned again: a ref never reaches a namesake. */
  readonly uid: string
  readonly [types]?: { message: (message: M) => void; snapshot: S } | undefined
}

/** A ref to no matter what; nothing can be told to it. */
export type AnyRef = ActorRef<never>

/** A name that messages of a protocol are published to. */
export interface Topic<in M extends EventObject> {
  readonly name: string
  readonly [types]?: ((message: M) => void) | undefined
}

/** A name under which the receptionist lists actors that speak a protocol. */
export interface Service<in M extends EventObject> {
  readonly name: string
  readonly service: true
  readonly [types]?: ((message: M) => void) | undefined
}

/** The two ways to send that never wait. Whoever has them is the sender. */
export interface Sender {
  /** Never throws for the receiver's sake. What is `rejected` is dead-lettered. */
  tell<M extends EventObject>(to: ActorRef<M>, message: NoInfer<M>): 'accepted' | 'rejected'

  /** At most once. The topic `'broadcast'` reaches every agent. */
  publish<M extends EventObject = AnyEventObject>(topic: Topic<M> | string, message: NoInfer<M>): void
}

/** Limits of one request. */
export type SendOptions = Options<{
  timeoutMs: number
  signal: AbortSignal
}>

// Types that only serve inference.

/** The messages that contracts describe. */
export type MessagesOf<C> = {
  [K in keyof C & string]: C[K] extends { readonly payload: infer P; readonly reply: infer R }
    ? Message<K, z.output<P>, z.output<R>>
    : Message<K, z.output<C[K]>>
}[keyof C & string]

/** What an ask with a message of type `T` resolves to. */
export type ReplyOf<M, T> =
  Extract<M, { type: T }> extends { readonly [types]?: { reply: infer R } | undefined } ? R : unknown
