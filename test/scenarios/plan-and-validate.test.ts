/** A trip in four bookings: what is too dear is planned again with what hangs on it, what was good stays. */
import { createSystem, type RunEvent, type System } from 'troupe'
import { manualClock } from 'troupe/testing'
import { afterEach, expect, it } from 'vitest'
import team from '../../docs/examples/plan-and-validate/team.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

const book = async (trip: { days: number; eur: number }) => {
  system = await createSystem({ clock: manualClock(), seed: 1 })
  const run = system.submit(team, { id: 't', city: 'Rome', ...trip })
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  const worked = events.flatMap((event) => (event.type === 'task.started' ? [event.agent] : []))
  const revisions = events.flatMap((event) =>
    event.type === 'decision.made' && event.kind === 'revision' ? [event.reason] : [],
  )
  const planned = events.flatMap((event) =>
    event.type === 'decision.made' && event.kind === 'plan' ? [event.reason] : [],
  )
  return { outcome: await run.outcome, worked, revisions, planned }
}

it('books all four steps of a plan that fits', async () => {
  const { outcome, worked, revisions } = await book({ days: 3, eur: 1000 })
  expect(outcome).toEqual({
    status: 'completed',
    output: {
      itinerary: ['taxis in Rome', 'a hotel in Rome', 'restaurants in Rome', 'guided tours in Rome'],
      eur: 675,
      missing: [],
    },
  })
  expect(worked).toEqual(['trip', 'planner', 'travel', 'stay', 'sights', 'meals'])
  expect(revisions).toEqual([])
})

it('plans step 2 of 4 again when its check fails, with what comes after it, and keeps the rest', async () => {
  const { outcome, worked, revisions, planned } = await book({ days: 4, eur: 900 })
  expect(outcome).toEqual({
    status: 'completed',
    output: {
      itinerary: ['taxis in Rome', 'guided tours in Rome', 'a hostel in Rome', 'restaurants in Rome'],
      eur: 600,
      missing: [],
    },
  })
  expect(worked).toEqual(['trip', 'planner', 'travel', 'stay', 'sights', 'planner', 'stay', 'meals'])
  expect(revisions).toEqual([
    'round 2: "stay": the output of subtask "stay" is not good enough: ' +
      'a hotel in Rome: 480 EUR, where 360 are the most; ' +
      '"meals": cancelled: not started: "stay" ended failed',
  ])
  expect(planned).toEqual([
    'round 1: "travel"',
    'round 1: "stay" after "travel"',
    'round 1: "meals" after "stay"',
    'round 1: "sights" after "travel"',
    'round 2: "stay" after "travel"',
    'round 2: "meals" after "stay"',
  ])
})

it('ends after its rounds, and names what is missing', async () => {
  const { outcome } = await book({ days: 5, eur: 400 })
  expect(outcome).toEqual({
    status: 'completed',
    output: { itinerary: ['buses in Rome'], eur: 40, missing: ['stay', 'meals', 'sights'] },
  })
})

it('refuses a wish that is none', async () => {
  const { outcome, worked } = await book({ days: 0, eur: 400 })
  expect(outcome).toMatchObject({
    status: 'rejected',
    error: { code: 'INVALID_INPUT', agent: 'planner', faults: [{ path: 'goal.days' }] },
  })
  expect(worked).toEqual(['trip'])
})

it('runs from the command line', async () => {
  system = await createSystem()
  const { code, results } = await troupeRun('plan-and-validate')
  expect(code).toBe(0)
  expect(
    results.map(({ id, outcome }) => [
      id,
      'output' in outcome && (outcome.output as { missing: unknown }).missing,
    ]),
  ).toEqual([
    ['t-1', []],
    ['t-2', []],
    ['t-3', ['stay', 'meals', 'sights']],
  ])
}, 60_000)
