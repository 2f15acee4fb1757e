/**
 * What the thread of a store on SQLite is asked, and what it answers. Crosses threads, so it is plain data.
 */
import { ConfigurationError, ConflictError, ProviderError } from '../contracts/errors.ts'
import type { Row, Table, Write } from '../contracts/ports.ts'
import type { Lease, Query } from './acceptable.ts'

/** What a thread starts with. */
export interface Start {
  readonly file: string
  readonly namespace: string
  /** Not after one that crashed: then leases from before are of this process, and stay. */
  readonly first: boolean
}

/** One call of the port. */
export type Request =
  | { readonly type: 'open' }
  | { readonly type: 'commit'; readonly writes: readonly Write[]; readonly lease: Lease | undefined }
  | { readonly type: 'journal'; readonly run: string; readonly from: number }
  | { readonly type: 'get'; readonly table: Table; readonly key: string }
  | { readonly type: 'list'; readonly table: Table; readonly query: Query }
  | { readonly type: 'acquire'; readonly lease: string; readonly owner: string; readonly ttlMs: number }
  | { readonly type: 'release'; readonly lease: string; readonly epoch: number }
  | { readonly type: 'close' }

/** A part of a journal, and whether there is more behind it. */
export type Part = {
  readonly entries: readonly { readonly seq: number; readonly value: string }[]
  readonly more: boolean
}

/** What a request gives. */
export interface Gives {
  readonly open: void
  readonly commit: void
  readonly journal: Part
  readonly get: Row | undefined
  readonly list: readonly Row[]
  readonly acquire: number | undefined
  readonly release: void
  readonly close: void
}

/** The answer to one request, in the order of requests. */
export type Reply = { readonly given: Gives[keyof Gives] } | { readonly failure: Failure }

/** An error as plain data. */
export type Failure =
  | {
      readonly type: 'conflict'
      readonly key: string
      readonly expected: unknown
      readonly actual: unknown
      readonly code: ConflictError['code']
    }
  | { readonly type: 'configuration'; readonly message: string }
  | {
      readonly type: 'provider'
      readonly message: string
      readonly code: ProviderError['code']
      readonly retryable: boolean
      readonly cause: unknown
    }

/**
 * Takes an error apart to send it. What is no TroupeError is a defect of ours, and leaves the state unknown.
 */
export const toFailure = (error: unknown): Failure => {
  if (error instanceof ConflictError) {
    const { details, expected, actual, code } = error
    return { type: 'conflict', key: String(details['key']), expected, actual, code }
  }
  if (error instanceof ConfigurationError) return { type: 'configuration', message: error.message }
  if (error instanceof ProviderError) {
    const { message, code, retryable, cause } = error
    return { type: 'provider', message, code, retryable, cause }
  }
  const message = error instanceof Error ? error.message : String(error)
  const text = `the store failed: ${message}`
  return { type: 'provider', message: text, code: 'STORE', retryable: false, cause: error }
}

/** Puts it together again. */
export const fromFailure = (failure: Failure): Error => {
  if (failure.type === 'configuration') return new ConfigurationError(failure.message)
  if (failure.type === 'provider') return new ProviderError(failure.message, failure)
  return new ConflictError(failure.key, failure.expected, failure.actual, failure.code)
}
