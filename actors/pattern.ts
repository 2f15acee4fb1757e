/** What patterns share: agents by key. */
import type { AnyAgent, In } from '../src/contracts/agents.ts'
import type { AgentDefinition } from '../src/contracts/tasks.ts'

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
