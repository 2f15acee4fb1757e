/** Degradation in three steps: another agent, a simpler task, a person. */
import { createSystem, human, type Agent, type RunEvent, type System } from 'troupe'
import { manualClock } from 'troupe/testing'
import { afterEach, expect, it } from 'vitest'
import team, { forecast, Sales, Trend } from '../../docs/examples/degradation/team.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

/** Seven months: more than the analyst has time for. */
const long = [10, 12, 13, 12, 9, 8, 7]

const start = async (figures: Sales['figures'], on: Agent<Sales, Trend> = team) => {
  const clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
  const run = system.submit(on, { id: 's', figures })
  await clock.advance(500)
  return run
}
const ended = async (run: Awaited<ReturnType<typeof start>>) => {
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return {
    outcome: await run.outcome,
    worked: events.flatMap((event) => (event.type === 'task.started' ? [[event.agent, event.at]] : [])),
    fallbacks: events.flatMap((event) =>
      event.type === 'decision.made' && event.kind === 'fallback'
        ? [[event.agent, event.chosen, event.reason]]
        : [],
    ),
  }
}

it('needs nobody else where the analyst has time enough', async () => {
  const { outcome, worked, fallbacks } = await ended(await start([10, null, 14, 15]))
  expect(outcome).toEqual({ status: 'completed', output: { trend: 'up', by: 'analyst' } })
  expect(worked).toEqual([['analyst', 0]])
  expect(fallbacks).toEqual([])
})

it('asks the backup when the time is over', async () => {
  const { outcome, worked } = await ended(await start(long))
  expect(outcome).toEqual({ status: 'completed', output: { trend: 'down', by: 'backup' } })
  expect(worked).toEqual([
    ['analyst', 0],
    ['backup', 500],
  ])
})

it('makes the task simpler when the backup fails', async () => {
  const { outcome, worked } = await ended(await start([10, null, 13, 12, 8, 9, 11]))
  expect(outcome).toEqual({ status: 'completed', output: { trend: 'up', by: 'simplified' } })
  expect(worked.map(([name]) => name)).toEqual(['analyst', 'backup', 'simplified'])
})

it('takes all three steps in one run, and says why each', async () => {
  const { outcome, worked, fallbacks } = await ended(await start([10, 12, 13, 12, 8, null, 11]))
  expect(outcome).toEqual({ status: 'completed', output: { trend: 'unclear', by: 'clerk' } })
  expect(worked).toEqual([
    ['analyst', 0],
    ['backup', 500],
    ['simplified', 500],
    ['clerk', 500],
  ])
  expect(fallbacks).toEqual([
    ['analyst', 'backup', '"analyst" took longer than 500 ms'],
    ['backup', 'simplified', 'a figure is missing'],
    ['simplified', 'clerk', 'a figure is missing'],
  ])
})

it('waits for the person, whose answer or refusal is that of the run', async () => {
  const person = human('clerk', { input: Sales, output: Trend, by: 'ann' })
  const figures = [...long, null]
  const answered = await start(figures, forecast(person))
  const [question] = await system.approvals.list()
  expect(question?.input).toEqual({ id: 's', figures })
  await system.approvals.answer(question?.id ?? '', { by: 'ann', output: { trend: 'down', by: 'ann' } })
  expect(await answered.outcome).toEqual({ status: 'completed', output: { trend: 'down', by: 'ann' } })
  await system.stop()

  const denied = await start(figures, forecast(person))
  const [again] = await system.approvals.list()
  await system.approvals.deny(again?.id ?? '', { by: 'ann', reason: 'ask me in May' })
  expect(await denied.outcome).toMatchObject({
    status: 'rejected',
    error: { code: 'DENIED', reason: 'ask me in May' },
  })
})

it('runs from the command line', async () => {
  system = await createSystem()
  const { code, results } = await troupeRun('degradation')
  expect(code).toBe(0)
  expect(
    results.map(({ id, outcome }) => [id, 'output' in outcome && (outcome.output as { by: string }).by]),
  ).toEqual([
    ['s-1', 'analyst'],
    ['s-2', 'backup'],
    ['s-3', 'simplified'],
    ['s-4', 'clerk'],
  ])
}, 60_000)
