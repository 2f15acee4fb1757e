/** How long a child waits before it is restarted. */

/** With the defaults filled in. */
export interface Backoff {
  readonly minMs: number
  readonly maxMs: number
  /** Added at random, as a share of the wait. */
  readonly jitter: number
  /** So long without a failure starts the waits anew. */
  readonly resetMs: number
}

/**
 * Twice as long after each failure. The jitter comes after the cap, so that children which have all reached it do not
 * come back together; a wait may be longer than `maxMs` by that share.
 * @param failures so far, without the one at hand
 * @param chance from 0 to 1
 */
export const backoffMs = ({ minMs, maxMs, jitter }: Backoff, failures: number, chance: number): number =>
  Math.min(maxMs, minMs * 2 ** failures) * (1 + chance * jitter)
