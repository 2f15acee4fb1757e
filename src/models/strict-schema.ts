/**
 * JSON Schema as OpenAI's strict mode takes it, where a schema has such a form. Strict mode makes the model
 * keep to the structure; what it cannot express is dropped here when our own check of the answer makes up for
 * it.
 * @see https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
 */

type Json = Readonly<Record<string, unknown>>

/** Kept as they are. */
const KEPT = new Set([
  'type',
  'description',
  'enum',
  'const',
  'required',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
])

/** Taken apart below. */
const STRUCTURE = new Set([
  'properties',
  'additionalProperties',
  'items',
  'anyOf',
  'oneOf',
  '$defs',
  'format',
  'pattern',
])

/** Left out: they say nothing of the structure, and the answer is checked against all of them afterwards. */
const DROPPED = new Set([
  '$schema',
  '$id',
  'id',
  '$comment',
  'title',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  'uniqueItems',
  'minProperties',
  'maxProperties',
  'contentEncoding',
  'contentMediaType',
])

const FORMATS = new Set([
  'date-time',
  'time',
  'date',
  'duration',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'uuid',
])

/**
 * The schema for strict mode; `undefined` when it has no such form: a property that may be left out, an
 * object with arbitrary keys, a value of any type, a tuple, an intersection, a root that is no object.
 */
export const strictSchema = (schema: object): Json | undefined => {
  const root = { ...schema } as Json
  if (root['type'] !== 'object') return undefined
  return strict(root)
}

const strict = (node: unknown): Json | undefined => {
  if (!isJson(node)) return undefined
  // A reference stands alone.
  if (typeof node['$ref'] === 'string')
    return node['$ref'].startsWith('#') ? { $ref: node['$ref'] } : undefined
  if (!Object.keys(node).every(isKnown)) return undefined
  const kept = Object.fromEntries(Object.entries(node).filter(([keyword]) => KEPT.has(keyword)))
  const parts = [typed(node), members(node), elements(node), choices(node), definitions(node), texts(node)]
  if (parts.includes(undefined)) return undefined
  return Object.assign(kept, ...parts) as Json
}

const isKnown = (keyword: string): boolean =>
  KEPT.has(keyword) || STRUCTURE.has(keyword) || DROPPED.has(keyword) || keyword.startsWith('x-')

const typed = (node: Json): Json | undefined => {
  if (node['type'] !== undefined || node['anyOf'] !== undefined || node['oneOf'] !== undefined) return {}
  const values = Array.isArray(node['enum']) ? node['enum'] : 'const' in node ? [node['const']] : []
  return values.length === 0 ? undefined : { type: [...new Set(values.map(typeOf))] }
}

const typeOf = (value: unknown): string => (value === null ? 'null' : typeof value)

const members = (node: Json): Json | undefined => {
  if (!allows(node, 'object')) return {}
  const { properties = {}, required = [], additionalProperties = false } = node
  if (additionalProperties !== false || !isJson(properties) || !Array.isArray(required)) return undefined
  if (!Object.keys(properties).every((name) => required.includes(name))) return undefined
  const inner = each(properties)
  return inner && { properties: inner, required: Object.keys(inner), additionalProperties: false }
}

const elements = (node: Json): Json | undefined => {
  if (!allows(node, 'array')) return {}
  const items = strict(node['items'])
  return items && { items }
}

// Of the branches of `oneOf` at least one holds, and our own check sees to it that it is one only.
const choices = (node: Json): Json | undefined => {
  const branches = node['anyOf'] ?? node['oneOf']
  if (branches === undefined) return {}
  if (!Array.isArray(branches)) return undefined
  const inner = branches.map(strict)
  return inner.includes(undefined) ? undefined : { anyOf: inner }
}

const definitions = (node: Json): Json | undefined => {
  if (node['$defs'] === undefined) return {}
  const inner = isJson(node['$defs']) ? each(node['$defs']) : undefined
  return inner && { $defs: inner }
}

const texts = ({ format, pattern }: Json): Json => {
  // Zod writes a pattern beside each format; the format says it all.
  if (typeof format === 'string') return FORMATS.has(format) ? { format } : {}
  // Looking around and back is more than its grammar can do.
  return typeof pattern === 'string' && !/\(\?[=!<]|\\[1-9k]/.test(pattern) ? { pattern } : {}
}

const each = (schemas: Json): Json | undefined => {
  const inner = Object.entries(schemas).map(([name, schema]) => [name, strict(schema)] as const)
  return inner.some(([, schema]) => schema === undefined) ? undefined : Object.fromEntries(inner)
}

const allows = ({ type }: Json, kind: string): boolean =>
  Array.isArray(type) ? type.includes(kind) : type === kind

const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
