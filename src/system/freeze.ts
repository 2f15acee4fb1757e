/** Freezes what travels by reference, so that a change after the send is an error where it happens. */

// What was frozen by others may hold what is not.
const seen = new WeakSet<object>()

export const deepFreeze = (value: unknown): void => {
  if (typeof value !== 'object' || value === null || seen.has(value)) return
  const prototype: unknown = Object.getPrototypeOf(value)
  // Only plain data: what has methods guards itself.
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return
  seen.add(value)
  Object.freeze(value)
  for (const key of Object.keys(value)) deepFreeze((value as Record<string, unknown>)[key])
}
