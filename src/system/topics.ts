/**
 * Publish and subscribe: at most once, first in first out from each publisher to each subscriber. Where there is a bus,
 * what is published here reaches other processes through it, and the other way round.
 */
import type { EventObject } from 'xstate'
import type { AgentMessage } from '../contracts/messages.ts'
import type { Bus } from '../contracts/ports.ts'
import type { Unsubscribe } from '../contracts/schemas.ts'
import type { Cell, Core } from './cell.ts'
import type { Mail } from './mail.ts'

type Subscriber = { readonly cell: Cell } | { readonly listener: (message: AgentMessage) => void }

type Subscription = Promise<Unsubscribe> | undefined

/** The topic that every agent hears. */
export const BROADCAST = 'broadcast'

export class Topics {
  readonly #kernel: Core
  readonly #topics = new Map<string, Map<object, { subscriber: Subscriber; unsubscribe: Unsubscribe }>>()
  readonly #fromBus = new Map<string, Subscription>()
  /** Ends with the system. */
  bus: Bus | undefined

  constructor(kernel: Core) {
    this.#kernel = kernel
  }

  publish(from: Cell | undefined, name: string, event: EventObject): void {
    const { bus } = this
    const mail = this.#kernel.mail(event, from)
    mail.topic = addressOf(name)
    const reached = this.#spread(name, mail)
    if (bus) void this.#send(bus, name, mail)
    else if (reached === 0) {
      this.#kernel.sent += 1
      this.#kernel.deadLetter(mail, undefined, 'no-subscribers', addressOf(name))
    }
  }

  /** A second subscription of the same actor does nothing: its setup subscribes again at each restart. */
  subscribe(name: string, subscriber: Subscriber): Unsubscribe {
    let subscribers = this.#topics.get(name)
    if (!subscribers) this.#topics.set(name, (subscribers = new Map()))
    const key = 'cell' in subscriber ? subscriber.cell : subscriber
    const known = subscribers.get(key)
    if (known) return known.unsubscribe
    const releases = 'cell' in subscriber ? (subscriber.cell.rest.releases ??= new Set()) : undefined
    const unsubscribe = (): void => {
      releases?.delete(unsubscribe)
      if (subscribers.delete(key) && subscribers.size === 0) this.#forget(name)
    }
    subscribers.set(key, { subscriber, unsubscribe })
    releases?.add(unsubscribe)
    this.#listenToBus(name)
    return unsubscribe
  }

  #forget(name: string): void {
    this.#topics.delete(name)
    const subscription = this.#fromBus.get(name)
    this.#fromBus.delete(name)
    void this.#leave(subscription)
  }

  async #leave(subscription: Subscription): Promise<void> {
    try {
      const unsubscribe = await subscription
      unsubscribe?.()
    } catch (error) {
      this.#kernel.log.error({ err: error }, 'a subscription to the bus failed')
    }
  }

  async #send(bus: Bus, name: string, mail: Mail): Promise<void> {
    try {
      await bus.publish(addressOf(name), this.#kernel.messageOf(mail, undefined, addressOf(name)))
    } catch (error) {
      this.#kernel.log.error({ err: error, topic: name }, 'the bus did not take a message')
    }
  }

  /** A full or failing subscriber is no concern of the others. */
  #spread(name: string, mail: Mail): number {
    const subscribers = this.#topics.get(name)
    if (!subscribers) return 0
    let reached = 0
    for (const { subscriber } of [...subscribers.values()]) {
      reached += 1
      if ('cell' in subscriber) this.#kernel.deliver(subscriber.cell, mail.with(mail.event))
      else this.#call(subscriber.listener, name, mail)
    }
    return reached
  }

  #call(listener: (message: AgentMessage) => void, name: string, mail: Mail): void {
    const kernel = this.#kernel
    kernel.sent += 1
    kernel.handled += 1
    try {
      listener(kernel.messageOf(mail.with(mail.event), undefined, addressOf(name)))
    } catch (error) {
      kernel.log.error({ err: error, topic: name }, 'a subscriber threw')
    }
  }

  #listenToBus(name: string): void {
    const { bus } = this
    if (!bus || this.#fromBus.has(name)) return
    const kernel = this.#kernel
    const heard = (message: AgentMessage): void => {
      // Our own messages come back from the bus.
      if (message.id.startsWith(kernel.prefix)) return
      const mail = kernel.mail({ type: message.type, payload: message.payload } as EventObject, undefined)
      mail.follow(message.correlationId, message.hops)
      mail.topic = addressOf(name)
      this.#spread(name, mail)
    }
    const subscription = (async () => bus.subscribe(addressOf(name), heard))()
    subscription.catch((error: unknown) => kernel.log.error({ err: error, topic: name }, 'the bus cannot be heard'))
    this.#fromBus.set(name, subscription)
  }

  /** Lets go of the bus. */
  async close(): Promise<void> {
    const all = [...this.#fromBus.values()]
    this.#fromBus.clear()
    await Promise.all(all.map((subscription) => this.#leave(subscription)))
  }
}

const addressOf = (name: string): `topic:${string}` | 'broadcast' => (name === BROADCAST ? BROADCAST : `topic:${name}`)
