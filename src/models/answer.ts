/** One call of a model: the text as it comes, and the result at the end. What every adapter shares. */
import { ProviderError } from '../contracts/errors.ts'
import type { ModelEvent, ModelRequest } from '../contracts/ports.ts'
import { guardedStream, type Patience, type Source } from './guarded-stream.ts'
import { resultOf, type Heard } from './result.ts'

/** Makes an answer of events. */
export interface Listener<Event> {
  /** Gives the text that an event adds. What it throws is the provider's, for the source to translate. */
  hear(event: Event): string
  /** What was said; `undefined` until the provider has said that the model is done. */
  readonly heard: Heard | undefined
  /** Nothing more is to come that is of use. */
  readonly over: boolean
}

/** What is asked, and how long an answer is waited for. */
export interface Call {
  readonly request: ModelRequest
  readonly patience: Patience
  readonly signal: AbortSignal
}

/** Node's own limits on silence are the same; a call that takes longer in all has gone astray. */
export const PATIENCE: Patience = { idleMs: 300_000, totalMs: 1_800_000 }

/** Between the end of what is said and the end of the stream. */
const FAREWELL_MS = 250

/**
 * Streams text, then the result.
 * @throws ProviderError as the source translates it; `UNAVAILABLE` for a stream that ends before the model is
 *   done
 * @throws CancelledError when the signal aborts
 */
export async function* answer<Event>(
  source: Source<Event>,
  listener: Listener<Event>,
  { request, patience, signal }: Call,
): AsyncGenerator<ModelEvent, void> {
  const { who } = source
  // A stream that comes to its own end gives its connection back, so that is waited for, but not for long.
  const waiting: Patience = {
    get idleMs() {
      return listener.over ? Math.min(FAREWELL_MS, patience.idleMs) : patience.idleMs
    },
    totalMs: patience.totalMs,
  }
  const hear = (event: Event): string => {
    try {
      return listener.hear(event)
    } catch (thrown) {
      throw source.translate(thrown)
    }
  }
  try {
    for await (const event of guardedStream(source, waiting, signal)) {
      const text = hear(event)
      if (text !== '') yield { type: 'text', text }
    }
  } catch (error) {
    // What breaks after the model is done takes nothing from its answer, which is paid for.
    if (signal.aborted || !listener.heard) throw error
  }
  if (!listener.heard) {
    const text = `${who} ended its answer before the model was done`
    throw new ProviderError(text, { code: 'UNAVAILABLE', retryable: true })
  }
  yield { type: 'end', result: resultOf(listener.heard, request, who) }
}
