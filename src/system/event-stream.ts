/**
 * What happens from now on, for listeners and for readers that iterate. A listener that throws is logged and kept; a
 * reader that is too slow is told how many items it has missed.
 */
import type { Logger } from '../contracts/ports.ts'
import type { Stream, Unsubscribe } from '../contracts/schemas.ts'

const LONGEST_BACKLOG = 1_000

export class EventStream<T> implements Stream<T> {
  readonly #listeners = new Set<(item: T) => void>()
  readonly #log: Logger
  readonly #skipped: ((count: number) => T) | undefined
  readonly #closers = new Set<() => void>()
  #closed = false

  /** @param skipped makes the item that tells a slow reader how much it has missed */
  constructor(log: Logger, skipped?: (count: number) => T) {
    this.#log = log
    this.#skipped = skipped
  }

  /** Whether anybody listens: what nobody reads need not be made. */
  get active(): boolean {
    return this.#listeners.size > 0
  }

  emit(item: T): void {
    for (const listener of this.#listeners) {
      try {
        listener(item)
      } catch (error) {
        this.#log.error({ err: error }, 'a listener threw')
      }
    }
  }

  subscribe(listener: (item: T) => void): Unsubscribe {
    // Wrapped, so that the same function can listen twice.
    const own = (item: T): void => listener(item)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  /** Ends every iteration once it has read what is there. */
  close(): void {
    this.#closed = true
    for (const close of this.#closers) close()
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    const backlog: T[] = []
    let missed = 0
    let over = this.#closed
    let wake: (() => void) | undefined
    const notify = (): void => {
      wake?.()
      wake = undefined
    }
    const unsubscribe = this.subscribe((item) => {
      if (backlog.length >= LONGEST_BACKLOG) missed += 1
      else backlog.push(item)
      notify()
    })
    const close = (): void => {
      over = true
      unsubscribe()
      this.#closers.delete(close)
      notify()
    }
    if (!over) this.#closers.add(close)
    const next = async (): Promise<IteratorResult<T>> => {
      for (;;) {
        const item = backlog.shift()
        if (item !== undefined) return { done: false, value: item }
        if (missed > 0) {
          const count = missed
          missed = 0
          if (this.#skipped) return { done: false, value: this.#skipped(count) }
        }
        if (over) return { done: true, value: undefined }
        await new Promise<void>((resolve) => (wake = resolve))
      }
    }
    return {
      next,
      return: () => {
        close()
        return Promise.resolve({ done: true, value: undefined })
      },
    }
  }
}
