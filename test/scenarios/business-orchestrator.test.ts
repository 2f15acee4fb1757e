/** One entry for every request: who does it is decided at run time, and an unknown kind has an outcome with a name. */
import { agent, createSystem, type RunEvent, type System } from 'troupe'
import { manualClock } from 'troupe/testing'
import { afterEach, expect, it } from 'vitest'
import team, { orchestrator, type Request, type Work } from '../../docs/examples/business-orchestrator/team.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

const want = async (text: string, on = team) => {
  system = await createSystem({ clock: manualClock(), seed: 1 })
  const run = system.submit(on, { id: 'r', text })
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  const worked = events.flatMap((event) => (event.type === 'task.started' ? [event.agent] : []))
  const decisions = events.flatMap((event) =>
    event.type === 'decision.made' ? [[event.kind, event.chosen, event.reason]] : [],
  )
  return { outcome: await run.outcome, worked, decisions }
}

it.each([
  ['Find out who sells tea', 'research', 'three sources for "Find out who sells tea"', 'the only one'],
  ['IMPLEMENT the export', 'developer', 'a branch for "IMPLEMENT the export"', 'the only one'],
  ['forecast May', 'analysis', 'a table for "forecast May"', 'the only one'],
  ['Build it, then analyse it', 'developer', 'a branch for "Build it, then analyse it"', 'before analysis'],
])('"%s" is done by %s, and the reason is told', async (text, by, result, reason) => {
  const { outcome, worked, decisions } = await want(text)
  expect(outcome).toEqual({ status: 'completed', output: { by, result } })
  expect(worked).toEqual(['business', 'classify', by])
  expect(decisions).toEqual([['route', by, reason]])
})

it.each(['Water the plants', '', 'rebuilding and refixing', '🌱'])(
  'an unknown kind of request, "%s", is rejected with what can be asked for, and nobody works on it',
  async (text) => {
    const { outcome, worked, decisions } = await want(text)
    expect(outcome).toMatchObject({
      status: 'rejected',
      error: {
        code: 'DENIED',
        reason:
          `unknown kind of request: "${text}". We do research (research, find, look up), ` +
          'developer (build, implement, fix), analysis (analyse, compare, forecast)',
      },
    })
    expect(worked).toEqual(['business', 'classify', 'unknown'])
    expect(decisions).toEqual([['route', 'unknown', 'none of the verbs that we know']])
  },
)

it('what is no request at all is rejected at the door', async () => {
  system = await createSystem({ clock: manualClock(), seed: 1 })
  const outcome = await system.submit(team, { id: 'r' } as never).outcome
  expect(outcome).toMatchObject({
    status: 'rejected',
    error: { code: 'INVALID_INPUT', faults: [{ path: 'text' }] },
  })
})

it('a worker that fails is the outcome, and nobody else is tried in its place', async () => {
  const research = agent('research', {
    run: ({ text }: Request): Work => {
      throw new TypeError(`a bug at "${text}"`)
    },
  })
  const { outcome, worked } = await want('find tea', orchestrator({ research }))
  expect(outcome).toMatchObject({ status: 'failed', error: { code: 'DEFECT', message: 'a bug at "find tea"' } })
  expect(worked).toEqual(['business', 'classify', 'research'])
})

it('runs from the command line', async () => {
  system = await createSystem()
  const { code, results } = await troupeRun('business-orchestrator')
  expect(code).toBe(1)
  expect(results.map(({ id, outcome, path }) => [id, outcome.status, path.at(-1)])).toEqual([
    ['r-1', 'completed', 'research'],
    ['r-2', 'completed', 'developer'],
    ['r-3', 'completed', 'analysis'],
    ['r-4', 'completed', 'developer'],
    ['r-5', 'rejected', 'unknown'],
  ])
}, 60_000)
