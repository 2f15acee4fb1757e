/** How many ended runs are kept, and that what they hold is bounded too. */
import { expect, it } from 'vitest'
import { EndedRuns, type Ended } from '../../src/system/ended-runs.ts'

const kept = (runs: readonly Ended[]): Ended[] => {
  const forgotten: Ended[] = []
  const ended = new EndedRuns<Ended>((run) => forgotten.push(run))
  for (const run of runs) ended.add(run)
  return runs.filter((run) => !forgotten.includes(run))
}
const small = (n: number): Ended => ({ input: n, result: { status: 'completed', output: n } })
const large = (text: string): Ended => ({ input: { text }, result: { status: 'completed', output: [text] } })

it('keeps the last thousand', () => {
  const runs = Array.from({ length: 1_003 }, (_, n) => small(n))
  expect(kept(runs)).toEqual(runs.slice(3))
})

it('keeps fewer when they are large, the newest ones', () => {
  const text = 'x'.repeat(5_000_000)
  const runs = Array.from({ length: 9 }, () => large(text))
  expect(kept(runs)).toEqual(runs.slice(5))
})

it('keeps the last one whatever it weighs', () => {
  const runs = [small(1), large('x'.repeat(60_000_000))]
  expect(kept(runs)).toEqual([runs[1]])
})

it('judges a long list by its beginning, and bytes by their number', () => {
  const list: Ended = { input: Array.from({ length: 300_000 }, () => 'x'.repeat(100)), result: undefined }
  const bytes: Ended = { input: { file: new Uint8Array(30_000_000) }, result: undefined }
  expect(kept([list, bytes])).toEqual([bytes])
})
