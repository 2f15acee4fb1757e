/** `arbiter`: branches that may claim the same resources; no two conflicting writes run together. */
import type { AnyEventObject } from 'xstate'
import {
  arbiterMachine,
  type ArbiterEffect,
  type ArbiterInput,
  type ArbiterRule,
  type BranchClash,
} from '../machines/arbiter.ts'
import type { Interpreter } from '../src/contracts/behavior.ts'
import type { Agent, AnyAgent, Common, Out } from '../src/contracts/agents.ts'
import {
  ConfigurationError,
  ConflictError,
  InvalidMessageError,
  outcomeOf,
  type Outcome,
} from '../src/contracts/errors.ts'
import type { MaybePromise } from '../src/contracts/schemas.ts'
import type { EndOfWork, TaskScope, Work } from '../src/contracts/task-scope.ts'
import type { StepContext } from '../src/contracts/tools.ts'
import { defineAgent, ofPatterns } from './definition.ts'
import { partOf, partsOf, type Branches, type Shared } from './pattern.ts'
import { Undo } from './undo.ts'

/**
 * Like `parallel`, for branches that may claim the same resources.
 * @throws ConfigurationError without branches, or for a branch without claims
 */
export function arbiter<T extends Branches, R>(
  name: string,
  options: {
    branches: T
    /** What each branch would read and write; a write clashes with every other claim on its resource. */
    claims: { readonly [K in keyof T]: (input: Shared<T>) => readonly Claim[] }
    join: (results: { readonly [K in keyof T]: Outcome<Out<T[K]>> }) => R
    /**
     * What a clash leads to. Default `in-turn`.
     * - `priority`: the lower one is rejected with ConflictError
     * - `merge`: both run, and `join` merges
     * - `roll-back`: both run, the later one is undone and runs again
     * - an agent names the winner
     */
    resolve?: 'in-turn' | 'priority' | 'merge' | 'roll-back' | Agent<Clash<string>, string> | undefined
    priority?: { readonly [K in keyof T]?: number } | undefined
    undo?:
      { readonly [K in keyof T]?: (output: Out<T[K]>, ctx: StepContext) => MaybePromise<void> } | undefined
  } & Common<Shared<T>, R>,
): Agent<Shared<T>, R>
export function arbiter(name: string, given: object): AnyAgent {
  const options = given as Given
  const { branches, claims, resolve = 'in-turn' } = options
  const keys = Object.keys(branches)
  if (keys.length === 0) throw new ConfigurationError(`"${name}" needs at least one branch`)
  const unclaimed = keys.find((key) => !Object.hasOwn(claims, key))
  if (unclaimed !== undefined) {
    const text = `"${name}" does not say what "${unclaimed}" claims: give \`claims\` a function for it`
    throw new ConfigurationError(text)
  }
  if (typeof resolve === 'string' && !rules.has(resolve)) {
    const known = [...rules].join(', ')
    throw new ConfigurationError(`"${name}": \`resolve\` is one of ${known}, or an agent, not "${resolve}"`)
  }
  const judge = typeof resolve === 'string' ? undefined : resolve
  const parts = [...partsOf('branch', branches), ...partOf('resolve', judge)]
  const shape = { kind: 'arbiter', rule: typeof resolve === 'string' ? resolve : 'agent' } as const
  const work = (input: unknown, task: TaskScope): Work => new ArbiterWork(task, input, options)
  const takes = Object.values(branches)
  return defineAgent<never, unknown>(name, options, { work, shape, parts, takes }, ofPatterns)
}

/** A resource that a branch would use. */
export type Claim = Readonly<{ resource: string; mode: 'read' | 'write' }>

/** Two branches that claim the same resource. */
export interface Clash<K> {
  readonly resource: string
  readonly between: readonly [K, K]
}

type Given = {
  branches: Branches
  claims: Readonly<Record<string, (input: unknown) => readonly Claim[]>>
  join: (results: Readonly<Record<string, Outcome>>) => unknown
  resolve?: Exclude<ArbiterRule, 'agent'> | AnyAgent
  priority?: Readonly<Record<string, number>>
  undo?: Readonly<Record<string, (output: unknown, ctx: StepContext) => MaybePromise<void>>>
} & Common<never, unknown>

const rules: ReadonlySet<string> = new Set(['in-turn', 'priority', 'merge', 'roll-back'])

type Refused = Extract<ArbiterEffect, { type: 'branch.refuse' }>

class ArbiterWork implements Work {
  readonly #task: TaskScope
  readonly #input: unknown
  readonly #options: Given
  readonly #flow: Interpreter<typeof arbiterMachine>
  /** The branch that each request is for. */
  readonly #asked = new Map<string, string>()
  /** The last request of each branch. */
  readonly #requests = new Map<string, string>()
  readonly #undos = new Map<string, Undo>()
  /** The request that asks who wins. */
  #deciding = ''

  constructor(task: TaskScope, input: unknown, options: Given) {
    this.#task = task
    this.#input = input
    this.#options = options
    this.#flow = task.cell.interpret(arbiterMachine, this, task)
    this.#flow.start(planOf(options, input))
  }

  responded(id: string, outcome: Outcome): void {
    if (id === this.#deciding) return this.#decided(outcome)
    const branch = this.#asked.get(id)
    if (branch === undefined) return
    this.#asked.delete(id)
    this.#flow.send({ type: 'branch.settled', branch, outcome })
  }

  receive(message: AnyEventObject): void {
    for (const [branch, undo] of this.#undos) {
      const ended = undo.endedBy(message)
      if (!ended) continue
      this.#undos.delete(branch)
      const outcome = ended.status === 'completed' ? undefined : ended
      return this.#flow.send({ type: 'branch.undone', branch, outcome })
    }
  }

  ended({ reason }: EndOfWork): void {
    for (const undo of this.#undos.values()) undo.abort(reason)
    this.#undos.clear()
  }

  perform(effect: ArbiterEffect): void {
    switch (effect.type) {
      case 'branch.ask':
        return this.#ask(effect.branch)
      case 'branch.refuse':
        return this.#refuse(effect)
      case 'branch.undo':
        return this.#undo(effect.branch, effect.output)
      case 'clash.ask':
        return this.#judge(effect.clash)
      case 'conflict.decided':
        return this.#record(effect.clash, effect.winner)
      case 'winner.unknown':
        return this.#task.done(outcomeOf(this.#misnamed(effect.clash, effect.winner)))
      case 'branches.withdraw':
        return this.#withdraw()
      case 'results.join':
        return this.#task.done({ status: 'completed', output: this.#options.join(effect.results) })
      case 'work.done':
        return this.#task.done(effect.outcome)
    }
  }

  #ask(branch: string): void {
    const agent = this.#options.branches[branch]
    if (!agent) return
    const id = this.#task.delegate(agent, this.#input, { parsed: this.#task.meta.parsed })
    this.#asked.set(id, branch)
    this.#requests.set(branch, id)
  }

  #refuse({ branch, clash, winner }: Refused): void {
    const [resource = ''] = clash.resources
    const error = new ConflictError(resource, `no other claim than that of "${branch}"`, `one of "${winner}"`)
    this.#flow.send({ type: 'branch.settled', branch, outcome: outcomeOf(error) })
  }

  #undo(branch: string, output: unknown): void {
    const { undo = {} } = this.#options
    const run = Object.hasOwn(undo, branch) ? undo[branch] : undefined
    // What overwrites what it wrote before has nothing to undo.
    if (!run) return this.#flow.send({ type: 'branch.undone', branch })
    const work = new Undo(this.#task, { branch, request: this.#requests.get(branch) ?? '' })
    this.#undos.set(branch, work)
    work.begin(run, output)
  }

  #judge({ between, resources: [resource = ''] }: BranchClash): void {
    const { resolve } = this.#options
    if (typeof resolve !== 'object') return
    const clash: Clash<string> = { resource, between }
    this.#deciding = this.#task.delegate(resolve, clash)
  }

  #decided(outcome: Outcome): void {
    if (outcome.status === 'completed')
      this.#flow.send({ type: 'clash.decided', winner: String(outcome.output) })
    else this.#flow.send({ type: 'decision.failed', outcome })
  }

  #record({ between, resources }: BranchClash, winner: string | undefined): void {
    const others = between.filter((key) => key !== winner)
    this.#task.record({
      type: 'decision.made',
      kind: 'conflict',
      chosen: winner ?? 'merge',
      alternatives: others,
      reason: `both claim ${resources.map((name) => `"${name}"`).join(', ')}: ${this.#consequence(others)}`,
    })
  }

  #consequence([loser = '']: readonly string[]): string {
    const { resolve = 'in-turn' } = this.#options
    switch (resolve) {
      case 'in-turn':
        return `"${loser}" goes later`
      case 'priority':
        return `"${loser}" has the lower priority`
      case 'merge':
        return 'both run, `join` merges'
      case 'roll-back':
        return `"${loser}" completed later, is undone and runs again`
      default:
        return `"${resolve.name}" says so`
    }
  }

  #misnamed({ between }: BranchClash, winner: string): InvalidMessageError {
    const { resolve } = this.#options
    const agent = typeof resolve === 'object' ? resolve.name : ''
    const message = `expected ${between.map((key) => `"${key}"`).join(' or ')}, got "${winner}"`
    return new InvalidMessageError(`"${agent}" names no winner: ${message}`, {
      code: 'INVALID_OUTPUT',
      faults: [{ path: '', message }],
      agent,
    })
  }

  #withdraw(): void {
    for (const id of this.#asked.keys()) this.#task.withdraw(id, 'nobody decided who goes first')
    this.#asked.clear()
  }
}

const planOf = (
  { branches, claims, priority = {}, resolve = 'in-turn' }: Given,
  input: unknown,
): ArbiterInput => ({
  rule: typeof resolve === 'string' ? resolve : 'agent',
  branches: Object.keys(branches).map((key) => ({
    key,
    priority: (Object.hasOwn(priority, key) ? priority[key] : undefined) ?? 0,
    claims: claims[key]?.(input) ?? [],
  })),
})
