/**
 * Two readings of one clock. The date says when something happened, and may be set anew at any moment; steady time only
 * passes, and is what waits, limits and budgets are measured by.
 */
import type { SteadyClock } from '../contracts/clock.ts'
import type { Clock } from '../contracts/ports.ts'

export class Time implements Clock {
  readonly #clock: Clock
  readonly #steady: () => number
  /** A date is good for so long. */
  readonly #goodMs: number
  /** When the date was read, in steady time. */
  #readAt = -Infinity
  #date = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#steady = isSteady(clock) ? () => clock.monotonic() : passed(clock)
    this.#goodMs = isSteady(clock) ? 1 : 0
    this.now()
  }

  static of(clock: Clock): Time {
    return clock instanceof Time ? clock : new Time(clock)
  }

  now(): number {
    const steady = this.#steady()
    // Dates change once in a millisecond; to read both clocks each time would cost twice as much.
    if (steady - this.#readAt < this.#goodMs) return this.#date
    this.#readAt = steady
    this.#date = this.#clock.now()
    return this.#date
  }

  /** Milliseconds since some moment; it never goes back. */
  steady(): number {
    return this.#steady()
  }

  /** When a moment comes that was computed from the last `now()`: so far away it stays, however the date is set since. */
  steadily(at: number): number {
    return this.#readAt + (at - this.#date)
  }

  setTimeout(fn: () => void, ms: number): unknown {
    return this.#clock.setTimeout(fn, ms)
  }

  clearTimeout(id: unknown): void {
    this.#clock.clearTimeout(id)
  }
}

const isSteady = (clock: Clock): clock is SteadyClock =>
  'monotonic' in clock && typeof clock.monotonic === 'function'

/**
 * Of a clock that has a date only: what it goes forward is taken for time that has passed. When it is set back, what has
 * passed since it was last read is lost.
 */
const passed = (clock: Clock): (() => number) => {
  let last = clock.now()
  let steady = last
  return () => {
    const now = clock.now()
    if (now > last) steady += now - last
    last = now
    return steady
  }
}
