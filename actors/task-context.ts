/**
 * What `run` is given. Members are made when they are read, bound to their task, so that they work destructured and a
 * function that needs none of them costs nothing. Once its attempt is over, nothing is sent any more.
 */
import type { EventObject } from 'xstate'
import { budgetFault } from '../src/contracts/account.ts'
import type { Agent, Ctx, HandoffContext, Revision, TaskOptions } from '../src/contracts/agents.ts'
import { abortedBy, CancelledError, outcomeOf, toTroupeError } from '../src/contracts/errors.ts'
import { hopsLeft } from '../src/contracts/hops.ts'
import type { Logger } from '../src/contracts/ports.ts'
import type { MaybePromise, Schema } from '../src/contracts/schemas.ts'
import type { TaskScope } from '../src/contracts/task-scope.ts'
import type { StepContext } from '../src/contracts/tools.ts'
import { callForHelp, type Caller } from './help.ts'

/** The attempt that a context belongs to. */
export interface Attempt {
  readonly task: TaskScope
  /** Made when it is read. */
  readonly signal: AbortSignal
  /** Why nothing is sent any more; `undefined` while the attempt goes on. */
  readonly over: CancelledError | undefined
  /** @throws CancelledError once it is over */
  refuseWhenOver(): void
  /** Waits for the response to a request. */
  wait<T>(id: string): Promise<T>
  /** Takes a request back; who waits for it is told. */
  giveUp(id: string, error: CancelledError): void
  sleep(ms: number): Promise<void>
}

/** One per attempt. */
export class TaskContext implements Ctx {
  readonly #work: Attempt
  readonly #task: TaskScope
  /** How often each name of a step was used in this attempt. */
  #names: Map<string, number> | undefined
  #log: Logger | undefined

  constructor(work: Attempt) {
    this.#work = work
    this.#task = work.task
  }

  get runId(): string {
    return this.#task.meta.run.id
  }

  get taskId(): string {
    return this.#task.taskId
  }

  get attempt(): number {
    return this.#task.attempt
  }

  get key(): string {
    return `${this.runId}/${this.taskId}`
  }

  get signal(): AbortSignal {
    return this.#work.signal
  }

  get log(): Logger {
    const { runId, taskId } = this
    return (this.#log ??= this.#task.cell.log.child({ runId, taskId, agent: this.#task.definition.name }))
  }

  get budget(): Ctx['budget'] {
    const { meta, request } = this.#task
    const { account } = meta
    return {
      usd: account?.left('usd'),
      tokens: account?.left('tokens'),
      calls: account?.left('calls'),
      hops: hopsLeft(meta, request.hops),
    }
  }

  get handoff(): HandoffContext | undefined {
    return this.#task.meta.handoff
  }

  get revision(): Revision | undefined {
    return this.#task.meta.revision
  }

  get now(): Ctx['now'] {
    return () => this.#task.cell.now()
  }

  get random(): Ctx['random'] {
    return () => this.#task.cell.random()
  }

  get sleep(): Ctx['sleep'] {
    return (ms) => (this.#work.over ? refused(this.#work.over) : this.#work.sleep(ms))
  }

  get ask(): Ctx['ask'] {
    return <I, O>(agent: Agent<I, O>, input: I, options?: TaskOptions) =>
      this.#ask<O>(agent, input, options)
  }

  get step(): Ctx['step'] {
    return <T>(name: string, fn: (step: StepContext) => MaybePromise<T>) => {
      const result = this.#step(name, fn)
      // A step that nobody awaits must not bring the process down.
      result.catch(() => {})
      return result
    }
  }

  get help(): Ctx['help'] {
    return <O>(capability: string, input: unknown, options?: HelpOptions<O>) =>
      this.#help<O>(capability, input, options)
  }

  get tell(): Ctx['tell'] {
    return (to, message) => {
      this.#work.refuseWhenOver()
      return this.#task.cell.tell(to, message)
    }
  }

  get publish(): Ctx['publish'] {
    return (topic, message) => {
      this.#work.refuseWhenOver()
      this.#task.cell.publish<EventObject>(topic as string, message)
    }
  }

  get emit(): Ctx['emit'] {
    return (name, data) => {
      this.#work.refuseWhenOver()
      this.#task.record({ type: 'run.emitted', name, data })
    }
  }

  #ask<O>(
    agent: Agent<never, O>,
    input: unknown,
    options: TaskOptions & { hops?: number } = {},
  ): Promise<O> {
    if (this.#work.over) return refused(this.#work.over)
    const { signal, timeoutMs, budget, hops } = options
    const fault = budget && budgetFault(budget, `a task for "${agent.name}"`)
    if (fault) return Promise.reject(fault)
    if (signal?.aborted) return Promise.reject(abortedBy(signal))
    const id = this.#task.delegate(agent, input, { timeoutMs, budget, hops })
    const answer = this.#work.wait<O>(id)
    if (!signal) return answer
    const abort = (): void => this.#work.giveUp(id, abortedBy(signal))
    signal.addEventListener('abort', abort, { once: true })
    return answer.finally(() => signal.removeEventListener('abort', abort))
  }

  #help<O>(capability: string, input: unknown, options: HelpOptions<O> = {}): Promise<O> {
    if (this.#work.over) return refused(this.#work.over)
    const { output, ...limits } = options
    const caller: Caller = {
      task: this.#task,
      ask: (peer) => this.#ask(peer, input, { ...limits, hops: 1 }),
      sleep: (ms) => this.#work.sleep(ms),
    }
    const answer = callForHelp(caller, { capability, input, output, signal: limits.signal })
    // Help that nobody awaits must not bring the process down.
    answer.catch(() => {})
    return answer as Promise<O>
  }

  async #step<T>(name: string, fn: (step: StepContext) => MaybePromise<T>): Promise<T> {
    this.#work.refuseWhenOver()
    const names = (this.#names ??= new Map<string, number>())
    const occurrence = (names.get(name) ?? 0) + 1
    names.set(name, occurrence)
    const key = `${this.key}/${name}#${String(occurrence)}`
    const { steps } = this.#task
    if (steps.has(key)) return steps.get(key) as T
    this.#task.record({ type: 'step.started', name, key, input: undefined })
    try {
      const output = await fn(new Step(this, key))
      // Kept even when the attempt is over by now: what is finished never runs again.
      steps.set(key, output)
      this.#task.record({ type: 'step.ended', name, key, outcome: { status: 'completed', output } })
      return output
    } catch (thrown) {
      const error = toTroupeError(thrown)
      this.#task.record({ type: 'step.ended', name, key, outcome: outcomeOf(error) })
      throw error
    }
  }
}

/** Not at once: code that asks again and again, whatever it is told, must leave room for everything else. */
const refused = (over: CancelledError): Promise<never> => {
  const refusal = new Promise<never>((_, reject) => {
    setImmediate(reject, over)
  })
  // Nobody has to await it.
  refusal.catch(() => {})
  return refusal
}

type HelpOptions<O> = TaskOptions & { output?: Schema<O> | undefined }

class Step implements StepContext {
  readonly #ctx: TaskContext
  readonly key: string

  constructor(ctx: TaskContext, key: string) {
    this.#ctx = ctx
    this.key = key
  }

  get signal(): AbortSignal {
    return this.#ctx.signal
  }

  get runId(): string {
    return this.#ctx.runId
  }

  get log(): Logger {
    return this.#ctx.log
  }
}
