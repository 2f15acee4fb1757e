/** `parallel`: independent branches on the same input, joined. */
import { parallelMachine, type ParallelEffect } from '../machines/parallel.ts'
import type { Agent, AnyAgent, Common, Out } from '../src/contracts/agents.ts'
import type { Interpreter } from '../src/contracts/behavior.ts'
import { ConfigurationError, type Outcome } from '../src/contracts/errors.ts'
import type { TaskScope, Work } from '../src/contracts/tasks.ts'
import { defineAgent, ofPatterns } from './definition.ts'
import { partsOf, type Branches, type Shared } from './pattern.ts'

export type { Branches, Shared } from './pattern.ts'

/**
 * Independent branches on the same input, joined. A branch that failed is an outcome like any other.
 * @throws ConfigurationError without branches, or when `need` asks for more than there are
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
    /** How the budget is divided: evenly, or by weight. */
    split?: 'even' | { readonly [K in keyof T]?: number } | undefined
  } & Common<Shared<T>, R>,
): Agent<Shared<T>, R>
export function parallel(name: string, given: object): AnyAgent {
  const options = given as Given
  const { branches, need = 'settled' } = options
  const keys = Object.keys(branches)
  if (keys.length === 0) throw new ConfigurationError(`"${name}" needs at least one branch`)
  if (typeof need === 'object' && !(need.quorum >= 1 && need.quorum <= keys.length)) {
    throw new ConfigurationError(
      `"${name}" has ${String(keys.length)} branches, of which ${String(need.quorum)} cannot complete`,
    )
  }
  const work = (input: unknown, task: TaskScope): Work => new ParallelWork(task, input, options, need)
  const parts = partsOf(branches)
  return defineAgent<never, unknown>(
    name,
    options,
    { work, parts, takes: parts.map(({ agent }) => agent) },
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
} & Common<never, unknown>

class ParallelWork implements Work {
  readonly #task: TaskScope
  readonly #input: unknown
  readonly #options: Given
  readonly #flow: Interpreter<typeof parallelMachine>
  /** The branch that each request is for. */
  readonly #asked = new Map<string, string>()
  #soFar: Results = {}

  constructor(task: TaskScope, input: unknown, options: Given, need: Need) {
    this.#task = task
    this.#input = input
    this.#options = options
    this.#flow = task.cell.interpret(parallelMachine, this, task)
    this.#flow.start({ branches: Object.keys(options.branches), need })
  }

  responded(id: string, outcome: Outcome): void {
    const branch = this.#asked.get(id)
    if (branch === undefined) return
    this.#asked.delete(id)
    const { until } = this.#options
    if (until) this.#soFar = { ...this.#soFar, [branch]: outcome }
    this.#flow.send({ type: 'branch.settled', branch, outcome, enough: until?.(this.#soFar) === true })
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
    const { parsed } = this.#task.meta
    for (const [branch, agent] of Object.entries(this.#options.branches)) {
      this.#asked.set(this.#task.delegate(agent, this.#input, { parsed }), branch)
    }
  }

  #withdraw(): void {
    for (const id of this.#asked.keys()) this.#task.withdraw(id, 'not needed any more')
    this.#asked.clear()
  }
}
