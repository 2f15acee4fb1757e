/**
 * The entry `troupe/stores/memory`: keeps state in this process. For tests and single runs; nothing survives
 * exit.
 */
import type { Store } from '../contracts/ports.ts'
import {
  acceptedLease,
  acceptedQuery,
  acceptedWrites,
  demandFrom,
  demandLease,
  demandName,
} from './acceptable.ts'
import { MemoryTables } from './memory-tables.ts'
import { notOpen, opens } from './openness.ts'

/**
 * This process only; keeps the last 1_000 ended runs, fewer where their inputs and outputs pass 50 million
 * characters.
 */
export function memory(): Store {
  const kept = new Map<string, MemoryTables>()
  let namespace: string | undefined

  const tables = (): MemoryTables => {
    const found = namespace === undefined ? undefined : kept.get(namespace)
    if (!found) throw notOpen()
    return found
  }

  return {
    durable: false,
    open: async (name) => {
      if (!opens(namespace, name)) return
      if (!kept.has(name)) kept.set(name, new MemoryTables())
      namespace = name
    },
    commit: async (writes, lease) => {
      const opened = tables()
      opened.commit(acceptedWrites(writes), acceptedLease(lease))
    },
    journal: async function* (run, fromSeq = 1) {
      demandFrom(run, fromSeq)
      for (let seq = fromSeq; ; seq += 1) {
        const value = tables().entry(run, seq)
        if (value === undefined) return
        yield { seq, value }
      }
    },
    get: async (table, key) => tables().row(table, key),
    list: async (table, query) => {
      const opened = tables()
      return opened.list(table, acceptedQuery(query))
    },
    acquire: async (lease, owner, ttlMs) => {
      const opened = tables()
      demandLease(lease, owner, ttlMs)
      return opened.acquire(lease, owner, ttlMs)
    },
    release: async (lease, epoch) => {
      const opened = tables()
      demandName(lease, 'lease')
      opened.release(lease, epoch)
    },
    close: async () => {
      namespace = undefined
    },
  }
}
