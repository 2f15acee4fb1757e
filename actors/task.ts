/**
 * One task in its cell: the machine of `machines/task.ts` with its effects performed, and the powers that the work of an
 * attempt has. What the work throws is the task's defect, never the cell's.
 */
import type { AnyActorLogic, AnyEventObject } from 'xstate'
import { taskMachine, type TaskFlowEffect, type TaskFlowInput } from '../machines/task.ts'
import type { AnyAgent } from '../src/contracts/agents.ts'
import { incarnate, type CellLogic, type Incarnation, type Interpreter } from '../src/contracts/behavior.ts'
import { CircuitOpenError, TimeoutError, type Outcome, type TroupeError } from '../src/contracts/errors.ts'
import type { AgentMessage } from '../src/contracts/messages.ts'
import type { Schema } from '../src/contracts/schemas.ts'
import type { AgentDefinition } from '../src/contracts/agent-definition.ts'
import type { DelegateOptions, TaskScope, Work } from '../src/contracts/task-scope.ts'
import type { TaskEvent } from '../src/contracts/run-scope.ts'
import type { TaskInput } from '../src/contracts/agent-scope.ts'
import type { TaskKernel, TimeLimit } from '../src/contracts/task-kernel.ts'
import type { TaskMeta } from '../src/contracts/task-request.ts'
import { checkedOutcome } from './contract.ts'
import { failureOf, isForFallback, retryAfterOf, type Failure } from './failure.ts'
import { listening } from './listen.ts'
import { Requests } from './requests.ts'
import { takePart } from './speaking.ts'
import { countsForCircuit, errorIn, judgeRetry } from './verdicts.ts'
import { itself, Waits } from './waits.ts'

/** The logic of a task's cell. */
export const taskLogic: CellLogic<AnyEventObject, TaskInput, TaskKernel> = {
  [incarnate]: (cell, input) => new Task(cell, input),
}

class Task implements Incarnation, TaskScope {
  readonly cell: TaskKernel
  readonly #given: TaskInput
  readonly #flow: Interpreter<typeof taskMachine>
  readonly #startedAt: number
  #attempt = 0
  #attemptAt: number
  #work: Work | undefined
  /** From the start of an attempt to its `done`. */
  #working = false
  #error: TroupeError | undefined
  #requests: Requests | undefined
  #fallback: string | undefined
  /** Of the attempt. */
  #limit: TimeLimit | undefined
  #waits: Waits | undefined
  #ending = ''
  /** Of attempts, and of calls within them. */
  #retries = 0
  #outcome: Outcome | undefined

  constructor(cell: TaskKernel, given: TaskInput) {
    this.cell = cell
    this.#given = given
    this.#startedAt = this.#attemptAt = cell.steady()
    cell.record({ type: 'task.started', input: given.input, attempt: 1 })
    if (given.meta.thread) takePart(this, given.input, () => this.#outcome)
    this.#flow = cell.interpret(taskMachine, this)
    this.#flow.start(limitsOf(given))
    this.#flow.send(
      given.permit
        ? { type: 'attempt.granted' }
        : { type: 'attempt.denied', retryAfterMs: given.retryAfterMs },
    )
  }

  get taskId(): string {
    return this.#given.request.id
  }

  get attempt(): number {
    return this.#attempt
  }

  get leftMs(): number {
    return this.#limit?.leftMs ?? Infinity
  }

  get request(): AgentMessage {
    return this.#given.request
  }

  get meta(): TaskMeta {
    return this.#given.meta
  }

  get definition(): AgentDefinition {
    return this.#given.definition
  }

  get steps(): Map<string, unknown> {
    return (this.#given.meta.steps ??= new Map())
  }

  receive(message: AnyEventObject): void {
    switch (message.type) {
      case 'task.response':
        return this.#responded(message['id'] as string, message['outcome'] as Outcome)
      case 'task.cancel':
        this.#ending = message['reason'] as string
        return this.#flow.send({ type: 'task.cancel', reason: this.#ending })
      case 'task.waiting':
        return this.#othersWait(message['id'] as string, message['waiting'] as boolean)
      case 'attempt.granted':
        this.#given.permit = message['permit'] as TaskInput['permit']
        return this.#flow.send({ type: 'attempt.granted' })
      case 'attempt.denied':
        return this.#flow.send({ type: 'attempt.denied', retryAfterMs: message['retryAfterMs'] as number })
      case 'attempt.timer':
        return this.#timedOut()
      case 'request.timer':
        return this.#requestTimedOut(message['id'] as string, message['timeoutMs'] as number)
      case 'retry.timer':
        return this.#flow.send({ type: 'retry.timer' })
      default:
        return this.#received(message)
    }
  }

  /** It was killed, or went down with its agent. */
  discard(): void {
    const work = this.#work
    this.#work = undefined
    work?.ended?.({ done: false, reason: 'its actor went down' })
    this.#waits?.end()
  }

  perform(effect: TaskFlowEffect): void {
    switch (effect.type) {
      case 'attempt.start':
        return this.#start(effect.attempt)
      case 'attempt.end':
        return this.#end()
      case 'attempt.report':
        return this.#report()
      case 'permit.request':
        return this.cell.report({ type: 'attempt.requested', id: this.taskId })
      case 'timer.arm':
        return this.#waitForRetry(effect.afterMs)
      case 'timer.cancel':
        return this.cell.timers.cancel('retry')
      case 'fallback.ask':
        return this.#askFallback()
      case 'task.settle':
        return this.#settle(effect.outcome)
      case 'task.refuse':
        return this.#settle(failureOf(new CircuitOpenError(this.definition.name, effect.retryAfterMs)))
    }
  }

  delegate(agent: AnyAgent, input: unknown, options: DelegateOptions = {}): string {
    const id = this.cell.request(agent, input, options)
    ;(this.#requests ??= new Requests(this.cell)).opened(id, options.timeoutMs)
    return id
  }

  execute(logic: AnyActorLogic, input: unknown): string {
    const id = this.cell.execute(logic, input)
    ;(this.#requests ??= new Requests(this.cell)).opened(id, undefined)
    return id
  }

  withdraw(id: string, reason: string): void {
    if (!this.#requests?.closed(id)) return
    this.#noteWait(id, false)
    this.cell.withdraw(id, reason)
  }

  done(outcome: Outcome, parsed?: Schema, last = false): void {
    if (!this.#working) return
    this.#working = false
    const checked = this.#check(outcome, parsed)
    if (checked.status === 'completed') this.#flow.send({ type: 'attempt.succeeded', output: checked.output })
    else this.#fail(checked, last)
  }

  retrying(error: TroupeError, delayMs: number): void {
    this.#retries += 1
    this.record({ type: 'task.retried', error, delayMs })
  }

  record(event: TaskEvent): void {
    this.cell.record(event)
  }

  waiting(waiting: boolean): void {
    this.#noteWait(itself, waiting)
  }

  #start(attempt: number): void {
    this.#attempt = attempt
    this.#attemptAt = this.cell.steady()
    this.#working = true
    this.#error = undefined
    const { work, timeoutMs } = this.definition
    try {
      this.#work = (isRequest(this.#given) ? work : listening)(this.#given.input, this)
    } catch (thrown) {
      this.done(failureOf(thrown))
    }
    if (!this.#working || timeoutMs === Infinity) return
    this.#limit = this.cell.limit('attempt', ATTEMPT_TIMER, timeoutMs)
    if (this.#waits?.any) this.#limit.pause()
  }

  #end(): void {
    const done = !this.#working && this.#ending === ''
    this.#working = false
    const work = this.#work
    this.#work = undefined
    const reason = this.#ending || 'the task that asked has ended'
    work?.ended?.({ done, reason })
    this.#requests?.withdrawAll(reason)
    this.#ending = ''
    this.#limit?.cancel()
    this.#limit = undefined
    this.#waits?.end()
  }

  #responded(id: string, outcome: Outcome): void {
    this.#noteWait(id, false)
    if (id === this.#fallback) {
      this.#fallback = undefined
      this.#flow.send({ type: 'fallback.answered', outcome: this.#check(outcome, undefined) })
      return
    }
    // Withdrawn in the same moment.
    if (this.#requests?.closed(id)) this.#answer(id, outcome)
  }

  #answer(id: string, outcome: Outcome): void {
    try {
      this.#work?.responded?.(id, outcome)
    } catch (thrown) {
      this.done(failureOf(thrown))
    }
  }

  #received(message: AnyEventObject): void {
    try {
      this.#work?.receive?.(message)
    } catch (thrown) {
      this.done(failureOf(thrown))
    }
  }

  #timedOut(): void {
    if (!this.#working) return
    const { name, timeoutMs } = this.definition
    this.#ending = `"${name}" took longer than ${String(timeoutMs)} ms`
    this.#working = false
    this.#fail(failureOf(new TimeoutError(`"${name}"`, timeoutMs)))
  }

  #requestTimedOut(id: string, timeoutMs: number): void {
    if (!this.#requests?.closed(id)) return
    this.#noteWait(id, false)
    this.cell.withdraw(id, 'its time is over')
    const outcome = failureOf(new TimeoutError(`a request of "${this.definition.name}"`, timeoutMs))
    this.#answer(id, outcome)
  }

  #check(outcome: Outcome, parsed: Schema | undefined): Outcome {
    // What `listen` gives is for nobody.
    return isRequest(this.#given) ? checkedOutcome(this.definition, outcome, parsed) : outcome
  }

  #fail(failure: Failure, last = false): void {
    const { outcome, retryable: mayHelp } = judgeRetry(this.definition, failure)
    const retryable = mayHelp && !last
    this.#error = errorIn(outcome)
    this.#flow.send({
      type: 'attempt.failed',
      outcome,
      retryable,
      fallback: isForFallback(outcome),
      jitter: retryable && this.definition.retry.jitter ? this.cell.random() : 1,
      retryAfterMs: retryAfterOf(this.#error),
    })
  }

  #report(): void {
    const { permit } = this.#given
    this.#given.permit = undefined
    if (!permit) return
    const durationMs = this.cell.steady() - this.#attemptAt
    const counts = countsForCircuit(this.definition, this.#error, this.cell.log)
    this.cell.report({ type: 'attempt.failed', id: this.taskId, permit, counts, durationMs })
  }

  #waitForRetry(delayMs: number): void {
    if (this.#error) this.retrying(this.#error, delayMs)
    this.cell.timers.start('retry', { type: 'retry.timer' }, { afterMs: delayMs })
  }

  #askFallback(): void {
    const { fallback } = this.definition
    if (!fallback) return
    const reason = this.#error ? this.#error.message : 'the circuit is open'
    this.record({ type: 'decision.made', kind: 'fallback', chosen: fallback.name, alternatives: [], reason })
    const { request, meta } = this.#given
    const { parsed, thread } = meta
    this.#fallback = this.cell.request(fallback, request.payload, { parsed, thread })
  }

  #settle(outcome: Outcome): void {
    this.#outcome = outcome
    const now = this.cell.steady()
    const { permit } = this.#given
    this.#given.permit = undefined
    this.record({ type: 'task.ended', outcome })
    this.cell.report({
      type: 'task.settled',
      id: this.taskId,
      permit,
      good: permit !== undefined && outcome.status === 'completed',
      status: outcome.status,
      attemptMs: now - this.#attemptAt,
      durationMs: now - this.#startedAt,
      retries: this.#retries,
    })
    this.cell.settle(outcome)
  }

  /** What comes of a request that was withdrawn in the meantime must not stop the clock for good. */
  #othersWait(id: string, waiting: boolean): void {
    if (id === this.#fallback || this.#requests?.has(id)) this.#noteWait(id, waiting)
  }

  #noteWait(who: string, waiting: boolean): void {
    if (!waiting && !this.#waits) return
    this.#waits ??= new Waits((any) => this.#waitsForPeople(any))
    if (this.#waits.note(who, waiting)) this.#requests?.waits(who, waiting)
  }

  #waitsForPeople(waiting: boolean): void {
    if (waiting) this.#limit?.pause()
    else this.#limit?.resume()
    this.cell.waiting(waiting)
  }
}

const ATTEMPT_TIMER = { type: 'attempt.timer' }

const limits = new WeakMap<AgentDefinition, TaskFlowInput>()

/** The same object for all requests of an agent. */
const limitsOf = (given: TaskInput): TaskFlowInput => {
  const { definition } = given
  const known = isRequest(given) ? limits.get(definition) : undefined
  if (known) return known
  const { attempts, minMs, maxMs } = definition.retry
  const fallback = definition.fallback !== undefined && isRequest(given)
  const made = Object.freeze({ attempts, minMs, maxMs, fallback })
  if (isRequest(given)) limits.set(definition, made)
  return made
}

/** Not a message for `listen`, which nobody waits for. */
const isRequest = ({ request }: TaskInput): boolean => request.type === 'task.request'
