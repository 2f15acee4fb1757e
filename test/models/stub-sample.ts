/** What the stub server answers when nobody told it what: a value that fits the schema, else a sentence. */

type Json = Readonly<Record<string, unknown>>

/** One of so many, from 0. */
export type Choose = (count: number) => number

/**
 * A value for a JSON Schema. Texts say what was asked. Patterns are not heeded.
 * @param choose where there is a choice. Default: always the first
 */
export const sampleOf = (schema: unknown, asked: string, choose: Choose = () => 0): unknown =>
  sample(schema, { asked, choose, root: schema, depth: 0 })

interface Place {
  readonly asked: string
  readonly choose: Choose
  readonly root: unknown
  readonly depth: number
}

const sample = (schema: unknown, place: Place): unknown => {
  if (!isJson(schema)) return sentence(place.asked)
  if (typeof schema['$ref'] === 'string') return sample(resolve(place.root, schema['$ref']), deeper(place))
  if ('const' in schema) return schema['const']
  if (Array.isArray(schema['enum'])) return schema['enum'][place.choose(schema['enum'].length)]
  const choices = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(choices)) {
    const chosen: unknown = place.depth > 8 ? choices.at(-1) : choices[place.choose(choices.length)]
    return sample(chosen, deeper(place))
  }
  const { type } = schema
  switch (Array.isArray(type) ? type[0] : type) {
    case 'object':
      return objectFor(schema, place)
    case 'array':
      return listFor(schema, place)
    case 'number':
    case 'integer':
      return numberFor(schema, place.choose)
    case 'boolean':
      return place.choose(2) === 0
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

const listFor = ({ items, prefixItems, minItems, maxItems }: Json, place: Place): unknown[] => {
  if (Array.isArray(prefixItems)) return prefixItems.map((item) => sample(item, deeper(place)))
  const least = typeof minItems === 'number' ? minItems : 0
  const most = typeof maxItems === 'number' ? maxItems : Infinity
  const lengths = [Math.max(1, least), least, Math.max(1, least) + 1].map((length) => Math.min(most, length))
  const length = place.depth > 8 ? 0 : lengths[place.choose(lengths.length)]
  return Array.from({ length: length ?? 0 }, () => sample(items, deeper(place)))
}

const numberFor = (schema: Json, choose: Choose): number => {
  const { type, minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema
  const step = type === 'integer' ? 1 : 0.5
  const least = typeof minimum === 'number' ? minimum : Number(exclusiveMinimum ?? -Infinity) + step
  const most = typeof maximum === 'number' ? maximum : Number(exclusiveMaximum ?? Infinity) - step
  const one = Math.min(most, Math.max(least, 1))
  const numbers = [one, Math.min(most, one + step), least, most].filter(Number.isSafeInteger)
  return choose(2) === 0 ? one : (numbers[choose(numbers.length)] ?? one)
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
