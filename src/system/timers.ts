/**
 * All timers of a system, in one heap over one timer of the clock. Arming and cancelling cost O(log n), whoever owns
 * them. It knows nothing of actors: a timer is a deadline and what to call. Deadlines are kept in steady time, so that a
 * date which is set anew makes no timer early or late.
 */
import type { Clock } from '../contracts/ports.ts'
import { checkMs } from './milliseconds.ts'
import { Time } from './time.ts'

/** One armed timer. */
export interface Timer {
  /** In steady milliseconds. */
  readonly at: number
  /** Ties go to the one that was armed first. */
  order: number
  fire(): void
  /** Its place in the heap; -1 once it has fired or was cancelled. */
  index: number
}

export class Timers {
  readonly #time: Time
  readonly #heap: Timer[] = []
  #order = 0
  #armed: { id: unknown; at: number } | undefined

  constructor(clock: Clock) {
    this.#time = Time.of(clock)
  }

  /** Steady milliseconds: what counts how often within how long. */
  now(): number {
    return this.#time.steady()
  }

  /** The steady time of a date that was computed from the last reading of the clock. */
  steadily(at: number): number {
    return this.#time.steadily(at)
  }

  get size(): number {
    return this.#heap.length
  }

  /** @param at absolute milliseconds, from the last reading of the clock; `Infinity` never fires */
  start(at: number, fire: () => void): Timer {
    const timer: Timer = { at: this.steadily(at), order: 0, fire, index: -1 }
    this.add(timer)
    return timer
  }

  /** Arms a timer that is more than a function; one that is not armed. */
  add(timer: Timer): void {
    // In the order of the heap it would stand before nothing and after nothing.
    if (Number.isNaN(timer.at)) checkMs('the time of a timer', NaN)
    this.#order += 1
    timer.order = this.#order
    timer.index = this.#heap.length
    this.#heap.push(timer)
    this.#up(timer, timer.index)
    if (timer.index === 0) this.#arm()
  }

  /** Does nothing for a timer that has fired or was cancelled. */
  cancel(timer: Timer): void {
    const { index } = timer
    if (index < 0) return
    timer.index = -1
    const last = this.#heap.pop()
    if (last === undefined || last === timer) return
    this.#place(last, index)
    this.#up(last, index)
    this.#down(last, last.index)
  }

  /** Cancels everything, also the timer of the clock. */
  clear(): void {
    for (const timer of this.#heap) timer.index = -1
    this.#heap.length = 0
    if (this.#armed) this.#time.clearTimeout(this.#armed.id)
    this.#armed = undefined
  }

  // The clock's timer is left armed when its cause was cancelled: it finds nothing due and arms the next one.
  #arm(): void {
    const first = this.#heap[0]
    if (first === undefined || first.at === Infinity) return
    if (this.#armed) {
      if (this.#armed.at <= first.at) return
      this.#time.clearTimeout(this.#armed.id)
    }
    const id = this.#time.setTimeout(this.#wake, Math.max(0, first.at - this.now()))
    this.#armed = { id, at: first.at }
  }

  readonly #wake = (): void => {
    this.#armed = undefined
    const now = this.now()
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      this.cancel(first)
      first.fire()
    }
    this.#arm()
  }

  #up(timer: Timer, from: number): void {
    let index = from
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = this.#heap[parent]!
      if (!before(timer, above)) break
      this.#place(above, index)
      index = parent
    }
    this.#place(timer, index)
  }

  #down(timer: Timer, from: number): void {
    const heap = this.#heap
    let index = from
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      const right = heap[child + 1]
      if (right !== undefined && before(right, heap[child]!)) child += 1
      const below = heap[child]!
      if (!before(below, timer)) break
      this.#place(below, index)
      index = child
    }
    this.#place(timer, index)
  }

  #place(timer: Timer, index: number): void {
    this.#heap[index] = timer
    timer.index = index
  }
}

const before = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
