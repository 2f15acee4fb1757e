/** What somebody may have meant who mistyped a name. */

// Further away it is rather another word than a slip.
const FURTHEST = 3

/** The known names that are nearest to what was typed, if any is near; capitals do not count. */
export function namesNear(typed: string, known: readonly string[]): string[] {
  const word = typed.toLowerCase()
  const distances = known.map((name) => ({ name, distance: distanceOf(word, name.toLowerCase()) }))
  const least = Math.min(...distances.map(({ distance }) => distance))
  if (least > Math.min(FURTHEST, Math.max(word.length - 1, 0))) return []
  return distances.filter(({ distance }) => distance === least).map(({ name }) => name)
}

/** How many letters have to be put in, left out, replaced or swapped with the next one. */
const distanceOf = (a: string, b: string): number => {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped =
        a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] && i > 1 && j > 1 ? (before[j - 2] ?? 0) + 1 : Infinity
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced, swapped))
    }
    before = row
    row = next
  }
  return row.at(-1) ?? 0
}
