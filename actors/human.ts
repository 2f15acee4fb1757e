/** `human`: an agent whose answers come from people, through the inbox of its system. */
import type { AnyEventObject } from 'xstate'
import { humanMachine, type HumanEffect } from '../machines/human.ts'
import type { Agent, AnyAgent, Fixed } from '../src/contracts/agents.ts'
import type { Interpreter } from '../src/contracts/behavior.ts'
import {
  ConfigurationError,
  DeniedError,
  outcomeOf,
  type Outcome,
  type TroupeError,
} from '../src/contracts/errors.ts'
import { plain } from '../src/contracts/plain.ts'
import { parseWith } from '../src/contracts/protocol.ts'
import type { ApprovalRequest } from '../src/contracts/runs.ts'
import type { Given, Returned, Schema, Written } from '../src/contracts/schemas.ts'
import type { Question } from '../src/contracts/run-scope.ts'
import type { TaskScope, Work } from '../src/contracts/task-scope.ts'
import { defineAgent, ofPatterns } from './definition.ts'
import { partOf } from './pattern.ts'

const DAY_MS = 86_400_000

/**
 * An agent whose answers come from people. Takes anything unless `input`.
 * @throws ConfigurationError when more have to answer than may, and for a time that is none
 */
export function human<IS extends Schema | undefined = undefined, S extends Schema | undefined = undefined>(
  name: string,
  options?: {
    description?: string | undefined
    input?: IS
    output?: S
    /** Who may answer. Default: anyone. */
    by?: string | readonly string[] | undefined
    /** How many have to. Default 1. */
    of?: number | undefined
    /** Default 24 hours; then `otherwise`, else DeniedError `UNDECIDED`. */
    timeoutMs?: number | undefined
    /** Stands in for the person offline. */
    answer?: ((input: Given<IS, unknown>) => Returned<S, string>) | undefined
    otherwise?: Agent<Written<NoInfer<IS>, unknown>, Given<NoInfer<S>, string>> | undefined
  },
): Agent<Fixed<Written<IS, unknown>>, Fixed<Given<S, string>>>
export function human(name: string, given: object = {}): AnyAgent {
  const options = given as Asked
  // Nobody answers twice.
  const by = typeof options.by === 'string' ? [options.by] : [...new Set<string>(options.by)]
  const { of = 1, timeoutMs = DAY_MS, input, output, otherwise } = options
  if (!(timeoutMs >= 0)) {
    throw new ConfigurationError(`"${name}": \`timeoutMs\` is at least 0, not ${String(timeoutMs)}`)
  }
  if (!Number.isInteger(of) || of < 1 || (by.length > 0 && of > by.length)) {
    const wayOut = 'ask for fewer in `of`, or name more in `by`'
    const problem = `${String(of)} cannot answer, of ${String(by.length)} who may`
    throw new ConfigurationError(`"${name}": ${problem}; ${wayOut}`)
  }
  const terms: Terms = { ...options, by, of, timeoutMs }
  return defineAgent<never, unknown>(
    name,
    // People take their time: it is no failure of theirs, and as many questions as there are may wait.
    { description: options.description, timeoutMs: Infinity, circuit: false, concurrency: Infinity },
    {
      input,
      takes: 'anything',
      output,
      work: (asked, task) => new HumanWork(task, asked, terms),
      shape: { kind: 'human', by, of, timeoutMs, standIn: options.answer !== undefined },
      parts: partOf('otherwise', otherwise),
    },
    ofPatterns,
  )
}

interface Asked {
  readonly description?: string
  readonly input?: Schema
  readonly output?: Schema
  readonly by?: string | readonly string[]
  readonly of?: number
  readonly timeoutMs?: number
  readonly answer?: (input: unknown) => unknown
  readonly otherwise?: AnyAgent
}

interface Terms extends Asked {
  readonly by: readonly string[]
  readonly of: number
  readonly timeoutMs: number
}

type Decision = Parameters<Question['decided']>
type Piped = { status: 'completed'; output: unknown } | { status: 'failed'; error: TroupeError }

class HumanWork implements Work {
  readonly #task: TaskScope
  readonly #input: unknown
  readonly #terms: Terms
  readonly #flow: Interpreter<typeof humanMachine>
  #withdraw: (() => void) | undefined

  constructor(task: TaskScope, input: unknown, terms: Terms) {
    this.#task = task
    this.#input = input
    this.#terms = terms
    this.#flow = task.cell.interpret(humanMachine, this, task)
    const { timeoutMs, answer, otherwise } = terms
    // Since it was asked for: a restart of the agent does not begin the time anew.
    const goneMs = Math.max(0, task.cell.now() - task.request.timestamp)
    this.#flow.start({
      timeoutMs: Math.max(0, timeoutMs - goneMs),
      standIn: answer !== undefined,
      otherwise: otherwise !== undefined,
    })
  }

  receive(message: AnyEventObject): void {
    if (message.type === 'answer.timer') this.#flow.send({ type: 'answer.timer' })
    else if (message.type === 'work.decided') this.#decided(...(message['decision'] as Decision))
    else if (message.type === 'work.answered') this.#answered(message['answer'] as Piped)
  }

  responded(_: string, outcome: Outcome): void {
    this.#flow.send({ type: 'otherwise.answered', outcome })
  }

  ended(): void {
    this.#takeBack()
  }

  perform(effect: HumanEffect): void {
    switch (effect.type) {
      case 'people.ask':
        return this.#askPeople(effect.timeoutMs)
      case 'standIn.ask':
        return this.#askStandIn()
      case 'people.withdraw':
        return this.#takeBack()
      case 'timer.arm':
        if (effect.afterMs === Infinity) return
        return this.#task.cell.timers.start(effect.key, { type: 'answer.timer' }, { afterMs: effect.afterMs })
      case 'timer.cancel':
        return this.#task.cell.timers.cancel(effect.key)
      case 'otherwise.ask':
        return this.#askOther()
      case 'work.done':
        // An answer of people has been parsed already, so that they could be told its faults.
        return this.#task.done(effect.outcome, this.#withdraw && this.#terms.output)
      case 'work.undecided': {
        const text = `nobody answered "${this.#task.definition.name}" in time`
        return this.#task.done(outcomeOf(new DeniedError(text, 'UNDECIDED')))
      }
    }
  }

  #askPeople(timeoutMs: number): void {
    const { taskId, definition, cell, meta } = this.#task
    const { by, of, output } = this.#terms
    const request: Question['request'] = {
      id: taskId,
      agent: definition.name,
      kind: 'question',
      name: definition.name,
      input: plain(this.#input),
      by,
      of,
      deadline: timeoutMs === Infinity ? undefined : cell.now() + timeoutMs,
    }
    // The decision comes in a turn of whoever decides, and goes on in one of ours.
    const decided = new Promise<Decision>((resolve) => {
      const check = (answer: unknown) => (output ? parseWith(output, answer) : checkText(answer))
      this.#withdraw = meta.run.ask({ request, check, decided: (...decision) => resolve(decision) })
    })
    cell.pipe(decided, (result) => ({
      type: 'work.decided',
      decision: result.status === 'completed' ? result.output : [],
    }))
    const waiting: ApprovalRequest = { ...request, runId: meta.run.id, status: 'waiting', decisions: [] }
    this.#task.record({ type: 'approval.requested', request: waiting })
    this.#task.waiting(true)
  }

  #decided(...[decision, request]: Decision): void {
    if (request) this.#task.record({ type: 'approval.decided', request })
    this.#task.waiting(false)
    const outcome: Outcome =
      decision.verdict === 'answered'
        ? { status: 'completed', output: decision.output }
        : outcomeOf(decision.error)
    this.#flow.send({ type: 'question.decided', outcome })
  }

  #askStandIn(): void {
    const answer = this.#terms.answer?.(this.#input)
    if (!(answer instanceof Promise)) return this.#answered({ status: 'completed', output: answer })
    this.#task.cell.pipe(answer, (settled) => ({ type: 'work.answered', answer: settled }))
  }

  #answered(answer: Piped): void {
    this.#flow.send({
      type: 'question.decided',
      outcome: answer.status === 'completed' ? answer : outcomeOf(answer.error),
    })
  }

  #askOther(): void {
    const { otherwise } = this.#terms
    if (otherwise)
      this.#task.delegate(otherwise, this.#task.request.payload, { parsed: this.#task.meta.parsed })
  }

  #takeBack(): void {
    if (!this.#withdraw) return
    this.#withdraw()
    this.#withdraw = undefined
    this.#task.waiting(false)
  }
}

const checkText = (answer: unknown): ReturnType<Question['check']> =>
  typeof answer === 'string'
    ? { value: answer }
    : { faults: [{ path: '', message: `expected a text, got ${typeof answer}` }] }
