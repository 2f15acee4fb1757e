/** Loads the module that a user names, and finds the agent to run in it. */
import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AnyAgent } from '../contracts/agents.ts'
import type { Model } from '../contracts/ports.ts'
import type { System } from '../contracts/system.ts'
import { definition, type AgentDefinition, type DefinedAgent } from '../contracts/agent-definition.ts'
import { onAccident } from './accidents.ts'
import { namesNear } from './near.ts'
import { described, messageOf } from './place.ts'
import { UsageError } from './usage-error.ts'

/** What `--agent`, `--faults` and `--model` choose. */
export type Choice = Readonly<{
  agent?: string | undefined
  faults?: boolean | undefined
  /** For the export `withModel`. */
  model?: Model | undefined
}>

/** What a module has to offer for a choice. */
export interface Team {
  readonly agent: AnyAgent
  /** Under `faults`: harms the system while it is at work. */
  readonly sabotage: (system: System) => unknown
}

/**
 * Loads a module as it is, TypeScript too, and gives the agent to run: its default export, under `faults` its export
 * of that name, with a `model` what its export `withModel` makes of it; or the agent called `agent` among these and
 * their parts, without `faults` and `model` among all exports.
 * @throws UsageError rejects with it, naming the way out
 */
export async function loadTeam(module: string, choice: Choice): Promise<Team> {
  const { model, faults = false } = choice
  if (faults && model)
    throw new UsageError('--faults and --model choose different teams of a module: give one of them')
  const exports = await importModule(module)
  const { sabotage } = exports
  const name = basename(module)
  const root = model && (await withModel(exports, name, model))
  return {
    agent: root ? chosenBelow(root, name, choice) : chosen(exports, name, choice),
    sabotage:
      choice.faults && typeof sabotage === 'function' ? (system) => sabotage(system) as unknown : () => {},
  }
}

/** What the module makes of a model. */
const withModel = async (exports: Exports, name: string, model: Model): Promise<AnyAgent> => {
  const { withModel: make } = exports
  if (typeof make !== 'function') {
    const has = make === undefined ? 'has no export "withModel"' : `exports ${kindOf(make)} as "withModel"`
    throw new UsageError(
      `"${name}" ${has}: --model runs what a module makes of a model, by ` +
        '`export const withModel = (model: Model) => ...`. Without --model its default export is run',
    )
  }
  let made: unknown
  try {
    made = await make(model)
  } catch (error) {
    throw new Error(`"withModel" of "${name}" failed: ${described(error)}`, { cause: error })
  }
  return agentAs(made, `what "withModel" of "${name}" gives`)
}

const chosenBelow = (root: AnyAgent, name: string, { agent }: Choice): AnyAgent =>
  agent === undefined ? root : named(agent, name, agentsOf([root]))

const chosen = (exports: Exports, name: string, { agent, faults = false }: Choice): AnyAgent => {
  if (agent === undefined) return rootOf(exports, name, faults)
  const roots = faults ? [rootOf(exports, name, faults)] : Object.values(exports).filter(isAgent)
  // The default export first: it wins a name that two agents have.
  const known = agentsOf(isAgent(exports['default']) && !faults ? [exports['default'], ...roots] : roots)
  return known.size === 0 ? rootOf(exports, name, faults) : named(agent, name, known)
}

const named = (agent: string, name: string, known: ReadonlyMap<string, AnyAgent>): AnyAgent => {
  const found = known.get(agent)
  if (found) return found
  const names = [...known.keys()].toSorted()
  const near = namesNear(agent, names).map((other) => `"${other}"`)
  const hint = near.length > 0 ? ` Did you mean ${near.join(' or ')}?` : ''
  throw new UsageError(`"${name}" has no agent called "${agent}".${hint} It has: ${names.join(', ')}`)
}

/** What stands behind an agent that was made by this copy of troupe. */
export const definitionOf = (agent: AnyAgent): AgentDefinition => (agent as DefinedAgent)[definition]

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
  if (module === '') throw new UsageError('the name of the module is empty: name a file, such as team.ts')
  const file = resolve(module)
  const found = await stat(file).catch(() => undefined)
  if (!found) throw new UsageError(`there is no module "${module}"`)
  if (found.isDirectory())
    throw new UsageError(`"${module}" is a folder: name the module in it, such as team.ts`)
  if (!/\.[cm]?[jt]s$/.test(file))
    throw new UsageError(`"${module}" cannot be loaded: a module is a .ts, .js or .mjs file`)
  try {
    return await unlessAccident(import(pathToFileURL(file).href) as Promise<Exports>)
  } catch (error) {
    throw explained(error, module)
  }
}

/** What is imported runs: it may never come to an end, or end the process. */
const unlessAccident = async (loading: Promise<Exports>): Promise<Exports> => {
  const accident = Promise.withResolvers<never>()
  const stopListening = onAccident((befallen) => {
    if (befallen.type === 'uncaught') accident.reject(befallen.error)
    else if (befallen.type === 'stuck')
      accident.reject(new Error('it waits at its top level for something that never comes'))
    else process.stderr.write('troupe: the module ended the process (process.exit) while it was loaded\n')
  })
  try {
    return await Promise.race([loading, accident.promise])
  } finally {
    stopListening()
  }
}

const explained = (error: unknown, module: string): Error => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const cannot = (hint: string): UsageError => new UsageError(`"${module}" cannot be loaded: ${hint}`)
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION')
    return cannot(`Node ${process.versions.node} does not load TypeScript: use 22.18 or newer`)
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') {
    return cannot(
      `${described(error)}. Node strips types only: no enums, no parameter properties, no namespaces`,
    )
  }
  const text = `"${module}" failed while it was loaded: ${described(error)}${hintFor(code, messageOf(error))}`
  return new Error(text, { cause: error })
}

const hintFor = (code: unknown, message: string): string => {
  if (code !== 'ERR_MODULE_NOT_FOUND') return ''
  const [, missing] = /package '([^']+)'/.exec(message) ?? []
  return missing === undefined
    ? '. An import names its file with the ending that it has, such as ./desk.ts'
    : `. Install it where the module lies: npm install ${missing}`
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
    const others = Object.values(exports).filter(isAgent)
    const choose =
      others.length > 0 ? `, or choose with --agent: ${others.map((agent) => agent.name).join(', ')}` : ''
    throw new UsageError(
      `"${name}" has no default export: write \`export default\` before the agent to run${choose}`,
    )
  }
  return agentAs(value, `${faults ? 'the export "faults"' : 'the default export'} of "${name}"`)
}

const agentAs = (value: unknown, what: string): AnyAgent => {
  if (isAgent(value)) return value
  if (isForeign(value))
    throw new UsageError(
      `${what} is an agent of another copy of troupe: \`npm ls troupe\` shows where, install one`,
    )
  throw new UsageError(
    `${what} is ${kindOf(value)} and no agent: export what \`agent\`, \`router\` or another pattern gives`,
  )
}

const kindOf = (value: unknown): string =>
  value === null ? 'null' : typeof value === 'object' ? 'an object' : `a ${typeof value}`

/** Looks like an agent, but not one of ours. */
const isForeign = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'logic' in value && 'asTool' in value
