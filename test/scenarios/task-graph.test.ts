/** A project as a graph of subtasks: what is ready runs in parallel, what cannot work is refused. */
import { createSystem, type In, type RunEvent, type System } from 'troupe'
import { manualClock } from 'troupe/testing'
import { afterEach, expect, it } from 'vitest'
import team from '../../docs/examples/task-graph/team.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

type Parts = In<typeof team>['parts']

const make = async (parts: Parts) => {
  const clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
  const run = system.submit(team, { id: 'p', parts })
  await clock.advance(1_000)
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  const steps = events.flatMap((event) =>
    event.type === 'task.started' && event.agent !== 'project' && event.agent !== 'decompose'
      ? [[event.at, event.agent, (event.input as { name: string }).name]]
      : [],
  )
  return { outcome: await run.outcome, steps, endedAt: events.at(-1)?.at }
}

it('runs what is ready side by side, two at a time, the larger one first', async () => {
  const { outcome, steps, endedAt } = await make([
    { name: 'page', needs: ['api'], size: 3 },
    { name: 'api', needs: ['database'], size: 4 },
    { name: 'database', size: 2 },
    { name: 'handbook', size: 6 },
  ])
  expect(outcome).toEqual({
    status: 'completed',
    output: {
      done: [
        'database built',
        'database tested',
        'handbook built',
        'api built',
        'handbook tested',
        'api tested',
        'page built',
        'page tested',
      ],
      broken: [],
      notStarted: [],
    },
  })
  expect(steps).toEqual([
    [0, 'build', 'handbook'],
    [0, 'build', 'database'],
    [20, 'test', 'database'],
    [30, 'build', 'api'],
    [60, 'test', 'handbook'],
    [70, 'test', 'api'],
    [80, 'build', 'page'],
    [110, 'test', 'page'],
  ])
  // The longest chain, not the sum of all, which is 190.
  expect(endedAt).toBe(120)
})

it('leaves out only what needs something broken', async () => {
  const { outcome } = await make([
    { name: 'engine', size: 5, broken: true },
    { name: 'levels', needs: ['engine'], size: 4 },
    { name: 'music', size: 3 },
  ])
  expect(outcome).toEqual({
    status: 'completed',
    output: {
      done: ['music built', 'music tested', 'engine built'],
      broken: ['test engine: engine does not work'],
      notStarted: ['build levels', 'test levels'],
    },
  })
})

it.each<[string, Parts, string, string]>([
  [
    'waits for itself',
    [
      { name: 'hen', needs: ['egg'], size: 1 },
      { name: 'egg', needs: ['hen'], size: 1 },
    ],
    '0.after',
    'waits for itself: build hen -> test egg -> build egg -> test hen -> build hen',
  ],
  [
    'needs what is nowhere',
    [
      { name: 'page', needs: ['api'], size: 1 },
      { name: 'logo', size: 1 },
    ],
    '0.after.0',
    'there is no subtask "test api", in this round or an earlier one',
  ],
])('refuses a project that %s, before anything is built', async (_, parts, path, message) => {
  const { outcome, steps } = await make(parts)
  expect(outcome).toMatchObject({
    status: 'failed',
    error: { code: 'INVALID_PLAN', agent: 'decompose', faults: [{ path, message }] },
  })
  expect(steps).toEqual([])
})

it('runs from the command line', async () => {
  system = await createSystem()
  const { code, results } = await troupeRun('task-graph')
  expect(code).toBe(0)
  expect(
    results.map(({ id, outcome }) => [
      id,
      'output' in outcome && (outcome.output as { broken: unknown }).broken,
    ]),
  ).toEqual([
    ['shop', []],
    ['blog', []],
    ['game', ['test engine: engine does not work']],
  ])
}, 60_000)
