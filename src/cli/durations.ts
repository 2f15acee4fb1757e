/** Percentiles of durations in constant memory: counted by value, rounded to three digits. */

/** Durations of one kind. */
export interface Durations {
  add(ms: number): void
  /** The smallest duration that this share of all does not exceed; `undefined` when there are none. */
  percentile(share: number): number | undefined
}

/** No durations yet. */
export function durations(): Durations {
  const counts = new Map<number, number>()
  let total = 0
  return {
    add: (ms) => {
      const rounded = Number(Math.max(0, ms).toPrecision(3))
      counts.set(rounded, (counts.get(rounded) ?? 0) + 1)
      total++
    },
    percentile: (share) => {
      let below = 0
      for (const [ms, count] of [...counts].toSorted(([a], [b]) => a - b)) {
        below += count
        if (below >= share * total) return ms
      }
      return undefined
    },
  }
}
