/** Chance that repeats itself: the same seed gives the same choices. Not the kernel's own, so that neither moves the other. */

/** What can be left to chance. */
export interface Chance {
  /** A whole number from 0 to `n - 1`. */
  below(n: number): number
  /** A whole number, both ends included. */
  between(from: number, to: number): number
  /** True in this share of cases. */
  often(share: number): boolean
  /** @throws RangeError for an empty list */
  oneOf<T>(items: readonly T[]): T
}

/** By this seed (mulberry32, seeded by FNV-1a). */
export const chance = (seed: string): Chance => {
  let state = 0x811c9dc5
  for (const char of seed) state = Math.imul(state ^ char.charCodeAt(0), 0x01000193)
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (n: number): number => Math.floor(next() * n)
  return {
    below,
    between: (from, to) => from + below(to - from + 1),
    often: (share) => next() < share,
    oneOf: (items) => {
      const item = items[below(items.length)]
      if (item === undefined) throw new RangeError('nothing to choose from')
      return item
    },
  }
}
