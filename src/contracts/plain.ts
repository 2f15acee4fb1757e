/** A value as people see it: plain JSON, a copy, with words in place of what JSON does not have. */

/** `undefined` stays what it is. Errors show by their `toJSON`, else by name and message. */
export const plain = (value: unknown): unknown => {
  const text = JSON.stringify(value, legible()) as string | undefined
  return text === undefined ? undefined : (JSON.parse(text) as unknown)
}

/** Knows on the way down what it is inside of. */
const legible = (): ((this: unknown, key: string, value: unknown) => unknown) => {
  const above: unknown[] = []
  return function (_, value) {
    if (typeof value === 'bigint') return String(value)
    if (typeof value !== 'object' || value === null) return value
    const shown = withoutForm(value)
    while (above.length > 0 && above.at(-1) !== this) above.pop()
    if (above.includes(shown)) return '[circular]'
    above.push(shown)
    return shown
  }
}

const withoutForm = (value: object): object => {
  if (value instanceof Map) return [...(value as Map<unknown, unknown>)]
  if (value instanceof Set) return [...(value as Set<unknown>)]
  return value instanceof Error ? { name: value.name, message: value.message } : value
}
