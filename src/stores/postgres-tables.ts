/** Journals, tables and leases of a namespace in PostgreSQL. */
import type { Row, Table, Write } from '../contracts/ports.ts'
import type { Lease, Query } from './acceptable.ts'
import { startOf } from './page.ts'
import { PostgresCommits } from './postgres-commits.ts'
import { postgresPool, type PostgresPool } from './postgres-pool.ts'
import { migrate, quoted } from './postgres-schema.ts'
import { fromStored, toStored } from './stored-text.ts'

/** Columns as the driver gives them: what may pass 32 bits comes as text. */
type Found = { key: string; value: string; version: string; tag: string | null; due: number | null }

type Part = { entries: { seq: number; value: string }[]; more: boolean }

type At = { url: string; connections: number; place: string; schema: string }

/** A part of a journal ends after so many lines or bytes. */
const PART = { lines: 256, bytes: 500_000 }

export class PostgresTables {
  readonly #pool: PostgresPool
  readonly #commits: PostgresCommits
  readonly #schema: string

  private constructor(pool: PostgresPool, commits: PostgresCommits, schema: string) {
    this.#pool = pool
    this.#commits = commits
    this.#schema = quoted(schema)
  }

  /** Connects and migrates. */
  static async open({ url, connections, place, schema }: At): Promise<PostgresTables> {
    const pool = await postgresPool(url, connections, place)
    try {
      await pool.use((client) => migrate(client, schema))
    } catch (error) {
      await pool.end()
      throw error
    }
    return new PostgresTables(pool, new PostgresCommits(pool, place, schema), schema)
  }

  commit(writes: readonly Write[], lease: Lease | undefined): Promise<void> {
    return this.#commits.commit(writes, lease)
  }

  async journal(run: string, from: number): Promise<Part> {
    const part = `SELECT seq, value, sum(octet_length(value)) OVER (ORDER BY seq) AS bytes
      FROM ${this.#schema}.journal WHERE run = $1 AND seq >= $2 ORDER BY seq LIMIT ${PART.lines}`
    // With the line that passes the limit, so that there is one at least.
    const sql = `SELECT seq, value, bytes FROM (${part}) AS part
      WHERE bytes - octet_length(value) < ${PART.bytes} ORDER BY seq`
    const rows = await this.#pool.query<Record<'seq' | 'value' | 'bytes', string>>(sql, [toStored(run), from])
    const entries = rows.map(({ seq, value }) => ({ seq: Number(seq), value: fromStored(value) }))
    return { entries, more: rows.length === PART.lines || Number(rows.at(-1)?.bytes) >= PART.bytes }
  }

  async get(table: Table, key: string): Promise<Row | undefined> {
    const [row] = await this.#rows('"table" = $1 AND key = $2', [table, toStored(key)])
    return row
  }

  async list(table: Table, { tag, dueBefore, after, limit }: Query): Promise<Row[]> {
    const start = startOf(
      after === undefined ? undefined : toStored(after),
      after === undefined ? undefined : await this.get(table, after),
    )
    const of = [table, limit, ...(tag === undefined ? [] : [toStored(tag)])]
    const where = `"table" = $1${tag === undefined ? '' : ' AND tag = $3'}`
    const next = (offset: number): string => `$${of.length + offset}`
    const rows: Row[] = []
    if (start.dated) {
      const before = dueBefore === undefined ? '' : ` AND due < ${next(3)}`
      const dated = `${where} AND due IS NOT NULL AND (due, key) >= (${next(1)}, ${next(2)})${before}`
      const bounds = [start.dated.due, start.dated.key, ...(dueBefore === undefined ? [] : [dueBefore])]
      rows.push(...(await this.#rows(`${dated} ORDER BY due, key LIMIT $2`, [...of, ...bounds])))
    }
    if (dueBefore !== undefined || rows.length >= limit) return rows
    const undated = `${where} AND due IS NULL AND key >= ${next(1)} ORDER BY key LIMIT $2`
    return [...rows, ...(await this.#rows(undated, [...of, start.undated])).slice(0, limit - rows.length)]
  }

  async acquire(lease: string, owner: string, ttlMs: number): Promise<number | undefined> {
    // The server's clock, read when the row is ours.
    const until = `clock_timestamp() + $3 * interval '1 millisecond'`
    const epoch = `nextval('${this.#schema.replaceAll("'", "''")}.epoch')`
    const sql = `INSERT INTO ${this.#schema}.lease AS l (name, owner, epoch, until)
      VALUES ($1, $2, ${epoch}, ${until})
      ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = ${until},
        epoch = CASE WHEN l.owner = excluded.owner THEN l.epoch ELSE ${epoch} END
      WHERE l.owner = excluded.owner OR l.until <= clock_timestamp()
      RETURNING epoch`
    const rows = await this.#pool.query<{ epoch: string }>(sql, [toStored(lease), toStored(owner), ttlMs])
    return rows[0] && Number(rows[0].epoch)
  }

  async release(lease: string, epoch: number): Promise<void> {
    const sql = `DELETE FROM ${this.#schema}.lease WHERE name = $1 AND epoch = $2`
    await this.#pool.query(sql, [toStored(lease), epoch])
  }

  /** What was asked before is done first. */
  async close(): Promise<void> {
    await this.#commits.idle()
    await this.#pool.end()
  }

  async #rows(where: string, values: readonly unknown[]): Promise<Row[]> {
    const sql = `SELECT key, value, version, tag, due FROM ${this.#schema}.entry WHERE ${where}`
    return (await this.#pool.query<Found>(sql, values)).map(rowOf)
  }
}

const rowOf = ({ key, value, version, tag, due }: Found): Row => ({
  key: fromStored(key),
  value: fromStored(value),
  version: Number(version),
  tag: tag === null ? undefined : fromStored(tag),
  due: due ?? undefined,
})
