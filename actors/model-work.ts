/**
 * An attempt made by a model: the machine of `machines/turns.ts` with its effects performed. What is said stands in the
 * transcript of the task.
 */
import type { AnyEventObject } from 'xstate'
import { turnsMachine, type TurnsEffect, type TurnsInput } from '../machines/turns.ts'
import type { Interpreter } from '../src/contracts/behavior.ts'
import type { AnyAgent } from '../src/contracts/agents.ts'
import { Few } from '../src/contracts/few.ts'
import {
  CancelledError,
  InvalidMessageError,
  outcomeOf,
  ProviderError,
  type Fault,
  type Outcome,
  type TroupeError,
} from '../src/contracts/errors.ts'
import type { Model, ModelRequest, ModelResult, ModelSettings } from '../src/contracts/ports.ts'
import { describeFaults } from '../src/contracts/protocol.ts'
import type { Schema } from '../src/contracts/schemas.ts'
import type { EndOfWork, StartWork, TaskScope, Work } from '../src/contracts/task-scope.ts'
import type { AgentSettings, TurnsDefinition } from '../src/contracts/agent-settings.ts'
import type { Guard } from '../src/contracts/tools.ts'
import { readAnswer, readCalls } from './answer.ts'
import type { CallHost, Settled } from './call-host.ts'
import { failureOf, retryAfterOf, type Failure } from './failure.ts'
import type { Form } from './form.ts'
import { callModel } from './model-call.ts'
import { keyOf } from './step-scope.ts'
import { summaryMessage, summaryRequest } from './summary.ts'
import { Call } from './tool-call.ts'
import type { Toolbox } from './toolbox.ts'
import type { Toolset } from './toolset.ts'
import { Transcript, type Beginning } from './transcript.ts'
import { judgeRetry } from './verdicts.ts'

/** How an agent talks with its model. */
export interface Conversation {
  readonly model: Model
  readonly tools: Toolset
  /** How the answer is asked for; without it a text. */
  readonly answer: Form | undefined
  readonly settings: ModelSettings
  readonly maxTurns: number
  readonly repairs: number
  readonly guard: Guard<never, never>['tool']
  readonly session: TurnsDefinition['session']
  /** What the model is told first. */
  readonly begin: (input: unknown, task: TaskScope) => Beginning
}

/** Work that talks with a model. */
export const converse =
  (conversation: Conversation): StartWork =>
  (input, task) => {
    const work = new ModelWork(conversation, task, input)
    work.start()
    return work
  }

class ModelWork implements Work, CallHost {
  readonly task: TaskScope
  readonly #with: Conversation
  readonly #transcript: Transcript
  readonly #flow: Interpreter<typeof turnsMachine>
  readonly #aborter = new AbortController()
  /** What is awaited, by the id of the message that tells of it. */
  readonly #awaited = new Few<(settled: Settled<never>) => void>()
  #asked: Few<(outcome: Outcome) => void> | undefined
  #timers: Set<string> | undefined
  #calls: readonly Call[] = []
  #waits = 0
  /** What the model may call in this turn; `undefined` while that is asked for, and where it could not be had. */
  #tools: Toolbox | undefined
  #error: TroupeError | undefined

  constructor(conversation: Conversation, task: TaskScope, input: unknown) {
    this.task = task
    this.#with = conversation
    this.#transcript = Transcript.of(task, () => conversation.begin(input, task))
    this.#flow = task.cell.interpret(turnsMachine, this, task)
    const { thread } = task.meta
    if (thread && conversation.session) thread.speak(task.taskId, () => this.#transcript.said())
  }

  start(): void {
    const { turn, tries, open } = this.#transcript
    const limits = limitsOf(this.#with, this.task.definition.retry)
    const isFresh = turn === 1 && tries === 0 && open.length === 0
    this.#flow.start(isFresh ? limits : { ...limits, turn, tries, open: open.length })
    const { session } = this.#with
    const summary = session && session.trim === 'summary' && this.#transcript.dropped.length > 0
    this.#flow.send({ type: 'attempt.begun', summary })
  }

  get guard(): CallHost['guard'] {
    return this.#with.guard
  }

  receive(message: AnyEventObject): void {
    if (message['work'] !== this) return
    const id = message['id'] as string
    if (message.type === 'work.timer') this.#timers?.delete(id)
    const then = this.#awaited.get(id)
    this.#awaited.delete(id)
    then?.(message['settled'] as Settled<never>)
  }

  responded(id: string, outcome: Outcome): void {
    const then = this.#asked?.get(id)
    this.#asked?.delete(id)
    then?.(outcome)
  }

  ended({ done, reason }: EndOfWork): void {
    this.#awaited.clear()
    for (const id of this.#timers ?? []) this.task.cell.timers.cancel(id)
    // What has ended needs no signal: a tool may have handed it on to something that outlives it.
    if (done) return
    const error = new CancelledError(reason)
    this.#aborter.abort(error)
    for (const call of this.#calls) call.abandon(error)
  }

  perform(effect: TurnsEffect): void {
    switch (effect.type) {
      case 'model.ask':
        return this.#ask(effect.turn)
      case 'summary.ask':
        return this.#summarise()
      case 'calls.start':
        return this.#startCalls()
      case 'calls.drop':
        for (const call of this.#calls) call.drop()
        return
      case 'timer.arm':
        return this.#waitForRetry(effect.afterMs)
      case 'work.done':
        return this.task.done(effect.outcome, this.task.definition.output, effect.last)
      case 'work.truncate': {
        const text = `"${this.task.definition.name}" came to no answer in ${String(effect.turns)} turns`
        return this.task.done(outcomeOf(new ProviderError(text, { code: 'TRUNCATED', retryable: false })))
      }
    }
  }

  later<T>(id: string, promise: Promise<T>, then: (settled: Settled<T>) => void): void {
    this.#awaited.set(id, then)
    this.task.cell.pipe(promise, (settled) => ({ type: 'work.settled', work: this, id, settled }))
  }

  after(id: string, ms: number, then: () => void): void {
    this.#awaited.set(id, then)
    ;(this.#timers ??= new Set()).add(id)
    this.task.cell.timers.start(id, { type: 'work.timer', work: this, id }, { afterMs: ms })
  }

  cancelTimer(id: string): void {
    if (!this.#timers?.delete(id)) return
    this.#awaited.delete(id)
    this.task.cell.timers.cancel(id)
  }

  ask(agent: AnyAgent, input: unknown, parsed: Schema | undefined, then: (outcome: Outcome) => void): void {
    ;(this.#asked ??= new Few()).set(this.task.delegate(agent, input, { hops: 1, parsed }), then)
  }

  waits(waiting: boolean): void {
    this.#waits += waiting ? 1 : -1
    if (this.#waits === (waiting ? 1 : 0)) this.task.waiting(waiting)
  }

  settled(): void {
    this.#flow.send({ type: 'call.settled' })
  }

  failed(outcome: Failure): void {
    this.#flow.send({ type: 'call.failed', outcome })
  }

  #ask(turn: number): void {
    const { tools } = this.#with
    const messages = this.#transcript.turnBegins(turn)
    this.#tools = tools.ready
    if (this.#tools) return this.#askWith(this.#tools, messages, turn)
    this.later('tools', tools.open(this.task, this.#aborter.signal), (settled) => {
      if (settled.status === 'failed') return this.#modelFailed(settled.error)
      this.#tools = settled.output
      this.#askWith(settled.output, messages, turn)
    })
  }

  #askWith(tools: Toolbox, messages: ModelRequest['messages'], turn: number): void {
    const { model, answer } = this.#with
    const request: ModelRequest = {
      messages,
      tools: tools.offers,
      output: answer?.schema,
      settings: this.#settings(),
      // A name that no tool can have.
      key: keyOf(this.task, 'model.call', turn),
    }
    const result = callModel(this.task, model, request, { signal: this.#aborter.signal })
    this.later('model', result, (settled) => {
      if (settled.status === 'failed') this.#modelFailed(settled.error)
      else if (settled.output.calls.length > 0) this.#callsMade(tools, settled.output)
      else this.#answered(settled.output)
    })
  }

  /** What does not fit is summed up; without a summary it is left out. */
  #summarise(): void {
    const { model, settings } = this.#with
    const { dropped } = this.#transcript
    const request = summaryRequest(dropped, settings, keyOf(this.task, 'model.summary', 1))
    const result = callModel(this.task, model, request, { signal: this.#aborter.signal, isSilent: true })
    this.later('summary', result, (settled) => {
      const text = settled.status === 'completed' ? settled.output.text.trim() : ''
      if (text !== '') this.#summed(text, dropped.length)
      else {
        const err = settled.status === 'failed' ? settled.error : undefined
        this.task.cell.log.warn({ err }, 'no summary was made: what does not fit is left out')
      }
      this.#flow.send({ type: 'summary.settled' })
    })
  }

  #summed(text: string, count: number): void {
    const { handoff, thread } = this.task.meta
    const summary = summaryMessage(text)
    this.#transcript.summarised(summary)
    // So that it is made once, not in each run.
    if (!handoff && thread && count <= thread.history.length) thread.summary = { count, message: summary }
  }

  /** Who has to call tools for ever never answers: from the second turn on the model may choose. */
  #settings(): ModelSettings {
    const { settings } = this.#with
    return settings.toolChoice === 'required' && this.#transcript.hasCalled
      ? { ...settings, toolChoice: 'auto' }
      : settings
  }

  #modelFailed(error: TroupeError): void {
    this.#error = error
    this.#transcript.tries += 1
    const { definition, cell } = this.task
    const { outcome, retryable } = judgeRetry(definition, failureOf(error))
    this.#flow.send({
      type: 'model.failed',
      outcome,
      retryable,
      jitter: retryable && definition.retry.jitter ? cell.random() : 1,
      retryAfterMs: retryAfterOf(error),
      leftMs: this.task.leftMs,
    })
  }

  #waitForRetry(delayMs: number): void {
    if (this.#error) {
      this.task.retrying(this.#error, delayMs)
      this.task.cell.log.info(
        { model: this.#with.model.name, err: this.#error, delayMs },
        `asked again: ${this.#whyAgain(this.#error)}`,
      )
    }
    this.after('retry', delayMs, () => this.#flow.send({ type: 'retry.timer' }))
  }

  #whyAgain(error: TroupeError): string {
    if (!this.#tools) return 'its tools could not be had'
    const wasRefused = error instanceof ProviderError && error.code === 'RATE_LIMITED'
    return wasRefused ? 'it was turned away' : 'it may have been taken, but asking changes nothing'
  }

  #callsMade(tools: Toolbox, result: ModelResult): void {
    const { calls, faults } = readCalls(this.#transcript, tools, result)
    this.#transcript.calls = calls
    this.#flow.send({
      type: 'calls.made',
      good: this.#transcript.open.length,
      faulty: faults.length > 0 ? this.#invalid('a tool call', faults) : undefined,
    })
  }

  #startCalls(): void {
    this.#calls = this.#transcript.open.flatMap((record) => {
      const { tool } = record
      return tool ? [new Call(this, record, tool)] : []
    })
    // Where the result of one is lost for good, no other is begun.
    const lost = this.#calls.find((call) => call.isLost)
    if (lost) lost.fail()
    else for (const call of this.#calls) call.start()
  }

  #answered(result: ModelResult): void {
    const { model, answer } = this.#with
    this.#transcript.answered(result)
    const reading = readAnswer(result.text, answer)
    if ('value' in reading) return this.#flow.send({ type: 'answer.given', output: reading.value })
    this.#transcript.fault = reading.told
    const { faults } = reading
    const empty = new ProviderError(`"${model.name}" gave an empty answer`, {
      code: 'EMPTY',
      retryable: true,
    })
    const outcome = faults ? this.#invalid('the answer', faults) : failureOf(empty)
    this.#flow.send({ type: 'answer.faulted', outcome })
  }

  #invalid(what: string, faults: readonly Fault[]): Failure {
    const { name } = this.task.definition
    const text = `${what} of the model of "${name}" does not fit: ${describeFaults(faults)}`
    return failureOf(new InvalidMessageError(text, { code: 'INVALID_OUTPUT', faults, agent: name }))
  }
}

const limits = new WeakMap<Conversation, TurnsInput>()

/** The same object for all tasks that begin anew. */
const limitsOf = (conversation: Conversation, { attempts, minMs, maxMs }: AgentSettings['retry']): TurnsInput => {
  const known = limits.get(conversation)
  if (known) return known
  const { maxTurns, repairs } = conversation
  const made = Object.freeze({ maxTurns, repairs, attempts, minMs, maxMs, turn: 1, tries: 0, open: 0 })
  limits.set(conversation, made)
  return made
}
