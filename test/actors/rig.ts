/** A system on a clock that stands still, for the tests of agents and patterns. */
import { onTestFinished } from 'vitest'
import {
  createSystem,
  type AnyAgent,
  type Outcome,
  type Run,
  type RunEvent,
  type System,
} from '../../src/index.ts'
import { manualClock, type ManualClock } from '../../src/testing.ts'

/** Stopped when the test is over. */
export const rig = async (): Promise<{ system: System; clock: ManualClock }> => {
  const clock = manualClock(1_000)
  const system = await createSystem({ clock, seed: 1 })
  onTestFinished(async () => {
    const stopped = system.stop()
    await clock.advance(100_000)
    await stopped
  })
  return { system, clock }
}

/** All events of a run that ends. */
export const eventsOf = async (run: Run<unknown>): Promise<RunEvent[]> => {
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return events
}

/** The code of the error that an outcome carries. */
export const codeOf = (outcome: Outcome): string | undefined =>
  'error' in outcome ? outcome.error.code : undefined

/** The state of an agent's lifecycle. */
export const stateOf = (system: System, agent: AnyAgent): unknown => system.actor(agent).getSnapshot().value

/** A promise that is settled by hand. */
export const promised = <T>(): {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
} => Promise.withResolvers<T>()
