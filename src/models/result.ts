/**
 * What an adapter has heard, made into what the port promises: an id for every call, no empty or cut success.
 */
import { createHash } from 'node:crypto'
import { ProviderError } from '../contracts/errors.ts'
import { withTokens, type Tokens } from '../contracts/model-notes.ts'
import type { ModelRequest, ModelResult, ToolCall } from '../contracts/ports.ts'

/** What a model said, as its provider tells it. */
export interface Heard {
  readonly text: string
  /** Servers leave ids out, or give the same one twice. */
  readonly calls: readonly {
    readonly id?: string | undefined
    readonly name: string
    readonly input: string
  }[]
  readonly finish: 'stop' | 'length' | 'refusal'
  readonly usage: Tokens | undefined
}

/**
 * The result of a call.
 * @throws ProviderError `EMPTY` when nothing was said, `UNAVAILABLE` when a call names no tool
 */
export const resultOf = (
  { text, calls, finish, usage }: Heard,
  request: ModelRequest,
  who: string,
): ModelResult => {
  // What was cut or refused must not be run: its arguments may look whole and not be.
  if (finish !== 'stop') return { text, calls: [], finish, usage }
  if (calls.some(({ name }) => name === '')) {
    throw spent(`${who} called a tool and did not say which`, 'UNAVAILABLE', usage)
  }
  if (calls.length > 0) return { text, calls: withIds(calls, request), finish: 'calls', usage }
  if (text.trim() === '') throw spent(`${who} gave an empty answer`, 'EMPTY', usage)
  return { text, calls: [], finish, usage }
}

/** Tokens as a provider counted them; `undefined` when it did not, or not in numbers. */
export const tokensFrom = (input: unknown, cached: unknown, output: unknown): Tokens | undefined =>
  isCount(input) && isCount(output)
    ? { inputTokens: input, cachedTokens: isCount(cached) ? cached : 0, outputTokens: output }
    : undefined

/**
 * The arguments of an earlier call, to be told again. Servers parse them, so what is no JSON object is
 * wrapped into one under `invalid`.
 */
export const argumentsOf = ({ input }: ToolCall): object => {
  try {
    const parsed: unknown = JSON.parse(input)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed
  } catch {
    // The model has been told what was wrong with it.
  }
  return { invalid: input }
}

const isCount = (value: unknown): value is number => Number.isFinite(value) && Number(value) >= 0

const spent = (text: string, code: 'EMPTY' | 'UNAVAILABLE', usage: Tokens | undefined): ProviderError => {
  const error = new ProviderError(text, { code, retryable: true })
  return usage ? withTokens(error, usage) : error
}

/**
 * Ids that are missing or taken are made from the key of the request, so that a replay makes the same ones.
 */
const withIds = (calls: Heard['calls'], { key, messages }: ModelRequest): ToolCall[] => {
  const taken = new Set(
    messages.flatMap((message) => (message.role === 'assistant' ? message.calls.map(({ id }) => id) : [])),
  )
  const own = createHash('sha256').update(key).digest('hex').slice(0, 20)
  return calls.map(({ id, name, input }, place) => {
    const used = id === undefined || id === '' || taken.has(id) ? `call_${own}_${String(place + 1)}` : id
    taken.add(used)
    // A tool without arguments is called with nothing at all by some servers.
    return { id: used, name, input: input.trim() === '' ? '{}' : input }
  })
}
