/**
 * Five stages; the fact-check sends back to the writer, so often and not more, and what stays unsupported is
 * listed.
 */
import { createSystem, type In, type RunEvent, type System } from 'troupe'
import { scripted } from 'troupe/models/scripted'
import { manualClock } from 'troupe/testing'
import { afterEach, describe, expect, it } from 'vitest'
import team, { withModel } from '../../docs/examples/content-pipeline/team.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

const publish = async (brief: Partial<In<typeof team>> = {}, on = team) => {
  system = await createSystem({ agents: [on], clock: manualClock(), seed: 1 })
  const run = system.submit(on, { id: 'b', topic: 'green tea', ...brief })
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  const stages = ['research', 'outline', 'write', 'fact-check', 'seo']
  const worked = events.flatMap((event) =>
    event.type === 'task.started' && stages.includes(event.agent) ? [event.agent] : [],
  )
  const revisions = events.flatMap((event) =>
    event.type === 'decision.made' && event.kind === 'revision' ? [[event.chosen, event.reason]] : [],
  )
  return { outcome: await run.outcome, worked, revisions }
}
const round = ['write', 'fact-check']
const page = {
  slug: 'what-to-know-about-green-tea',
  description: 'Green tea is not fermented. It is brewed at 70 degrees',
  keywords: ['green', 'tea'],
  title: 'What to know about green tea',
  text: 'Green tea is not fermented. It is brewed at 70 degrees.',
}

describe('an article', () => {
  it('passes all five stages when every claim is supported', async () => {
    const { outcome, worked, revisions } = await publish()
    expect(outcome).toEqual({ status: 'completed', output: page })
    expect(worked).toEqual(['research', 'outline', ...round, 'seo'])
    expect(revisions).toEqual([])
  })

  it('goes back to the writer with the unsupported claims until none is left', async () => {
    const { outcome, worked, revisions } = await publish({ slogans: ['Tea cures all', 'Ours is best'] })
    expect(outcome).toEqual({ status: 'completed', output: page })
    expect(worked).toEqual(['research', 'outline', ...round, ...round, ...round, 'seo'])
    expect(revisions).toEqual([
      ['write', 'no source supports "Tea cures all"; no source supports "Ours is best"'],
      ['write', 'no source supports "Ours is best"'],
    ])
  })

  it('keeps a slogan that is supported', async () => {
    const { outcome, worked } = await publish({ slogans: ['It is brewed at 70 degrees'] })
    const text = 'It is brewed at 70 degrees. Green tea is not fermented.'
    expect(outcome).toMatchObject({ status: 'completed', output: { text } })
    expect(worked).toEqual(['research', 'outline', ...round, 'seo'])
  })

  it('fails after two rounds, lists the claims that are left, and is not published', async () => {
    const { outcome, worked, revisions } = await publish({ slogans: ['One', 'Two', 'Three', 'Four'] })
    expect(outcome).toMatchObject({
      status: 'failed',
      error: {
        code: 'INVALID_OUTPUT',
        agent: 'fact-check',
        faults: [{ message: 'no source supports "Three"' }, { message: 'no source supports "Four"' }],
      },
    })
    expect(worked).toEqual(['research', 'outline', ...round, ...round, ...round])
    expect(revisions).toHaveLength(2)
  })

  it('on what nobody knows of is not even outlined', async () => {
    const { outcome, worked } = await publish({ topic: 'moss' })
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'INVALID_OUTPUT', agent: 'research' } })
    expect(worked).toEqual(['research'])
  })
})

it('has a writer that is a model read its draft and the faults, and a fact-check that searches', async () => {
  const facts = [{ claim: 'Green tea is not fermented', source: 'Leaf Atlas' }]
  const good = { title: 'Green tea', sentences: ['Green tea is not fermented'] }
  const bad = { ...good, sentences: [...good.sentences, 'It cures all'] }
  const searches = (text: string) => ({ name: 'search_library', input: JSON.stringify({ text }) })
  const model = scripted([
    { calls: [searches('green tea')] },
    JSON.stringify({ id: 'b', topic: 'green tea', slogans: [], facts }),
    JSON.stringify({ title: 'Green tea', sections: [{ heading: 'Facts', claims: good.sentences }] }),
    JSON.stringify(bad),
    { calls: bad.sentences.map(searches) },
    '{"value":["It cures all"]}',
    JSON.stringify(good),
    '{"value":[]}',
    JSON.stringify({ description: 'On tea', keywords: ['tea'] }),
  ])
  const { outcome, worked } = await publish({}, withModel(model))
  expect(outcome).toEqual({
    status: 'completed',
    output: {
      slug: 'green-tea',
      description: 'On tea',
      keywords: ['tea'],
      title: 'Green tea',
      text: 'Green tea is not fermented.',
    },
  })
  expect(worked).toEqual(['research', 'outline', ...round, ...round, 'seo'])
  const told = model.requests[6]?.messages.map(({ text }) => text).join('\n')
  expect(told).toContain(JSON.stringify(bad))
  expect(told).toContain('no source supports "It cures all"')
  const found = model.requests[5]?.messages.filter(({ role }) => role === 'tool')
  expect(found?.map(({ text }) => text)).toEqual([JSON.stringify(facts), '[]'])
  model.assertConsumed()
})

it('runs from the command line', async () => {
  system = await createSystem()
  const { code, results } = await troupeRun('content-pipeline')
  expect(code).toBe(1)
  const ends = results.map(({ id, outcome }) => [
    id,
    'error' in outcome ? outcome.error.message : outcome.status,
  ])
  expect(ends).toEqual([
    ['b-1', 'completed'],
    ['b-2', 'completed'],
    ['b-3', 'completed'],
    [
      'b-4',
      'the output of stage "fact-check" is not good enough: ' +
        'no source supports "It lasts for ever"; no source supports "Everybody has one"',
    ],
    ['b-5', 'the output of "research" does not fit its contract: facts: nothing is known of it'],
  ])
}, 60_000)
