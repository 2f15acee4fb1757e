/** The entry `troupe/models/openai`: OpenAI, and any server that is compatible with it. */
import { ConfigurationError } from '../contracts/errors.ts'
import type { Model, Price } from '../contracts/ports.ts'
import type { Options } from '../contracts/schemas.ts'
import { cached } from './cached.ts'
import { chat } from './openai-chat.ts'
import { limitedByKey } from './openai-limits.ts'
import { openaiModel } from './openai-model.ts'
import { responses } from './openai-responses.ts'
import { priceOf } from './prices.ts'

/**
 * A model by its name. A missing key is NotProvidedError on first use.
 * @throws ConfigurationError for an option that cannot be, or when another model with this key has other
 *   `limits`
 */
export function openai(model: string, options: OpenAIOptions = {}): Model {
  const { baseURL, apiKey, api = 'responses', limits, cache, price = priceOf(model) } = options
  check(model, options)
  const access = { baseURL, apiKey }
  const setting = { model, access, price }
  const plain = api === 'chat' ? openaiModel(chat, setting) : openaiModel(responses, setting)
  const shared = limitedByKey(plain, access, limits)
  // Outside of the limits: what is answered from the cache asks nobody.
  return cache ? cached(shared, cache) : shared
}

/** How the server is reached, and how much of it is used. */
export type OpenAIOptions = Options<{
  /** Default: the environment's OPENAI_BASE_URL. */
  baseURL: string
  /** Default: the environment's OPENAI_API_KEY. */
  apiKey: string
  /** Default `responses`. */
  api: 'responses' | 'chat'
  /** Shared by all models with this key. Default: none. */
  limits: Options<{
    requestsPerMinute: number
    tokensPerMinute: number
    concurrency: number
  }>
  /** Answers to the same request again. Off unless given; `maxEntries` defaults to 1_000. */
  cache: { ttlMs: number; maxEntries?: number | undefined }
  /** Default: from a table of known models. */
  price: Price
}>

const check = (model: string, { baseURL, api, price }: OpenAIOptions): void => {
  const wrong = (what: string): never => {
    throw new ConfigurationError(`openai(${JSON.stringify(model)}): ${what}`)
  }
  if (typeof model !== 'string' || model.trim() === '')
    wrong('the first argument is the name of a model, such as "gpt-5.1"')
  if (api !== undefined && !['responses', 'chat'].includes(api)) {
    wrong(`\`api\` is "responses" or "chat", not ${JSON.stringify(api)}`)
  }
  if (baseURL !== undefined && !/^https?:$/.test(URL.parse(baseURL)?.protocol ?? '')) {
    wrong(`\`baseURL\` is an address such as "http://localhost:11434/v1", not ${JSON.stringify(baseURL)}`)
  }
  for (const [name, amount] of Object.entries(price ?? {})) {
    if (amount !== undefined && !(amount >= 0 && amount < Infinity)) {
      wrong(`\`price.${name}\` is USD per million tokens, not ${String(amount)}`)
    }
  }
}
