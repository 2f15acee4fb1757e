/** What PostgreSQL's complaints mean, by their SQLSTATE, and the driver's, which have none. */
import { ConflictError, ProviderError, TroupeError } from '../contracts/errors.ts'
import { CONFLICT, STALE_EPOCH } from './postgres-schema.ts'
import { fromStored } from './stored-text.ts'

/** Another writer was in the way, and nothing was written: trying once more settles it. */
const COLLISIONS = ['23505', '40001', '40P01']

// https://www.postgresql.org/docs/current/errcodes-appendix.html, by code or class.
const meanings: Readonly<Record<string, readonly [what: string, retryable: boolean]>> = {
  '08': ['lost the connection', true],
  '22': ['refused a value', false],
  '25006': ['is read-only', true],
  '28': ['refused to let us in', false],
  '3D000': ['has no such database', false],
  '40': ['gave up between other writers', true],
  '42501': ['does not let us do this', false],
  '53': ['has no room or connections left', true],
  '54': ['cannot keep something as large as this', false],
  '57': ['stopped what it was doing', true],
  '58': ['has trouble with its disk', true],
  XX: ['is damaged; restore a backup', false],
}

/** Whether the same again may well succeed. */
export const isCollision = (error: unknown): boolean => COLLISIONS.includes(stateOf(error) ?? '')

/** Whether one commit alone is to blame, and nothing was written. */
export const isRefusal = (error: unknown): boolean => {
  const state = stateOf(error) ?? ''
  return state === CONFLICT || state === STALE_EPOCH || isTooMuch(state)
}

type Refused = { readonly what: 'write' | 'lease'; readonly nth: number }

/** Which write or which lease was refused, from 1, where the database says so. */
export const refused = (error: unknown): Refused | undefined => {
  const state = stateOf(error)
  if (state !== CONFLICT && state !== STALE_EPOCH) return undefined
  const { nth } = detailOf(error)
  return { what: state === CONFLICT ? 'write' : 'lease', nth: Number(nth) }
}

/** Whether the connection can be used again. */
export const isUsable = (error: unknown): boolean => {
  const state = stateOf(error)
  return error instanceof TroupeError || (state !== undefined && !/^(08|57P|XX)/.test(state))
}

/**
 * An error as the port has it.
 * @param place of the database, without a password
 */
export const postgresFault = (place: string, error: unknown): TroupeError => {
  if (error instanceof TroupeError) return error
  const state = stateOf(error)
  // Where each of several addresses failed, the driver gives a code and no message.
  const { message, code: reason } = error as { message?: string; code?: unknown }
  const told = message || String(reason ?? error)
  if (state === CONFLICT || state === STALE_EPOCH) return conflict(state, error)
  if (state !== undefined && isTooMuch(state)) {
    const message = `the store refused this, and nothing was written: ${place} says: ${told}`
    return new ProviderError(message, { code: 'BAD_REQUEST', retryable: false, cause: error })
  }
  const [what, retryable] = meaningOf(state)
  const code = state === undefined ? '' : `, SQLSTATE ${state}`
  const text = `the store ${place} ${what} (${told}${code})`
  return new ProviderError(text, { code: 'STORE', retryable, cause: error })
}

const isTooMuch = (state: string): boolean => state.startsWith('22') || state.startsWith('54')

/** What has no SQLSTATE comes from the driver: no connection, or no answer in time. */
const meaningOf = (state: string | undefined): readonly [string, boolean] =>
  state === undefined
    ? ['cannot be reached', true]
    : (meanings[state] ?? meanings[state.slice(0, 2)] ?? ['failed', false])

const conflict = (state: string, error: unknown): ConflictError => {
  const { key, expected, actual } = detailOf(error)
  const code = state === CONFLICT ? 'CONFLICT' : 'STALE_EPOCH'
  return new ConflictError(fromStored(String(key)), valueOf(expected), valueOf(actual), code)
}

type Detail = Partial<Record<'key' | 'expected' | 'actual', string | null>> & { nth?: number }

/** What the function that refuses says. */
const detailOf = (error: unknown): Detail => {
  const { detail = '{}' } = error as { detail?: string }
  return JSON.parse(detail) as Detail
}

const valueOf = (text: string | null | undefined): string | number | undefined =>
  /^\d+$/.test(text ?? '') ? Number(text) : (text ?? undefined)

const stateOf = (error: unknown): string | undefined => {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  // Those of the system, such as ECONNREFUSED, are longer.
  return /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined
}
