/**
 * `blackboard`: knowledge sources that contribute to a shared board when they can. The plain actor that is a
 * board for peers outside of runs is `board`.
 */
import type { Interpreter } from '../src/contracts/behavior.ts'
import {
  blackboardMachine,
  type BlackboardEffect,
  type BlackboardInput,
  type KeyChange,
} from '../machines/blackboard.ts'
import type { Agent, AnyAgent, Common, Ctx, Retry } from '../src/contracts/agents.ts'
import { ConfigurationError, errorOf, type Outcome } from '../src/contracts/errors.ts'
import type { MaybePromise } from '../src/contracts/schemas.ts'
import type { TaskScope, Work } from '../src/contracts/task-scope.ts'
import { BoardValues, checkedPuts, type Board, type Keys, type Merges, type Put } from './board-values.ts'
import { defineAgent, ofPatterns } from './definition.ts'
import { sourceAgent, tracked, type AnySource, type Contribution, type Values } from './knowledge-source.ts'
import { partsOf } from './pattern.ts'

export type { Board, Keys, Merges } from './board-values.ts'

/**
 * Knowledge sources that contribute to a shared board when they can. Ends at quiescence or `done`. What
 * `start` and the sources write has to fit the schemas of the keys: `INVALID_INPUT` of a start, a failure of
 * a source.
 * @throws ConfigurationError without keys, for `reads` or `merge` of a key that is none, and for a limit
 * below 1
 */
export function blackboard<B extends Keys, I, O>(
  name: string,
  options: {
    keys: B
    start: (input: I) => Board<B>
    sources: Readonly<Record<string, Source<B>>>
    result: (board: Board<B>) => O
    done?: ((board: Board<B>) => boolean) | undefined
    /** For keys that several sources write. Without one the later of two such writes is refused. */
    merge?: Merges<B> | undefined
    /** How deep activations may cause each other. Default 32. */
    maxDepth?: number | undefined
    /** Per source. Default 100. */
    maxActivations?: number | undefined
  } & Common<I, O>,
): Agent<I, O>
export function blackboard(name: string, given: object): AnyAgent {
  const options = given as Given
  const { keys, sources, maxDepth = 32, maxActivations = 100 } = options
  check(name, options)
  const agents = Object.fromEntries(
    Object.entries(sources).map(([key, source]) => [key, sourceAgent(`${name}.${key}`, source, keys)]),
  )
  const agenda: BlackboardInput = {
    sources: Object.entries(sources).map(([key, { priority = 0, reads, ownWrites = false }]) => ({
      name: key,
      priority,
      reads,
      ownWrites,
    })),
    maxDepth,
    maxActivations,
  }
  const work = (input: unknown, task: TaskScope): Work => new BlackboardWork(task, input, { options, agents, agenda })
  const shape = { kind: 'blackboard', maxDepth, maxActivations } as const
  const parts = partsOf('source', agents)
  return defineAgent<never, unknown>(name, options, { work, shape, parts, takes: 'text' }, ofPatterns)
}

/** A knowledge source. */
export interface Source<B extends Keys> {
  /** Whether it can contribute; has to be pure. */
  when: (board: Board<B>) => boolean
  /**
   * Gives the keys that it writes; `undefined` deletes. They are written if none that it read has changed,
   * else it is due again. Each activation is a task of its own, `<blackboard>.<source>`, with the default
   * time limit of an agent.
   */
  run: (board: Board<B>, ctx: Ctx) => MaybePromise<Board<B>>
  /** What triggers it. Default: all keys. */
  reads?: readonly (keyof B)[] | undefined
  /** Higher goes first. Default 0. */
  priority?: number | undefined
  /** Whether its own writes trigger it. Default false. */
  ownWrites?: boolean | undefined
  /**
   * Default 3 attempts, after any error but a refusal, a crash too; then it is in quarantine for the rest of
   * the run.
   */
  retry?: Retry | undefined
}

type Given = {
  keys: Keys
  start: (input: unknown) => Values
  sources: Readonly<Record<string, AnySource>>
  result: (board: Values) => unknown
  done?: (board: Values) => boolean
  merge?: ConstructorParameters<typeof BoardValues>[1]
  maxDepth?: number
  maxActivations?: number
} & Common<never, unknown>

const check = (name: string, { keys, sources, merge = {}, maxDepth, maxActivations }: Given): void => {
  const known = Object.keys(keys)
  const demandKeys = (what: string, named: readonly string[]): void => {
    const unknown = named.find((key) => !known.includes(key))
    if (unknown === undefined) return
    throw new ConfigurationError(`"${name}": ${what} names "${unknown}"; its keys are: ${known.join(', ')}`)
  }
  if (known.length === 0) throw new ConfigurationError(`"${name}" needs at least one key`)
  demandKeys('`merge`', Object.keys(merge))
  for (const [key, { reads }] of Object.entries(sources)) {
    if (reads?.length === 0)
      throw new ConfigurationError(`"${name}": nothing ever triggers "${key}", whose \`reads\` are empty`)
    demandKeys(`\`reads\` of "${key}"`, reads ?? [])
  }
  for (const [what, value] of Object.entries({ maxDepth, maxActivations })) {
    if (value === undefined || (Number.isInteger(value) && value >= 1)) continue
    throw new ConfigurationError(`"${name}": \`${what}\` is a whole number from 1, not ${String(value)}`)
  }
}

interface Making {
  readonly options: Given
  readonly agents: Readonly<Record<string, AnyAgent>>
  readonly agenda: BlackboardInput
}

/** An activation between its start and its end. */
interface AtWork {
  readonly source: string
  /** What its `when` has looked at. */
  readonly reads: readonly string[]
  /** The versions that it was given. */
  readonly seen: Readonly<Record<string, number>>
}

type Started = Extract<BlackboardEffect, { type: 'source.start' }>
type Quarantined = Extract<BlackboardEffect, { type: 'source.quarantined' }>

class BlackboardWork implements Work {
  readonly #task: TaskScope
  readonly #options: Given
  readonly #agents: Making['agents']
  readonly #limits: BlackboardInput
  readonly #values: BoardValues
  readonly #flow: Interpreter<typeof blackboardMachine>
  /** By the id of its request. */
  readonly #atWork = new Map<string, AtWork>()
  /** Who wrote each key last; nobody: the start. */
  readonly #writers = new Map<string, string>()
  /** Of the source that failed last. */
  #failure = ''

  constructor(task: TaskScope, input: unknown, { options, agents, agenda }: Making) {
    this.#task = task
    this.#options = options
    this.#agents = agents
    this.#limits = agenda
    this.#values = new BoardValues(options.keys, options.merge)
    this.#flow = task.cell.interpret(blackboardMachine, this, task)
    this.#flow.start(agenda)
    this.#begin(input)
  }

  responded(id: string, outcome: Outcome): void {
    const activation = this.#atWork.get(id)
    if (!activation) return
    this.#atWork.delete(id)
    // Spent limits and lost effects are the run's: no other source can help.
    if (outcome.status === 'exhausted' || outcome.status === 'unknown') return this.#task.done(outcome)
    if (outcome.status === 'completed') return this.#contributed(activation, outcome.output as Contribution)
    this.#failure = errorOf(outcome).message
    this.#flow.send({ type: 'source.failed', source: activation.source })
  }

  perform(effect: BlackboardEffect): void {
    switch (effect.type) {
      case 'source.start':
        return this.#activate(effect)
      case 'source.quarantined':
        return this.#recordQuarantine(effect)
      case 'sources.withdraw':
        for (const id of this.#atWork.keys()) this.#task.withdraw(id, 'not needed any more')
        return this.#finish()
      case 'board.quiescent':
        this.#task.record({ type: 'board.quiescent', revision: this.#values.revision })
        return this.#finish()
    }
  }

  #begin(input: unknown): void {
    const puts = Object.entries(this.#options.start(input)).filter(([, value]) => value !== undefined)
    const { name } = this.#task.definition
    const checked = checkedPuts(
      this.#options.keys,
      puts.map(([key, value]) => ({ key, value })),
      {
        code: 'INVALID_INPUT',
        agent: name,
      },
    )
    this.#write(undefined, checked)
  }

  #board(): Values {
    return this.#values.view().values
  }

  #write(by: string | undefined, puts: readonly Put[]): void {
    const changes = this.#values.write(puts).map(({ key, version }): KeyChange => ({ key, version }))
    for (const { key } of changes) if (by !== undefined) this.#writers.set(key, by)
    const board = this.#board()
    if (this.#options.done?.(board)) return this.#flow.send({ type: 'board.done' })
    const willing = Object.entries(this.#options.sources).flatMap(([key, { when }]) =>
      when(board) ? [key] : [],
    )
    this.#flow.send({ type: 'board.changed', by, changes, willing })
  }

  #activate({ source, causes, waiting }: Started): void {
    const agent = this.#agents[source]
    const rule = this.#options.sources[source]
    if (!agent || !rule) return
    const { values, versions } = this.#values.view()
    const reads = new Set<string>()
    rule.when(tracked(Object.keys(this.#options.keys), values, reads))
    this.#task.record({
      type: 'decision.made',
      kind: 'plan',
      chosen: source,
      alternatives: waiting,
      reason: causes.map(({ key, version }) => `"${key}" is at version ${String(version)}`).join(', '),
    })
    const id = this.#task.delegate(agent, values)
    this.#atWork.set(id, { source, reads: [...reads], seen: versions })
  }

  #contributed({ source, reads, seen }: AtWork, contribution: Contribution): void {
    const puts = Object.entries(contribution.writes).map(([key, value]): Put => {
      return { key, value, expect: seen[key] ?? 0 }
    })
    const stale = this.#unseen(puts, [...reads, ...contribution.reads], seen)
    if (stale.length === 0) return this.#write(source, puts)
    this.#recordConflict(source, stale, seen)
    this.#flow.send({ type: 'source.refused', source, changes: stale })
  }

  /** What it had not seen of what it read or writes, unless a merge joins that. */
  #unseen(puts: readonly Put[], reads: readonly string[], seen: AtWork['seen']): readonly KeyChange[] {
    if (puts.length === 0) return []
    const joined = puts.filter((put) => this.#values.joins(put)).map(({ key }) => key)
    return [...new Set([...reads, ...puts.map(({ key }) => key)])]
      .map((key) => ({ key, version: this.#values.versionOf(key) }))
      .filter(({ key, version }) => version !== (seen[key] ?? 0) && !joined.includes(key))
  }

  #recordConflict(source: string, stale: readonly KeyChange[], seen: AtWork['seen']): void {
    const [first] = stale
    const told = stale.map(
      ({ key, version }) =>
        `"${key}" is at version ${String(version)}, "${source}" had seen ${String(seen[key] ?? 0)}`,
    )
    this.#task.record({
      type: 'decision.made',
      kind: 'conflict',
      chosen: (first && this.#writers.get(first.key)) ?? '',
      alternatives: [source],
      reason: told.join('; '),
    })
  }

  #recordQuarantine({ source, reason }: Quarantined): void {
    const { maxDepth, maxActivations, sources } = this.#limits
    const why = {
      failed: `it failed: ${this.#failure}`,
      depth: `activations caused each other more than ${String(maxDepth)} deep`,
      activations: `it was activated ${String(maxActivations)} times`,
    }
    this.#task.record({
      type: 'decision.made',
      kind: 'guard',
      chosen: source,
      alternatives: sources.map(({ name }) => name).filter((name) => name !== source),
      reason: `quarantined: ${why[reason]}`,
    })
  }

  #finish(): void {
    this.#task.done({ status: 'completed', output: this.#options.result(this.#board()) })
  }
}
