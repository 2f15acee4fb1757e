/** What SQLite's complaints mean, by its result codes. */
import { ConfigurationError, ProviderError, TroupeError } from '../contracts/errors.ts'

/**
 * How a failure of the database is told, and whether the file can still be trusted by the open connection.
 */
interface Meaning {
  readonly what: string
  readonly retryable: boolean
  /** What the connection believes about the file may be wrong: it has to be opened anew. */
  readonly breaks?: boolean
}

// https://sqlite.org/rescode.html, the low byte.
const meanings: Readonly<Record<number, Meaning>> = {
  5: { what: 'is busy: another program writes to it', retryable: true },
  7: { what: 'ran out of memory', retryable: true, breaks: true },
  8: { what: 'is read-only', retryable: false },
  // After a failed sync nobody knows what is on the disk: SQLite's log has to be read and written back again.
  10: { what: 'could not be read or written', retryable: true, breaks: true },
  11: { what: 'is damaged; put a backup in its place', retryable: false, breaks: true },
  13: { what: 'has no more room on its disk', retryable: true },
  14: { what: 'cannot be opened; its folder has to exist and be writable', retryable: false },
  26: { what: 'is no SQLite database, or a damaged one', retryable: false, breaks: true },
}

const TOO_BIG = 18
const BUSY = 5

/** Whether somebody else has the lock. */
export const isBusy = (error: unknown): boolean => resultOf(error) === BUSY

/** Whether the database has to be opened anew after this. */
export const isBreaking = (error: unknown): boolean => {
  const result = resultOf(error)
  return result !== undefined && meanings[result]?.breaks === true
}

/** An error as the port has it: those of the database become a ProviderError. */
export const sqliteFault = (file: string, error: unknown): TroupeError => {
  if (error instanceof TroupeError) return error
  const result = resultOf(error)
  const told = error instanceof Error ? error.message : String(error)
  if (result === TOO_BIG) {
    const why = `a value is longer than SQLite takes (${told})`
    const message = `the store refused this, and nothing was written: ${why}`
    return new ProviderError(message, { code: 'BAD_REQUEST', retryable: false, cause: error })
  }
  const { what, retryable } = meanings[result ?? 0] ?? { what: 'failed', retryable: false }
  const text = `the store "${file}" ${what} (${told})`
  return new ProviderError(text, { code: 'STORE', retryable, cause: error })
}

/** A file that is something else. */
export const foreign = (file: string, what: string): ConfigurationError =>
  new ConfigurationError(`"${file}" ${what}`)

const resultOf = (error: unknown): number | undefined => {
  const { errcode } = (error ?? {}) as { errcode?: unknown }
  return typeof errcode === 'number' ? errcode & 0xff : undefined
}
