/** Errors of the `openai` client, and what servers say inside of a stream, in our words. */
import { APIConnectionError, APIError } from 'openai'
import { ProviderError, TroupeError } from '../contracts/errors.ts'
import { providerFault } from './provider-fault.ts'

/** An error as servers write it into a body or a stream. */
export interface ServerError {
  readonly code?: unknown
  readonly type?: unknown
  readonly message?: unknown
}

/** What a server said inside of a stream that had begun well. Only `openaiFault` sees it. */
class SaidInStream extends Error {
  readonly said: ServerError

  constructor(said: ServerError) {
    super(typeof said.message === 'string' ? said.message : JSON.stringify(said))
    this.said = said
  }
}

/** For throwing: the server says inside of the stream that the call failed. */
export const saidSo = (said: ServerError): Error => new SaidInStream(said)

/** Whose error it is. */
export interface Speaker {
  /** `gpt-5.1 at api.openai.com`. */
  readonly who: string
  /** Kept out of messages: some servers repeat it. */
  readonly apiKey: string | undefined
}

/**
 * What an error means.
 * @param asked whether the request had been sent and its answer begun
 */
export const openaiFault = (thrown: unknown, { who, apiKey }: Speaker, asked: boolean): TroupeError => {
  if (thrown instanceof TroupeError) return thrown
  const raw = thrown instanceof Error ? thrown.message : String(thrown)
  const message = apiKey ? raw.replaceAll(apiKey, '***') : raw
  const cause = message === raw ? thrown : undefined
  if (thrown instanceof SaidInStream) {
    const { code, type } = thrown.said
    return providerFault({ who, codes: [code, type], message })
  }
  if (thrown instanceof APIConnectionError) return unreachable(who, message, thrown)
  if (thrown instanceof APIError) {
    const { status, code, type, headers } = thrown
    return providerFault({ who, status, codes: [code, type], message, headers, cause })
  }
  // The client hands on as it is what breaks in the middle of a body, and what is wrong before it sends
  // anything.
  return asked
    ? new ProviderError(`${who} broke off its answer: ${message}`, {
        code: 'UNAVAILABLE',
        retryable: true,
        cause,
      })
    : new ProviderError(`${who} cannot be asked: ${message}`, {
        code: 'BAD_REQUEST',
        retryable: false,
        cause,
      })
}

const PERMANENT = /CERT|ERR_TLS|ERR_SSL|SELF_SIGNED|UNABLE_TO_|ERR_INVALID/

const unreachable = (who: string, message: string, thrown: Error): ProviderError => {
  const code = codeIn(thrown)
  const retryable = !PERMANENT.test(code ?? '')
  return new ProviderError(`${who} cannot be reached: ${code ?? message}`, {
    code: 'UNAVAILABLE',
    retryable,
    cause: thrown,
  })
}

/** What Node says of a broken connection stands deep inside: `ECONNREFUSED`. */
const codeIn = (error: unknown): string | undefined => {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    if ('code' in inner && typeof inner.code === 'string') return inner.code
  }
  return undefined
}

const REFUSED = /invalid schema|schema is (invalid|not valid)|invalid json schema/i
const FORMAT = /response.?format|json_schema|text\.format|structured output/i
const UNKNOWN =
  /unavailable|not available|not (\w+ )?(support|permit|allow)|unsupported|unknown|recognized|no endpoints/i

/** Whether a server says that it takes no schemas for answers at all. */
export const takesNoSchema = (error: unknown): boolean =>
  error instanceof APIError &&
  [400, 404, 422, 501].includes(error.status ?? 0) &&
  FORMAT.test(`${error.param ?? ''} ${error.message}`) &&
  UNKNOWN.test(error.message) &&
  !REFUSED.test(error.message)

/** The error for a server that takes schemas, but not this one; else `undefined`. */
export const schemaRefused = (error: unknown, who: string): ProviderError | undefined => {
  if (!(error instanceof APIError) || error.status !== 400 || !REFUSED.test(error.message)) return undefined
  const whose = /function|tools?\[/i.test(`${error.param ?? ''} ${error.message}`)
    ? 'input of a tool'
    : 'output'
  const text = `${who} refused the JSON schema of the ${whose}; write it with simpler means: ${error.message}`
  return new ProviderError(text, { code: 'BAD_REQUEST', retryable: false, cause: error })
}
