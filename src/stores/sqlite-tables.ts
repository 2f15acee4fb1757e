/**
 * Journals, tables and leases of a namespace in SQLite. Knows no transactions: who calls it begins and ends
 * them.
 */
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import { ConflictError } from '../contracts/errors.ts'
import type { Row, Table, Write } from '../contracts/ports.ts'
import type { Lease, Query } from './acceptable.ts'
import { startOf } from './page.ts'
import type { Part } from './sqlite-protocol.ts'
import { fromStored, toStored } from './stored-text.ts'

type Put = Extract<Write, { type: 'put' }>
type Delete = Extract<Write, { type: 'delete' }>
type Append = Extract<Write, { type: 'append' }>
type Values = Record<string, SQLOutputValue>

/** A part of a journal ends after so many lines or characters. */
const PART = { lines: 256, chars: 500_000 }

/** Runs whose last line is known by heart. */
const HEADS = 10_000

export class SqliteTables {
  readonly #database: DatabaseSync
  readonly #namespace: number
  readonly #statements = new Map<string, StatementSync>()
  // Nobody else writes, so that a head stays true until something is rolled back.
  readonly #heads = new Map<string, { readonly run: number; last: number }>()

  /** @param first ends the leases of processes that held the file before */
  constructor(database: DatabaseSync, namespace: string, first: boolean) {
    this.#database = database
    const name = toStored(namespace)
    this.#run('INSERT INTO namespace (name) VALUES (?) ON CONFLICT DO NOTHING', name)
    this.#namespace = Number(this.#get('SELECT id FROM namespace WHERE name = ?', name)?.['id'])
    if (first) this.#run('DELETE FROM lease WHERE namespace = ?', this.#namespace)
  }

  /** @throws ConflictError in the middle of it: the caller rolls back */
  commit(writes: readonly Write[], lease: Lease | undefined): void {
    if (lease) this.#demandHeld(lease)
    for (const write of writes) this.#apply(write)
  }

  /** To be called after every rollback. */
  forget(): void {
    this.#heads.clear()
  }

  journal(name: string, from: number): Part {
    const sql = 'SELECT seq, value FROM journal WHERE run = ? AND seq >= ? ORDER BY seq'
    const run = this.#runOf(name)
    const entries: { seq: number; value: string }[] = []
    let chars = 0
    if (run === undefined) return { entries, more: false }
    for (const line of this.#statement(sql).iterate(run, from)) {
      if (entries.length === PART.lines || chars >= PART.chars) return { entries, more: true }
      const value = fromStored(String(line['value']))
      entries.push({ seq: Number(line['seq']), value })
      chars += value.length
    }
    return { entries, more: false }
  }

  get(table: Table, key: string): Row | undefined {
    const found = this.#entry(table, toStored(key))
    return found && rowOf(found)
  }

  list(table: Table, { tag, dueBefore, after, limit }: Query): Row[] {
    const key = after === undefined ? undefined : toStored(after)
    const start = startOf(key, key === undefined ? undefined : this.get(table, after ?? ''))
    const of = [this.#namespace, table, ...(tag === undefined ? [] : [toStored(tag)])]
    const where = `namespace = ? AND "table" = ?${tag === undefined ? '' : ' AND tag = ?'}`
    const rows: Row[] = []
    if (start.dated) {
      const before = dueBefore === undefined ? '' : ' AND due < ?'
      const sql = `${where} AND due IS NOT NULL AND (due, key) >= (?, ?)${before} ORDER BY due, key LIMIT ?`
      const upper = dueBefore === undefined ? [] : [dueBefore]
      rows.push(...this.#rows(sql, [...of, start.dated.due, start.dated.key, ...upper, limit]))
    }
    if (dueBefore !== undefined || rows.length >= limit) return rows
    const undated = `${where} AND due IS NULL AND key >= ? ORDER BY key LIMIT ?`
    return [...rows, ...this.#rows(undated, [...of, start.undated, limit - rows.length])]
  }

  acquire(lease: string, owner: string, ttlMs: number): number | undefined {
    const [name, by] = [toStored(lease), toStored(owner)]
    const current = 'SELECT owner, epoch, until FROM lease WHERE namespace = ? AND name = ?'
    const held = this.#get(current, this.#namespace, name)
    // Of a clock that nobody sets. It begins anew with the machine, and leases end when the file is opened.
    const now = Number(process.hrtime.bigint()) / 1e6
    if (held && held['owner'] !== by && Number(held['until']) > now) return undefined
    const epoch = held?.['owner'] === by ? Number(held['epoch']) : this.#nextEpoch()
    const sql = 'INSERT OR REPLACE INTO lease (namespace, name, owner, epoch, until) VALUES (?, ?, ?, ?, ?)'
    this.#run(sql, this.#namespace, name, by, epoch, now + ttlMs)
    return epoch
  }

  release(lease: string, epoch: number): void {
    const sql = 'DELETE FROM lease WHERE namespace = ? AND name = ? AND epoch = ?'
    this.#run(sql, this.#namespace, toStored(lease), epoch)
  }

  #nextEpoch(): number {
    return Number(this.#get('UPDATE epoch SET last = last + 1 RETURNING last')?.['last'])
  }

  #demandHeld({ name, epoch }: Lease): void {
    const sql = 'SELECT epoch FROM lease WHERE namespace = ? AND name = ?'
    const actual = this.#get(sql, this.#namespace, toStored(name))?.['epoch']
    if (actual !== epoch) throw new ConflictError(name, epoch, actual, 'STALE_EPOCH')
  }

  #apply(write: Write): void {
    switch (write.type) {
      case 'append':
        return this.#append(write)
      case 'put':
        return this.#put(write)
      case 'delete':
        return this.#delete(write)
    }
  }

  #append({ run, seq, value }: Append): void {
    const head = this.#heads.get(run) ?? this.#head(run)
    if (seq !== head.last + 1) throw new ConflictError(`${run}#${seq}`, seq, head.last + 1)
    this.#run('INSERT INTO journal (run, seq, value) VALUES (?, ?, ?)', head.run, seq, toStored(value))
    head.last = seq
  }

  #head(name: string): { run: number; last: number } {
    const sql = 'INSERT INTO run (namespace, name) VALUES (?, ?) RETURNING id'
    const run = this.#runOf(name) ?? Number(this.#get(sql, this.#namespace, toStored(name))?.['id'])
    const last = Number(this.#get('SELECT max(seq) AS last FROM journal WHERE run = ?', run)?.['last'])
    const head = { run, last }
    if (this.#heads.size >= HEADS) this.#heads.clear()
    this.#heads.set(name, head)
    return head
  }

  #runOf(name: string): number | undefined {
    const known = this.#heads.get(name)
    if (known) return known.run
    const sql = 'SELECT id FROM run WHERE namespace = ? AND name = ?'
    const found = this.#get(sql, this.#namespace, toStored(name))
    return found && Number(found['id'])
  }

  #put(write: Put): void {
    const { table, expect } = write
    const [key, value] = [toStored(write.key), toStored(write.value)]
    const tag = write.tag === undefined ? null : toStored(write.tag)
    const due = write.due ?? null
    if (expect !== undefined) this.#demandVersion(table, write.key, expect)
    const sql = `INSERT INTO entry (namespace, "table", key, value, version, tag, due)
      VALUES (?, ?, ?, ?, 1, ?, ?)
      ON CONFLICT (namespace, "table", key) DO UPDATE
      SET value = excluded.value, version = version + 1, tag = excluded.tag, due = excluded.due`
    const onceOnly = table === 'blob' && expect === undefined
    const same = 'WHERE value = excluded.value AND (tag IS NOT excluded.tag OR due IS NOT excluded.due)'
    const changed = this.#run(onceOnly ? `${sql} ${same}` : sql, this.#namespace, table, key, value, tag, due)
    if (changed === 0 && this.#entry(table, key)?.['value'] !== value) {
      throw new ConflictError(write.key, 'the same content', 'another content')
    }
  }

  #delete({ table, key: name, expect }: Delete): void {
    const key = toStored(name)
    if (expect !== undefined) this.#demandVersion(table, name, expect)
    const sql = 'DELETE FROM entry WHERE namespace = ? AND "table" = ? AND key = ?'
    this.#run(sql, this.#namespace, table, key)
    if (table === 'run') this.#deleteJournal(name)
  }

  #deleteJournal(name: string): void {
    const run = this.#runOf(name)
    if (run === undefined) return
    this.#run('DELETE FROM journal WHERE run = ?', run)
    this.#run('DELETE FROM run WHERE id = ?', run)
    this.#heads.delete(name)
  }

  #demandVersion(table: Table, key: string, expect: number): void {
    const sql = 'SELECT version FROM entry WHERE namespace = ? AND "table" = ? AND key = ?'
    const actual = Number(this.#get(sql, this.#namespace, table, toStored(key))?.['version'] ?? 0)
    if (actual !== expect) throw new ConflictError(key, expect, actual)
  }

  #entry(table: Table, key: string): Values | undefined {
    const sql = `SELECT key, value, version, tag, due FROM entry
      WHERE namespace = ? AND "table" = ? AND key = ?`
    return this.#get(sql, this.#namespace, table, key)
  }

  #rows(where: string, values: readonly SQLInputValue[]): Row[] {
    const sql = `SELECT key, value, version, tag, due FROM entry WHERE ${where}`
    return this.#statement(sql).all(...values).map(rowOf)
  }

  #get(sql: string, ...values: SQLInputValue[]): Values | undefined {
    return this.#statement(sql).get(...values)
  }

  #run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes)
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (!statement) this.#statements.set(sql, (statement = this.#database.prepare(sql)))
    return statement
  }
}

const rowOf = ({ key, value, version, tag, due }: Values): Row => ({
  key: fromStored(String(key)),
  value: fromStored(String(value)),
  version: Number(version),
  tag: tag === null ? undefined : fromStored(String(tag)),
  due: due === null ? undefined : Number(due),
})
