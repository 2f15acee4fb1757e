/** Lines that each hold the hash of the line before: what is lost, doubled or half written shows. */
import { createHash } from 'node:crypto'
import type { Store } from 'troupe'

/** The line that follows one. */
export const chained = (before: string, seq: number): string =>
  `${createHash('sha256').update(before).digest('hex')} ${String(seq).repeat(100)}`

/** The end of a journal; `seq` 0 when it is empty. */
export const lastOf = async (store: Store, run: string): Promise<{ seq: number; value: string }> => {
  let last = { seq: 0, value: '' }
  for await (const line of store.journal(run)) last = line
  return last
}

/** What is wrong with a journal: nothing, when it is a whole chain. */
export const faultsOf = async (store: Store, run: string): Promise<string[]> => {
  const faults: string[] = []
  let [seq, before] = [0, '']
  for await (const line of store.journal(run)) {
    seq += 1
    if (line.seq !== seq) faults.push(`${run}: line ${line.seq} is where ${seq} should be`)
    if (line.value !== chained(before, seq)) faults.push(`${run}: line ${seq} does not follow the one before`)
    before = line.value
  }
  const copy = await lastOf(store, `${run} copy`)
  const row = await store.get('run', run)
  if (copy.seq !== seq || copy.value !== before) faults.push(`${run}: the copy ends with ${copy.seq}, not ${seq}`)
  if ((row?.version ?? 0) !== seq) faults.push(`${run}: the row counts ${row?.version ?? 0}, not ${seq}`)
  return faults
}
