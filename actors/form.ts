/**
 * How a model is told of a schema, and how what it writes is read. Models take and give JSON objects: what is none is
 * wrapped into one on the way out, and unwrapped on the way in.
 */
import { z } from 'zod'
import { ConfigurationError, type Fault } from '../src/contracts/errors.ts'
import { parseWith } from '../src/contracts/protocol.ts'
import type { Schema } from '../src/contracts/schemas.ts'

/** What is made of something that a model wrote. */
export type Reading = { readonly value: unknown } | { readonly faults: readonly Fault[] }

/** A schema in the form that models are given. */
export interface Form {
  /** JSON Schema of an object. */
  readonly schema: object
  /** What the model wrote, unwrapped and parsed. */
  read(json: unknown): Reading
  /** The same without the parse. */
  unwrap(json: unknown): unknown
}

/**
 * What a model writes for an agent; without a schema it is a text.
 * @throws ConfigurationError for what JSON cannot express
 */
export const formOfInput = (schema: Schema | undefined, what: string): Form => {
  const given = schema ?? z.string()
  const { type, enum: values } = jsonSchemaOf(given, what)
  return type === 'string' && !values ? wrapped(given, 'text', what) : formOf(given, what)
}

/**
 * What a model writes for a schema.
 * @throws ConfigurationError for what JSON cannot express
 */
export const formOf = (schema: Schema, what: string): Form => {
  const json = jsonSchemaOf(schema, what)
  if (json['type'] === 'object') {
    return { schema: json, read: (written) => parseWith(schema, written), unwrap: (written) => written }
  }
  return wrapped(schema, 'value', what)
}

const wrapped = (schema: Schema, key: 'text' | 'value', what: string): Form => {
  const wrapper = z.object({ [key]: schema })
  const unwrap = (written: unknown): unknown => (written as Record<string, unknown>)[key]
  return {
    unwrap,
    schema: jsonSchemaOf(wrapper, what),
    read: (written) => {
      const result = parseWith(wrapper, written)
      return 'faults' in result ? result : { value: unwrap(result.value) }
    },
  }
}

const jsonSchemaOf = (schema: Schema, what: string): Record<string, unknown> => {
  try {
    const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input' })
    return json
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    const text = `${what} is for a model, which writes JSON: ${reason}`
    const wayOut = 'describe what it writes, and transform that: z.iso.date().transform(...)'
    throw new ConfigurationError(`${text}; ${wayOut}`, { cause: thrown })
  }
}

/** Reads a text that should be JSON, also when it stands in a code fence. */
export const readJson = (text: string): { value: unknown } | { faults: readonly Fault[] } => {
  const fenced = /^```[\w-]*\s*\n([^]*?)\n?\s*```$/.exec(text.trim())
  try {
    return { value: JSON.parse(fenced?.[1] ?? text) as unknown }
  } catch {
    return { faults: [{ path: '', message: `expected JSON, got ${JSON.stringify(shortened(text, 80))}` }] }
  }
}

/** The beginning of a text, where all of it is too much. */
export const shortened = (text: string, chars: number): string =>
  text.length <= chars ? text : `${beginningOf(text, chars)}…`

/** So many characters, without half of one that takes two places: providers refuse that. */
export const beginningOf = (text: string, chars: number): string =>
  text.slice(0, chars).replace(/[\uD800-\uDBFF]$/, '')
