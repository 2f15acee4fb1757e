/** What JSON Schema says of a schema, for those who compare contracts: never more than the schema itself demands. */
import { z } from 'zod'
import type { Schema } from './schemas.ts'

/** A schema as JSON. Empty: anything. */
export type JsonSchema = Readonly<Record<string, unknown>>

/**
 * What is written into a schema (`input`), or comes out of it (`output`). What JSON Schema cannot say, and what takes
 * more than its type tells (`coerce`, `catch`, `preprocess`), is anything.
 */
export const jsonSchemaOf = (schema: Schema, io: 'input' | 'output'): JsonSchema => {
  try {
    return z.toJSONSchema(schema, {
      io,
      unrepresentable: 'any',
      override: ({ zodSchema, jsonSchema }) => {
        if (!isLoose(zodSchema, io)) return
        for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key)
      },
    })
  } catch {
    return {}
  }
}

type Def = Readonly<{ type: string; coerce?: boolean; in?: Schema }>

// Their type in JSON is not what they are when they travel in one process.
const UNSAID: ReadonlySet<string> = new Set(['file', 'promise', 'success', 'custom'])

const isLoose = (schema: Schema, io: 'input' | 'output'): boolean => {
  const { type, coerce, in: first } = schema._zod.def as Def
  if (UNSAID.has(type)) return true
  if (io === 'output') return false
  return coerce === true || type === 'catch' || (first?._zod.def as Def | undefined)?.type === 'transform'
}
