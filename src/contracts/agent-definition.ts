/** What stands behind an `Agent`, and the key under which an agent has it. Not exported by `troupe`. */
import type { AgentSettings } from './agent-settings.ts'
import type { Agent } from './agents.ts'
import type { StartWork } from './task-scope.ts'

/** The key of an agent's definition. */
export const definition: unique symbol = Symbol('troupe.definition')

/** What stands behind an `Agent`. */
export interface DefinedAgent<I = never, O = unknown> extends Agent<I, O> {
  readonly [definition]: AgentDefinition
}

/** An agent's options, with their defaults filled in, and what does its work. */
export interface AgentDefinition extends AgentSettings {
  /** What does the work of one attempt. */
  readonly work: StartWork
}
