/** The entry `troupe/models/scripted`: a model that says what it is told to. For tests and offline use. */
import { abortedBy, ProviderError, type TroupeError } from '../contracts/errors.ts'
import { clockOf, withTokens, type Tokens } from '../contracts/model-notes.ts'
import type { Model, ModelEvent, ModelRequest, ModelResult, Price, ToolCall } from '../contracts/ports.ts'
import type { Options } from '../contracts/schemas.ts'

/**
 * Turns in order, or by request. Running out of turns is ProviderError `BAD_REQUEST`. It costs nothing unless it has a
 * `price`.
 */
export function scripted(
  turns: readonly Turn[] | ((request: ModelRequest) => Turn),
  options: Options<{ name: string; price: Price }> = {},
): ScriptedModel {
  const { name = 'scripted', price = { input: 0, output: 0 } } = options
  const requests: ModelRequest[] = []
  const left = typeof turns === 'function' ? [] : [...turns]
  const next = (request: ModelRequest): Turn => {
    if (typeof turns === 'function') return turns(request)
    const turn = left.shift()
    if (turn !== undefined) return turn
    const text = `"${name}" was asked ${String(requests.length)} times and has ${String(turns.length)} turns`
    throw new ProviderError(text, { code: 'BAD_REQUEST', retryable: false })
  }
  return {
    name,
    provider: 'scripted',
    price,
    requests,
    complete: (request, signal) => {
      requests.push(request)
      return say(() => next(request), requests.length, signal)
    },
    assertConsumed: () => {
      if (left.length === 0) return
      throw new Error(`"${name}" has ${String(left.length)} of ${String(turns.length)} turns left`)
    },
  }
}

/** What the model says: a text, or more than that. */
export type Turn =
  | string
  | Options<{
      text: string
      calls: readonly Omit<ToolCall, 'id'>[]
      finish: 'stop' | 'length' | 'refusal'
      /** Before it answers, by the system's clock. */
      delayMs: number
      /** Thrown instead of an answer. */
      error: TroupeError
      usage: Tokens
    }>

/** A scripted model remembers what it was asked. */
export interface ScriptedModel extends Model {
  readonly requests: readonly ModelRequest[]
  /** Throws when turns are left. */
  assertConsumed(): void
}

async function* say(next: () => Turn, place: number, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  const turn = next()
  const { delayMs = 0, error, usage, text = '', ...rest } = typeof turn === 'string' ? { text: turn } : turn
  if (delayMs > 0) await pass(delayMs, signal)
  if (signal.aborted) throw abortedBy(signal)
  if (error) throw usage ? withTokens(error, usage) : error
  for (const word of text.match(/\s*\S+\s*$|\s*\S+/g) ?? (text === '' ? [] : [text])) {
    yield { type: 'text', text: word }
    if (signal.aborted) throw abortedBy(signal)
  }
  yield { type: 'end', result: resultOf(text, rest, { place, usage }) }
}

const resultOf = (
  text: string,
  {
    calls = [],
    finish,
  }: Options<{ calls: readonly Omit<ToolCall, 'id'>[]; finish: 'stop' | 'length' | 'refusal' }>,
  { place, usage }: { place: number; usage: Tokens | undefined },
): ModelResult => ({
  text,
  calls: calls.map(({ name, input }, i) => ({ id: `call-${String(place)}-${String(i + 1)}`, name, input })),
  finish: finish ?? (calls.length > 0 ? 'calls' : 'stop'),
  usage: usage ?? { inputTokens: 0, cachedTokens: 0, outputTokens: 0 },
})

/** Time goes by, unless the call is taken back. */
const pass = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const clock = clockOf(signal)
    const end = (): void => {
      clock.clearTimeout(timer)
      reject(abortedBy(signal))
    }
    const timer = clock.setTimeout(() => {
      signal.removeEventListener('abort', end)
      resolve()
    }, ms)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
