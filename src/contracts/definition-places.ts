/**
 * Where agents are defined, for tools that name the line to mend. Off by default: a stack is not free, and a running
 * system needs none.
 */
import type { AgentDefinition } from './agent-definition.ts'

let places: WeakMap<AgentDefinition, Error> | undefined

/** From now on the places of agents are kept. */
export const keepDefinitionPlaces = (): void => {
  places ??= new WeakMap()
}

/** Called as an agent is defined. */
export const noteDefinition = (defined: AgentDefinition): void => {
  places?.set(defined, new Error(defined.name))
}

/** An error whose stack leads to the definition, if it was kept. */
export const definitionPlace = (defined: AgentDefinition): Error | undefined => places?.get(defined)
