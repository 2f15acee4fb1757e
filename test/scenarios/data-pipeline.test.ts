/** Five stages with contracts and gates: what does not pass goes to a fallback, else an error names the stage. */
import { createSystem, type RunEvent, type System } from 'troupe'
import { manualClock } from 'troupe/testing'
import { afterEach, expect, it } from 'vitest'
import team from '../../docs/examples/data-pipeline/team.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

const load = async (...lines: readonly string[]) => {
  system = await createSystem({ clock: manualClock(), seed: 1 })
  const run = system.submit(team, { id: 'f', csv: lines.join('\n') })
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  const worked = events.flatMap((event) =>
    event.type === 'task.started' && event.agent !== 'data' ? [event.agent] : [],
  )
  const published = events.find((event) => event.type === 'task.started' && event.agent === 'publish')
  return {
    outcome: await run.outcome,
    worked,
    published: published?.type === 'task.started' ? published.input : undefined,
  }
}

it('publishes what passes every stage', async () => {
  const { outcome, worked, published } = await load('n1,20.5,C', 's1,77,F')
  expect(outcome).toEqual({
    status: 'completed',
    output: { published: 2, warmest: { north: 20.5, south: 25 } },
  })
  expect(worked).toEqual(['extract', 'enrich', 'transform', 'validate', 'publish'])
  expect(published).toEqual([
    { sensor: 'n1', site: 'north', celsius: 20.5 },
    { sensor: 's1', site: 'south', celsius: 25 },
  ])
})

it('asks the fallback of a stage whose output is invalid, with what the stage was given', async () => {
  const { outcome, worked, published } = await load('n1,20.5,C', 'n2,', 'w1,12,C')
  expect(outcome).toEqual({ status: 'completed', output: { published: 2, warmest: { north: 20.5, west: 12 } } })
  expect(worked).toEqual(['extract', 'salvage', 'enrich', 'archive', 'transform', 'validate', 'publish'])
  expect(published).toEqual([
    { sensor: 'n1', site: 'north', celsius: 20.5 },
    { sensor: 'w1', site: 'west', celsius: 12 },
  ])
})

const hot = { stage: 'validate', path: '', message: 'n1 says 451 degrees' }
const lost = { stage: 'enrich', path: '', message: 'nobody knows where x9 is' }
const text = {
  stage: 'transform',
  path: '0.celsius',
  message: 'Invalid input: expected number, received NaN',
}
it.each([
  ['the fallback is no better', 'x9,12,C', lost, ['extract', 'enrich', 'archive']],
  ['there is no fallback', 'n1,451,C', hot, ['extract', 'enrich', 'transform', 'validate']],
  ['it breaks its contract', 'n1,warm,C', text, ['extract', 'enrich', 'transform']],
])('ends with an error that names the stage where %s', async (_, line, { stage, ...fault }, stages) => {
  const { outcome, worked } = await load(line)
  expect(outcome).toMatchObject({
    status: 'failed',
    error: { code: 'INVALID_OUTPUT', agent: stage, faults: [fault] },
  })
  expect(worked).toEqual(stages)
})

it('runs from the command line', async () => {
  system = await createSystem()
  const { code, results } = await troupeRun('data-pipeline')
  expect(code).toBe(1)
  expect(results.map(({ id, outcome }) => [id, outcome.status])).toEqual([
    ['f-1', 'completed'],
    ['f-2', 'completed'],
    ['f-3', 'completed'],
    ['f-4', 'failed'],
    ['f-5', 'failed'],
    ['f-6', 'failed'],
  ])
}, 60_000)
