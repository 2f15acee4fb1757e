/**
 * Errors of the AI SDK and of its providers, in our words. They are told apart by their names, so that the
 * package need not be there.
 */
import { NotProvidedError, ProviderError, TroupeError } from '../contracts/errors.ts'
import { StoppedFor } from './ai-sdk-parts.ts'
import { providerFault } from './provider-fault.ts'

/** What an error means. */
export const aiSdkFault = (thrown: unknown, who: string): TroupeError => {
  if (thrown instanceof TroupeError) return thrown
  if (!(thrown instanceof Error)) return saidInStream(thrown, who)
  const { name, message } = thrown
  switch (name) {
    case 'AI_APICallError':
      return callFault(thrown, who)
    case 'AI_LoadAPIKeyError':
    case 'AI_LoadSettingError':
      return new NotProvidedError(`${who}: ${message}`, { cause: thrown })
    case 'AI_UnsupportedFunctionalityError':
    case 'AI_InvalidArgumentError':
    case 'AI_InvalidPromptError':
    case 'AI_NoSuchModelError':
      return new ProviderError(`${who} cannot be asked: ${message}`, {
        code: 'BAD_REQUEST',
        retryable: false,
        cause: thrown,
      })
    default:
      // What the AI SDK throws for an answer that it cannot read, what Node throws for a lost connection, and
      // others.
      return new ProviderError(`${who} failed: ${message}`, {
        code: 'UNAVAILABLE',
        retryable:
          name.startsWith('AI_') ||
          thrown instanceof TypeError ||
          thrown instanceof StoppedFor ||
          isLost(thrown),
        cause: thrown,
      })
  }
}

/** The response of a provider that was no success, or none at all. */
const callFault = (error: Error, who: string): ProviderError => {
  const { statusCode, responseHeaders, data } = error as Error & Partial<Record<string, unknown>>
  const said = member(data, 'error') ?? data
  const headers = new Map(
    Object.entries(isRecord(responseHeaders) ? responseHeaders : {}).map(([name, value]) => [
      name.toLowerCase(),
      String(value),
    ]),
  )
  return providerFault({
    who,
    status: typeof statusCode === 'number' ? statusCode : undefined,
    codes: [member(said, 'code'), member(said, 'type'), member(said, 'status')],
    message: error.message,
    headers: { get: (name) => headers.get(name) ?? null },
    cause: error,
  })
}

/** Providers put into the stream what the server put there: a text, or an object of its making. */
const saidInStream = (said: unknown, who: string): ProviderError => {
  const text = typeof said === 'string' ? said : member(said, 'message')
  const message = typeof text === 'string' ? text : JSON.stringify(said)
  return providerFault({ who, codes: [member(said, 'code'), member(said, 'type')], message })
}

const isLost = (error: Error): boolean => {
  for (let inner: unknown = error; inner instanceof Error; inner = inner.cause) {
    if ('code' in inner && /^(E[A-Z]+|UND_ERR_\w+)$/.test(String(inner.code))) return true
  }
  return false
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

const member = (value: unknown, name: string): unknown => (isRecord(value) ? value[name] : undefined)
