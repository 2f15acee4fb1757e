/** Whether what one agent gives can be taken by the next one, and whether those with the same input have one. */
import type { AnyAgent } from '../../contracts/agents.ts'
import { jsonSchemaOf, type JsonSchema } from '../../contracts/json-schema.ts'
import type { Schema } from '../../contracts/schemas.ts'
import type { AgentDefinition } from '../../contracts/agent-definition.ts'
import { inRole, type Check, type Finding } from './finding.ts'
import { misfit, NOTHING, type Misfit } from './fit.ts'
import { outputsOf, takersIn, takersOf, type Side } from './sides.ts'

/** Of every agent. */
export const checkContracts: Check = ({ definition }) => [
  ...exchangesIn(definition).flatMap(([from, to]) => unfit(from, to)),
  ...sharersIn(definition).flatMap((sharers) => atOdds(sharers)),
]

type Exchange = readonly [from: readonly Side[], to: readonly Side[]]

/** Who hands what to whom. */
const exchangesIn = (defined: AgentDefinition): readonly Exchange[] => {
  const { shape, output, fallback, name } = defined
  const given = (what: JsonSchema, roles: Parameters<typeof inRole>[1][]): Exchange[] =>
    roles
      .flatMap((role) => [...inRole(defined, role).values()])
      .map((agent) => [[{ name, json: what }], takersOf(agent)])
  const wanted = (what: JsonSchema, role: Parameters<typeof inRole>[1]): Exchange[] =>
    [...inRole(defined, role).values()].map((agent) => [outputsOf(agent).known, [{ name, json: what }]])
  return [
    ...(output && fallback ? [[outputsOf(fallback).known, [asWritten(name, output)]] as const] : []),
    ...(shape.kind === 'pipeline' ? stagesIn(defined) : []),
    ...(shape.kind === 'router' ? wanted(DECISION, 'by') : []),
    ...(shape.kind === 'consensus' ? [...wanted(VOTE, 'voter'), ...given(SPLIT, ['otherwise'])] : []),
    ...(shape.kind === 'debate' ? given(ROUND, ['peer', 'judge']) : []),
    ...(shape.kind === 'plan' ? [...given(GOAL, ['planner']), ...wanted(LIST, 'planner')] : []),
    ...(shape.kind === 'arbiter' ? [...given(CLASH, ['resolve']), ...wanted(TEXT, 'resolve')] : []),
  ]
}

/** What an agent's own output schema parses: what its fallback gives. */
const asWritten = (name: string, schema: Schema): Side => ({
  name,
  json: jsonSchemaOf(schema, 'input'),
  schema,
})

const stagesIn = ({ parts }: AgentDefinition): readonly Exchange[] => {
  const stages = parts.filter(({ role }) => role === 'stage')
  const at = (place: number): readonly AnyAgent[] =>
    parts.filter(({ key }) => key === String(place)).map(({ agent }) => agent)
  return stages.slice(1).flatMap((_, index) =>
    at(index + 1).flatMap((from) =>
      at(index + 2).map((to) => [outputsOf(from).known, takersOf(to)] as const),
    ),
  )
}

/** Anything, but something. */
const SOMETHING: JsonSchema = { type: ['string', 'number', 'boolean', 'object', 'array', 'null'] }
const OBJECT: JsonSchema = { type: 'object' }
const LIST: JsonSchema = { type: 'array' }
const TEXT: JsonSchema = { type: 'string' }

const objectOf = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  ...OBJECT,
  properties,
  required: Object.keys(properties),
})
const only = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  ...objectOf(properties),
  additionalProperties: false,
})

const DECISION: JsonSchema = { anyOf: [TEXT, objectOf({ to: TEXT })] }
const VOTE = objectOf({ vote: SOMETHING })
const SPLIT = only({ input: {}, votes: OBJECT })
const ROUND = only({ input: {}, round: { type: 'integer', minimum: 1 }, positions: OBJECT })
const GOAL = only({ goal: {}, round: { type: 'integer', minimum: 1 }, done: LIST })
const CLASH = only({ resource: TEXT, between: LIST })

const unfit = (all: readonly Side[], takers: readonly Side[]): readonly Finding[] =>
  all.flatMap((from) =>
    takers.flatMap((to) => {
      if (from.schema !== undefined && from.schema === to.schema) return []
      const found = misfit(from.json, to.json)
      return found ? [mismatch(from.name, to.name, found)] : []
    }),
  )

const mismatch = (from: string, to: string, found: Misfit): Finding => ({
  kind: 'contract-mismatch',
  problem: mismatchInWords(from, to, found),
  wayOut: `make the output of "${from}" and the input of "${to}" the same there, or put a stage between them`,
})

const mismatchInWords = (from: string, to: string, { path, gives, takes }: Misfit): string => {
  if (gives === NOTHING) return `"${to}" wants ${takes}${where(path)}, which "${from}" does not give`
  if (takes === NOTHING) return `"${from}" gives ${gives}${where(path)}, which "${to}" does not take`
  return `"${from}" gives ${gives}${where(path)}, and "${to}" takes ${takes}`
}

const where = (path: string): string => (path === '' ? '' : ` at \`${path}\``)

/** Agents that get the very same input, group by group. */
const sharersIn = (defined: AgentDefinition): readonly Sharers[] => {
  const { takes, shape, fallback, parts } = defined
  const isDynamic = shape.kind === 'router' && shape.dynamic
  const stages = shape.kind === 'pipeline' ? parts.filter(({ role }) => role === 'stage') : []
  const deputies = shape.kind === 'human' ? inRole(defined, 'otherwise').values() : []
  const others = [...(fallback ? [fallback] : []), ...deputies]
  return [
    typeof takes === 'string' || isDynamic ? [] : takes.map(takersOf),
    ...stages.map(({ key }) => parts.filter((part) => part.key === key).map(({ agent }) => takersOf(agent))),
    ...others.map((other) => [takersIn(defined), takersOf(other)]),
  ]
}

/** For each agent who parses what it is given. */
type Sharers = readonly (readonly Side[])[]

const atOdds = (sharers: Sharers): readonly Finding[] => {
  for (const [place, some] of sharers.entries()) {
    for (const others of sharers.slice(place + 1)) {
      const [first] = some.flatMap((a) => others.flatMap((b) => odds(a, b)))
      // One pair tells what is wrong.
      if (first) return [first]
    }
  }
  return []
}

const odds = (a: Side, b: Side): readonly Finding[] => {
  if (a.schema !== undefined && a.schema === b.schema) return []
  const ways = [[a, b] as const, [b, a] as const]
  const [problem] = ways.flatMap(([one, other]) => {
    const found = misfit(one.json, other.json)
    return found ? [oddsInWords(one.name, other.name, found)] : []
  })
  if (problem === undefined) return []
  return [
    {
      kind: 'contract-mismatch',
      problem: `"${a.name}" and "${b.name}" get the same input, and nothing fits both: ${problem}`,
      wayOut: `make the inputs of "${a.name}" and "${b.name}" the same there`,
    },
  ]
}

const oddsInWords = (one: string, other: string, { path, gives, takes }: Misfit): string => {
  if (gives === NOTHING) return `"${other}" wants ${takes}${where(path)}, which "${one}" does not take`
  if (takes === NOTHING) return `"${one}" wants ${gives}${where(path)}, which "${other}" does not take`
  return `${gives}${where(path)}, or ${takes}`
}
