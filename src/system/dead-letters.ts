/** What becomes of messages that nobody handles: everybody who listens is told of each, the log of the first few. */
import { DeliveryError } from '../contracts/errors.ts'
import type { EventObject } from 'xstate'
import type { Address } from '../contracts/messages.ts'
import type { DeadLetter, DeadReason } from '../contracts/system.ts'
import type { Core } from './cell.ts'
import { EventStream } from './event-stream.ts'
import type { Mail } from './mail.ts'

const LOGGED = 10
const QUIET_MS = 300_000

export class DeadLetters {
  readonly stream: EventStream<DeadLetter>
  readonly #kernel: Core
  #logged = { count: 0, since: 0 }
  #telling = false

  constructor(kernel: Core) {
    this.#kernel = kernel
    this.stream = new EventStream(kernel.log)
  }

  add(mail: Mail, to: Address, reason: DeadReason): void {
    if (this.stream.active || this.#kernel.events.active) this.#publish(mail, to, reason)
    this.#log(mail, to, reason)
  }

  // One that a listener causes is not told to it again.
  #publish(mail: Mail, to: Address, reason: DeadReason): void {
    if (this.#telling) return
    this.#telling = true
    const kernel = this.#kernel
    const letter: DeadLetter = { message: kernel.messageOf(mail, undefined, to), reason, at: kernel.now() }
    this.stream.emit(letter)
    kernel.events.emit({ type: 'message.dead', at: letter.at, letter })
    this.#telling = false
  }

  // The log is throttled, the events never.
  #log(mail: Mail, to: Address, reason: DeadReason): void {
    const now = this.#kernel.now()
    if (now - this.#logged.since >= QUIET_MS) this.#logged = { count: 0, since: now }
    this.#logged.count += 1
    if (this.#logged.count > LOGGED) return
    const last = this.#logged.count === LOGGED ? ' (more are not logged for 5 minutes)' : ''
    this.#kernel.log.warn({ type: mail.event.type, to, reason }, `dead letter${last}`)
  }
}

/** What whoever awaits the answer is told. */
export const undeliverable = (reason: DeadReason, to: Address, event: EventObject): DeliveryError => {
  switch (reason) {
    case 'mailbox-full':
    case 'restart-stash-full':
      return new DeliveryError('MAILBOX_FULL', `the mailbox of ${to} is full`, event)
    case 'stash-full':
      return new DeliveryError('STASH_FULL', `the stash of ${to} is full`, event)
    case 'no-routee':
      return new DeliveryError('NO_ROUTE', `${to} has nobody to hand the message to`, event)
    default:
      return new DeliveryError('ACTOR_TERMINATED', `${to} takes no messages: ${reason}`, event)
  }
}
