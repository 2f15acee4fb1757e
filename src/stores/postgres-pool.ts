/**
 * Connections to PostgreSQL: the driver, loaded when it is needed first, and how one is borrowed and given
 * back.
 */
import type { Pool, PoolClient, QueryResultRow } from 'pg'
import { NotProvidedError } from '../contracts/errors.ts'
import { isUsable, postgresFault } from './postgres-errors.ts'

/** Nobody waits longer for a connection, for the server, and for an answer that got lost on the way. */
const LIMITS = { connectMs: 10_000, statementMs: 30_000, answerMs: 40_000 }

export class PostgresPool {
  readonly #pool: Pool
  readonly #place: string

  constructor(pool: Pool, place: string) {
    this.#pool = pool
    this.#place = place
  }

  /** The rows of one statement. */
  async query<R extends QueryResultRow>(sql: string, values: readonly unknown[]): Promise<R[]> {
    return this.use(async (client) => (await client.query<R>(sql, [...values])).rows)
  }

  /**
   * Runs something on one connection; a connection that failed is not used again. Errors are as the driver
   * has them.
   */
  async raw<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect()
    try {
      const result = await work(client)
      client.release()
      return result
    } catch (error) {
      client.release(!isUsable(error))
      throw error
    }
  }

  /** The same, with errors as the port has them. */
  async use<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    try {
      return await this.raw(work)
    } catch (error) {
      throw postgresFault(this.#place, error)
    }
  }

  end(): Promise<void> {
    return this.#pool.end()
  }
}

/** @throws NotProvidedError when `pg` is not installed */
export const postgresPool = async (
  url: string,
  connections: number,
  place: string,
): Promise<PostgresPool> => {
  const { Pool } = await driver()
  const pool = new Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: LIMITS.connectMs,
    statement_timeout: LIMITS.statementMs,
    query_timeout: LIMITS.answerMs,
    keepAlive: true,
    application_name: 'troupe',
    // The process waits for what is asked, not for a store that is merely open.
    allowExitOnIdle: true,
  })
  // Who uses a connection that is lost hears of it by the promise; one that nobody uses is replaced.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return new PostgresPool(pool, place)
}

const driver = async (): Promise<typeof import('pg')> => {
  try {
    return await import('pg')
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new NotProvidedError('a store in PostgreSQL needs the package `pg`: npm install pg', {
      cause: error,
    })
  }
}
