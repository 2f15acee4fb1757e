/** `router`: hands a task to the target that a decision names, once or after every step. */
import { routerMachine, type RouterEffect, type RouterInput, type RouterStep } from '../machines/router.ts'
import type { Agent, AnyAgent, Common, HandoffContext, Out } from '../src/contracts/agents.ts'
import type { Interpreter } from '../src/contracts/behavior.ts'
import { ConfigurationError, DeliveryError, outcomeOf, type Outcome } from '../src/contracts/errors.ts'
import type { ModelMessage } from '../src/contracts/ports.ts'
import type { Options } from '../src/contracts/schemas.ts'
import type { TaskScope, Work } from '../src/contracts/task-scope.ts'
import { Thread } from '../src/contracts/thread.ts'
import { defineAgent, ofPatterns } from './definition.ts'
import { nested } from './history.ts'
import { partOf, partsOf, type Branches, type Shared } from './pattern.ts'

/** Dynamic routing: `next` decides after every step. It has to be pure; hops end what it does not. */
export function router<T extends Branches, O>(
  name: string,
  options: {
    to: T
    next: (state: RouteState<Shared<T>, T>) => Next<Shared<T>, keyof T & string, O>
    by?: never
  } & RouterOptions &
    Common<Shared<T>, O>,
): Agent<Shared<T>, Exclude<O, undefined>>
/**
 * Hands the task to the one target that `by` names; `to` has a key for each name that `by` can give.
 * @throws ConfigurationError for `minConfidence` without `otherwise`
 */
export function router<
  I,
  D extends Decision<string>,
  T extends Branches,
  E extends Agent<I, unknown> = never,
>(
  name: string,
  options: {
    by: Agent<I, D>
    to: T & To<I, D, T>
    /**
     * Below it `otherwise` takes over, which it therefore demands: ConfigurationError without. From 0 to 1.
     */
    minConfidence?: number | undefined
    next?: never
  } & Else<D, E> &
    RouterOptions &
    Common<I, Out<T[keyof T]> | Out<E>>,
): Agent<I, Out<T[keyof T]> | Out<E>>
export function router(name: string, given: object): AnyAgent {
  const options = given as Given
  const { to, by, next, otherwise, minConfidence } = options
  if ((by === undefined) === (next === undefined)) {
    throw new ConfigurationError(`"${name}" needs either \`by\` or \`next\``)
  }
  if (minConfidence !== undefined && !otherwise) {
    const problem = '`minConfidence` needs `otherwise`, for what is below it'
    throw new ConfigurationError(`"${name}": ${problem}; give one, or take \`minConfidence\` out`)
  }
  if (Object.keys(to).length === 0)
    throw new ConfigurationError(`"${name}" needs at least one target in \`to\``)
  const choices: RouterInput = {
    targets: Object.keys(to),
    otherwise: otherwise !== undefined,
    minConfidence: minConfidence ?? 0,
    dynamic: next !== undefined,
  }
  const parts = [...partOf('by', by), ...partsOf('target', to), ...partOf('otherwise', otherwise)]
  const rules = { choices, alternatives: alternativesIn(to, otherwise) }
  return defineAgent<never, unknown>(
    name,
    options,
    {
      work: (input, task) => new RouterWork(task, input, options, rules),
      shape: { kind: 'router', dynamic: choices.dynamic, minConfidence: choices.minConfidence },
      parts,
      takes: parts.map(({ agent }) => agent),
    },
    ofPatterns,
  )
}

/** What a router takes either way. */
export type RouterOptions = Options<{
  /** What the target reads of the conversation so far; `nested`: as one message. Default `full`. */
  history: 'full' | 'nested' | 'none'
}>

/** What `by` gives: the key of a target, or that with confidence (from 0 to 1) and reason. */
export type Decision<K extends string> =
  | K
  | {
      to: K
      confidence?: number | undefined
      reason?: string | undefined
    }

/** What `next` gives: where to go, with which input (default: the same again), or that all is done. */
export type Next<I, K, O> =
  K | { to: K; input?: I | undefined; reason?: string | undefined } | { done: O; reason?: string | undefined }

/** What `next` sees. */
export interface RouteState<I, T> {
  readonly input: I
  readonly steps: readonly {
    [K in keyof T]: { readonly to: K; readonly outcome: Outcome<Out<T[K]>> }
  }[keyof T][]
}

// Types that only serve inference.

/** The targets that a decision can name. */
export type KeyOf<D> = D extends string ? D : D extends { to: infer K extends string } ? K : never

/** Demands a target for each name that `by` can give, and none that it never gives. */
export type To<I, D, T> = { readonly [P in KeyOf<D>]: Agent<I, unknown> } & (string extends KeyOf<D>
  ? unknown
  : { readonly [P in Exclude<keyof T, KeyOf<D>>]: never })

/** Where any other key goes: demanded when the names that `by` gives are open. */
export type Else<D, E> = string extends KeyOf<D> ? { otherwise: E } : { otherwise?: E }

type Given = {
  to: Branches
  by?: AnyAgent
  next?: (state: { input: unknown; steps: readonly RouterStep[] }) => unknown
  otherwise?: AnyAgent
  minConfidence?: number
} & RouterOptions &
  Common<never, unknown>

/** What is the same for all its tasks. */
type Rules = { readonly choices: RouterInput; readonly alternatives: Alternatives }

type Alternatives = Readonly<Record<string, readonly string[]>>

type Handover = Extract<RouterEffect, { type: 'target.ask' }>

class RouterWork implements Work {
  readonly #task: TaskScope
  readonly #input: unknown
  readonly #options: Given
  readonly #alternatives: Alternatives
  readonly #flow: Interpreter<typeof routerMachine>
  /** What is asked at the moment: `by`, or a target. */
  #deciding = ''
  #results: readonly { agent: string; outcome: Outcome }[]
  /** What targets say, and read of each other. */
  readonly #thread: Thread
  /** What was said before it began; what was said by then to others than its targets. */
  readonly #before: readonly ModelMessage[]
  readonly #saidBefore: number

  constructor(task: TaskScope, input: unknown, options: Given, { choices, alternatives }: Rules) {
    this.#task = task
    this.#input = input
    this.#options = options
    this.#alternatives = alternatives
    const { handoff, thread, run } = task.meta
    this.#results = handoff?.results ?? []
    this.#thread = thread ?? new Thread(run.thread?.history ?? [])
    const said = this.#thread.said(task.taskId)
    this.#before = handoff?.history ?? joined(this.#thread.history, said)
    this.#saidBefore = said.length
    this.#flow = task.cell.interpret(routerMachine, this, task)
    this.#flow.start(choices)
  }

  responded(id: string, outcome: Outcome): void {
    if (id !== this.#deciding) return this.#flow.send({ type: 'target.answered', outcome })
    this.#results = [...this.#results, { agent: this.#options.by?.name ?? '', outcome }]
    if (outcome.status === 'completed') this.#decided(outcome.output)
    else this.#flow.send({ type: 'decision.failed', outcome })
  }

  perform(effect: RouterEffect): void {
    switch (effect.type) {
      case 'decision.ask':
        return this.#decide(effect.steps)
      case 'target.ask':
        return this.#handOver(effect)
      case 'route.missing': {
        const text = `"${this.#task.definition.name}" has no target "${effect.to}"`
        return this.#task.done(outcomeOf(new DeliveryError('NO_ROUTE', text, this.#input)))
      }
      case 'work.done':
        return this.#task.done(effect.outcome)
    }
  }

  #decide(steps: readonly RouterStep[]): void {
    const { by, next } = this.#options
    if (by) this.#deciding = this.#task.delegate(by, this.#input, { parsed: this.#task.meta.parsed })
    else if (next) this.#decided(next({ input: this.#input, steps }))
  }

  #decided(decision: unknown): void {
    if (typeof decision !== 'object' || decision === null) {
      return this.#flow.send({ type: 'decision.made', to: String(decision) })
    }
    if ('done' in decision) return this.#flow.send({ type: 'decision.ended', output: decision.done })
    const { to, confidence, reason, input } = decision as Record<string, unknown>
    const sure = typeof confidence === 'number' ? confidence : undefined
    this.#flow.send({
      type: 'decision.made',
      to: String(to),
      confidence: sure,
      reason: this.#reason(sure, typeof reason === 'string' ? reason : undefined),
      input: input === undefined ? undefined : { value: input },
    })
  }

  /** Below the least confidence that is why, whatever else is said. */
  #reason(confidence: number | undefined, said: string | undefined): string | undefined {
    const { minConfidence = 0 } = this.#options
    if (confidence === undefined || confidence >= minConfidence) return said
    const unsure = `its confidence is ${String(confidence)}, less than ${String(minConfidence)}`
    return said === undefined ? unsure : `${unsure}: ${said}`
  }

  #handOver({ to, input, reason, steps }: Handover): void {
    const { to: targets, otherwise } = this.#options
    const target = to === undefined ? otherwise : targets[to]
    if (!target) return
    // One for each step, so that a loop runs out of them.
    const hops = steps.length + 1
    const chosen = to ?? 'otherwise'
    this.#task.record({
      type: 'decision.made',
      kind: 'route',
      chosen,
      alternatives: this.#alternatives[chosen] ?? [],
      reason,
    })
    this.#task.record({ type: 'handoff.made', to: target.name, hops: this.#task.request.hops + hops })
    const value = input ? input.value : this.#input
    this.#task.delegate(target, value, {
      hops,
      handoff: this.#handoff(target, value, steps),
      thread: this.#thread,
      parsed: input ? undefined : this.#task.meta.parsed,
    })
  }

  #handoff(target: AnyAgent, request: unknown, steps: readonly RouterStep[]): HandoffContext {
    const { meta, definition, cell, taskId } = this.#task
    const { to, otherwise, history } = this.#options
    const said = this.#thread.said(taskId)
    const since = this.#saidBefore === 0 ? said : said.slice(this.#saidBefore)
    const taken = steps.map((step) => ({
      agent: (to[step.to] ?? otherwise)?.name ?? step.to,
      outcome: step.outcome,
    }))
    return {
      from: definition.name,
      to: target.name,
      request,
      results: taken.length === 0 ? this.#results : [...this.#results, ...taken],
      history: historyFor(history, joined(this.#before, since)),
      session: meta.run.session,
      at: cell.now(),
    }
  }
}

type Messages = readonly ModelMessage[]

const joined = (before: Messages, after: Messages): Messages =>
  after.length === 0 ? before : [...before, ...after]

/** By target: all the others. */
const alternativesIn = (targets: Branches, otherwise: AnyAgent | undefined): Alternatives => {
  const keys = [...Object.keys(targets), ...(otherwise ? ['otherwise'] : [])]
  return Object.fromEntries(keys.map((chosen) => [chosen, keys.filter((key) => key !== chosen)]))
}

const historyFor = (
  kind: RouterOptions['history'],
  history: readonly ModelMessage[],
): readonly ModelMessage[] => {
  if (kind === 'none' || history.length === 0) return []
  return kind === 'nested' ? [nested(history)] : history
}
