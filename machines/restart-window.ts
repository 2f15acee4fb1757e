/**
 * How many restarts a supervisor takes within a period: a sliding window of their times. Used by the supervisor's
 * machine for all children together, and by its behaviour for each child with a limit of its own.
 */

/** So many restarts within so long. `intensity` may be `Infinity`: no limit, and nothing is kept. */
export interface RestartLimit {
  readonly intensity: number
  readonly periodMs: number
}

/** The window after a restart at this time. It holds at most `intensity + 1` times, oldest first. */
export const countRestart = (times: readonly number[], atMs: number, limit: RestartLimit): readonly number[] => {
  if (limit.intensity === Infinity) return times
  // An entry that is exactly as old as the period still counts, as in OTP.
  const oldest = times.findIndex((time) => atMs - time <= limit.periodMs)
  const recent = oldest === -1 ? [] : oldest === 0 ? times : times.slice(oldest)
  return [...recent, atMs]
}

/** Whether one restart at this time is more than the limit allows. */
export const isOverLimit = (times: readonly number[], atMs: number, limit: RestartLimit): boolean =>
  countRestart(times, atMs, limit).length > limit.intensity
