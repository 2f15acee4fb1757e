/** What one attempt has asked of others and is still open, with the time limits of those requests. */
import { Few } from '../src/contracts/few.ts'
import type { TaskKernel, TimeLimit } from '../src/contracts/task-kernel.ts'

/** Open requests by id; most have no limit of their own. */
export class Requests {
  readonly #kernel: TaskKernel
  readonly #open = new Few<TimeLimit | undefined>()

  constructor(kernel: TaskKernel) {
    this.#kernel = kernel
  }

  opened(id: string, timeoutMs: number | undefined): void {
    const limited = timeoutMs !== undefined && timeoutMs !== Infinity
    this.#open.set(id, limited ? this.#limit(id, timeoutMs) : undefined)
  }

  #limit(id: string, timeoutMs: number): TimeLimit {
    return this.#kernel.limit(`request ${id}`, { type: 'request.timer', id, timeoutMs }, timeoutMs)
  }

  has(id: string): boolean {
    return this.#open.has(id)
  }

  /** `false`: it was not open any more. */
  closed(id: string): boolean {
    this.#open.get(id)?.cancel()
    return this.#open.delete(id)
  }

  /** Whether somebody below this request waits for people. */
  waits(id: string, waiting: boolean): void {
    const limit = this.#open.get(id)
    if (waiting) limit?.pause()
    else limit?.resume()
  }

  withdrawAll(reason: string): void {
    if (this.#open.size === 0) return
    for (const [id, limit] of this.#open.entries()) {
      limit?.cancel()
      this.#kernel.withdraw(id, reason)
    }
    this.#open.clear()
  }
}
