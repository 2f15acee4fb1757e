/** Takes back what a branch of an arbiter has done, as one step of the task: recorded, and with a limit on its time. */
import type { AnyEventObject } from 'xstate'
import {
  CancelledError,
  outcomeOf,
  TimeoutError,
  type Outcome,
  type TroupeError,
} from '../src/contracts/errors.ts'
import type { MaybePromise } from '../src/contracts/schemas.ts'
import type { TaskScope } from '../src/contracts/task-scope.ts'
import type { StepContext } from '../src/contracts/tools.ts'
import { StepScope } from './step-scope.ts'

/** As long as an attempt of an agent may take unless told otherwise, in milliseconds. */
const LIMIT_MS = 60_000

/** Runs once; its end comes to the task as a message. */
export class Undo {
  readonly #task: TaskScope
  readonly #name: string
  readonly #key: string
  readonly #aborter = new AbortController()
  #over = false

  /** @param of the branch, and the request whose work is undone */
  constructor(task: TaskScope, of: { readonly branch: string; readonly request: string }) {
    this.#task = task
    this.#name = `undo ${of.branch}`
    // Each run of a branch is undone by itself, also in a further attempt.
    this.#key = `${task.meta.run.id}/${of.request}/undo#1`
  }

  begin(undo: (output: unknown, ctx: StepContext) => MaybePromise<void>, output: unknown): void {
    const { cell } = this.#task
    this.#task.record({ type: 'step.started', name: this.#name, key: this.#key, input: output })
    cell.timers.start(this.#key, { type: 'undo.timer', undo: this }, { afterMs: LIMIT_MS })
    const step = new StepScope(this.#task, this.#key, this.#aborter.signal)
    // Starts now; what it throws at once ends it as a rejection does.
    const work = new Promise<void>((resolve) => resolve(undo(output, step)))
    cell.pipe(work, (settled) => ({ type: 'undo.ended', undo: this, settled }))
  }

  /** How it ended, when this message says so. */
  endedBy(message: AnyEventObject): Outcome | undefined {
    if (message['undo'] !== this || this.#over) return undefined
    const error = message.type === 'undo.timer' ? this.#tooLate() : errorIn(message['settled'] as Settled)
    const outcome: Outcome = error ? outcomeOf(error) : { status: 'completed', output: undefined }
    this.#end()
    this.#task.record({ type: 'step.ended', name: this.#name, key: this.#key, outcome })
    return outcome
  }

  /** Nobody waits for it any more. */
  abort(reason: string): void {
    this.#end()
    this.#aborter.abort(new CancelledError(reason))
  }

  #tooLate(): TroupeError {
    const error = new TimeoutError(`"${this.#name}"`, LIMIT_MS)
    this.#aborter.abort(error)
    return error
  }

  #end(): void {
    this.#over = true
    this.#task.cell.timers.cancel(this.#key)
  }
}

type Settled = { readonly status: 'completed' } | { readonly status: 'failed'; readonly error: TroupeError }

const errorIn = (settled: Settled): TroupeError | undefined =>
  settled.status === 'failed' ? settled.error : undefined
