/**
 * What every store refuses, with a reason, before anything is written: what one of them could not keep as it
 * is.
 */
import { ProviderError } from '../contracts/errors.ts'
import type { Store, Write } from '../contracts/ports.ts'
import { toStored } from './stored-text.ts'

/**
 * Of keys, tags, names of runs and of leases, in bytes of UTF-8: an index of PostgreSQL takes no more than
 * two.
 */
const MAX_NAME_BYTES = 1_024

/** The right to write, as a commit shows it. */
export type Lease = { readonly name: string; readonly epoch: number }

/**
 * The writes of a commit as they are now: what the caller changes later is no part of it.
 * @throws ProviderError `BAD_REQUEST`: nothing was written
 */
export const acceptedWrites = (writes: readonly Write[]): Write[] =>
  writes.map((write, index) => accepted(write, `writes[${index}]`))

/** The same of its lease. */
export const acceptedLease = (lease: Lease | undefined): Lease | undefined => {
  if (!lease) return undefined
  const { name, epoch } = lease
  demandName(name, 'lease.name')
  demandCount(epoch, 'lease.epoch', 1)
  return { name, epoch }
}

const accepted = (write: Write, where: string): Write => {
  if (write.type === 'append') {
    const { type, run, seq, value } = write
    demandName(run, `${where}.run`)
    demandCount(seq, `${where}.seq`, 1)
    demandText(value, `${where}.value`)
    return { type, run, seq, value }
  }
  const { table, key, expect } = write
  demandName(key, `${where}.key`)
  if (expect !== undefined) demandCount(expect, `${where}.expect`, 0)
  if (write.type === 'delete') return { type: write.type, table, key, expect }
  const { type, value, tag, due } = write
  demandText(value, `${where}.value`)
  if (tag !== undefined) demandName(tag, `${where}.tag`)
  if (due !== undefined && !Number.isFinite(due)) {
    throw refused(`${where}.due is ${String(due)}, not a time in milliseconds`)
  }
  return { type, table, key, value, tag, due, expect }
}

/** A key, a tag, the name of a run or of a lease. */
export const demandName = (name: string, where: string): void => {
  demandText(name, where)
  // A unit of UTF-16 takes three bytes at most, six when it is escaped.
  if (name.length * 6 <= MAX_NAME_BYTES) return
  const bytes = Buffer.byteLength(toStored(name))
  if (bytes <= MAX_NAME_BYTES) return
  const start = name.slice(0, 40)
  const limit = `${MAX_NAME_BYTES} is the limit`
  throw refused(`${where} is ${bytes} bytes long, and ${limit}; it begins with "${start}"`)
}

const demandCount = (count: number, where: string, least: number): void => {
  if (!Number.isSafeInteger(count) || count < least) {
    throw refused(`${where} is ${String(count)}, not a whole number from ${least}`)
  }
}

/** What `journal` is asked. */
export const demandFrom = (run: string, fromSeq: number): void => {
  demandName(run, 'run')
  demandCount(fromSeq, 'fromSeq', 1)
}

/** What `list` is asked. */
export type Query = Parameters<Store['list']>[1]

/** The same, checked. */
export const acceptedQuery = ({ tag, dueBefore, after, limit }: Query): Query => {
  demandCount(limit, 'limit', 0)
  if (tag !== undefined) demandName(tag, 'tag')
  if (after !== undefined) demandName(after, 'after')
  if (Number.isNaN(dueBefore)) throw refused('dueBefore is NaN, not a time in milliseconds')
  return { tag, dueBefore, after, limit }
}

/** What `acquire` is asked. */
export const demandLease = (lease: string, owner: string, ttlMs: number): void => {
  demandName(lease, 'lease')
  demandName(owner, 'owner')
  if (Number.isFinite(ttlMs) && ttlMs >= 0) return
  throw refused(`ttlMs is ${String(ttlMs)}, not a duration in milliseconds`)
}

const demandText = (text: string, where: string): void => {
  if (typeof text !== 'string') throw refused(`${where} is ${typeof text}, not text`)
}

const refused = (why: string): ProviderError =>
  new ProviderError(`the store refused this, and nothing was written: ${why}`, {
    code: 'BAD_REQUEST',
    retryable: false,
  })
