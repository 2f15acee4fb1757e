/**
 * The window of a circuit: whether too many of the last calls failed, or were slow. Pure functions over its results;
 * failures in a row, permits and states are in `agent.ts`.
 */

/** One call that counted. */
export interface CallResult {
  readonly at: number
  readonly failed: boolean
  readonly slow: boolean
}

/** The rules of a window. */
export interface CircuitWindow {
  /** The last so many calls. */
  readonly calls: number
  /** The last so many milliseconds, instead of `calls`. */
  readonly ms: number | undefined
  /** Fewer never open it. */
  readonly minCalls: number
  /** From 0 to 1. */
  readonly failureRate: number
  /** A call that takes longer is slow. */
  readonly slowMs: number
  /** From 0 to 1. */
  readonly slowRate: number
}

/** Adds a result and drops those that are out of the window, in place: the list is the circuit's own record. */
export const recordResult = (results: CallResult[], result: CallResult, window: CircuitWindow): void => {
  results.push(result)
  if (window.ms === undefined) {
    while (results.length > window.calls) results.shift()
    return
  }
  const oldest = result.at - window.ms
  const kept = results.findIndex(({ at }) => at > oldest)
  if (kept > 0) results.splice(0, kept)
}

/** Whether these results open the circuit. Judged from `minCalls` on, of which no window by calls can ask more than it holds. */
export const isTripped = (results: readonly CallResult[], window: CircuitWindow): boolean => {
  const enough = window.ms === undefined ? Math.min(window.minCalls, window.calls) : window.minCalls
  const total = results.length
  if (total === 0 || total < enough) return false
  let failed = 0
  let slow = 0
  for (const result of results) {
    if (result.failed) failed += 1
    if (result.slow) slow += 1
  }
  return failed / total >= window.failureRate || slow / total >= window.slowRate
}
