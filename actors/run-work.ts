/** An attempt made by a function: its `ctx`, what it waits for, and its end. */
import type { AnyEventObject } from 'xstate'
import type { Ctx } from '../src/contracts/agents.ts'
import {
  CancelledError,
  errorOf,
  outcomeOf,
  type Outcome,
  type TroupeError,
} from '../src/contracts/errors.ts'
import { shapes } from '../src/contracts/shapes.ts'
import type { MaybePromise } from '../src/contracts/schemas.ts'
import type { EndOfWork, StartWork, TaskScope, Work } from '../src/contracts/task-scope.ts'
import { TaskContext, type Attempt } from './task-context.ts'

type Run = (input: never, ctx: Ctx) => MaybePromise<unknown>
type Piped = { status: 'completed'; output: unknown } | { status: 'failed'; error: TroupeError }

interface Waiting {
  readonly promise: Promise<never>
  readonly resolve: (value: never) => void
  readonly reject: (error: TroupeError) => void
}

/** Work that calls this function. */
export const runFunction =
  (run: Run): StartWork =>
  (input, task) => {
    const work = new RunWork(task)
    work.begin(run, input)
    return work
  }

let made = 0

/** One call of the function. */
class RunWork implements Work, Attempt {
  readonly task: TaskScope
  #waiting: Map<string, Waiting> | undefined
  /** Why it is over. The error is made when somebody asks: most attempts end well. */
  #reason: string | undefined
  #error: CancelledError | undefined
  #aborter: AbortController | undefined
  #sleeps = 0

  constructor(task: TaskScope) {
    this.task = task
    made = (made + 1) & 1_023
    if (made === 0) shapes.work = this
  }

  begin(run: Run, input: unknown): void {
    const result = run(input as never, new TaskContext(this))
    if (!isPromise(result)) return this.task.done({ status: 'completed', output: result })
    this.task.cell.pipe(result, (settled) => ({ type: 'work.settled', work: this, settled }))
  }

  get signal(): AbortSignal {
    if (!this.#aborter) {
      this.#aborter = new AbortController()
      if (this.over) this.#aborter.abort(this.over)
    }
    return this.#aborter.signal
  }

  get over(): CancelledError | undefined {
    if (this.#reason === undefined) return undefined
    return (this.#error ??= new CancelledError(this.#reason))
  }

  refuseWhenOver(): void {
    if (this.over) throw this.over
  }

  responded(id: string, outcome: Outcome): void {
    const waiting = this.#take(id)
    if (!waiting) return
    if (outcome.status === 'completed') waiting.resolve(outcome.output as never)
    else reject(waiting, errorOf(outcome))
  }

  receive(message: AnyEventObject): void {
    if (message['work'] !== this) return
    if (message.type === 'work.settled') {
      const settled = message['settled'] as Piped
      this.task.done(settled.status === 'completed' ? settled : outcomeOf(settled.error))
    } else if (message.type === 'work.slept') this.#take(message['id'] as string)?.resolve(undefined as never)
  }

  ended({ done, reason }: EndOfWork): void {
    this.#reason = reason
    // What has returned needs no signal: it may have handed it on to something that outlives it.
    if (!done) this.#aborter?.abort(this.over)
    const waiting = this.#waiting
    this.#waiting = undefined
    for (const [id, entry] of waiting ?? []) {
      if (id.startsWith('sleep ')) this.task.cell.timers.cancel(id)
      reject(entry, this.over ?? new CancelledError(reason))
    }
  }

  wait<T>(id: string): Promise<T> {
    let resolve!: (value: never) => void
    let reject!: (error: TroupeError) => void
    const promise = new Promise<never>((yes, no) => {
      resolve = yes
      reject = no
    })
    ;(this.#waiting ??= new Map()).set(id, { promise, resolve, reject })
    return promise
  }

  giveUp(id: string, error: CancelledError): void {
    const waiting = this.#take(id)
    if (!waiting) return
    this.task.withdraw(id, error.reason)
    reject(waiting, error)
  }

  sleep(ms: number): Promise<void> {
    const id = `sleep ${String((this.#sleeps += 1))}`
    this.task.cell.timers.start(id, { type: 'work.slept', work: this, id }, { afterMs: ms })
    return this.wait(id)
  }

  #take(id: string): Waiting | undefined {
    const waiting = this.#waiting?.get(id)
    this.#waiting?.delete(id)
    return waiting
  }
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'

/** A promise that nobody awaits must not bring the process down: its task has an outcome of its own. */
const reject = (waiting: Waiting, error: TroupeError): void => {
  waiting.promise.catch(() => {})
  waiting.reject(error)
}
