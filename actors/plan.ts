/** `plan`: a planner breaks a goal into subtasks with dependencies; those that are ready run side by side. */
import type { PlanDone, PlanStep } from '../machines/plan-graph.ts'
import { planMachine, type PlanEffect, type PlanInput } from '../machines/plan.ts'
import type { Interpreter } from '../src/contracts/behavior.ts'
import type { Agent, AnyAgent, Common, In, Out } from '../src/contracts/agents.ts'
import {
  ConfigurationError,
  errorOf,
  InvalidMessageError,
  outcomeOf,
  type Fault,
  type Outcome,
} from '../src/contracts/errors.ts'
import { describeFaults } from '../src/contracts/protocol.ts'
import type { TaskScope, Work } from '../src/contracts/task-scope.ts'
import { defineAgent, definitionOf, ofPatterns } from './definition.ts'
import { partsOf, type Branches } from './pattern.ts'
import { readPlan } from './plan-reading.ts'

/**
 * A planner breaks the goal into subtasks; those whose dependencies are done run side by side.
 * A cycle or a missing dependency is InvalidMessageError `INVALID_PLAN`, before anything runs.
 * @throws ConfigurationError without workers, or when `rounds` or `width` is no whole number from 1
 */
export function plan<I, T extends Branches, R>(
  name: string,
  options: {
    planner: Agent<PlanRequest<I>, readonly Subtask<NoInfer<T>>[]>
    workers: T
    /** Gets the subtasks of all rounds. */
    join: (done: readonly Done<T>[]) => R
    /**
     * Judges each subtask that completed; `false` or a text makes it failed, `INVALID_OUTPUT`. While rounds
     * are left, failures go back to the planner.
     */
    validate?: ((done: Done<T>) => boolean | string) | undefined
    /** Plans in all. Default 1. */
    rounds?: number | undefined
    /** Subtasks at once. Default 8. */
    width?: number | undefined
  } & Common<I, R>,
): Agent<I, R>
export function plan(name: string, given: object): AnyAgent {
  const options = given as Given
  const { planner, workers, rounds = 1, width = 8 } = options
  const keys = Object.keys(workers)
  if (keys.length === 0) throw new ConfigurationError(`"${name}" needs at least one worker`)
  for (const [what, value] of Object.entries({ rounds, width })) {
    if (Number.isInteger(value) && value >= 1) continue
    throw new ConfigurationError(`"${name}": \`${what}\` is a whole number from 1, not ${String(value)}`)
  }
  const bounds: PlanInput = { workers: keys, rounds, width }
  return defineAgent<never, unknown>(
    name,
    options,
    {
      work: (goal, task) => new PlanWork(task, goal, options, bounds),
      shape: { kind: 'plan', rounds, width },
      parts: [{ role: 'planner', agent: planner }, ...partsOf('worker', workers)],
      takes: 'anything',
    },
    ofPatterns,
  )
}

/** What a planner is asked. */
export interface PlanRequest<I> {
  readonly goal: I
  /** From 1. */
  readonly round: number
  /** The subtasks of earlier rounds, in order. */
  readonly done: readonly { id: string; to: string; outcome: Outcome }[]
}

/** One subtask of a plan. */
export type Subtask<T> = {
  [K in keyof T & string]: {
    id: string
    to: K
    input: In<T[K]>
    /** Ids of the subtasks that have to complete first, of this round or an earlier one. */
    after?: readonly string[] | undefined
    /** Among those that are ready the higher one starts first. Default 0. */
    complexity?: number | undefined
  }
}[keyof T & string]

/** How a subtask ended. One that waited in vain for another is `cancelled`, and its reason names that one. */
export type Done<T> = {
  [K in keyof T & string]: {
    readonly id: string
    readonly to: K
    readonly outcome: Outcome<Out<T[K]>>
  }
}[keyof T & string]

type Given = {
  planner: AnyAgent
  workers: Branches
  join: (done: readonly PlanDone[]) => unknown
  validate?: (done: PlanDone) => boolean | string
  rounds?: number
  width?: number
} & Common<never, unknown>

class PlanWork implements Work {
  readonly #task: TaskScope
  readonly #goal: unknown
  readonly #options: Given
  readonly #flow: Interpreter<typeof planMachine>
  /** The request that the planner works at. */
  #planning = ''
  /** The subtask that each request is for. */
  readonly #asked = new Map<string, PlanStep>()

  constructor(task: TaskScope, goal: unknown, options: Given, bounds: PlanInput) {
    this.#task = task
    this.#goal = goal
    this.#options = options
    this.#flow = task.cell.interpret(planMachine, this, task)
    this.#flow.start(bounds)
  }

  responded(id: string, outcome: Outcome): void {
    if (id === this.#planning) return this.#planned(outcome)
    const step = this.#asked.get(id)
    if (!step) return
    this.#asked.delete(id)
    this.#flow.send({ type: 'subtask.settled', id: step.id, outcome: this.#judged(step, outcome) })
  }

  perform(effect: PlanEffect): void {
    switch (effect.type) {
      case 'planner.ask':
        return this.#askPlanner(effect.round, effect.done)
      case 'plan.accepted':
        return this.#recordPlan(effect.round, effect.steps)
      case 'plan.revised':
        return this.#recordRevision(effect.round, effect.failed)
      case 'subtasks.ask':
        return this.#askWorkers(effect.steps)
      case 'results.join':
        return this.#task.done({ status: 'completed', output: this.#options.join(effect.done) })
      case 'plan.refuse':
        return this.#task.done(outcomeOf(refusal(this.#options.planner.name, effect.faults)))
      case 'work.done':
        return this.#task.done(effect.outcome)
    }
  }

  #askPlanner(round: number, done: readonly PlanDone[]): void {
    const request: PlanRequest<unknown> = { goal: this.#goal, round, done }
    this.#planning = this.#task.delegate(this.#options.planner, request)
  }

  #planned(outcome: Outcome): void {
    if (outcome.status !== 'completed') return this.#flow.send({ type: 'planner.failed', outcome })
    this.#flow.send({ type: 'plan.made', ...readPlan(outcome.output, this.#options.workers) })
  }

  #askWorkers(steps: readonly PlanStep[]): void {
    for (const step of steps) {
      const worker = this.#options.workers[step.to]
      if (!worker) continue
      // Somebody's decision sent it there: that is a delegation.
      const id = this.#task.delegate(worker, step.input, { hops: 1, parsed: definitionOf(worker).input })
      this.#asked.set(id, step)
    }
  }

  #judged({ id, to }: PlanStep, outcome: Outcome): Outcome {
    if (outcome.status !== 'completed') return outcome
    const verdict = this.#options.validate?.({ id, to, outcome }) ?? true
    if (verdict === true) return outcome
    const message = verdict === false ? 'it was found not good enough' : verdict
    return outcomeOf(
      new InvalidMessageError(`the output of subtask "${id}" is not good enough: ${message}`, {
        code: 'INVALID_OUTPUT',
        faults: [{ path: '', message }],
        agent: this.#options.workers[to]?.name ?? to,
      }),
    )
  }

  #recordPlan(round: number, steps: readonly PlanStep[]): void {
    const workers = Object.keys(this.#options.workers)
    for (const { id, to, after } of steps) {
      const needed = after.map((other) => `"${other}"`).join(', ')
      this.#task.record({
        type: 'decision.made',
        kind: 'plan',
        chosen: to,
        alternatives: workers.filter((worker) => worker !== to),
        reason: `round ${String(round)}: "${id}"${needed && ` after ${needed}`}`,
      })
    }
  }

  #recordRevision(round: number, failed: readonly PlanDone[]): void {
    const why = failed.flatMap(({ id, outcome }) =>
      outcome.status === 'completed' ? [] : [`"${id}": ${errorOf(outcome).message}`],
    )
    this.#task.record({
      type: 'decision.made',
      kind: 'revision',
      chosen: 'planner',
      alternatives: ['join'],
      reason: `round ${String(round)}: ${why.join('; ')}`,
    })
  }
}

const refusal = (planner: string, faults: readonly Fault[]): InvalidMessageError =>
  new InvalidMessageError(`the plan of "${planner}" cannot be carried out: ${describeFaults(faults)}`, {
    code: 'INVALID_PLAN',
    faults,
    agent: planner,
  })
