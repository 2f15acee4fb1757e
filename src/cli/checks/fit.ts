/**
 * Whether what one schema gives can be taken by another. Careful: what may fit fits. Only what every value fails is a
 * misfit.
 */
import type { JsonSchema } from '../../contracts/json-schema.ts'

/** Why nothing fits: where, what comes there, and what is taken. */
export interface Misfit {
  /** Dotted; empty: the whole value. */
  readonly path: string
  readonly gives: string
  readonly takes: string
}

/** What a side gives or takes of a member that it does not have. */
export const NOTHING = 'nothing'

/** Why no value of `from` is one of `to`; undefined when one may be. */
export const misfit = (from: JsonSchema, to: JsonSchema): Misfit | undefined =>
  compare({ schema: from, root: from }, { schema: to, root: to }, [])

/** The values that a schema allows, if it lists them. */
export const valuesOf = ({ const: only, enum: several }: JsonSchema): readonly unknown[] | undefined => {
  if (Array.isArray(several)) return several
  return only === undefined ? undefined : [only]
}

/** The schemas of which a value has to fit one; of a list of types one for each. */
export const choicesOf = (schema: JsonSchema): readonly JsonSchema[] | undefined => {
  const { anyOf, oneOf, type } = schema
  for (const choices of [anyOf, oneOf]) if (Array.isArray(choices)) return choices as JsonSchema[]
  return Array.isArray(type) ? type.map((each: unknown) => ({ ...schema, type: each })) : undefined
}

/** A schema with the references in it followed, one level deep. */
export const resolved = (schema: JsonSchema, root: JsonSchema): JsonSchema => {
  const { $ref } = schema
  if (typeof $ref !== 'string') return schema
  if ($ref === '#') return root
  const [, name = ''] = /^#\/\$defs\/(.+)$/.exec($ref) ?? []
  return (root['$defs'] as Readonly<Record<string, JsonSchema>> | undefined)?.[name] ?? {}
}

/** A schema, and the one that it is a part of, which its references mean. */
interface Node {
  readonly schema: JsonSchema
  readonly root: JsonSchema
}

// Schemas that hold themselves end here.
const DEEPEST = 12

const compare = (given: Node, taken: Node, path: readonly string[]): Misfit | undefined => {
  if (path.length > DEEPEST) return undefined
  const from: Node = { ...given, schema: resolved(given.schema, given.root) }
  const to: Node = { ...taken, schema: resolved(taken.schema, taken.root) }
  const gives = choicesOf(from.schema)
  if (gives) return ofAll(gives.map((schema) => compare({ ...from, schema }, to, path)))
  const takes = choicesOf(to.schema)
  if (takes) {
    const unfit = ofAll(takes.map((schema) => compare(from, { ...to, schema }, path)))
    if (!unfit || takes.length === 1) return unfit
    return { ...at(path, from, to), takes: [...new Set(takes.map(inWords))].join(' or ') }
  }
  for (const schema of partsOf(from)) {
    const unfit = compare({ ...from, schema }, to, path)
    if (unfit) return unfit
  }
  for (const schema of partsOf(to)) {
    const unfit = compare(from, { ...to, schema }, path)
    if (unfit) return unfit
  }
  return isApart(from.schema, to.schema) ? at(path, from, to) : withinSame(from, to, path)
}

/** All of which a value has to fit. */
const partsOf = ({ schema: { allOf } }: Node): readonly JsonSchema[] =>
  Array.isArray(allOf) ? (allOf as JsonSchema[]) : []

const ofAll = (misfits: readonly (Misfit | undefined)[]): Misfit | undefined =>
  misfits.every((each) => each !== undefined) ? misfits[0] : undefined

const at = (path: readonly string[], from: Node, to: Node): Misfit => ({
  path: path.join('.'),
  gives: inWords(from.schema),
  takes: inWords(to.schema),
})

/** Different types, no value in common, or ranges that do not meet. */
const isApart = (from: JsonSchema, to: JsonSchema): boolean => {
  const [type, other] = [typeOf(from), typeOf(to)]
  if (type !== undefined && other !== undefined && type !== other) return true
  const [values, allowed] = [valuesOf(from), valuesOf(to)]
  if (values && allowed) return !values.some((value) => allowed.includes(value))
  const some = values ?? allowed
  const against = values ? other : type
  if (some && against !== undefined && !some.some((value) => typeOfValue(value) === against)) return true
  return RANGES.some(([least, most]) => misses(from, to, least, most) || misses(to, from, least, most))
}

const RANGES = [
  ['minimum', 'maximum'],
  ['exclusiveMinimum', 'exclusiveMaximum'],
  ['minimum', 'exclusiveMaximum'],
  ['exclusiveMinimum', 'maximum'],
  ['minLength', 'maxLength'],
  ['minItems', 'maxItems'],
] as const

const misses = (above: JsonSchema, below: JsonSchema, least: string, most: string): boolean =>
  Number(above[least] ?? -Infinity) > Number(below[most] ?? Infinity)

/** Whole numbers are numbers. */
const typeOf = ({ type }: JsonSchema): string | undefined => {
  if (typeof type !== 'string') return undefined
  return type === 'integer' ? 'number' : type
}

const typeOfValue = (value: unknown): string => (value === null ? 'null' : typeof value)

const withinSame = (from: Node, to: Node, path: readonly string[]): Misfit | undefined => {
  const type = typeOf(from.schema)
  if (type !== typeOf(to.schema)) return undefined
  if (type === 'object') return withinObjects(from, to, path)
  return type === 'array' ? withinLists(from, to, path) : undefined
}

const withinObjects = (from: Node, to: Node, path: readonly string[]): Misfit | undefined => {
  const [gives, takes] = [membersOf(from.schema), membersOf(to.schema)]
  const isClosed = (schema: JsonSchema): boolean => schema['additionalProperties'] === false
  for (const name of takes.required) {
    const wanted = takes.of(name)
    if (!isClosed(from.schema) || gives.has(name) || !wanted || Object.keys(wanted).length === 0) continue
    return { path: [...path, name].join('.'), gives: NOTHING, takes: inWords(resolved(wanted, to.root)) }
  }
  for (const name of gives.required) {
    if (!isClosed(to.schema) || takes.has(name)) continue
    const schema = resolved(gives.of(name) ?? {}, from.root)
    return { path: [...path, name].join('.'), gives: inWords(schema), takes: NOTHING }
  }
  // What may be left out on both sides fits by being left out.
  for (const name of new Set([...gives.required, ...takes.required])) {
    if (!gives.has(name) || !takes.has(name)) continue
    const here = { ...from, schema: gives.of(name) ?? {} }
    const unfit = compare(here, { ...to, schema: takes.of(name) ?? {} }, [...path, name])
    if (unfit) return unfit
  }
  return undefined
}

const membersOf = ({ properties, required, additionalProperties }: JsonSchema) => {
  const named = (properties ?? {}) as Readonly<Record<string, JsonSchema>>
  const rest = typeof additionalProperties === 'object' ? (additionalProperties as JsonSchema) : undefined
  return {
    required: (required ?? []) as readonly string[],
    has: (name: string) => Object.hasOwn(named, name),
    of: (name: string) => (Object.hasOwn(named, name) ? named[name] : rest),
  }
}

/** Empty lists fit, unless one side has none. */
const withinLists = (from: Node, to: Node, path: readonly string[]): Misfit | undefined => {
  const [gives, takes] = [from.schema, to.schema]
  const neverEmpty = Number(gives['minItems'] ?? 0) > 0 || Number(takes['minItems'] ?? 0) > 0
  const isTuple = gives['prefixItems'] !== undefined || takes['prefixItems'] !== undefined
  if (!neverEmpty || isTuple) return undefined
  const items = ({ schema, root }: Node): Node => ({ schema: (schema['items'] ?? {}) as JsonSchema, root })
  return compare(items(from), items(to), [...path, '0'])
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  integer: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
}

const MOST_VALUES = 4

const inWords = (schema: JsonSchema): string => {
  const values = valuesOf(schema)
  if (values && values.length <= MOST_VALUES) return values.map((value) => JSON.stringify(value)).join(' or ')
  const word = WORDS[typeOf(schema) ?? ''] ?? 'something else'
  const bounds = RANGES.slice(0, 1)
    .flat()
    .flatMap((name) => (isBound(schema[name]) ? [`${name} ${String(schema[name])}`] : []))
  return [word, ...bounds].join(', ')
}

/** Not the least or the largest whole number, which every `z.int()` has. */
const isBound = (value: unknown): boolean =>
  typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER
