/** The entry `troupe/stores/sqlite`: keeps state in one file. */
import { realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { ConfigurationError } from '../contracts/errors.ts'
import type { Store } from '../contracts/ports.ts'
import {
  acceptedLease,
  acceptedQuery,
  acceptedWrites,
  demandFrom,
  demandLease,
  demandName,
} from './acceptable.ts'
import { notOpen, opens } from './openness.ts'
import { SqliteThread } from './sqlite-thread.ts'

interface Opened {
  readonly namespace: string
  readonly thread: SqliteThread
  readonly ready: Promise<void>
}

/**
 * WAL, `synchronous=FULL`, group commit. One process at a time.
 * @param file made when it is not there; its folder has to be. Beside it are `-wal`, `-shm` and `-lock`
 * @throws ConfigurationError when it is no path; `open` rejects with it when the file belongs to another
 *   program
 */
export function sqlite(file: string): Store {
  if (file === '' || file === ':memory:') {
    throw new ConfigurationError(
      `"${file}" is no file; without one there is memory() of troupe/stores/memory`,
    )
  }
  const path = resolve(file)
  let opened: Opened | undefined

  const thread = (): SqliteThread => {
    if (!opened) throw notOpen()
    return opened.thread
  }

  const open = async (namespace: string): Promise<void> => {
    const started = new SqliteThread(realPath(path), namespace)
    const ready = started.request({ type: 'open' })
    const own = (opened = { namespace, thread: started, ready })
    try {
      await ready
    } catch (error) {
      if (opened === own) opened = undefined
      await started.end()
      throw error
    }
  }

  return {
    durable: true,
    open: async (namespace) => (opens(opened?.namespace, namespace) ? open(namespace) : opened?.ready),
    commit: async (writes, lease) => {
      const opened = thread()
      await opened.request({ type: 'commit', writes: acceptedWrites(writes), lease: acceptedLease(lease) })
    },
    journal: async function* (run, fromSeq = 1) {
      demandFrom(run, fromSeq)
      for (let from = fromSeq; ; ) {
        const { entries, more } = await thread().request({ type: 'journal', run, from })
        yield* entries
        if (!more) return
        from += entries.length
      }
    },
    get: async (table, key) => thread().request({ type: 'get', table, key }),
    list: async (table, query) => {
      const opened = thread()
      return opened.request({ type: 'list', table, query: acceptedQuery(query) })
    },
    acquire: async (lease, owner, ttlMs) => {
      const opened = thread()
      demandLease(lease, owner, ttlMs)
      return opened.request({ type: 'acquire', lease, owner, ttlMs })
    },
    release: async (lease, epoch) => {
      const opened = thread()
      demandName(lease, 'lease')
      await opened.request({ type: 'release', lease, epoch })
    },
    close: async () => {
      const closing = opened?.thread
      opened = undefined
      await closing?.request({ type: 'close' })
      await closing?.end()
    },
  }
}

/** Two names of a file are one lock. */
const realPath = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    // Not there yet, so that only its folder has other names.
  }
  try {
    return join(realpathSync(dirname(path)), basename(path))
  } catch {
    return path
  }
}
