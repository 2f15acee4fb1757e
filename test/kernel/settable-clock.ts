/** A clock that stands still, whose date can be set anew as a time server does: no time passes by that. */
import { manualClock, type ManualClock } from 'troupe/testing'
import type { SteadyClock } from '../../src/contracts/clock.ts'

/** Its date is the manual clock's, and what it was set by on top. */
export interface SettableClock extends ManualClock, SteadyClock {
  /** Moves the date alone, forward or back. */
  setDate(byMs: number): void
}

/** A clock whose date is not what its timers go by. */
export const settableClock = (): SettableClock => {
  const clock = manualClock()
  let byMs = 0
  return {
    ...clock,
    now: () => clock.now() + byMs,
    monotonic: () => clock.now(),
    setDate: (more) => void (byMs += more),
  }
}
