/** Real time. Tests take `manualClock` of `troupe/testing` instead. */
import type { Clock } from './ports.ts'

const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

/** The clock of the machine. Waits beyond 24 days, which Node cannot do, end early; the kernel then arms them again. */
export const realClock: Clock = {
  now: () => Date.now(),
  setTimeout: (fn, ms) => setTimeout(fn, Math.min(ms, LONGEST_TIMEOUT_MS)),
  clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout),
}
