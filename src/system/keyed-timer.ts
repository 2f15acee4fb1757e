/** A timer of an actor, under a key: it tells its own actor something, once or again and again. */
import type { EventObject } from 'xstate'
import type { Few } from '../contracts/few.ts'
import { shapes } from '../contracts/shapes.ts'
import type { Token } from './mail.ts'
import type { Timer, Timers } from './timers.ts'

/** The incarnation that a timer belongs to. */
export interface TimerOwner {
  readonly kernel: { readonly timers: Timers }
  /** Those that are armed, or whose tick is on its way. */
  keyed: Few<KeyedTimer> | undefined
  tellSelf(event: EventObject, token: Token): void
}

/** What is told, and when. */
export interface TimerOrder {
  readonly key: string
  readonly message: EventObject
  /** Absolute milliseconds, from the last reading of the clock. */
  readonly at: number
  /** Again after so long. */
  readonly everyMs: number | undefined
}

let made = 0

export class KeyedTimer implements Timer, Token {
  at: number
  order = 0
  index = -1
  #cancelled = false
  readonly #owner: TimerOwner
  readonly #key: string
  readonly #message: EventObject
  readonly #everyMs: number | undefined
  /** While it stands still. */
  #leftMs: number | undefined = undefined

  constructor(owner: TimerOwner, { key, message, at, everyMs }: TimerOrder) {
    this.#owner = owner
    this.#key = key
    this.#message = message
    this.#everyMs = everyMs
    this.at = owner.kernel.timers.steadily(at)
    made = (made + 1) & 1_023
    if (made === 0) shapes.timer = this
  }

  /** Whether a tick that is queued is still wanted. */
  get active(): boolean {
    return !this.#cancelled
  }

  get repeats(): boolean {
    return this.#everyMs !== undefined
  }

  /** Until then it can be cancelled by its key. */
  arrived(): void {
    if (this.#everyMs === undefined && this.#owner.keyed?.get(this.#key) === this) this.#owner.keyed.delete(this.#key)
  }

  fire(): void {
    const owner = this.#owner
    if (this.#everyMs !== undefined) {
      this.at += Math.max(1, this.#everyMs)
      owner.kernel.timers.add(this)
    }
    owner.tellSelf(this.#message, this)
  }

  /** Until it fires, in milliseconds. */
  get leftMs(): number {
    return this.#leftMs ?? Math.max(0, this.at - this.#owner.kernel.timers.now())
  }

  pause(): void {
    if (this.index < 0) return
    this.#leftMs = this.leftMs
    this.#owner.kernel.timers.cancel(this)
  }

  resume(): void {
    if (this.#leftMs === undefined) return
    const { timers } = this.#owner.kernel
    this.at = timers.now() + this.#leftMs
    this.#leftMs = undefined
    timers.add(this)
  }

  cancel(): void {
    this.#cancelled = true
    this.#leftMs = undefined
    this.#owner.kernel.timers.cancel(this)
  }
}
