/** What patterns share: agents by key. */
import type { AnyAgent, In } from '../src/contracts/agents.ts'
import type { Schema } from '../src/contracts/schemas.ts'
import { definition, type AgentDefinition, type DefinedAgent } from '../src/contracts/tasks.ts'

/** Agents by key. */
export type Branches = Readonly<Record<string, AnyAgent>>

/** The input that fits all of them. */
export type Shared<T> = { [K in keyof T]: (input: In<T[K]>) => void }[keyof T] extends (
  input: infer I,
) => void
  ? I
  : never

/** The agents that a pattern is made of, each under its key. */
export const partsOf = (agents: Readonly<Record<string, AnyAgent | undefined>>): AgentDefinition['parts'] =>
  Object.entries(agents).flatMap(([role, agent]) => (agent ? [{ role, agent }] : []))

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
