/**
 * One process for a database at a time. The lock is SQLite's own on a small file beside it, so the system
 * ends it with the process, however that ends; the small file can be read meanwhile and says who holds the
 * lock.
 */
import { hostname } from 'node:os'
import { DatabaseSync } from 'node:sqlite'
import { ConflictError } from '../contracts/errors.ts'
import { isBusy } from './sqlite-errors.ts'

/** For a reader or a writer of who holds it, who is done in no time. */
const BRIEFLY_MS = 1_000

/**
 * Takes the lock; gives what lets go of it.
 * @throws ConflictError `STORE_LOCKED`, at once
 */
export const lockFor = (file: string): (() => void) => {
  const database = new DatabaseSync(`${file}-lock`)
  try {
    take(database)
    database.exec('CREATE TABLE IF NOT EXISTS holder (pid INTEGER, host TEXT, since TEXT)')
    database.exec('DELETE FROM holder')
    const insert = database.prepare('INSERT INTO holder VALUES (?, ?, ?)')
    insert.run(process.pid, hostname(), new Date().toISOString())
    database.exec(`PRAGMA busy_timeout = ${BRIEFLY_MS}; COMMIT`)
    // Held without a write: others can read who we are.
    take(database)
  } catch (error) {
    const holder = isBusy(error) ? holderOf(database) : undefined
    database.close()
    throw holder ? new ConflictError(file, 'no other process', holder, 'STORE_LOCKED') : error
  }
  return () => database.close()
}

const take = (database: DatabaseSync): void => database.exec('PRAGMA busy_timeout = 0; BEGIN IMMEDIATE')

const holderOf = (database: DatabaseSync): string => {
  try {
    if (database.isTransaction) database.exec('ROLLBACK')
    database.exec(`PRAGMA busy_timeout = ${BRIEFLY_MS}`)
    const holder = database.prepare('SELECT pid, host, since FROM holder').get()
    const { pid, host, since } = holder ?? {}
    if (holder) return `process ${String(pid)} on ${String(host)}, since ${String(since)}`
  } catch {
    // It is just about to write its name, or is no process of ours.
  }
  return 'a process that does not say who it is'
}
