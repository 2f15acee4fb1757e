/** Requests that wait for an answer: each is settled once, and what comes later is a dead letter. */
import type { EventObject } from 'xstate'
import {
  ConfigurationError,
  DeliveryError,
  errorOf,
  TimeoutError,
  type Outcome,
} from '../contracts/errors.ts'
import type { AnyRef, SendOptions } from '../contracts/messages.ts'
import { reasonOf } from './abort-reason.ts'
import type { Cell, Core } from './cell.ts'
import { fault, hasRoom } from './intake.ts'
import type { Asker, Mail, Party } from './mail.ts'
import { checkMs } from './milliseconds.ts'
import type { Timer } from './timers.ts'

const DEFAULT_TIMEOUT_MS = 5_000

/** An ask that somebody holds a promise of. */
class Ask implements Asker {
  settled = false
  answered = false
  target: Party | undefined
  mail: Mail | undefined
  timer: Timer | undefined
  signal: AbortSignal | undefined
  onAbort: (() => void) | undefined
  readonly #kernel: Core
  readonly #owner: Cell | undefined
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void

  constructor(kernel: Core, owner: Cell | undefined, settle: [(value: unknown) => void, (error: unknown) => void]) {
    this.#kernel = kernel
    this.#owner = owner
    ;[this.#resolve, this.#reject] = settle
  }

  settle(outcome: Outcome): void {
    if (!this.#close()) return
    if (outcome.status === 'completed') this.#resolve(outcome.output)
    else this.#reject(errorOf(outcome))
  }

  /** Its asker has ended: nobody is told any more. */
  abandon(reason: string): void {
    if (this.mail) this.callBack(this.mail, reason)
    this.#close()
  }

  /** An agent can stop its work; other actors find the request expired when they come to it. */
  callBack(mail: Mail, reason: string): void {
    if (!this.settled && this.target) this.#kernel.cancelled(mail, reason)
  }

  #close(): boolean {
    if (this.settled) return false
    this.settled = true
    if (this.timer) this.#kernel.timers.cancel(this.timer)
    if (this.onAbort) this.signal?.removeEventListener('abort', this.onAbort)
    this.#owner?.more?.asks?.delete(this)
    this.target?.more?.owed?.delete(this)
    return true
  }
}

/** Who sends; outside of actors nobody. */
export interface Outbound {
  readonly kernel: Core
  readonly from: Cell | undefined
}

/** Sends and promises the reply. */
export const ask = (
  { kernel, from }: Outbound,
  ref: AnyRef,
  event: EventObject,
  { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: SendOptions = {},
): Promise<never> =>
  new Promise((resolve, reject) => {
    checkMs('`timeoutMs` of `ask`', timeoutMs)
    const request = new Ask(kernel, from, [resolve as (value: unknown) => void, reject])
    const chain = from?.mail?.chain
    const mail = kernel.request(event, from, { asker: request, chain })
    request.mail = mail
    if (from) {
      ;(from.rest.asks ??= new Set()).add(request)
    }
    if (signal?.aborted) return request.settle(cancelledBy(signal))
    mail.deadline = mail.timestamp + timeoutMs
    request.timer = kernel.timers.start(mail.deadline, () => {
      const error = new TimeoutError(`the answer of ${ref.address} to "${event.type}"`, timeoutMs)
      request.callBack(mail, 'the asker waits no longer')
      request.settle({ status: 'failed', error })
    })
    if (signal) {
      request.signal = signal
      request.onAbort = () => {
        request.callBack(mail, 'the asker has cancelled')
        request.settle(cancelledBy(signal))
      }
      signal.addEventListener('abort', request.onAbort, { once: true })
    }
    const cell = kernel.cellOf(ref)
    if (cell) return void kernel.deliver(cell, mail)
    kernel.sent += 1
    kernel.deadLetter(mail, undefined, 'no-such-actor', ref.address)
  })

const cancelledBy = (signal: AbortSignal): Outcome => ({ status: 'cancelled', reason: reasonOf(signal) })

/**
 * Answers a mail.
 * @throws ConfigurationError when there is none: outside a handler `to` has to say which
 */
export const reply = (kernel: Core, from: Cell, mail: Mail | undefined, outcome: Outcome): void => {
  if (mail === undefined) {
    throw new ConfigurationError(
      `"${from.ref.path}" has no message in hand to reply to: keep \`ctx.envelope\` and pass it as \`to\``,
    )
  }
  const { asker } = mail
  if (asker !== undefined && !asker.settled) {
    kernel.sent += 1
    kernel.handled += 1
    asker.answered = true
    if (outcome.status === 'completed') kernel.share(outcome.output)
    return asker.settle(outcome)
  }
  const payload = outcome.status === 'completed' ? outcome.output : outcome
  const letter = kernel.mail({ type: 'reply', payload } as EventObject, from)
  kernel.sent += 1
  const reason = asker === undefined ? 'no-such-actor' : asker.answered ? 'duplicate-reply' : 'late-reply'
  kernel.deadLetter(letter, undefined, reason, mail.sender?.ref.address)
}

/** Sends as soon as there is room. */
export const sendWhenRoom = (
  { kernel, from }: Outbound,
  ref: AnyRef,
  event: EventObject,
  options: SendOptions & { timeoutMs: number },
): Promise<void> =>
  new Promise((resolve, reject) => {
    // Who writes no types may leave it out.
    const { timeoutMs, signal } = (options as typeof options | undefined) ?? { timeoutMs: NaN }
    checkMs('`timeoutMs` of `send`', timeoutMs)
    const cell = kernel.cellOf(ref)
    if (cell === undefined || !cell.alive) {
      return reject(new DeliveryError('ACTOR_TERMINATED', `${ref.address} has ended`, event))
    }
    if (signal?.aborted) return reject(errorOf(cancelledBy(signal) as Outcome & { status: 'cancelled' }))
    const mail = kernel.mail(event, from)
    if (hasRoom(cell) && !cell.more?.senders) {
      return kernel.deliver(cell, mail) === 'accepted' ? resolve() : reject(fault(cell, mail) ?? notTaken(cell, ref, event))
    }
    const done = (): void => {
      kernel.timers.cancel(timer)
      signal?.removeEventListener('abort', abort)
      from?.more?.asks?.delete(wish)
      const senders = cell.more?.senders
      const place = senders?.indexOf(waiting) ?? -1
      if (place >= 0) senders?.splice(place, 1)
    }
    const fail = (error: Error): void => {
      done()
      reject(error)
    }
    const waiting = { mail, taken: () => (done(), resolve()), refused: fail }
    // What its sender still waited to send ends with the sender.
    const wish = {
      abandon: () => {
        done()
        kernel.sent += 1
        kernel.deadLetter(mail, cell, 'mailbox-full')
      },
    }
    if (from) (from.rest.asks ??= new Set()).add(wish)
    const abort = (): void => fail(errorOf(cancelledBy(signal!) as Outcome & { status: 'cancelled' }))
    const timer = kernel.timers.start(kernel.now() + timeoutMs, () =>
      fail(new TimeoutError(`room in the mailbox of ${ref.address}`, timeoutMs)),
    )
    signal?.addEventListener('abort', abort, { once: true })
    ;(cell.rest.senders ??= []).push(waiting)
  })

const notTaken = (cell: Cell, ref: AnyRef, event: EventObject): DeliveryError =>
  cell.state === 'running'
    ? new DeliveryError('MAILBOX_FULL', `the mailbox of ${ref.address} is full`, event)
    : new DeliveryError('ACTOR_TERMINATED', `${ref.address} takes no messages`, event)
