/** Real time. Tests take `manualClock` of `troupe/testing` instead. */
import type { Clock } from './ports.ts'

const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

/** A clock that also tells how much time has passed, however its date is set. */
export interface SteadyClock extends Clock {
  /** Milliseconds since some moment; it never goes back, and never leaps. */
  monotonic(): number
}

/** The clock of the machine. Waits beyond 24 days, which Node cannot do, end early; the kernel then arms them again. */
export const realClock: SteadyClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (fn, ms) => setTimeout(fn, Math.min(Math.ceil(ms), LONGEST_TIMEOUT_MS)),
  clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout),
}
