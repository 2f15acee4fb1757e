/**
 * The thread of a store on SQLite. Does whole batches in one transaction, so that all their commits share one
 * sync.
 */
import type { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { ConflictError } from '../contracts/errors.ts'
import { isBreaking, sqliteFault } from './sqlite-errors.ts'
import { openFile } from './sqlite-file.ts'
import { lockFor } from './sqlite-lock.ts'
import { toFailure, type Gives, type Reply, type Request, type Start } from './sqlite-protocol.ts'
import { SqliteTables } from './sqlite-tables.ts'

type Open = { readonly database: DatabaseSync; readonly tables: SqliteTables }

const { file, namespace, first }: Start = workerData as Start
const reads: readonly Request['type'][] = ['open', 'journal', 'get', 'list', 'close']

let unlock: (() => void) | undefined
let open: Open | undefined
let opened = false
/** Set by a failure after which the file has to be opened anew. */
let breaks = false

const opening = (): Open => {
  unlock ??= lockFor(file)
  const database = openFile(file)
  try {
    return { database, tables: new SqliteTables(database, namespace, first && !opened) }
  } catch (error) {
    database.close()
    throw error
  }
}

const close = (): void => {
  open?.database.close()
  open = undefined
}

/** Answers all requests, or throws what failed all of them. */
const perform = (requests: readonly Request[]): Reply[] => {
  const { database, tables } = (open ??= opening())
  opened = true
  const onlyReads = requests.every(({ type }) => reads.includes(type))
  if (onlyReads) return requests.map((request) => read(tables, request))
  database.exec('BEGIN IMMEDIATE')
  try {
    const among = requests.length > 1
    const replies = requests.map((request) =>
      reads.includes(request.type) ? read(tables, request) : write({ database, tables }, request, among),
    )
    database.exec(replies.every((reply) => 'failure' in reply) ? 'ROLLBACK' : 'COMMIT')
    return replies
  } catch (error) {
    tables.forget()
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** A read that fails fails alone. */
const read = (tables: SqliteTables, request: Request): Reply => {
  try {
    return { given: give(tables, request) }
  } catch (error) {
    return failed(error)
  }
}

/**
 * A write that is refused leaves nothing behind. One that the database fails at fails the whole transaction.
 */
const write = ({ database, tables }: Open, request: Request, among: boolean): Reply => {
  if (among) database.exec('SAVEPOINT request')
  try {
    const given = give(tables, request)
    if (among) database.exec('RELEASE request')
    return { given }
  } catch (error) {
    const fault = sqliteFault(file, error)
    if (!(fault instanceof ConflictError) && fault.code !== 'BAD_REQUEST') throw error
    tables.forget()
    // The whole transaction is rolled back where it holds nothing else.
    if (among) database.exec('ROLLBACK TO request; RELEASE request')
    return { failure: toFailure(fault) }
  }
}

const give = (tables: SqliteTables, request: Request): Gives[keyof Gives] => {
  switch (request.type) {
    case 'commit':
      return tables.commit(request.writes, request.lease)
    case 'journal':
      return tables.journal(request.run, request.from)
    case 'get':
      return tables.get(request.table, request.key)
    case 'list':
      return tables.list(request.table, request.query)
    case 'acquire':
      return tables.acquire(request.lease, request.owner, request.ttlMs)
    case 'release':
      return tables.release(request.lease, request.epoch)
    case 'open':
    case 'close':
      return undefined
  }
}

const failed = (error: unknown): Reply => {
  breaks ||= isBreaking(error)
  return { failure: toFailure(sqliteFault(file, error)) }
}

const answer = (requests: readonly Request[]): Reply[] => {
  breaks = false
  if (requests[0]?.type === 'close') {
    close()
    unlock?.()
    unlock = undefined
    return [{ given: undefined }]
  }
  let replies: Reply[]
  try {
    replies = perform(requests)
  } catch (error) {
    const reply = failed(error)
    replies = requests.map(() => reply)
  }
  if (breaks) close()
  return replies
}

parentPort?.on('message', (requests: readonly Request[]) => parentPort?.postMessage(answer(requests), []))
