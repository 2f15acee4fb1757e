/**
 * Actions for machines of users. Each does what the verb of the same name does, as the machine's actor, at once.
 * @throws NotProvidedError under plain `createActor`
 */
import type { AnyEventObject, EventObject, MachineContext } from 'xstate'
import type { Action, ActorContext, Args, Value } from '../src/contracts/actors.ts'
import { contextOf } from '../src/contracts/context-of.ts'
import type { ActorRef, AgentMessage, AnyRef, Topic } from '../src/contracts/messages.ts'

const valueOf = <C, E, T>(value: Value<C, E, T>, { context, event }: Args<C, E>): T =>
  typeof value === 'function' ? (value as (args: { context: C; event: E }) => T)({ context, event }) : value

const powersOf = (args: Args<unknown, unknown>): ActorContext<AnyEventObject, unknown> => contextOf(args)

/** Tells an actor. */
export function tell<
  C extends MachineContext,
  E extends EventObject,
  M extends EventObject,
  // Keeps the type of what a function gives a literal.
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
  const T extends M['type'],
>(
  to: Value<C, E, ActorRef<M>>,
  message: NoInfer<M> | ((args: { context: C; event: E }) => NoInfer<M> & { readonly type: T }),
): Action<C, E> {
  return (args) => {
    const event: EventObject = valueOf<C, E, EventObject>(message, args)
    powersOf(args).tell(valueOf(to, args) as ActorRef<EventObject>, event)
  }
}

/** Answers the event in hand, or an earlier one: `to` is the `envelope` that `contextOf` gave for it. */
export function reply<C extends MachineContext, E extends EventObject, R>(
  value: Value<C, E, R>,
  to?: Value<C, E, AgentMessage>,
): Action<C, E> {
  return (args) => powersOf(args).reply(valueOf(value, args), to && valueOf(to, args))
}

/** Publishes to a topic. */
export function publish<
  C extends MachineContext,
  E extends EventObject,
  M extends EventObject = AnyEventObject,
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
  const T extends M['type'] = M['type'],
>(
  topic: Topic<M> | string,
  message: NoInfer<M> | ((args: { context: C; event: E }) => NoInfer<M> & { readonly type: T }),
): Action<C, E> {
  return (args) => powersOf(args).publish(topic as string, valueOf<C, E, EventObject>(message, args))
}

/** Keeps the event in hand for later. Too many: the actor fails with DeliveryError `STASH_FULL`. */
export function stash(): Action<MachineContext, EventObject> {
  return (args) => powersOf(args).stash()
}

/** Puts what was stashed back in front, in its order. */
export function unstashAll(): Action<MachineContext, EventObject> {
  return (args) => powersOf(args).unstashAll()
}

/** Starts a timer; the same key replaces. */
export function startTimer<C extends MachineContext, E extends EventObject>(
  key: string,
  message: Value<C, E, AnyEventObject>,
  when: { afterMs: number } | { everyMs: number },
): Action<C, E> {
  return (args) => powersOf(args).timers.start(key, valueOf(message, args), when)
}

/** Cancels a timer. */
export function cancelTimer(key: string): Action<MachineContext, EventObject> {
  return (args) => powersOf(args).timers.cancel(key)
}

/** `receive.timeout` after so long without a message. `undefined` ends it. */
export function receiveTimeout(timeoutMs: number | undefined): Action<MachineContext, EventObject> {
  return (args) => powersOf(args).receiveTimeout(timeoutMs)
}

/** Gets `message`, default `Terminated`, once the actor is gone for good. */
export function watch<C extends MachineContext, E extends EventObject>(
  ref: Value<C, E, AnyRef>,
  message?: AnyEventObject,
): Action<C, E> {
  return (args) => powersOf(args).watch(valueOf(ref, args), message)
}

/** Gets no `Terminated` of it, not even one that is already queued. */
export function unwatch<C extends MachineContext, E extends EventObject>(
  ref: Value<C, E, AnyRef>,
): Action<C, E> {
  return (args) => powersOf(args).unwatch(valueOf(ref, args))
}
