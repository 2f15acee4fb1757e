/** `pipeline`: stages in order, each of which takes what the one before gave; and the gates of its stages. */
import { pipelineMachine, type PipelineEffect, type StageRule } from '../machines/pipeline.ts'
import type { Agent, AnyAgent, Common, In, Out } from '../src/contracts/agents.ts'
import type { Interpreter } from '../src/contracts/behavior.ts'
import { ConfigurationError, InvalidMessageError, outcomeOf, type Outcome } from '../src/contracts/errors.ts'
import type { Schema } from '../src/contracts/schemas.ts'
import type { TaskScope, Work } from '../src/contracts/task-scope.ts'
import type { Shape } from '../src/contracts/team.ts'
import { defineAgent, definitionOf, ofPatterns } from './definition.ts'
import { isForFallback } from './failure.ts'
import { partsOf } from './pattern.ts'

/**
 * Stages in order; each takes what the one before gives. Stops at the first one that fails its contract.
 * @throws ConfigurationError when `revise.to` of a gate names no stage up to its own
 */
export function pipeline<const T extends readonly [AnyAgent, ...AnyAgent[]]>(
  name: string,
  stages: T & Chain<T>,
  options?: Common<In<T[0]>, Out<Last<T>>>,
): Agent<In<T[0]>, Out<Last<T>>>
export function pipeline(name: string, stages: readonly AnyAgent[], options: object = {}): AnyAgent {
  if (stages.length === 0) throw new ConfigurationError(`"${name}" needs at least one stage`)
  const parts: readonly Part[] = stages.map((agent) => ({
    agent,
    gate: (agent as Partial<Gated>)[gate] ?? {},
  }))
  const rules = parts.map(({ agent, gate: { revise, fallback } }, at): StageRule => ({
    name: agent.name,
    revise: revise && { to: placeOf(name, stages, at, revise.to), max: revise.max ?? 2 },
    fallback: fallback !== undefined,
  }))
  return defineAgent<never, unknown>(
    name,
    options,
    {
      work: (input, task) => new PipelineWork(task, input, parts, rules),
      shape: { kind: 'pipeline', revisions: revisionsIn(rules) },
      parts: parts.flatMap(({ agent, gate: { fallback } }, at) => [
        { role: 'stage' as const, key: String(at + 1), agent },
        ...partsOf('fallback', fallback ? { [at + 1]: fallback } : {}),
      ]),
      takes: stages.slice(0, 1),
    },
    ofPatterns,
  )
}

/**
 * A stage with a gate. Faults send the work back to the stage `revise.to`, then to the fallback, whose output
 * is validated too, then fail with `INVALID_OUTPUT` that names the stage. The fallback also steps in for a
 * stage that failed.
 */
export function stage<I, O>(
  agent: Agent<I, O>,
  options: {
    /** `true` or no texts: good. `false`, a text or texts: the faults. */
    validate?: ((output: O) => boolean | string | readonly string[]) | undefined
    /** `to` names this stage or an earlier one, checked when the pipeline is defined; `max` defaults to 2. */
    revise?: { to: string; max?: number | undefined } | undefined
    fallback?: Agent<I, O> | undefined
  },
): Stage<I, O> {
  if (options.revise && !options.validate) {
    throw new ConfigurationError(
      `stage "${agent.name}": \`revise\` needs \`validate\`, which finds the faults`,
    )
  }
  const gated: unknown = Object.create(agent, { stage: { value: true }, [gate]: { value: options } })
  return gated as Stage<I, O>
}

/** An agent with a gate, for `pipeline`. */
export interface Stage<in I, out O> extends Agent<I, O> {
  readonly stage: true
}

// Types that only serve inference.

/** Demands of each stage that it takes what the one before gives. */
export type Chain<T> = T extends readonly [infer A, ...infer R] ? readonly [A, ...Links<Out<A>, R>] : never

/** The stages after the first. */
export type Links<P, T> = T extends readonly [infer A, ...infer R]
  ? readonly [Agent<P, unknown>, ...Links<Out<A>, R>]
  : readonly []

/** The last one. */
export type Last<T> = T extends readonly [...unknown[], infer L] ? L : never

const gate: unique symbol = Symbol('troupe.gate')

interface Gate {
  readonly validate?: ((output: never) => boolean | string | readonly string[]) | undefined
  readonly revise?: { readonly to: string; readonly max?: number | undefined } | undefined
  readonly fallback?: AnyAgent | undefined
}

interface Gated {
  readonly [gate]: Gate
}

type PipelineShape = Extract<Shape, { kind: 'pipeline' }>

interface Part {
  readonly agent: AnyAgent
  readonly gate: Gate
}

const placeOf = (pipeline: string, stages: readonly AnyAgent[], at: number, to: string): number => {
  const place = stages.slice(0, at + 1).findLastIndex(({ name }) => name === to)
  if (place >= 0) return place
  const before = stages.slice(0, at + 1).map(({ name }) => `"${name}"`)
  const wayOut = `it may name ${before.join(', ')}`
  throw new ConfigurationError(
    `"${pipeline}": \`revise.to\` of stage "${String(stages[at]?.name)}" names "${to}", which is neither itself nor before it; ${wayOut}`,
  )
}

const revisionsIn = (rules: readonly StageRule[]): PipelineShape['revisions'] =>
  rules.flatMap(({ revise }, at) => (revise ? [{ from: at + 1, to: revise.to + 1, max: revise.max }] : []))

class PipelineWork implements Work {
  readonly #task: TaskScope
  readonly #parts: readonly Part[]
  readonly #rules: readonly StageRule[]
  readonly #flow: Interpreter<typeof pipelineMachine>
  /** What the input of each stage was parsed with already. */
  readonly #parsed: (Schema | undefined)[]
  #at = 0
  /** The agent at work: the stage, or its fallback. */
  #asked: AnyAgent | undefined

  constructor(task: TaskScope, input: unknown, parts: readonly Part[], rules: readonly StageRule[]) {
    this.#task = task
    this.#parts = parts
    this.#rules = rules
    this.#parsed = [task.meta.parsed]
    this.#flow = task.cell.interpret(pipelineMachine, this, task)
    this.#flow.start({ stages: rules, input })
  }

  responded(_: string, outcome: Outcome): void {
    if (outcome.status !== 'completed') {
      return this.#flow.send({ type: 'stage.failed', outcome, fallback: isForFallback(outcome) })
    }
    const { output } = outcome
    const faults = faultsOf(this.#parts[this.#at]?.gate.validate?.(output as never))
    if (faults.length > 0) return this.#flow.send({ type: 'stage.faulted', output, faults })
    this.#parsed[this.#at + 1] = this.#asked && definitionOf(this.#asked).output
    this.#flow.send({ type: 'stage.passed', output })
  }

  perform(effect: PipelineEffect): void {
    switch (effect.type) {
      case 'stage.ask':
        this.#at = effect.at
        return this.#ask(this.#parts[effect.at]?.agent, effect.input, effect.revision)
      case 'fallback.ask':
        return this.#ask(this.#parts[effect.at]?.gate.fallback, effect.input, undefined)
      case 'stage.revised':
        return this.#recordRevision(effect.to, effect.faults)
      case 'work.done':
        return this.#task.done(effect.outcome)
      case 'work.refuse':
        return this.#task.done(outcomeOf(refusal(this.#rules[effect.at]?.name ?? '', effect.faults)))
    }
  }

  #ask(
    agent: AnyAgent | undefined,
    input: unknown,
    revision: Extract<PipelineEffect, { revision: unknown }>['revision'],
  ): void {
    if (!agent) return
    this.#asked = agent
    this.#task.delegate(agent, input, { revision, parsed: this.#parsed[this.#at] })
  }

  #recordRevision(to: number, faults: readonly string[]): void {
    const chosen = this.#rules[to]?.name ?? ''
    this.#task.record({
      type: 'decision.made',
      kind: 'revision',
      chosen,
      alternatives: [],
      reason: faults.join('; '),
    })
  }
}

const faultsOf = (verdict: boolean | string | readonly string[] | undefined): readonly string[] => {
  if (verdict === undefined || verdict === true) return []
  if (verdict === false) return ['it was found not good enough']
  if (typeof verdict === 'string') return [verdict]
  if (Array.isArray(verdict)) return verdict as readonly string[]
  throw new TypeError(`\`validate\` gives true, false, a text or texts, not ${String(verdict)}`)
}

const refusal = (name: string, faults: readonly string[]): InvalidMessageError =>
  new InvalidMessageError(`the output of stage "${name}" is not good enough: ${faults.join('; ')}`, {
    code: 'INVALID_OUTPUT',
    faults: faults.map((message) => ({ path: '', message })),
    agent: name,
  })
