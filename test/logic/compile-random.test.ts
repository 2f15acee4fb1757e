/** Compiled machines do what XState's interpreter does, on thousands of random ones. */
import { describe, expect, it } from 'vitest'
import { randomEvent, randomMachine, seeded } from './random-machine.ts'
import { runTwins } from './twins.ts'

const machines = 5_000
const eventsEach = 12

describe('a random machine', () => {
  it('behaves alike, compiled and interpreted', { timeout: 120_000 }, () => {
    const first = Number(process.env['SEED'] ?? 1)
    const seen = { taken: 0, thrown: 0, done: 0 }
    for (let seed = first; seed < first + machines; seed += 1) {
      const chance = seeded(seed)
      const machine = randomMachine(chance)
      const events = Array.from({ length: eventsEach }, () => randomEvent(chance))
      const input = { a: Math.floor(chance() * 6.1) }
      try {
        const { taken, thrown, last } = runTwins(machine, { input, events })
        seen.taken += taken
        seen.thrown += thrown
        seen.done += last?.status === 'done' ? 1 : 0
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
      }
    }
    // The comparison is worth something only as long as much happens in it.
    expect(seen.taken).toBeGreaterThan(machines * 2)
    expect(seen.thrown).toBeGreaterThan(machines / 20)
    expect(seen.done).toBeGreaterThan(machines / 20)
  })
})
