/** The entry `troupe/testing`: time that tests move by hand. */
import type { Clock } from './contracts/ports.ts'
import type { System } from './contracts/system.ts'
import { dropSystem } from './system/start-system.ts'

/** A clock for tests. */
export interface ManualClock extends Clock {
  /** Fires each due timer at its own time, and lets every system on this clock settle in between. */
  advance(ms: number): Promise<void>
}

interface Waiting {
  readonly at: number
  readonly order: number
  readonly fn: () => void
}

/** A clock that stands still. `startMs`: milliseconds since the epoch, default 0. */
export function manualClock(startMs = 0): ManualClock {
  let now = startMs
  let order = 0
  const waiting = new Set<Waiting>()
  const systems = new Set<() => Promise<void>>()
  const settle = async (): Promise<void> => {
    for (const system of systems) await system()
  }
  const next = (until: number): Waiting | undefined => {
    let first: Waiting | undefined
    for (const timer of waiting) {
      if (timer.at > until) continue
      if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer
    }
    return first
  }
  return {
    now: () => now,
    setTimeout: (fn, ms) => {
      const timer = { at: now + Math.max(0, ms), order: (order += 1), fn }
      waiting.add(timer)
      return timer
    },
    clearTimeout: (id) => void waiting.delete(id as Waiting),
    attach: (system) => {
      systems.add(system)
      return () => void systems.delete(system)
    },
    advance: async (ms) => {
      const until = now + ms
      await settle()
      for (let timer = next(until); timer; timer = next(until)) {
        waiting.delete(timer)
        now = Math.max(now, timer.at)
        timer.fn()
        await settle()
      }
      now = until
    },
  }
}

/**
 * Drops a system as a killed process would: nothing more is sent or written, no hook runs, the lock of its store is
 * free. What the next system on that store recovers is what a crash would leave.
 */
export function crash(system: System): void {
  dropSystem(system)
}
