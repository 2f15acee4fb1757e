/** What `troupe check` finds, and how a check looks at a team. */
import type { AnyAgent } from '../../contracts/agents.ts'
import { definition, type AgentDefinition, type DefinedAgent } from '../../contracts/agent-definition.ts'
import type { Member } from '../../contracts/team-graph.ts'
import type { Role } from '../../contracts/team.ts'

/** What may be wrong with a team. */
export type Kind =
  | 'invalid-definition'
  | 'unreachable-agent'
  | 'missing-target'
  | 'unbounded-cycle'
  | 'unmeetable-join'
  | 'contract-mismatch'
  | 'too-many-tools'
  | 'undeclared-effect'
  | 'same-name'

/** One thing that is wrong. */
export interface Finding {
  readonly kind: Kind
  /** A sentence without its end, about the agent. */
  readonly problem: string
  /** What mends it. */
  readonly wayOut: string
}

/** Looks at one agent of a team, and at what it is made of. */
export type Check = (member: Member) => readonly Finding[]

/** What stands behind an agent. */
export const definitionOf = (agent: AnyAgent): AgentDefinition => (agent as DefinedAgent)[definition]

/** The agents that one has in a role, by key. */
export const inRole = ({ parts }: AgentDefinition, role: Role): ReadonlyMap<string, AnyAgent> =>
  new Map(parts.filter((part) => part.role === role).map(({ key = '', agent }) => [key, agent]))

/** Names as they are listed in a sentence. */
export const listed = (names: Iterable<string>): string => [...names].map((name) => `"${name}"`).join(', ')
