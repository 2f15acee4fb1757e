/**
 * `npm run bench:stores [-- --seconds 2 --folder . --postgres postgres://...]`: events of 1 KB in journals of
 * many runs, in commits of 100, from 100 callers at once, and one commit after the other. Beside the stores
 * `node:sqlite` itself in the same run, on the same disk and as durable, on the thread of the caller. Lag is
 * what a timer has to wait for; the loop is busy while it can do nothing else.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import { Client } from 'pg'
import type { Store, Write } from 'troupe'
import { memory } from 'troupe/stores/memory'
import { postgres } from 'troupe/stores/postgres'
import { sqlite } from 'troupe/stores/sqlite'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    folder: { type: 'string', default: '.' },
    postgres: { type: 'string', default: process.env['TROUPE_POSTGRES'] ?? '' },
  },
})
const lastsMs = Number(values.seconds) * 1_000
const folder = mkdtempSync(join(resolve(values.folder), '.bench-stores-'))
const payload = 'x'.repeat(1_024)
const RUNS = 1_000

type Commit = (events: number) => Promise<void> | void
type Workload = readonly [name: string, commit: number, callers: number]

const workloads: readonly Workload[] = [
  ['commits of 100', 100, 1],
  ['100 callers, 1 each', 1, 100],
  ['lone commits', 1, 1],
]

/** Events of one commit, each the next one of its run. */
const events = (): ((many: number) => Write[]) => {
  const last = new Map<string, number>()
  let next = 0
  return (many) =>
    Array.from({ length: many }, () => {
      next += 1
      const run = `run-${next % RUNS}-abcdefghijkl`
      const seq = (last.get(run) ?? 0) + 1
      last.set(run, seq)
      return { type: 'append', run, seq, value: payload }
    })
}

const measure = async (who: string, [name, size, callers]: Workload, commit: Commit): Promise<void> => {
  const lag = monitorEventLoopDelay({ resolution: 1 })
  const [start, before, loop] = [performance.now(), process.cpuUsage(), performance.eventLoopUtilization()]
  let [done, longest] = [0, 0]
  lag.enable()
  const call = async (): Promise<void> => {
    while (performance.now() - start < lastsMs) {
      const at = performance.now()
      await commit(size)
      longest = Math.max(longest, performance.now() - at)
      done += size
      // Callers have other things to do, and timers have to get their turn.
      await new Promise((turn) => void setImmediate(turn))
    }
  }
  await Promise.all(Array.from({ length: callers }, call))
  lag.disable()
  const [seconds, cpu] = [(performance.now() - start) / 1_000, process.cpuUsage(before)]
  const { active } = performance.eventLoopUtilization(loop)
  const row = {
    store: who,
    workload: name,
    'events/s': Math.round(done / seconds),
    'events/CPU-s': Math.round(done / ((cpu.user + cpu.system) / 1e6)),
    'loop busy us/event': Number(((active * 1_000) / done).toFixed(1)),
    'lag p99 ms': Number((lag.percentile(99) / 1e6).toFixed(1)),
    'lag max ms': Number((lag.max / 1e6).toFixed(1)),
    'longest commit ms': Number(longest.toFixed(1)),
  }
  console.log(JSON.stringify(row))
}

const measureStore = async (who: string, store: Store): Promise<void> => {
  await store.open('bench')
  const next = events()
  for (const workload of workloads) await measure(who, workload, (many) => store.commit(next(many)))
  await store.close()
}

const measurePostgres = async (url: string): Promise<void> => {
  const schema = `bench_${process.pid}`
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await measureStore('postgres', postgres(url, { schema }))
  } finally {
    await client.query(`DROP SCHEMA IF EXISTS ${schema}_bench CASCADE`)
    await client.end()
  }
}

const measureBare = async (): Promise<void> => {
  const database = new DatabaseSync(join(folder, 'bare.db'))
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec('CREATE TABLE event (run TEXT, seq INTEGER, value TEXT)')
  database.exec('CREATE UNIQUE INDEX run_seq ON event (run, seq)')
  const insert = database.prepare('INSERT INTO event VALUES (?, ?, ?)')
  const next = events()
  const commit: Commit = (many) => {
    database.exec('BEGIN IMMEDIATE')
    for (const write of next(many)) if (write.type === 'append') insert.run(write.run, write.seq, write.value)
    database.exec('COMMIT')
  }
  for (const workload of workloads) await measure('bare node:sqlite', workload, commit)
  database.close()
}

try {
  await measureStore('memory', memory())
  await measureBare()
  await measureStore('sqlite', sqlite(join(folder, 'ours.db')))
  if (values.postgres) await measurePostgres(values.postgres)
} finally {
  rmSync(folder, { recursive: true })
}
