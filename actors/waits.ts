/**
 * Who below a task waits for people, or whether it does so itself; and the time limit of its attempt, which stands
 * still as long as somebody does.
 */
import type { TaskKernel } from '../src/contracts/tasks.ts'
import { TimeLimit } from './time-limit.ts'

const ATTEMPT_TIMER = { type: 'attempt.timer' }

/** In the place of a request's id: the task itself. */
export const itself = ''

/** The task above is told when the first begins to wait, and when the last has ended. */
export class Waits {
  readonly #kernel: TaskKernel
  #who: Set<string> | undefined
  #limit: TimeLimit | undefined

  constructor(kernel: TaskKernel) {
    this.#kernel = kernel
  }

  /** Sends `attempt.timer` once the attempt has worked for so long. */
  limit(ms: number): void {
    this.#limit = new TimeLimit(this.#kernel, 'attempt', ATTEMPT_TIMER, ms)
    if (this.#who?.size) this.#limit.pause()
  }

  /** `false`: nothing has changed. */
  note(who: string, waiting: boolean): boolean {
    if (!waiting && !this.#who?.has(who)) return false
    const set = (this.#who ??= new Set())
    const before = set.size
    if (waiting) set.add(who)
    else set.delete(who)
    if (before === 0) this.#changed(true)
    else if (set.size === 0) this.#changed(false)
    return before !== set.size
  }

  /** The attempt has ended: its limit with it, and nobody waits for it. */
  end(): void {
    this.#limit?.cancel()
    this.#limit = undefined
    if (!this.#who?.size) return
    this.#who.clear()
    this.#changed(false)
  }

  #changed(waiting: boolean): void {
    if (waiting) this.#limit?.pause()
    else this.#limit?.resume()
    this.#kernel.waiting(waiting)
  }
}
