/** What goes wrong between us and an MCP server, as errors of ours. */
import { NotProvidedError, ProviderError, TroupeError } from '../contracts/errors.ts'

/** A failure, and what it means for the connection and for the call that it hit. */
export interface Fault {
  readonly error: TroupeError
  /** The connection is of no more use. */
  readonly lost: boolean
  /** Whether the same call may go better. */
  readonly again: 'never' | 'always' | 'unless-once'
}

/**
 * What an error of the client, of a process or of the network means.
 * @param what was tried, for people
 * @param note what is known of the server, where it did not answer
 */
export const faultOf = (thrown: unknown, what: string, note = ''): Fault => {
  if (thrown instanceof TroupeError) return answered(thrown)
  const { code, status, reason } = told(thrown)
  const failed: Failed = (as, retryable, end = '') => {
    const text = `${what}${as === 'UNAVAILABLE' ? note : ''}: ${reason}${end}`
    return new ProviderError(text, { code: as, retryable, cause: thrown })
  }
  if (status !== undefined) return ofStatus(status, failed)
  // An answer, if a bad one.
  if (typeof code === 'number' || ANSWERS.has(String(code))) return answered(failed('BAD_REQUEST', false))
  if (UNREACHED.has(String(code))) return gone(failed('UNAVAILABLE', true))
  const error = failed('UNAVAILABLE', true, NOT_KNOWN)
  return { error, lost: code === 'CONNECTION_CLOSED', again: 'unless-once' }
}

const NOT_KNOWN = '; whether it was done is not known'

type Failed = (as: ProviderError['code'], retryable: boolean, end?: string) => ProviderError

const answered = (error: TroupeError): Fault => ({ error, lost: false, again: 'never' })

/** It has not heard of the call. */
const gone = (error: TroupeError): Fault => ({ error, lost: true, again: 'always' })

/** What keeps a process from being started. `undefined`: something else is wrong. */
export const startFault = (thrown: unknown, command: string): TroupeError | undefined => {
  const { code } = told(thrown)
  if (code === 'ENOENT') {
    const text = `the command "${command}" of an MCP server is not there: install it, or give its whole path`
    return new NotProvidedError(text, { cause: thrown })
  }
  if (code === 'EACCES') {
    const text = `the command "${command}" of an MCP server may not be run: make it executable`
    return new NotProvidedError(text, { cause: thrown })
  }
  return undefined
}

/** Nobody has heard the request. */
const UNREACHED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'NOT_CONNECTED',
])

/** What came is no MCP. */
const ANSWERS: ReadonlySet<string> = new Set(['INVALID_RESULT', 'CLIENT_HTTP_UNEXPECTED_CONTENT'])

const ofStatus = (status: number, failed: Failed): Fault => {
  if (status === 401 || status === 403) return answered(failed('UNAUTHORIZED', false))
  // A session that the server knows no more: it has been started anew.
  if (status === 404) return gone(failed('UNAVAILABLE', true))
  if (status === 429) return answered(failed('RATE_LIMITED', true))
  if (status < 500) return answered(failed('BAD_REQUEST', false))
  return { error: failed('UNAVAILABLE', true, NOT_KNOWN), lost: false, again: 'never' }
}

interface Told {
  readonly code: unknown
  readonly status: number | undefined
  readonly reason: string
}

const told = (thrown: unknown): Told => {
  if (!(thrown instanceof Error)) return { code: undefined, status: undefined, reason: String(thrown) }
  const { message, name } = thrown
  const { code, data, cause } = thrown as { code?: unknown; data?: { status?: unknown }; cause?: unknown }
  // The network's reasons stand one level deeper.
  const inner = innerOf(cause)
  const status = name === 'UnauthorizedError' ? 401 : data?.status
  return {
    code: code ?? inner.code,
    status: typeof status === 'number' ? status : undefined,
    reason: shortened(inner.message === undefined ? message : `${message} (${inner.message})`),
  }
}

const innerOf = (cause: unknown): { code?: unknown; message?: string } =>
  cause instanceof Error ? cause : {}

const MOST_CHARS = 500

const shortened = (text: string): string =>
  text.length <= MOST_CHARS ? text : `${text.slice(0, MOST_CHARS)}…`
