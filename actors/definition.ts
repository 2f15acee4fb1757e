/** How an agent is put together: its options checked, the defaults filled in, and what callers see of it. */
import type { AnyStateMachine } from 'xstate'
import { agentMachine } from '../machines/agent.ts'
import type { Agent, AgentLogic, AnyAgent, Circuit, Common, Retry } from '../src/contracts/agents.ts'
import {
  ConfigurationError,
  DefectError,
  ProviderError,
  TimeoutError,
  type TroupeError,
} from '../src/contracts/errors.ts'
import { noteDefinition } from '../src/contracts/definition-places.ts'
import type { Options } from '../src/contracts/schemas.ts'
import { definition, type AgentDefinition, type DefinedAgent } from '../src/contracts/agent-definition.ts'
import type { ResolvedCircuit } from '../src/contracts/agent-settings.ts'
import type { Part } from '../src/contracts/team.ts'
import { DefinedTool } from '../src/contracts/tool-definition.ts'
import type { Effect, Tool } from '../src/contracts/tools.ts'
import { oneShot } from './one-shot.ts'
import { partOf } from './pattern.ts'
import { checkMailbox } from './spawn-options.ts'

/** What an agent is made of, beside the options that all agents take. */
export type Making = Pick<AgentDefinition, 'work' | 'shape' | 'parts' | 'takes'> &
  Options<Pick<AgentDefinition, 'input' | 'output' | 'effect' | 'listen' | 'team' | 'turns' | 'guard'>>

/** What is different from agent to pattern. */
export interface Defaults {
  readonly timeoutMs: number
  readonly circuit: boolean
  readonly attempts: number
}

/** Defaults of an agent with work of its own. */
export const ofAgents: Defaults = { timeoutMs: 60_000, circuit: true, attempts: 1 }

/** Defaults of an agent with a model. */
export const ofModels: Defaults = { timeoutMs: 60_000, circuit: true, attempts: 3 }

/** Defaults of a pattern: its parts have their own. */
export const ofPatterns: Defaults = { timeoutMs: Infinity, circuit: false, attempts: 1 }

/**
 * An agent of these parts.
 * @throws ConfigurationError
 */
export const defineAgent = <I, O>(
  name: string,
  options: Common<I, O>,
  making: Making,
  defaults: Defaults,
): Agent<I, O> => {
  checkName(name)
  checkNumbers(name, options)
  if (options.mailbox) checkMailbox(name, options.mailbox)
  const { fallback } = options
  const parts = [...making.parts, ...partOf('fallback', fallback)]
  checkParts(name, parts)
  const made = new Defined<I, O>(options.description, {
    name,
    input: making.input,
    takes: making.takes,
    output: making.output,
    timeoutMs: options.timeoutMs ?? defaults.timeoutMs,
    retry: resolveRetry(options.retry, defaults),
    circuit: resolveCircuit(options.circuit, defaults),
    concurrency: options.concurrency ?? 1_000,
    mailbox: options.mailbox,
    fallback: fallback,
    capabilities: options.capabilities ?? [],
    bid: options.bid,
    guard: making.guard,
    effect: making.effect ?? 'idempotent',
    listen: making.listen,
    work: making.work,
    shape: making.shape,
    parts,
    team: making.team,
    turns: making.turns,
  })
  noteDefinition(made[definition])
  return made
}

/**
 * What stands behind an agent.
 * @throws ConfigurationError for an object that no factory made
 */
export const definitionOf = (agent: AnyAgent): AgentDefinition => {
  const given = agent as Partial<DefinedAgent> | null | undefined
  const found = given?.[definition]
  if (found) return found
  const kind = given === null ? 'null' : typeof given
  const what = typeof given?.name === 'string' ? `"${given.name}"` : `a value of type ${kind}`
  throw new ConfigurationError(`${what} is not an agent that troupe made`)
}

class Defined<I, O> implements DefinedAgent<I, O> {
  readonly [definition]: AgentDefinition
  readonly description: string | undefined
  readonly logic: AgentLogic<I, O>

  constructor(description: string | undefined, defined: AgentDefinition) {
    this.description = description
    this[definition] = defined
    this.logic = oneShot<I, O>(this)
  }

  get name(): string {
    return this[definition].name
  }

  get machine(): AnyStateMachine {
    return agentMachine
  }

  asTool(options: Options<{ description: string; effect: Effect }> = {}): Tool<I, O> {
    const { name } = this
    const description = options.description ?? this.description ?? ''
    const effect = options.effect ?? this[definition].effect
    return new DefinedTool<I, O>({ kind: 'agent', name, description, effect, isDeclared: true, agent: this })
  }
}

const resolveRetry = (retry: Retry | undefined, defaults: Defaults): AgentDefinition['retry'] => ({
  attempts: retry?.attempts ?? (retry ? 3 : defaults.attempts),
  minMs: retry?.minMs ?? 500,
  maxMs: retry?.maxMs ?? 30_000,
  jitter: retry?.jitter ?? true,
  when: retry?.when ?? ((error) => error.retryable),
})

const countsByDefault = (error: TroupeError): boolean =>
  error instanceof TimeoutError || error instanceof ProviderError || error instanceof DefectError

const resolveCircuit = (given: Circuit | false | undefined, defaults: Defaults): ResolvedCircuit | false => {
  if (given === false || (given === undefined && !defaults.circuit)) return false
  const window = given?.window
  return {
    failures: given?.failures ?? 5,
    openMs: given?.openMs ?? 30_000,
    maxOpenMs: given?.maxOpenMs ?? 300_000,
    probes: given?.probes ?? 1,
    probeTimeoutMs: given?.probeTimeoutMs ?? 60_000,
    counts: given?.counts ?? countsByDefault,
    window: window && {
      calls: window.calls ?? 20,
      ms: window.ms,
      minCalls: window.minCalls ?? 5,
      failureRate: window.failureRate ?? 0.5,
      slowMs: window.slowMs ?? 60_000,
      slowRate: window.slowRate ?? 1,
    },
  }
}

/** A part that is none would only show when work comes to it. */
const checkParts = (name: string, parts: readonly Part[]): void => {
  for (const { role, key, agent } of parts) {
    const given: unknown = agent
    if (typeof given === 'object' && given !== null && definition in given) continue
    const what = key === undefined ? role : `${role} "${key}"`
    const kind = given === null || given === undefined ? String(given) : `a value of type ${typeof given}`
    throw new ConfigurationError(
      `"${name}": its ${what} is ${kind} and no agent; give it what \`agent\` or a pattern makes`,
    )
  }
}

const checkName = (name: string): void => {
  if (name === '') throw new ConfigurationError('an agent needs a name')
  if (name.includes('/')) throw new ConfigurationError(`"${name}" is a segment of paths: a name has no "/"`)
}

type Numbers = Pick<Common<never, never>, 'timeoutMs' | 'concurrency' | 'retry' | 'circuit'>

const checkNumbers = (name: string, { timeoutMs, concurrency, retry, circuit }: Numbers): void => {
  const demand = (what: string, value: number | undefined, least: number): void => {
    if (value !== undefined && !(value >= least)) {
      throw new ConfigurationError(`"${name}": ${what} is at least ${String(least)}, not ${String(value)}`)
    }
  }
  demand('timeoutMs', timeoutMs, 1)
  demand('concurrency', concurrency, 1)
  if (concurrency !== undefined && concurrency !== Infinity && !Number.isInteger(concurrency)) {
    throw new ConfigurationError(`"${name}": concurrency is a whole number, not ${String(concurrency)}`)
  }
  demand('retry.attempts', retry?.attempts, 1)
  demand('retry.minMs', retry?.minMs, 0)
  demand('retry.maxMs', retry?.maxMs, 0)
  if (!circuit) return
  demand('circuit.failures', circuit.failures, 1)
  demand('circuit.openMs', circuit.openMs, 1)
  demand('circuit.maxOpenMs', circuit.maxOpenMs, 1)
  demand('circuit.probes', circuit.probes, 1)
  demand('circuit.probeTimeoutMs', circuit.probeTimeoutMs, 1)
  demand('circuit.window.calls', circuit.window?.calls, 1)
  demand('circuit.window.ms', circuit.window?.ms, 1)
  demand('circuit.window.minCalls', circuit.window?.minCalls, 1)
  demand('circuit.window.slowMs', circuit.window?.slowMs, 0)
  for (const rate of ['failureRate', 'slowRate'] as const) {
    const share = circuit.window?.[rate]
    if (share === undefined || share > 0) continue
    throw new ConfigurationError(`"${name}": circuit.window.${rate} is more than 0, not ${String(share)}`)
  }
}
