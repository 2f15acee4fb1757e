/** An article in four stages: a bad draft goes back to its writer with the faults, so often and not more. */
import { createSystem, type RunEvent, type System } from 'troupe'
import { manualClock } from 'troupe/testing'
import { afterEach, expect, it } from 'vitest'
import team from '../../docs/examples/article-pipeline/team.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

const order = { id: 'a', topic: 'tea', points: ['water', 'time'], words: 12 }

const write = async (change: Partial<typeof order> = {}) => {
  system = await createSystem({ clock: manualClock(), seed: 1 })
  const run = system.submit(team, { ...order, ...change })
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  const worked = events.flatMap((event) =>
    event.type === 'task.started' && event.agent !== 'article' ? [event.agent] : [],
  )
  const revisions = events.flatMap((event) =>
    event.type === 'decision.made' && event.kind === 'revision' ? [[event.chosen, event.reason]] : [],
  )
  return { outcome: await run.outcome, worked, revisions }
}

it('passes a good draft on at once', async () => {
  const { outcome, worked, revisions } = await write()
  expect(outcome).toEqual({
    status: 'completed',
    output:
      '# On tea\n' +
      '## water\nAs we all know, needless to say, indeed, water matters.\n' +
      '## time\nAs we all know, needless to say, indeed, time matters.',
  })
  expect(worked).toEqual(['outline', 'draft', 'edit', 'format'])
  expect(revisions).toEqual([])
})

it('sends a bad draft back to the writer, with every fault, until it is good', async () => {
  const { outcome, worked, revisions } = await write({ words: 4 })
  expect(outcome).toEqual({
    status: 'completed',
    output: '# On tea\n## water\nIndeed, water matters.\n## time\nIndeed, time matters.',
  })
  expect(worked).toEqual(['outline', 'draft', 'draft', 'draft', 'edit', 'format'])
  expect(revisions).toEqual([
    ['draft', '"water" has 10 words, where 4 are the most; "time" has 10 words, where 4 are the most'],
    ['draft', '"water" has 6 words, where 4 are the most; "time" has 6 words, where 4 are the most'],
  ])
})

it('does so twice at most, then fails and names the stage with its faults', async () => {
  const { outcome, worked, revisions } = await write({ words: 1 })
  expect(outcome).toMatchObject({
    status: 'failed',
    error: {
      code: 'INVALID_OUTPUT',
      agent: 'draft',
      faults: [
        { message: '"water" has 3 words, where 1 are the most' },
        { message: '"time" has 3 words, where 1 are the most' },
      ],
    },
  })
  expect(worked).toEqual(['outline', 'draft', 'draft', 'draft'])
  expect(revisions).toHaveLength(2)
})

it('stops at a bad outline, which nobody can mend', async () => {
  const { outcome, worked } = await write({ points: ['water'] })
  expect(outcome).toMatchObject({ status: 'failed', error: { code: 'INVALID_OUTPUT', agent: 'outline' } })
  expect(worked).toEqual(['outline'])
})

it('sends what the editor refuses back to the writer, past the gates in between', async () => {
  const { outcome, worked, revisions } = await write({ points: ['water', 'TODO'] })
  expect(outcome).toMatchObject({ status: 'failed', error: { agent: 'edit' } })
  expect(worked).toEqual(['outline', 'draft', 'edit', 'draft', 'edit'])
  expect(revisions).toEqual([['draft', 'it has a "TODO" in it']])
})

it('runs from the command line', async () => {
  system = await createSystem()
  const { code, results } = await troupeRun('article-pipeline')
  expect(code).toBe(1)
  expect(results.map(({ id, outcome }) => [id, outcome.status])).toEqual([
    ['a-1', 'completed'],
    ['a-2', 'completed'],
    ['a-3', 'failed'],
    ['a-4', 'failed'],
  ])
}, 60_000)
