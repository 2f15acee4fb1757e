/** Tokens and money, added up. `cachedTokens` are among the `inputTokens`, as providers count them. */
import type { Tokens } from './model-notes.ts'
import type { ModelRequest, Price, Usage } from './ports.ts'

/** Nothing was used. */
export const noUsage: Usage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, usd: 0 }

/** Both together; the money is unknown when that of either is. */
export const addUsage = (a: Usage, b: Usage): Usage => ({
  inputTokens: a.inputTokens + b.inputTokens,
  cachedTokens: a.cachedTokens + b.cachedTokens,
  outputTokens: a.outputTokens + b.outputTokens,
  usd: a.usd === undefined || b.usd === undefined ? undefined : a.usd + b.usd,
})

/** Tokens with what they cost; without a price, or when the provider did not count them, that is unknown. */
export const priced = (tokens: Tokens | undefined, price: Price | undefined): Usage => {
  if (!tokens) return { inputTokens: 0, cachedTokens: 0, outputTokens: 0, usd: undefined }
  const { inputTokens, cachedTokens, outputTokens } = tokens
  return { inputTokens, cachedTokens, outputTokens, usd: price && costOf(tokens, price) }
}

const PER_MILLION = 1_000_000

const costOf = ({ inputTokens, cachedTokens, outputTokens }: Tokens, price: Price): number => {
  const fresh = inputTokens - cachedTokens
  const cached = cachedTokens * (price.cachedInput ?? price.input)
  return (fresh * price.input + cached + outputTokens * price.output) / PER_MILLION
}

const CHARS_PER_TOKEN = 4

/** About so many tokens: providers count differently, and four characters a token is near enough for most text. */
export const tokensIn = ({ messages, tools, output }: Pick<ModelRequest, 'messages' | 'tools' | 'output'>): number =>
  JSON.stringify({ messages, tools, output }).length / CHARS_PER_TOKEN
