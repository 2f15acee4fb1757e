/**
 * A lead that has work reviewed, revised and reassigned; a writer that fails twice is replaced by its backup.
 */
import { createSystem, type RunEvent, type System } from 'troupe'
import { scripted, type Turn } from 'troupe/models/scripted'
import { manualClock } from 'troupe/testing'
import { afterEach, describe, expect, it } from 'vitest'
import team, { faults, withModel } from '../../docs/examples/build-with-review/team.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

const write = async (desk: typeof team, topic: string, mostWords: number) => {
  const clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
  const run = system.submit(desk, { id: 'a', topic, mostWords })
  await clock.advance(10_000)
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  const routes = events.flatMap((event) =>
    event.type === 'decision.made' && event.kind === 'route' ? [event.chosen] : [],
  )
  const fallbacks = events.flatMap((event) =>
    event.type === 'decision.made' && event.kind === 'fallback' ? [[event.chosen, event.reason]] : [],
  )
  const tries = events.filter(({ type, agent }) => type === 'task.retried' && agent === 'writer').length
  return { outcome: await run.outcome, routes, fallbacks, tries }
}

const round = ['write', 'review']

describe('an article', () => {
  it('is sent back with its faults, and done when the review finds none', async () => {
    const { outcome, routes, fallbacks } = await write(team, 'tea', 40)
    expect(outcome).toEqual({
      status: 'completed',
      output: {
        text: 'Tea is picked by hand (Tea Board). Green tea is not fermented (Leaf Atlas).',
        by: 'writer',
        drafts: 2,
      },
    })
    expect(routes).toEqual(['research', ...round, ...round])
    expect(fallbacks).toEqual([])
  })

  it('goes to the editor when its writer cannot mend it', async () => {
    const { outcome, routes } = await write(team, 'trams', 20)
    expect(outcome).toMatchObject({ status: 'completed', output: { by: 'editor', drafts: 3 } })
    expect(routes).toEqual(['research', ...round, ...round, 'edit', 'review'])
  })

  it('that nobody can mend is rejected, and never passed off as done', async () => {
    const { outcome, routes } = await write(team, 'tea', 2)
    expect(outcome).toMatchObject({
      status: 'rejected',
      error: { code: 'DENIED', message: expect.stringContaining('7 words, where 2 are the most') as unknown },
    })
    expect(routes).toEqual(['research', ...round, ...round, 'edit', 'review'])
  })

  it('on what nobody knows of fails with the name of who found nothing', async () => {
    const { outcome, routes } = await write(team, 'moss', 40)
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'INVALID_OUTPUT', agent: 'researcher' } })
    expect(routes).toEqual(['research'])
  })
})

it('a writer that fails twice is replaced by its backup, each time it is asked', async () => {
  const { outcome, routes, fallbacks, tries } = await write(faults, 'tea', 40)
  expect(outcome).toMatchObject({ status: 'completed', output: { by: 'ghostwriter', drafts: 2 } })
  expect(routes).toEqual(['research', ...round, ...round])
  expect(fallbacks).toEqual([
    ['ghostwriter', 'the writer is down'],
    ['ghostwriter', 'the writer is down'],
  ])
  expect(tries).toBe(2)
})

it('may be led by a model, which has the others as tools', async () => {
  const notes = [{ claim: 'Tea is picked by hand', source: 'Tea Board' }]
  const order = { topic: 'tea', mostWords: 40, notes }
  const draft = 'Tea is picked by hand.'
  const calls = (text: string, name: string, input: unknown): Turn => ({
    text,
    calls: [{ name, input: JSON.stringify(input) }],
  })
  const mended = { text: 'Tea is picked by hand (Tea Board).', by: 'writer', drafts: 2 }
  const model = scripted([
    calls('Notes first.', 'research', { text: 'tea' }),
    calls('', 'write', order),
    calls('', 'review', { ...order, draft }),
    calls('It lacks a source.', 'write', { ...order, draft, faults: ['no source'] }),
    JSON.stringify(mended),
  ])
  const { outcome, routes } = await write(withModel(model), 'tea', 40)
  expect(outcome).toEqual({ status: 'completed', output: mended })
  expect(routes).toEqual(['research', 'write', 'review', 'write'])
  const told = model.requests.at(-1)?.messages.flatMap((message) => (message.role === 'tool' ? [message.text] : []))
  expect(told?.[2]).toBe('["\\"Tea is picked by hand\\" has no source"]')
  expect(told?.[3]).toBe('{"text":"Tea is picked by hand (Tea Board).","by":"writer"}')
})

it('runs from the command line', async () => {
  system = await createSystem()
  const { code, results } = await troupeRun('build-with-review')
  expect(code).toBe(0)
  expect(
    results.map(({ id, outcome }) => [id, 'output' in outcome && (outcome.output as { by: unknown }).by]),
  ).toEqual([
    ['a-1', 'writer'],
    ['a-2', 'editor'],
    ['a-3', 'writer'],
  ])
}, 60_000)
