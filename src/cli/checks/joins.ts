/** Whether what a join waits for can come about. Joins that ask for more than there are cannot even be defined. */
import type { AnyAgent } from '../../contracts/agents.ts'
import type { JsonSchema } from '../../contracts/json-schema.ts'
import type { AgentDefinition } from '../../contracts/agent-definition.ts'
import { inRole, listed, type Check } from './finding.ts'
import { choicesOf, resolved, valuesOf } from './fit.ts'
import { outputsOf } from './sides.ts'

/** Of a consensus, and of a parallel. */
export const checkJoins: Check = ({ definition }) => {
  const { shape } = definition
  if (shape.kind === 'consensus') return inConsensus(definition, shape.needed)
  if (shape.kind !== 'parallel' || typeof shape.need !== 'string' || NEEDS.has(shape.need)) return []
  return [
    {
      kind: 'unmeetable-join',
      problem: `\`need\` is "${shape.need}", which nothing ever meets`,
      wayOut: `make it one of ${listed(NEEDS)}, or quorum(n)`,
    },
  ]
}

const NEEDS: ReadonlySet<string> = new Set(['settled', 'all', 'any'])

const inConsensus = (defined: AgentDefinition, needed: number): ReturnType<Check> => {
  const voters = [...inRole(defined, 'voter').values()]
  const votes = voters.map(votesOf)
  const open = votes.filter((vote) => vote === undefined).length
  const all = new Set(votes.flatMap((vote) => vote ?? []))
  const most = Math.max(0, ...[...all].map((vote) => votes.filter((each) => each?.includes(vote)).length))
  if (open + most >= needed) return []
  const names = listed(voters.map(({ name }) => name))
  return [
    {
      kind: 'unmeetable-join',
      problem: `${needed} votes have to agree, and none can come from more than ${open + most} of ${names}`,
      wayOut: 'let all voters choose among the same votes, or lower `rule`',
    },
  ]
}

/** The votes that a voter can give, as JSON; undefined: any. */
const votesOf = (voter: AnyAgent): readonly string[] | undefined => {
  const { known, complete } = outputsOf(voter)
  if (!complete) return undefined
  return allOf(known.map(({ json }) => votesIn(json, json)))
}

const votesIn = (given: JsonSchema, root: JsonSchema, isVote = false): readonly string[] | undefined => {
  const schema = resolved(given, root)
  const choices = choicesOf(schema)
  if (choices) return allOf(choices.map((choice) => votesIn(choice, root, isVote)))
  if (isVote) return valuesOf(schema)?.map((value) => JSON.stringify(value))
  const { vote } = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>
  return vote && votesIn(vote, root, true)
}

const allOf = (lists: readonly (readonly string[] | undefined)[]): readonly string[] | undefined =>
  lists.every((list) => list !== undefined) ? lists.flat() : undefined
