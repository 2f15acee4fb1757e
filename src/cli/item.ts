/** One record of the input, and how it becomes the input of an agent. Not how it is read. */
import { InvalidMessageError, type Fault } from '../contracts/errors.ts'

const NAMED_KEYS = 8
const WAY_OUT = 'name the column of a CSV, or the key, that holds the text `text`'

/** A record, or what is wrong with it. `line` counts from 1, as editors do. */
export type Item = Readonly<{ line: number } & ({ value: unknown } | { fault: Fault })>

/** What an agent is given for a record. */
export type Work = Readonly<{
  line: number
  id: string | number | undefined
  input: { readonly value: unknown } | { readonly error: InvalidMessageError }
}>

/**
 * The input that a record stands for: itself, or for an agent that takes text its `text`.
 * Whether an object fits the agent's contract is for the agent to say.
 */
export function workOf(item: Item, takesText: boolean): Work {
  const { line } = item
  if ('fault' in item) return { line, id: undefined, input: { error: malformed(line, item.fault) } }
  const { value } = item
  const id = idOf(value)
  if (!takesText || typeof value === 'string') return { line, id, input: { value } }
  const text = fieldOf(value, 'text')
  if (typeof text === 'string') return { line, id, input: { value: text } }
  const message =
    text === undefined
      ? `the agent takes text: expected one, or an object that has one as its \`text\`, got ${kindOf(value)}; ${WAY_OUT}`
      : `expected a text, got ${kindOf(text)}`
  return { line, id, input: { error: malformed(line, { path: 'text', message }) } }
}

const malformed = (line: number, fault: Fault): InvalidMessageError => {
  const where = fault.path === '' ? '' : `${fault.path}: `
  return new InvalidMessageError(`line ${line}: ${where}${fault.message}`, {
    code: 'INVALID_MESSAGE',
    faults: [fault],
  })
}

const kindOf = (value: unknown): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value !== 'object') return `a ${typeof value}`
  const keys = Object.keys(value)
  return keys.length === 0 ? 'an empty object' : `an object with ${keys.slice(0, NAMED_KEYS).join(', ')}`
}

const idOf = (value: unknown): string | number | undefined => {
  const id = fieldOf(value, 'id')
  return typeof id === 'string' || typeof id === 'number' ? id : undefined
}

const fieldOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined
