/**
 * A hub that classifies and hands over: three tries, what is too short or a placeholder is no answer,
 * archive, person.
 */
import { createSystem, type Run, type RunEvent, type System } from 'troupe'
import { scripted, type Turn } from 'troupe/models/scripted'
import { manualClock } from 'troupe/testing'
import { afterEach, describe, expect, it } from 'vitest'
import team, { faults, withModel } from '../../docs/examples/research-hub/team.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

const ask = async (hub: typeof team, text: string) => {
  const clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
  const run = system.submit(hub, { id: 'r', text })
  await clock.advance(10_000)
  const events = await eventsOf(run)
  const decisions = events.flatMap((event) =>
    event.type === 'decision.made' ? [[event.kind, event.chosen, event.alternatives, event.reason]] : [],
  )
  const handoffs = events.flatMap((event) => (event.type === 'handoff.made' ? [event.to] : []))
  const started = events.flatMap((event) => (event.type === 'task.started' ? [event.agent] : []))
  const waits = events.flatMap((event) => (event.type === 'task.retried' ? [event.delayMs] : []))
  return { outcome: await run.outcome, decisions, handoffs, started, waits, endedAt: events.at(-1)?.at }
}
const eventsOf = async (run: Run<unknown>): Promise<RunEvent[]> => {
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return events
}
const by = (...names: string[]) => ({
  status: 'completed',
  output: names.map((name) => ({ text: expect.any(String) as unknown, by: name })),
})

describe('a request', () => {
  it.each([
    ['Research old bridges', 'researcher', ['route', 'research', ['development'], undefined]],
    ['find a cheap printer', 'researcher', ['route', 'research', ['development'], undefined]],
    ['Analyse market prices', 'researcher', ['route', 'research', ['development'], undefined]],
    ['Build a ladder', 'developer', ['route', 'development', ['research'], undefined]],
    ['implement undo', 'developer', ['route', 'development', ['research'], undefined]],
    ['Fix bug 17 of the printer', 'developer', ['route', 'development', ['research'], undefined]],
  ])('"%s" goes to the %s', async (text, name, decision) => {
    const { outcome, decisions, handoffs } = await ask(team, text)
    expect(outcome).toMatchObject(by(name))
    expect(decisions).toEqual([decision])
    expect(handoffs).toEqual([name])
  })

  it('for both goes to both, and who builds reads in its handoff what was found', async () => {
    const { outcome, decisions } = await ask(team, 'Research ropes and build a ladder')
    expect(outcome).toMatchObject({
      output: [
        { text: 'Three sources agree on what was asked, "Research ropes and build a ladder".', by: 'researcher' },
        { text: expect.stringContaining('built on: Three sources agree') as unknown, by: 'developer' },
      ],
    })
    expect(decisions.at(-1)).toEqual(['route', 'development', ['research'], '"research" completed'])
  })

  it('for neither is refused by name, and nobody works at it', async () => {
    const { outcome, started } = await ask(team, 'Sing a song')
    expect(outcome).toMatchObject({ status: 'rejected', error: { code: 'NO_ROUTE' } })
    expect(started).toEqual(['hub'])
  })
})

describe('an answer that is too short, or holds a placeholder', () => {
  it('is tried three times, after 1 and 2 seconds', async () => {
    const { outcome, started, waits, endedAt } = await ask(faults, 'Research old bridges')
    expect(outcome).toMatchObject(by('researcher'))
    expect(started).toEqual(['hub', 'researcher'])
    expect(waits).toEqual([1_000, 2_000])
    expect(endedAt).toBe(3_000)
  })

  it('gives way to the archive after that', async () => {
    const { outcome, decisions } = await ask(faults, 'Fix the bug in the search page')
    expect(outcome).toMatchObject(by('archive'))
    expect(decisions.at(-1)).toEqual([
      'fallback',
      'archive',
      [],
      'the output of "developer" does not fit its contract: text: it holds a placeholder',
    ])
  })

  it('goes to a person when the archive has nothing', async () => {
    const { outcome, decisions, started } = await ask(faults, 'Build a ladder')
    expect(outcome).toMatchObject(by('person'))
    expect(started).toEqual(['hub', 'developer', 'archive', 'person'])
    expect(decisions.map(([kind, chosen]) => [kind, chosen])).toEqual([
      ['route', 'development'],
      ['fallback', 'archive'],
      ['fallback', 'person'],
    ])
  })
})

it('works with a model in each seat', async () => {
  const answer = { text: 'Bridges of stone outlive bridges of wood.', by: 'researcher' }
  const input = JSON.stringify({ id: 'r', text: 'Research old bridges' })
  const turns: Turn[] = [
    { text: 'That is research.', calls: [{ name: 'research', input }] },
    JSON.stringify(answer),
    JSON.stringify({ value: [answer] }),
  ]
  const model = scripted(turns)
  const { outcome, decisions } = await ask(withModel(model), 'Research old bridges')
  expect(outcome).toEqual({ status: 'completed', output: [answer] })
  expect(decisions).toEqual([['route', 'research', ['development'], 'That is research.']])
  model.assertConsumed()
})

it('runs from the command line', async () => {
  system = await createSystem()
  const { code, results } = await troupeRun('research-hub')
  expect(code).toBe(0)
  expect(results.map(({ id, outcome }) => [id, outcome.status])).toEqual(
    ['r-1', 'r-2', 'r-3', 'r-4', 'r-5'].map((id) => [id, 'completed']),
  )
}, 60_000)
