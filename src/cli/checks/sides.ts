/** What agents give and take, as far as their schemas say. */
import type { AnyAgent } from '../../contracts/agents.ts'
import { jsonSchemaOf, type JsonSchema } from '../../contracts/json-schema.ts'
import type { Schema } from '../../contracts/schemas.ts'
import type { AgentDefinition } from '../../contracts/agent-definition.ts'
import { definitionOf, inRole } from './finding.ts'

/** What one agent gives, or takes. */
export interface Side {
  readonly name: string
  readonly json: JsonSchema
  /** What it was made of: the very same schema on both sides is not parsed twice. */
  readonly schema?: Schema
}

/** What may come out of an agent. */
export interface Outputs {
  readonly known: readonly Side[]
  /** Whether nothing else may come. */
  readonly complete: boolean
}

const TEXT: JsonSchema = { type: 'string' }
const UNKNOWN: Outputs = { known: [], complete: false }

/** What an agent gives: by its schema, or that of those whose output it hands on. */
export const outputsOf = (agent: AnyAgent): Outputs => {
  const defined = definitionOf(agent)
  const { name, output, fallback, turns } = defined
  // What a fallback gives is parsed by it as well.
  if (output) return known({ name, json: jsonSchemaOf(output, 'output'), schema: output })
  const own = turns || defined.shape.kind === 'human' ? known({ name, json: TEXT }) : handedOn(defined)
  return fallback ? joined([own, outputsOf(fallback)]) : own
}

/** Who parses what an agent is given: itself, or those that it hands it to. Those without a schema are left out. */
export const takersOf = (agent: AnyAgent): readonly Side[] => takersIn(definitionOf(agent))

/** The same of what stands behind an agent. */
export const takersIn = ({ name, input, takes, shape }: AgentDefinition): readonly Side[] => {
  if (input) return [{ name, json: jsonSchemaOf(input, 'input'), schema: input }]
  // From the second step on it decides what they get, and whether they are asked at all.
  if (typeof takes === 'string' || (shape.kind === 'router' && shape.dynamic)) return []
  return takes.flatMap(takersOf)
}

const known = (side: Side): Outputs => ({ known: [side], complete: true })

const joined = (all: readonly Outputs[]): Outputs => ({
  known: all.flatMap((each) => each.known),
  complete: all.every(({ complete }) => complete),
})

const handedOn = (defined: AgentDefinition): Outputs => {
  const { shape, parts } = defined
  switch (shape.kind) {
    case 'router': {
      if (shape.dynamic) return UNKNOWN
      const targets = [...inRole(defined, 'target').values(), ...inRole(defined, 'otherwise').values()]
      return joined(targets.map(outputsOf))
    }
    case 'pipeline': {
      const { key } = parts.findLast(({ role }) => role === 'stage') ?? {}
      return joined(lastOf(defined, key).map(outputsOf))
    }
    case 'auction':
      return joined([...inRole(defined, 'bidder').values()].map(outputsOf))
    case 'peers':
      return joined([...inRole(defined, 'lead').values()].map(outputsOf))
    default:
      return UNKNOWN
  }
}

/** The stage at a place, and its fallback. */
const lastOf = ({ parts }: AgentDefinition, place: string | undefined): readonly AnyAgent[] =>
  parts.filter(({ key }) => key !== undefined && key === place).map(({ agent }) => agent)
