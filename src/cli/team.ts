/** Loads the module that a user names, and finds the agent to run in it. */
import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AnyAgent } from '../contracts/agents.ts'
import type { System } from '../contracts/system.ts'
import { definition, type AgentDefinition, type DefinedAgent } from '../contracts/tasks.ts'
import { UsageError } from './usage-error.ts'

/** What `--agent` and `--faults` choose. */
export type Choice = Readonly<{ agent?: string | undefined; faults?: boolean | undefined }>

/** What a module has to offer for a choice. */
export interface Team {
  readonly agent: AnyAgent
  /** Under `faults`: harms the system while it is at work. */
  readonly sabotage: (system: System) => void
}

/**
 * Loads a module as it is, TypeScript too, and gives the agent to run: its default export, under `faults` its export
 * of that name, or the agent called `agent` among its exports and their parts.
 * @throws UsageError rejects with it, naming the way out
 */
export async function loadTeam(module: string, choice: Choice): Promise<Team> {
  const exports = await importModule(module)
  const { sabotage } = exports
  return {
    agent: chosen(exports, basename(module), choice),
    sabotage: choice.faults && typeof sabotage === 'function' ? (system) => void sabotage(system) : () => {},
  }
}

const chosen = (exports: Exports, name: string, { agent, faults = false }: Choice): AnyAgent => {
  const root = rootOf(exports, name, faults)
  if (agent === undefined) return root
  const known = agentsOf(faults ? [root] : [root, ...Object.values(exports).filter(isAgent)])
  const found = known.get(agent)
  if (found) return found
  throw new UsageError(
    `"${name}" has no agent called "${agent}". It has: ${[...known.keys()].toSorted().join(', ')}`,
  )
}

/** What stands behind an agent that was made by this copy of troupe. */
export const definitionOf = (agent: AnyAgent): AgentDefinition => (agent as DefinedAgent)[definition]

/**
 * Whether an agent takes text: its schema is one of a text, or it has none, which means text. A pattern without a schema
 * takes what its first part takes, since that gets the same input.
 */
export const takesText = (agent: AnyAgent): boolean => {
  const { input, parts } = definitionOf(agent)
  if (input !== undefined) return input._zod.def.type === 'string'
  const first = parts.find(({ role }) => role !== 'fallback')
  return first === undefined || takesText(first.agent)
}

/** The agents that are reached from these, by name; the first of a name is kept. */
export const agentsOf = (roots: readonly AnyAgent[]): Map<string, AnyAgent> => {
  const found = new Map<string, AnyAgent>()
  const seen = new Set<AnyAgent>()
  // A list, not a recursion: it grows while it is walked.
  const all = [...roots]
  for (const agent of all) {
    if (seen.has(agent)) continue
    seen.add(agent)
    if (!found.has(agent.name)) found.set(agent.name, agent)
    all.push(...definitionOf(agent).parts.map((part) => part.agent))
  }
  return found
}

const isAgent = (value: unknown): value is AnyAgent =>
  typeof value === 'object' && value !== null && definition in value

type Exports = Readonly<Record<string, unknown>>

const importModule = async (module: string): Promise<Exports> => {
  const file = resolve(module)
  const found = await stat(file).catch(() => undefined)
  if (!found) throw new UsageError(`there is no module "${module}"`)
  if (found.isDirectory())
    throw new UsageError(`"${module}" is a folder: name the module in it, such as team.ts`)
  if (!/\.[cm]?[jt]s$/.test(file))
    throw new UsageError(`"${module}" cannot be loaded: a module is a .ts, .js or .mjs file`)
  try {
    return (await import(pathToFileURL(file).href)) as Exports
  } catch (error) {
    throw explained(error, module)
  }
}

const explained = (error: unknown, module: string): Error => {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    const hint = `Node ${process.versions.node} does not load TypeScript: use 22.18 or newer`
    return new UsageError(`"${module}" cannot be loaded: ${hint}`)
  }
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') {
    return new UsageError(
      `"${module}" cannot be loaded: ${message}. Node strips types only: no enums, no parameter properties`,
    )
  }
  return new Error(`"${module}" failed while it was loaded: ${message}`, { cause: error })
}

const rootOf = (exports: Exports, name: string, faults: boolean): AnyAgent => {
  const key = faults ? 'faults' : 'default'
  const value = exports[key]
  if (isAgent(value)) return value
  if (faults && value === undefined) {
    throw new UsageError(
      `"${name}" has no export "faults": --faults runs the team that a module exports under that name`,
    )
  }
  if (value === undefined) {
    throw new UsageError(`"${name}" has no default export: write \`export default\` before the agent to run`)
  }
  throw new UsageError(
    `the ${faults ? 'export "faults"' : 'default export'} of "${name}" is not an agent (or of another copy of troupe): ` +
      'export what `agent`, `router` or another pattern gives',
  )
}
