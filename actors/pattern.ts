/** What patterns share: agents by key. */
import type { AnyAgent, In } from '../src/contracts/agents.ts'
import type { Schema } from '../src/contracts/schemas.ts'
import { definition, type DefinedAgent } from '../src/contracts/agent-definition.ts'
import type { Part, Role } from '../src/contracts/team.ts'

/** Agents by key. */
export type Branches = Readonly<Record<string, AnyAgent>>

/** The input that fits all of them. */
export type Shared<T> = { [K in keyof T]: (input: In<T[K]>) => void }[keyof T] extends (
  input: infer I,
) => void
  ? I
  : never

/** The agents that a pattern has in one role, each under its key. */
export const partsOf = (role: Role, agents: Branches): readonly Part[] =>
  Object.entries(agents).map(([key, agent]) => ({ role, key, agent }))

/** The agent that a pattern has in a role, if it has one. */
export const partOf = (role: Role, agent: AnyAgent | undefined): readonly Part[] =>
  agent ? [{ role, agent }] : []

/** The schema of what an agent takes: its own, or that of the first part that gets its input and has one. */
export const takenBy = (agent: AnyAgent): Schema | undefined => {
  const { input, takes } = (agent as DefinedAgent)[definition]
  if (input || typeof takes === 'string') return input
  for (const part of takes) {
    const schema = takenBy(part)
    if (schema) return schema
  }
  return undefined
}
