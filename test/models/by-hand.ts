/** A model whose answers tests give by hand, and callers on a clock that stands still. */
import type { Model, ModelEvent, ModelRequest, ModelResult } from 'troupe'
import { manualClock, type ManualClock } from 'troupe/testing'
import { provideClock } from '../../src/contracts/model-notes.ts'
import { request } from './asking.ts'

/** One call that is open until the test ends it. */
export interface OpenCall {
  readonly request: ModelRequest
  readonly signal: AbortSignal
  say(text: string): void
  end(result?: Partial<ModelResult>): void
  fail(error: unknown): void
  /** Ends the stream without a result. */
  stop(): void
}

/** It says what the test lets it say. */
export const byHand = (name = 'by-hand'): { readonly model: Model; readonly calls: OpenCall[] } => {
  const calls: OpenCall[] = []
  const model: Model = {
    name,
    provider: 'test',
    complete: (asked, signal) => {
      const said: (ModelEvent | { error: unknown } | 'stopped')[] = []
      let wake = (): void => {}
      const tell = (event: (typeof said)[number]): void => {
        said.push(event)
        wake()
      }
      const usage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0 }
      calls.push({
        request: asked,
        signal,
        say: (text) => tell({ type: 'text', text }),
        end: (result = {}) =>
          tell({ type: 'end', result: { text: '', calls: [], finish: 'stop', usage, ...result } }),
        fail: (error) => tell({ error }),
        stop: () => tell('stopped'),
      })
      return (async function* () {
        signal.addEventListener('abort', () => tell({ error: signal.reason }))
        for (;;) {
          const event = said.shift()
          if (event === undefined) {
            await new Promise<void>((resolve) => (wake = resolve))
            continue
          }
          if (event === 'stopped') return
          if ('error' in event) throw event.error
          yield event
          if (event.type === 'end') return
        }
      })()
    },
  }
  return { model, calls }
}

/** Everything that can happen without time going by has happened. */
export const settled = async (): Promise<void> => {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => void setImmediate(resolve))
}

/** A clock that lets callers settle whenever it has moved. */
export const clock = (startMs = 0): ManualClock => {
  const made = manualClock(startMs)
  made.attach?.(settled)
  return made
}

/** One caller of a model: what it has heard so far, and how it ended. */
export interface Caller {
  readonly events: ModelEvent[]
  readonly abort: (reason?: unknown) => void
  /** The result, `'none'` for a stream that just ended, or what was thrown. */
  readonly end: Promise<unknown>
}

/** Calls a model and listens to the end. */
export const call = (model: Model, on: ManualClock, parts: Partial<ModelRequest> = {}): Caller => {
  const aborter = new AbortController()
  provideClock(aborter.signal, on)
  const events: ModelEvent[] = []
  const listen = async (): Promise<unknown> => {
    for await (const event of model.complete(request(parts), aborter.signal)) {
      events.push(event)
      if (event.type === 'end') return event.result
    }
    return 'none'
  }
  const end = listen().catch((thrown: unknown) => thrown)
  return { events, abort: (reason) => aborter.abort(reason), end }
}
