/**
 * Journals, tables and leases of a namespace in plain maps: what the databases have to do, in the fewest
 * words.
 */
import { ConflictError } from '../contracts/errors.ts'
import type { Row, Table, Write } from '../contracts/ports.ts'
import type { Lease, Query } from './acceptable.ts'
import { startOf } from './page.ts'
import { compareStored, toStored } from './stored-text.ts'

type Held = { readonly owner: string; readonly epoch: number; readonly until: number }
type Put = Extract<Write, { type: 'put' }>
type Delete = Extract<Write, { type: 'delete' }>
type Append = Extract<Write, { type: 'append' }>

export class MemoryTables {
  readonly #journals = new Map<string, string[]>()
  readonly #tables = new Map<Table, Map<string, Row>>()
  readonly #leases = new Map<string, Held>()
  #epochs = 0

  commit(writes: readonly Write[], lease: Lease | undefined): void {
    if (lease) this.#demandHeld(lease)
    const undo: (() => void)[] = []
    try {
      for (const write of writes) undo.push(this.#apply(write))
    } catch (error) {
      for (const back of undo.toReversed()) back()
      throw error
    }
  }

  entry(run: string, seq: number): string | undefined {
    return this.#journals.get(run)?.[seq - 1]
  }

  row(table: Table, key: string): Row | undefined {
    return this.#tables.get(table)?.get(key)
  }

  list(table: Table, { tag, dueBefore, after, limit }: Query): Row[] {
    const start = startOf(after && toStored(after), after === undefined ? undefined : this.row(table, after))
    const isOnPage = ({ key, due }: { key: string; due: number | undefined }): boolean => {
      if (due === undefined) return dueBefore === undefined && compareStored(key, start.undated) >= 0
      if (!start.dated || (dueBefore !== undefined && due >= dueBefore)) return false
      return due === start.dated.due ? compareStored(key, start.dated.key) >= 0 : due > start.dated.due
    }
    return [...(this.#tables.get(table)?.values() ?? [])]
      .filter((row) => tag === undefined || row.tag === tag)
      .map((row) => ({ row, key: toStored(row.key), due: row.due }))
      .filter(isOnPage)
      .toSorted((a, b) => byDue(a.due, b.due) || compareStored(a.key, b.key))
      .slice(0, limit)
      .map(({ row }) => row)
  }

  acquire(name: string, owner: string, ttlMs: number): number | undefined {
    const held = this.#leases.get(name)
    // Of a clock that nobody sets.
    const now = performance.now()
    if (held && held.owner !== owner && held.until > now) return undefined
    const epoch = held?.owner === owner ? held.epoch : (this.#epochs += 1)
    this.#leases.set(name, { owner, epoch, until: now + ttlMs })
    return epoch
  }

  release(name: string, epoch: number): void {
    if (this.#leases.get(name)?.epoch === epoch) this.#leases.delete(name)
  }

  #demandHeld({ name, epoch }: Lease): void {
    const actual = this.#leases.get(name)?.epoch
    if (actual !== epoch) throw new ConflictError(name, epoch, actual, 'STALE_EPOCH')
  }

  /** Gives what takes the write back. */
  #apply(write: Write): () => void {
    switch (write.type) {
      case 'append':
        return this.#append(write)
      case 'put':
        return this.#put(write)
      case 'delete':
        return this.#delete(write)
    }
  }

  #append({ run, seq, value }: Append): () => void {
    let journal = this.#journals.get(run)
    const next = (journal?.length ?? 0) + 1
    if (seq !== next) throw new ConflictError(`${run}#${seq}`, seq, next)
    if (!journal) this.#journals.set(run, (journal = []))
    journal.push(value)
    return () => {
      journal.pop()
      if (journal.length === 0) this.#journals.delete(run)
    }
  }

  #put({ table, key, value, tag, due, expect }: Put): () => void {
    const rows = this.#rows(table)
    const before = this.#demandVersion(table, key, expect)
    if (table === 'blob' && before && expect === undefined) {
      if (before.value !== value) throw new ConflictError(key, 'the same content', 'another content')
      if (before.tag === tag && before.due === due) return () => {}
    }
    const row = { key, value, version: (before?.version ?? 0) + 1, tag, due }
    rows.set(key, Object.freeze(row))
    return () => restore(rows, key, before)
  }

  #delete({ table, key, expect }: Delete): () => void {
    const rows = this.#rows(table)
    const before = this.#demandVersion(table, key, expect)
    // A run goes with its journal.
    const journal = table === 'run' ? this.#journals.get(key) : undefined
    rows.delete(key)
    if (journal) this.#journals.delete(key)
    return () => {
      restore(rows, key, before)
      if (journal) this.#journals.set(key, journal)
    }
  }

  #demandVersion(table: Table, key: string, expect: number | undefined): Row | undefined {
    const row = this.row(table, key)
    const actual = row?.version ?? 0
    if (expect !== undefined && expect !== actual) throw new ConflictError(key, expect, actual)
    return row
  }

  #rows(table: Table): Map<string, Row> {
    let rows = this.#tables.get(table)
    if (!rows) this.#tables.set(table, (rows = new Map()))
    return rows
  }
}

const restore = (rows: Map<string, Row>, key: string, row: Row | undefined): void => {
  if (row) rows.set(key, row)
  else rows.delete(key)
}

/** Rows without a time come last. */
const byDue = (a: number | undefined, b: number | undefined): number =>
  a === b ? 0 : a === undefined ? 1 : b === undefined ? -1 : a - b
