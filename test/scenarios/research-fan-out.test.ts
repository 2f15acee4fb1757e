/** Three sources side by side: as slow as the slowest, told as they come, and a failed one has a name. */
import { createSystem, ProviderError, type RunEvent, type System } from 'troupe'
import { manualClock } from 'troupe/testing'
import { afterEach, expect, it } from 'vitest'
import team, { faults, research } from '../../docs/examples/research-fan-out/team.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

const find = async (on = team) => {
  const clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
  const run = system.submit(on, { id: 'q', topic: 'tea' })
  await clock.advance(10_000)
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  const told = events.flatMap((event) =>
    event.type === 'run.emitted' ? [[event.at, event.name, (event.data as { source: string }).source]] : [],
  )
  const synthesis = events.find((event) => event.type === 'task.started' && event.agent === 'synthesis')
  return { outcome: await run.outcome, told, synthesis, endedAt: events.at(-1)?.at }
}

it('takes as long as the slowest source', async () => {
  const { outcome, synthesis, endedAt } = await find()
  expect(outcome).toEqual({
    status: 'completed',
    output: {
      report:
        'a survey of tea (academic); open problems of tea (academic); who sells tea (industry); ' +
        'tea in the news of today (news)',
      sources: ['academic', 'industry', 'news'],
      missing: [],
    },
  })
  expect(synthesis?.at).toBe(900)
  expect(endedAt).toBe(900)
})

it('tells what a source has found as soon as it has, to whoever reads along', async () => {
  const { told } = await find()
  expect(told).toEqual([
    [150, 'found', 'news'],
    [400, 'found', 'industry'],
    [900, 'found', 'academic'],
  ])
})

it('lets a reader have the early results while the run is at work', async () => {
  const clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
  const run = system.submit(team, { id: 'q', topic: 'tea' })
  const read: unknown[] = []
  const reading = (async () => {
    for await (const event of run.events()) if (event.type === 'run.emitted') read.push(event.data)
  })()
  await clock.advance(200)
  await system.settle()
  expect(read).toEqual([{ source: 'news', points: ['tea in the news of today'] }])
  expect(system.stats().runs).toBe(1)
  await clock.advance(700)
  await reading
  expect(read).toHaveLength(3)
})

it.each([
  ['is down', faults, { code: 'UNAVAILABLE', why: 'the trade register is down' }, 900],
  [
    'takes too long',
    research({ industry: (_, { sleep }) => sleep(Infinity).then(() => []) }),
    { code: 'TIMEOUT', why: '"industry" took longer than 2000 ms' },
    2_000,
  ],
  [
    'fails after a while',
    research({
      industry: async (_, { sleep }) => {
        await sleep(100)
        throw new ProviderError('the page ends in the middle', { code: 'TRUNCATED', retryable: false })
      },
    }),
    { code: 'TRUNCATED', why: 'the page ends in the middle' },
    900,
  ],
])('names the source that %s in the synthesis, which has the others', async (_, on, named, endsAt) => {
  const { outcome, synthesis, told, endedAt } = await find(on)
  expect(synthesis).toMatchObject({ input: { missing: [{ source: 'industry', ...named }] } })
  expect(outcome).toMatchObject({
    status: 'completed',
    output: { sources: ['academic', 'news'], missing: [`industry: ${named.code}, ${named.why}`] },
  })
  expect(told.map(([, , source]) => source)).toEqual(['news', 'academic'])
  expect(endedAt).toBe(endsAt)
})

it('runs from the command line', async () => {
  system = await createSystem()
  const missing = async (...flags: readonly string[]) => {
    const { code, results } = await troupeRun('research-fan-out', ...flags)
    expect(code).toBe(0)
    return results.map(({ outcome }) => 'output' in outcome && (outcome.output as { missing: unknown }).missing)
  }
  expect(await missing()).toEqual([[], [], []])
  const down = ['industry: UNAVAILABLE, the trade register is down']
  expect(await missing('--faults')).toEqual([down, down, down])
}, 60_000)
