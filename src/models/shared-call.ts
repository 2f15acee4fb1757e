/**
 * One call of a model that several listen to. Each hears it from its beginning; who stops listening ends it for itself
 * only, and the last one for the model. What it has used is told to one of them, so that it is counted once.
 */
import { abortedBy, CancelledError, ProviderError } from '../contracts/errors.ts'
import { asCached, provideClock, tokensOf } from '../contracts/model-notes.ts'
import type { Clock, Model, ModelEvent, ModelRequest, ModelResult } from '../contracts/ports.ts'

/** Begins when somebody listens. */
export class SharedCall {
  /** Called once, when it is over: with its result, if it has one. */
  ended: (result: ModelResult | undefined) => void = () => {}
  readonly #model: Model
  readonly #request: ModelRequest
  readonly #aborter = new AbortController()
  readonly #heard: ModelEvent[] = []
  #state: 'new' | 'going on' | 'over' = 'new'
  #failure: { readonly thrown: unknown } | undefined
  #listeners = 0
  /** The keys of those that did not wait for its end. */
  #left: Set<string> | undefined
  #wake: (() => void)[] = []
  /** Whether somebody has been told what it used. */
  #told = false

  constructor(model: Model, request: ModelRequest, clock: Clock) {
    this.#model = model
    this.#request = request
    provideClock(this.#aborter.signal, clock)
  }

  /** Whether a request with this key has stopped listening before the end. */
  wasLeftBy(key: string): boolean {
    return this.#left?.has(key) === true
  }

  /**
   * @param key of the request that listens
   * @throws CancelledError when the signal aborts; else what the model throws
   */
  async *listen(signal: AbortSignal, key: string): AsyncGenerator<ModelEvent> {
    this.#listeners += 1
    if (this.#state === 'new') void this.#begin()
    try {
      for (let next = 0; ; next += 1) {
        const event = await this.#eventAt(next, signal)
        if (!event) return
        yield event.type === 'end' ? { type: 'end', result: this.#mine(event.result) } : event
      }
    } finally {
      this.#listeners -= 1
      if (this.#state !== 'over') (this.#left ??= new Set()).add(key)
      if (this.#listeners === 0 && this.#state !== 'over') this.#abandon()
    }
  }

  async #begin(): Promise<void> {
    this.#state = 'going on'
    try {
      for await (const event of this.#model.complete(this.#request, this.#aborter.signal)) {
        this.#heard.push(event)
        if (event.type === 'end') this.#end(event.result)
        this.#tell()
      }
    } catch (thrown) {
      this.#failure = { thrown }
    }
    this.#end(undefined)
    this.#tell()
  }

  #abandon(): void {
    this.#end(undefined)
    this.#aborter.abort(new CancelledError('nobody waits for this answer any more'))
  }

  #end(result: ModelResult | undefined): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.ended(result)
  }

  /** `undefined`: there are no more. */
  async #eventAt(place: number, signal: AbortSignal): Promise<ModelEvent | undefined> {
    for (;;) {
      if (signal.aborted) throw abortedBy(signal)
      const event = this.#heard[place]
      if (event) return event
      if (this.#failure) throw this.#mineOf(this.#failure.thrown)
      if (this.#state === 'over') return undefined
      await this.#change(signal)
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done)
        resolve()
      }
      signal.addEventListener('abort', done, { once: true })
      this.#wake.push(done)
    })
  }

  #tell(): void {
    const wake = this.#wake
    this.#wake = []
    for (const done of wake) done()
  }

  #mine(result: ModelResult): ModelResult {
    const first = !this.#told
    this.#told = true
    return first ? result : again(result)
  }

  #mineOf(thrown: unknown): unknown {
    const first = !this.#told
    this.#told = true
    if (first || !(thrown instanceof Error) || !tokensOf(thrown)) return thrown
    if (!(thrown instanceof ProviderError)) return thrown
    const { message, code, retryable, retryAfterMs } = thrown
    return new ProviderError(message, { code, retryable, retryAfterMs, cause: thrown })
  }
}

const nothing = { inputTokens: 0, cachedTokens: 0, outputTokens: 0 }

/** The same answer, given once more: it uses nothing. */
export const again = (result: ModelResult): ModelResult => asCached({ ...result, usage: nothing })
