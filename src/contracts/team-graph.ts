/** The graph of a team: its agents, and who works for whom. Plain JSON, the same for the same team. */
import type { AnyAgent } from './agents.ts'
import { definition, type AgentDefinition, type DefinedAgent } from './agent-definition.ts'
import type { Role, Shape } from './team.ts'
import type { Effect } from './tools.ts'

/** A team as a graph. */
export interface TeamGraph {
  /** The id of the agent that gets the input. */
  readonly root: string
  /** Those that are reached from the root, in the order in which they are named first. */
  readonly agents: readonly AgentNode[]
  readonly edges: readonly TeamEdge[]
}

/** An agent of a team. */
export interface AgentNode {
  /** Its name; further agents of a name are `name~2` and so on. */
  readonly id: string
  readonly name: string
  readonly kind: Shape['kind']
  readonly description?: string
  readonly capabilities?: readonly string[]
  readonly bounds: Bounds
  /** The name of its model. */
  readonly model?: string
  /** Functions that its model may call. Agents among its tools are edges. */
  readonly tools?: readonly ToolNode[]
  /** Servers that give its model more tools. */
  readonly servers?: readonly string[]
  /** Who may answer, and how many have to; nobody in particular: anyone. */
  readonly people?: { readonly by: readonly string[]; readonly of: number }
}

/** What ends a loop or a wait, by the name of the option; milliseconds where that ends in `Ms`. */
export type Bounds = Readonly<Record<string, number | string>>

/** A function that a model may call. */
export interface ToolNode {
  readonly name: string
  readonly effect: Effect
  /** Whether the effect was chosen, rather than left to its default. */
  readonly isDeclared: boolean
  /** Whether people may have to approve a call. */
  readonly approval: boolean
}

/** One agent works for another; of a `revision`: the stage `from` sends the work back to the stage `to`. */
export interface TeamEdge {
  readonly from: string
  readonly to: string
  readonly role: Role | 'revision'
  /** As its users call it: the key of a target or branch, the name of a tool; of a stage its place, from 1. */
  readonly key?: string
  readonly bounds?: Bounds
}

/** An agent of a team, with what stands behind it. */
export interface Member {
  readonly id: string
  readonly agent: AnyAgent
  readonly definition: AgentDefinition
}

/** The agents that are reached from one, itself first, each once. */
export const membersOf = (root: AnyAgent): readonly Member[] => {
  const names = new Map<string, number>()
  const members = new Map<AgentDefinition, Member>()
  // A list, not a recursion: it grows while it is walked. A stage with a gate has the definition of its agent.
  const all = [root]
  for (const agent of all) {
    const defined = definitionOf(agent)
    if (members.has(defined)) continue
    const count = (names.get(defined.name) ?? 0) + 1
    names.set(defined.name, count)
    const id = count === 1 ? defined.name : `${defined.name}~${count}`
    members.set(defined, { id, agent, definition: defined })
    all.push(...defined.parts.map((part) => part.agent))
  }
  return [...members.values()]
}

/** The graph of the team that starts with this agent. */
export const teamGraph = (root: AnyAgent): TeamGraph => {
  const members = membersOf(root)
  const ids = new Map(members.map(({ id, definition: defined }) => [defined, id]))
  const idOf = (agent: AnyAgent): string => ids.get(definitionOf(agent)) ?? ''
  return {
    root: idOf(root),
    agents: members.map(nodeOf),
    edges: members.flatMap(({ id, definition: defined }) => [
      ...defined.parts.map(({ role, key, agent }) => ({
        from: id,
        to: idOf(agent),
        role,
        ...(key !== undefined && { key }),
      })),
      ...revisionsIn(defined, idOf),
    ]),
  }
}

const definitionOf = (agent: AnyAgent): AgentDefinition => (agent as DefinedAgent)[definition]

const nodeOf = ({ id, agent, definition: defined }: Member): AgentNode => {
  const { name, shape, capabilities, turns } = defined
  return {
    id,
    name,
    kind: shape.kind,
    ...(agent.description !== undefined && { description: agent.description }),
    ...(capabilities.length > 0 && { capabilities }),
    bounds: boundsOf(defined),
    ...(turns && { model: turns.model.name, tools: toolsOf(turns) }),
    ...(turns && turns.sources.length > 0 && { servers: turns.sources.map(({ title }) => title) }),
    ...(shape.kind === 'human' && { people: { by: shape.by, of: shape.of } }),
  }
}

const toolsOf = ({ tools }: NonNullable<AgentDefinition['turns']>): readonly ToolNode[] =>
  tools.flatMap((tool) => {
    if (tool.kind !== 'function') return []
    const { name, effect, isDeclared, approve } = tool
    return [{ name, effect, isDeclared, approval: approve !== undefined }]
  })

const boundsOf = (defined: AgentDefinition): Bounds => {
  const { timeoutMs, retry, turns, shape } = defined
  return {
    ...(timeoutMs !== Infinity && { timeoutMs }),
    ...(retry.attempts !== 1 && { attempts: bound(retry.attempts) }),
    ...(turns && { maxTurns: bound(turns.maxTurns), repairs: bound(turns.repairs) }),
    ...boundsOfShape(shape),
  }
}

const boundsOfShape = (shape: Shape): Bounds => {
  switch (shape.kind) {
    case 'router': {
      const { dynamic, minConfidence } = shape
      return { ...(dynamic && { steps: 'hops of the run' }), ...(minConfidence > 0 && { minConfidence }) }
    }
    case 'parallel':
      return { need: typeof shape.need === 'string' ? shape.need : `quorum ${shape.need.quorum}` }
    case 'arbiter':
      return { resolve: shape.rule }
    case 'plan':
      return { rounds: shape.rounds, width: shape.width }
    case 'consensus':
      return { needed: shape.needed }
    case 'debate':
      return { rounds: shape.rounds }
    case 'blackboard':
      return { maxDepth: shape.maxDepth, maxActivations: shape.maxActivations }
    case 'auction': {
      const { rounds, bidTimeoutMs, awardTimeoutMs } = shape
      return { rounds, bidTimeoutMs, awardTimeoutMs }
    }
    case 'human':
      return { answerTimeoutMs: bound(shape.timeoutMs) }
    case 'peers':
      return { help: 'hops of the run' }
    default:
      return {}
  }
}

const revisionsIn = ({ shape, parts }: AgentDefinition, idOf: (agent: AnyAgent) => string): TeamEdge[] => {
  if (shape.kind !== 'pipeline') return []
  const stages = parts.filter(({ role }) => role === 'stage')
  const idAt = (place: number): string => {
    const stage = stages[place - 1]
    return stage ? idOf(stage.agent) : ''
  }
  return shape.revisions.map(({ from, to, max }) => ({
    from: idAt(from),
    to: idAt(to),
    role: 'revision',
    bounds: { max: bound(max) },
  }))
}

/** JSON has no infinity. */
const bound = (value: number): number | string => (value === Infinity ? 'unbounded' : value)
