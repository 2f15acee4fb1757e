/** `parallel`: independent branches on the same input, joined. */
import { parallelMachine, type ParallelEffect } from '../machines/parallel.ts'
import type { Account } from '../src/contracts/account.ts'
import type { Agent, AnyAgent, Common, Out } from '../src/contracts/agents.ts'
import type { Interpreter } from '../src/contracts/behavior.ts'
import { ConfigurationError, type Outcome } from '../src/contracts/errors.ts'
import type { TaskScope, Work } from '../src/contracts/task-scope.ts'
import { defineAgent, ofPatterns } from './definition.ts'
import { partsOf, type Branches, type Shared } from './pattern.ts'

export type { Branches, Shared } from './pattern.ts'

/**
 * Independent branches on the same input, joined. A branch that failed is an outcome like any other.
 * @throws ConfigurationError without branches, when `need` asks for more than there are, or for a `split` that divides
 * nothing
 */
export function parallel<T extends Branches, R>(
  name: string,
  options: {
    branches: T
    join: (results: { readonly [K in keyof T]: Outcome<Out<T[K]>> }) => R
    /** Default `settled`. */
    need?: Need | undefined
    /** Ends the wait early; the rest is cancelled. */
    until?: ((soFar: { readonly [K in keyof T]?: Outcome<Out<T[K]>> }) => boolean) | undefined
    /**
     * How what is left of the budget is divided: evenly, or by weight, where a branch that is not named weighs 1. Each
     * branch keeps to its share, and what it does not use is returned when it ends. Default: all draw on the same.
     */
    split?: 'even' | { readonly [K in keyof T]?: number } | undefined
  } & Common<Shared<T>, R>,
): Agent<Shared<T>, R>
export function parallel(name: string, given: object): AnyAgent {
  const options = given as Given
  const { branches, need = 'settled' } = options
  const keys = Object.keys(branches)
  if (keys.length === 0) throw new ConfigurationError(`"${name}" needs at least one branch`)
  if (typeof need === 'object' && !(need.quorum >= 1 && need.quorum <= keys.length)) {
    const [has, range] =
      keys.length === 1 ? ['1 branch', '1'] : [`${keys.length} branches`, `from 1 to ${keys.length}`]
    throw new ConfigurationError(
      `"${name}" has ${has}, and needs ${need.quorum} to complete; the quorum may be ${range}`,
    )
  }
  const plan = { need, weights: weightsOf(name, keys, options.split) }
  const work = (input: unknown, task: TaskScope): Work => new ParallelWork(task, input, options, plan)
  const parts = partsOf('branch', branches)
  return defineAgent<never, unknown>(
    name,
    options,
    { work, shape: { kind: 'parallel', need }, parts, takes: parts.map(({ agent }) => agent) },
    ofPatterns,
  )
}

/**
 * `settled`: wait for all, `join` judges. Otherwise what has to complete: once that is met or impossible the
 * rest is cancelled, and unmet it ends as the first failed branch in order.
 */
export type Need = 'settled' | 'all' | 'any' | Quorum

/** At least `n`, for `need` and for the rule of `consensus`. */
export function quorum(n: number): Quorum {
  return { quorum: n }
}

/** What `quorum` makes. */
export interface Quorum {
  readonly quorum: number
}

type Results = Readonly<Record<string, Outcome>>

type Given = {
  branches: Branches
  join: (results: Results) => unknown
  need?: Need
  until?: (soFar: Results) => boolean
  split?: 'even' | Readonly<Record<string, number | undefined>>
} & Common<never, unknown>

interface Plan {
  readonly need: Need
  /** Of each branch, in their order; `undefined`: the budget is not divided. */
  readonly weights: readonly number[] | undefined
}

class ParallelWork implements Work {
  readonly #task: TaskScope
  readonly #input: unknown
  readonly #options: Given
  readonly #flow: Interpreter<typeof parallelMachine>
  /** The branch that each request is for. */
  readonly #asked = new Map<string, string>()
  readonly #weights: Plan['weights']
  /** The shares of the branches in hand. */
  #shares: Map<string, Account> | undefined
  #soFar: Results = {}

  constructor(task: TaskScope, input: unknown, options: Given, { need, weights }: Plan) {
    this.#task = task
    this.#input = input
    this.#options = options
    this.#weights = weights
    this.#flow = task.cell.interpret(parallelMachine, this, task)
    this.#flow.start({ branches: Object.keys(options.branches), need })
  }

  responded(id: string, outcome: Outcome): void {
    const branch = this.#asked.get(id)
    if (branch === undefined) return
    this.#asked.delete(id)
    this.#shares?.get(branch)?.close()
    const { until } = this.#options
    if (until) this.#soFar = { ...this.#soFar, [branch]: outcome }
    this.#flow.send({ type: 'branch.settled', branch, outcome, enough: until?.(this.#soFar) === true })
  }

  ended(): void {
    this.#closeShares()
  }

  perform(effect: ParallelEffect): void {
    switch (effect.type) {
      case 'branches.ask':
        return this.#ask()
      case 'branches.withdraw':
        return this.#withdraw()
      case 'results.join':
        return this.#task.done({ status: 'completed', output: this.#options.join(effect.results) })
      case 'work.done':
        return this.#task.done(effect.outcome)
    }
  }

  #ask(): void {
    const { parsed, account } = this.#task.meta
    const { branches } = this.#options
    if (this.#weights && account) this.#shares = sharesOf(Object.keys(branches), account.divide(this.#weights))
    for (const [branch, agent] of Object.entries(branches)) {
      const share = this.#shares?.get(branch)
      this.#asked.set(this.#task.delegate(agent, this.#input, { parsed, account: share }), branch)
    }
  }

  #withdraw(): void {
    for (const id of this.#asked.keys()) this.#task.withdraw(id, 'not needed any more')
    this.#asked.clear()
    this.#closeShares()
  }

  #closeShares(): void {
    if (this.#shares) for (const share of this.#shares.values()) share.close()
  }
}

const sharesOf = (branches: readonly string[], shares: readonly Account[]): Map<string, Account> =>
  new Map(branches.flatMap((branch, place) => (shares[place] ? [[branch, shares[place]] as const] : [])))

/** @throws ConfigurationError when they divide nothing, or name what is no branch */
const weightsOf = (name: string, branches: readonly string[], split: Given['split']): Plan['weights'] => {
  if (split === undefined) return undefined
  if (split === 'even') return branches.map(() => 1)
  if (typeof split !== 'object' || split === null)
    throw new ConfigurationError(`\`split\` of "${name}" is 'even' or has a weight for each branch, not ${String(split)}`)
  for (const [branch, weight = 1] of Object.entries(split)) {
    const known = branches.map((key) => `"${key}"`).join(', ')
    if (!branches.includes(branch))
      throw new ConfigurationError(`\`split\` of "${name}" names "${branch}"; its branches are ${known}`)
    if (!(weight >= 0) || weight === Infinity)
      throw new ConfigurationError(`\`split\` of "${name}": "${branch}" weighs a number from 0, not ${String(weight)}`)
  }
  const weights = branches.map((branch) => (Object.hasOwn(split, branch) ? (split[branch] ?? 1) : 1))
  if (weights.some((weight) => weight > 0)) return weights
  throw new ConfigurationError(`\`split\` of "${name}" gives nothing to any branch: one of them has to weigh more than 0`)
}
