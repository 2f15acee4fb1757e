/**
 * A manual clock for a million steps. The one of `troupe/testing` lets the event loop turn after each timer, which is
 * thorough and, so often, slow: this one waits for microtasks, and for the loop only while the kernel does.
 */
import type { Clock } from 'troupe'

/** Promises that depend on each other settle within so many microtasks. */
const DEEPEST_CHAIN = 10

interface Waiting {
  readonly at: number
  readonly fn: () => void
}

export class StageClock implements Clock {
  #now = 0
  readonly #waiting = new Set<Waiting>()
  readonly #isBusy: () => boolean

  /** @param isBusy whether an actor is ready to run */
  constructor(isBusy: () => boolean) {
    this.#isBusy = isBusy
  }

  now(): number {
    return this.#now
  }

  setTimeout(fn: () => void, ms: number): Waiting {
    const waiting = { at: this.#now + Math.max(0, ms), fn }
    this.#waiting.add(waiting)
    return waiting
  }

  clearTimeout(id: unknown): void {
    this.#waiting.delete(id as Waiting)
  }

  /** Resolves when nothing happens any more without time. */
  async settle(): Promise<void> {
    for (let calm = 0, busy = 0; calm < DEEPEST_CHAIN; calm += 1) {
      await Promise.resolve()
      busy = this.#isBusy() ? busy + 1 : 0
      if (busy > 0) calm = 0
      // Past its slice of time the scheduler waits for the loop.
      if (busy > 3) await new Promise((resolve) => void setImmediate(resolve))
    }
  }

  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    await this.settle()
    for (let due = this.#first(until); due; due = this.#first(until)) {
      this.#waiting.delete(due)
      this.#now = Math.max(this.#now, due.at)
      due.fn()
      await this.settle()
    }
    this.#now = until
  }

  /** Of those that are due; the one that was armed first of equals. */
  #first(until: number): Waiting | undefined {
    let first: Waiting | undefined
    for (const waiting of this.#waiting) {
      if (waiting.at <= until && (!first || waiting.at < first.at)) first = waiting
    }
    return first
  }
}
