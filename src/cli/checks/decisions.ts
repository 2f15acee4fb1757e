/** Which names a decision can give: those of a router's `by`, of a planner, of who settles a clash. */
import type { JsonSchema } from '../../contracts/json-schema.ts'
import { choicesOf, resolved, valuesOf } from './fit.ts'
import type { Outputs } from './sides.ts'

/** What is known of a decision. */
export interface Decisions {
  /** The names that it can give. */
  readonly names: ReadonlySet<string>
  /** Any text may come. */
  readonly open: boolean
  /** How sure it is at most: each decision says so. */
  readonly mostConfidence: number
  /** No decision says how sure it is. */
  readonly neverUnsure: boolean
}

/** What the outputs of an agent decide; undefined when their schemas do not say. */
export const decisionsIn = ({ known, complete }: Outputs): Decisions | undefined => {
  if (!complete) return undefined
  const all = known.map(({ json }) => decisions(json, json, 0))
  return all.every((each) => each !== undefined) && all.length > 0 ? united(all) : undefined
}

/** The same for who gives a list of decisions. */
export const decisionsInLists = ({ known, complete }: Outputs): Decisions | undefined =>
  decisionsIn({
    complete,
    known: known.map(({ json, name }) => {
      const { $defs } = json
      const items = resolved(json, json)['items'] as JsonSchema | undefined
      return { name, json: { ...items, ...($defs ? { $defs } : {}) } }
    }),
  })

const decisions = (given: JsonSchema, root: JsonSchema, depth: number): Decisions | undefined => {
  const schema = resolved(given, root)
  const choices = choicesOf(schema)
  if (choices) {
    const all = choices.map((choice) => decisions(choice, root, depth))
    return all.every((each) => each !== undefined) ? united(all) : undefined
  }
  if (schema['type'] === 'object' && depth === 0) return ofObject(schema, root)
  return ofText(schema)
}

const ofText = (schema: JsonSchema): Decisions | undefined => {
  const values = valuesOf(schema)
  const sure = { mostConfidence: Infinity, neverUnsure: true }
  if (values) {
    const names = values.filter((value) => typeof value === 'string')
    return names.length === values.length ? { names: new Set(names), open: false, ...sure } : undefined
  }
  const { type, pattern } = schema
  return type === 'string' && pattern === undefined ? { names: new Set(), open: true, ...sure } : undefined
}

const ofObject = (schema: JsonSchema, root: JsonSchema): Decisions | undefined => {
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>
  const required = (schema['required'] ?? []) as readonly string[]
  const to = properties['to']
  const named = to && decisions(to, root, 1)
  if (!named) return undefined
  const confidence = properties['confidence'] && resolved(properties['confidence'], root)
  const most = confidence?.['maximum']
  return {
    ...named,
    mostConfidence: required.includes('confidence') && typeof most === 'number' ? most : Infinity,
    neverUnsure: !confidence && schema['additionalProperties'] === false,
  }
}

const united = (all: readonly Decisions[]): Decisions => ({
  names: new Set(all.flatMap(({ names }) => [...names])),
  open: all.some(({ open }) => open),
  mostConfidence: Math.max(...all.map(({ mostConfidence }) => mostConfidence)),
  neverUnsure: all.every(({ neverUnsure }) => neverUnsure),
})
