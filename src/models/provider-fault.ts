/** What a provider's complaint means: one table for every adapter that speaks HTTP. */
import { ProviderError } from '../contracts/errors.ts'

/** What went wrong, as far as the provider says. */
export interface Complaint {
  /** Who complains, for the message. */
  readonly who: string
  /** Of the HTTP response. A code inside of a stream that is a number counts as one. */
  readonly status?: number | undefined
  /** Codes and types, as the provider names them. */
  readonly codes: readonly unknown[]
  readonly message: string
  readonly headers?: { get(name: string): string | null } | undefined
  readonly cause?: unknown
}

type Kind = readonly [code: ProviderError['code'], retryable: boolean, what: string]

const QUOTA = /insufficient_quota|billing|quota_exceeded|insufficient_balance|insufficient_credit/i
const CONTEXT = /context_length_exceeded|exceed_context_size|model_max_prompt_tokens_exceeded/i
const CONTEXT_TEXT =
  /maximum context length|context (window|length|size)|prompt is too long|input is too long/i
const RATE = /rate_?limit|too_many_requests|throttl/i
const KEY = /invalid_api_key|authentication|permission|unauthorized|forbidden/i
const POLICY = /content_filter|content_policy|policy_violation|invalid_prompt|bio_policy|cyber_policy|safety/i
const REQUEST = /invalid_request|bad_?request|not_found|unsupported|invalid_/i

/** The error that a complaint stands for. */
export const providerFault = (complaint: Complaint): ProviderError => {
  const { who, message, headers, cause } = complaint
  const [code, usually, what] = kindOf(complaint)
  const retryable = usually && headers?.get('x-should-retry') !== 'false'
  const retryAfterMs = retryable && headers ? retryAfter(headers) : undefined
  return new ProviderError(`${who} ${what}: ${message}`, { code, retryable, retryAfterMs, cause })
}

const kindOf = ({ status, codes, message }: Complaint): Kind => {
  const words = codes.filter((code) => typeof code === 'string').join(' ')
  const number = status ?? codes.map(Number).find((code) => code >= 400 && code < 600)
  if (number === 402 || QUOTA.test(words)) {
    return ['RATE_LIMITED', false, 'has no quota left for this key, and waiting does not help']
  }
  if (CONTEXT.test(words) || (isClientFault(number) && CONTEXT_TEXT.test(message))) {
    return [
      'BAD_REQUEST',
      false,
      'was asked more than its context holds; shorten the input, the history or the tools',
    ]
  }
  if (number === 429 || RATE.test(words)) return ['RATE_LIMITED', true, 'is rate limited']
  if (number === 401 || number === 403 || KEY.test(words)) return ['UNAUTHORIZED', false, 'refused the key']
  if (POLICY.test(words)) return ['REFUSED', false, 'refused the request by its policy']
  // A timeout, a conflict with a request in flight, too early.
  if (number === 408 || number === 409 || number === 425)
    return ['UNAVAILABLE', true, 'could not take the request']
  if (number !== undefined && number < 500) return ['BAD_REQUEST', false, 'refused the request']
  if (number === undefined && REQUEST.test(words)) return ['BAD_REQUEST', false, 'refused the request']
  return ['UNAVAILABLE', true, 'failed']
}

const isClientFault = (status: number | undefined): boolean =>
  status === undefined || (status >= 400 && status < 500 && status !== 429)

/** How long to wait, in milliseconds: `retry-after-ms`, else `Retry-After` in seconds or as a date. */
export const retryAfter = (headers: { get(name: string): string | null }): number | undefined => {
  const ms = amount(headers.get('retry-after-ms'))
  if (ms !== undefined) return ms
  const after = headers.get('retry-after')
  const seconds = amount(after)
  if (seconds !== undefined) return Math.ceil(seconds * 1000)
  // What is no date of HTTP is read as one all the same, such as "-5".
  const date = after !== null && /^\w+, /.test(after) ? Date.parse(after) : NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now())
}

const amount = (text: string | null): number | undefined =>
  text !== null && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : undefined
