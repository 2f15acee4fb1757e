/**
 * Listens to a provider's stream: bounded in silence and in all, ended by the caller's signal, its errors in
 * our words. Drivers do none of that: their timeouts end with the headers, and an abort looks like the end of
 * the answer.
 */
import { abortedBy, ProviderError, type TroupeError } from '../contracts/errors.ts'
import { clockOf } from '../contracts/model-notes.ts'
import type { Clock } from '../contracts/ports.ts'

/** How long a provider is listened to. */
export interface Patience {
  /** Before the first event and between two of them. */
  readonly idleMs: number
  /** In all, the time included in which its listener is busy. `Infinity`: no limit. */
  readonly totalMs: number
}

/** Where the events come from. */
export interface Source<Event> {
  /** Who speaks, for messages of errors. */
  readonly who: string
  /** Begins the request. Its signal ends the request, and the stream. */
  open(signal: AbortSignal): PromiseLike<AsyncIterable<Event>>
  /** What an error of the driver means. */
  translate(thrown: unknown): TroupeError
}

/**
 * The events of a stream. A listener that stops early ends the request.
 * @throws CancelledError when `signal` aborts
 * @throws ProviderError `UNAVAILABLE` when the patience is at its end, else what `translate` makes of it
 */
export async function* guardedStream<Event>(
  source: Source<Event>,
  patience: Patience,
  signal: AbortSignal,
): AsyncGenerator<Event, void> {
  const watch = new Watch(source.who, patience, signal)
  let events: AsyncIterator<Event> | undefined
  let opening: PromiseLike<AsyncIterable<Event>> | undefined
  try {
    watch.demand()
    opening = source.open(watch.signal)
    events = (await watch.over(opening))[Symbol.asyncIterator]()
    for (;;) {
      const next = await watch.over(events.next())
      watch.demand()
      if (next.done) return
      yield next.value
      watch.demand()
    }
  } catch (thrown) {
    throw watch.verdict ?? source.translate(thrown)
  } finally {
    watch.end()
    // Nobody waits for the farewell of a stream that may never come to it.
    if (events) void close(events)
    else
      void opening?.then(
        (late) => close(late[Symbol.asyncIterator]()),
        () => {},
      )
  }
}

const close = async (events: AsyncIterator<unknown>): Promise<void> => {
  try {
    await events.return?.()
  } catch {
    // It is over, whatever it says.
  }
}

/** Watches over one request. */
class Watch {
  readonly #who: string
  readonly #patience: Patience
  readonly #caller: AbortSignal
  readonly #clock: Clock
  readonly #driver = new AbortController()
  readonly #total: unknown
  /** Ends the wait that is going on. */
  #interrupt: ((verdict: TroupeError) => void) | undefined
  /** Why it was ended, where it was. */
  verdict: TroupeError | undefined

  constructor(who: string, patience: Patience, caller: AbortSignal) {
    this.#who = who
    this.#patience = patience
    this.#caller = caller
    this.#clock = clockOf(caller)
    const { totalMs } = patience
    this.#total = this.#after(totalMs, () => `was still not done after ${String(totalMs)} ms`)
    caller.addEventListener('abort', this.#cancelled, { once: true })
    if (caller.aborted) this.#cancelled()
  }

  /** For the driver. */
  get signal(): AbortSignal {
    return this.#driver.signal
  }

  /** Throws when it was ended. */
  demand(): void {
    if (this.verdict) throw this.verdict
  }

  /** Waits for the driver, as long as the patience lasts. A driver that heeds no signal is left behind. */
  async over<T>(promise: PromiseLike<T>): Promise<T> {
    const { idleMs } = this.#patience
    const idle = this.#after(idleMs, () => `sent nothing for ${String(idleMs)} ms`)
    const interrupted = new Promise<never>(
      (_, reject: (verdict: TroupeError) => void) => (this.#interrupt = reject),
    )
    try {
      return await Promise.race([promise, interrupted])
    } finally {
      this.#clock.clearTimeout(idle)
      this.#interrupt = undefined
    }
  }

  /** Lets go of everything. */
  end(): void {
    this.#clock.clearTimeout(this.#total)
    this.#caller.removeEventListener('abort', this.#cancelled)
    this.#driver.abort()
  }

  readonly #cancelled = (): void => this.#end(abortedBy(this.#caller))

  #after(ms: number, what: () => string): unknown {
    if (ms === Infinity) return undefined
    return this.#clock.setTimeout(() => {
      this.#end(new ProviderError(`${this.#who} ${what()}`, { code: 'UNAVAILABLE', retryable: true }))
    }, ms)
  }

  #end(verdict: TroupeError): void {
    this.verdict ??= verdict
    // First the reason, then the driver, which might else be heard first with an end that is none.
    this.#interrupt?.(this.verdict)
    this.#driver.abort()
  }
}
