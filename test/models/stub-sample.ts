/** What the stub server answers when nobody told it what: a value that fits the schema, else a sentence. */

type Json = Readonly<Record<string, unknown>>

/** A value for a JSON Schema. Texts say what was asked. Patterns are not heeded. */
export const sampleOf = (schema: unknown, asked: string): unknown =>
  sample(schema, { asked, root: schema, depth: 0 })

interface Place {
  readonly asked: string
  readonly root: unknown
  readonly depth: number
}

const sample = (schema: unknown, place: Place): unknown => {
  if (!isJson(schema)) return sentence(place.asked)
  if (typeof schema['$ref'] === 'string') return sample(resolve(place.root, schema['$ref']), deeper(place))
  if ('const' in schema) return schema['const']
  if (Array.isArray(schema['enum'])) return schema['enum'][0]
  const choices = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(choices)) return sample(place.depth > 8 ? choices.at(-1) : choices[0], deeper(place))
  const { type } = schema
  switch (Array.isArray(type) ? type[0] : type) {
    case 'object':
      return objectFor(schema, place)
    case 'array':
      return listFor(schema, place)
    case 'number':
    case 'integer':
      return numberFor(schema)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return textFor(schema, place.asked)
  }
}

/** What is said without a schema. */
export const sentence = (asked: string): string => `The stub server has been asked: ${asked.slice(0, 200)}`

const deeper = (place: Place): Place => ({ ...place, depth: place.depth + 1 })

const objectFor = ({ properties, required }: Json, place: Place): object => {
  const names = Array.isArray(required) ? required.map(String) : []
  const schemas = isJson(properties) ? properties : {}
  return Object.fromEntries(names.map((name) => [name, sample(schemas[name], deeper(place))]))
}

const listFor = ({ items, prefixItems, minItems }: Json, place: Place): unknown[] => {
  if (Array.isArray(prefixItems)) return prefixItems.map((item) => sample(item, deeper(place)))
  const least = typeof minItems === 'number' ? minItems : 1
  return Array.from({ length: place.depth > 8 ? 0 : Math.max(1, least) }, () => sample(items, deeper(place)))
}

const numberFor = ({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Json): number => {
  const step = type === 'integer' ? 1 : 0.5
  const least = typeof minimum === 'number' ? minimum : Number(exclusiveMinimum ?? -Infinity) + step
  const most = typeof maximum === 'number' ? maximum : Number(exclusiveMaximum ?? Infinity) - step
  return Math.min(most, Math.max(least, 1))
}

const textFor = ({ format, minLength, maxLength }: Json, asked: string): string => {
  const known: Record<string, string> = {
    'date-time': '2026-01-02T03:04:05Z',
    date: '2026-01-02',
    time: '03:04:05',
    email: 'stub@example.com',
    uri: 'https://example.com/',
    uuid: '6f1a2c1e-5f0a-4f57-9d57-1b1f6f3c2a10',
  }
  const text = typeof format === 'string' ? (known[format] ?? 'stub') : sentence(asked)
  const long = typeof minLength === 'number' ? text.padEnd(minLength, '.') : text
  return typeof maxLength === 'number' ? long.slice(0, maxLength) : long
}

const resolve = (root: unknown, reference: string): unknown =>
  reference
    .split('/')
    .slice(1)
    .reduce<unknown>((at, name) => (isJson(at) ? at[name] : undefined), root)

const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
