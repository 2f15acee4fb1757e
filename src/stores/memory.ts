/** The entry `troupe/stores/memory`: keeps state in this process. For tests and single runs; nothing survives exit. */
import { ConflictError } from '../contracts/errors.ts'
import type { Row, Store, Write } from '../contracts/ports.ts'

type Entry = { readonly seq: number; readonly value: string }

/** This process only; keeps the last 1_000 ended runs, fewer where their inputs and outputs pass 50 million characters. */
export function memory(): Store {
  const journals = new Map<string, Entry[]>()
  const tables = new Map<string, Map<string, Row>>()
  const leases = new Map<string, { owner: string; epoch: number; until: number }>()
  const tableOf = (name: string): Map<string, Row> => {
    let table = tables.get(name)
    if (!table) tables.set(name, (table = new Map()))
    return table
  }

  const check = (write: Write): void => {
    if (write.type === 'append') {
      const last = journals.get(write.run)?.length ?? 0
      if (write.seq !== last + 1) throw new ConflictError(`${write.run}#${write.seq}`, last + 1, write.seq)
      return
    }
    if (write.expect === undefined) return
    const actual = tableOf(write.table).get(write.key)?.version ?? 0
    if (actual !== write.expect) throw new ConflictError(write.key, write.expect, actual)
  }

  const apply = (write: Write): void => {
    switch (write.type) {
      case 'append': {
        const journal = journals.get(write.run) ?? []
        journals.set(write.run, [...journal, { seq: write.seq, value: write.value }])
        return
      }
      case 'put': {
        const { table, key, value, tag, due } = write
        const version = (tableOf(table).get(key)?.version ?? 0) + 1
        tableOf(table).set(key, { key, value, version, tag, due })
        return
      }
      case 'delete':
        tableOf(write.table).delete(write.key)
    }
  }

  return {
    durable: false,
    open: async () => {},
    commit: async (writes, lease) => {
      if (lease && leases.get(lease.name)?.epoch !== lease.epoch) {
        throw new ConflictError(lease.name, leases.get(lease.name)?.epoch, lease.epoch, 'STALE_EPOCH')
      }
      for (const write of writes) check(write)
      for (const write of writes) apply(write)
    },
    journal: async function* (run, fromSeq = 1) {
      yield* (journals.get(run) ?? []).slice(fromSeq - 1)
    },
    get: async (table, key) => tableOf(table).get(key),
    list: async (table, { tag, dueBefore, after, limit }) => {
      const rows = [...tableOf(table).values()]
        .filter((row) => tag === undefined || row.tag === tag)
        .filter((row) => dueBefore === undefined || (row.due !== undefined && row.due < dueBefore))
        .toSorted((a, b) => (a.due ?? Infinity) - (b.due ?? Infinity) || (a.key < b.key ? -1 : 1))
      const from = after === undefined ? 0 : rows.findIndex(({ key }) => key === after) + 1
      return rows.slice(from, from + limit)
    },
    acquire: async (name, owner, ttlMs) => {
      const held = leases.get(name)
      const now = Date.now()
      if (held && held.owner !== owner && held.until > now) return undefined
      const epoch = held?.owner === owner ? held.epoch : (held?.epoch ?? 0) + 1
      leases.set(name, { owner, epoch, until: now + ttlMs })
      return epoch
    },
    release: async (name, epoch) => {
      const held = leases.get(name)
      if (held?.epoch === epoch) leases.set(name, { ...held, until: 0 })
    },
    close: async () => {},
  }
}
