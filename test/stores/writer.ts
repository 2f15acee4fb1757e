/**
 * A program that commits until it is killed: `node writer.ts <sqlite file or postgres URL> [schema]`. Eight
 * commits are under way at a time; each adds a line to two journals and counts in a row, all or nothing. Says
 * what was acknowledged.
 */
import type { Store } from 'troupe'
import { postgres } from 'troupe/stores/postgres'
import { sqlite } from 'troupe/stores/sqlite'
import { chained, lastOf } from './chain.ts'

const [at = '', schema = 'troupe'] = process.argv.slice(2)
const store: Store = at.startsWith('postgres:') ? postgres(at, { schema }) : sqlite(at)

const write = async (run: string): Promise<never> => {
  let { seq, value } = await lastOf(store, run)
  for (;;) {
    seq += 1
    value = chained(value, seq)
    await store.commit([
      { type: 'append', run, seq, value },
      { type: 'append', run: `${run} copy`, seq, value },
      { type: 'put', table: 'run', key: run, value, expect: seq - 1 },
    ])
    process.stdout.write(`${run} ${seq}\n`)
  }
}

try {
  await store.open('test')
  process.stdout.write('open\n')
  await Promise.all(Array.from({ length: 8 }, (_, i) => write(`run-${i}`)))
} catch (error) {
  process.stdout.write(`${JSON.stringify(error)}\n`)
  process.exitCode = 1
}
