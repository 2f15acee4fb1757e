/** A workflow whose agents are killed, time out or lose an answer goes on from its last finished step. */
import { createSystem, type Run, type RunEvent, type System } from 'troupe'
import { scripted } from 'troupe/models/scripted'
import { manualClock, type ManualClock } from 'troupe/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import team, {
  faults,
  outside,
  sabotage,
  setUp,
  withModel,
  type Customer,
} from '../../docs/examples/checkpoint-resume/team.ts'
import { troupeRun } from './command.ts'

let system: System
let clock: ManualClock
beforeEach(async () => {
  clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
})
afterEach(() => system.stop())

const ada: Customer = { id: 'c', name: 'Ada', services: ['mail', 'backup'] }
const done = ['an account for Ada', 'a first invoice for Ada', 'mail', 'backup']
const outcome = {
  status: 'completed',
  output: { done, greeting: `Welcome, Ada. You have: ${done.join(', ')}.` },
}
const eventsOf = async (run: Run<unknown>): Promise<RunEvent[]> => {
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return events
}
const kill = (path: string): void => {
  const actor = system.lookup(path)
  if (actor) system.kill(actor)
}

/** Each step takes 100 ms: the thing is done after 50. */
const at = [0, 25, 50, 75, 100, 125, 150, 175, 200, 225, 250, 275, 300, 325, 350, 375, 400]
const workers = ['/accounts', '/payments', '/servers', '/servers']

describe('the workflow, killed', () => {
  it.each(at)('%i ms after its start, goes on from its last finished step', async (ms) => {
    const world = outside()
    const run = system.submit(setUp(world), ada, { id: 'r' })
    await clock.advance(ms)
    kill('/set-up')
    await clock.advance(1_000)
    expect(await run.outcome).toEqual(outcome)
    expect(world.done).toEqual(done)
    // Only the step that was interrupted is run again, with its key.
    const finished = Math.floor(ms / 100)
    const counts = countsOf(world.calls)
    expect(counts.slice(0, finished)).toEqual(Array(finished).fill(1))
    expect(counts.slice(finished + 1)).toEqual(Array(Math.max(0, 3 - finished)).fill(1))
    expect(counts[finished] ?? 1).toBe(ms % 100 >= 50 ? 2 : 1)
    const names = [...new Set(world.calls)].map((key) => key.split('/'))
    expect(names.map(([run, , step]) => [run, step])).toEqual(
      ['open#1', 'charge#1', 'provide#1', 'provide#2'].map((step) => ['r', step]),
    )
  })

  it('a second time, has failed by name, and what was done is done', async () => {
    const world = outside()
    const run = system.submit(setUp(world), ada)
    await clock.advance(150)
    kill('/set-up')
    await clock.advance(75)
    kill('/set-up')
    await clock.advance(1_000)
    expect(await run.outcome).toMatchObject({ status: 'failed', error: { code: 'ACTOR_CRASHED' } })
    expect(world.done).toEqual(done.slice(0, 2))
  })
})

describe('the agent that a step asks, killed', () => {
  it.each(at.slice(0, -1))('%i ms after the start of the workflow, takes up what it had in hand', async (ms) => {
    const world = outside()
    const run = system.submit(setUp(world), ada)
    await clock.advance(ms)
    kill(workers[Math.floor(ms / 100)] ?? '')
    await clock.advance(1_000)
    expect(await run.outcome).toEqual(outcome)
    expect(world.done).toEqual(done)
    expect(world.calls.length - new Set(world.calls).size).toBe(ms % 100 >= 50 ? 1 : 0)
  })
})

it('goes on where an answer was lost, and does nothing twice', async () => {
  const world = outside(2)
  const run = system.submit(setUp(world), ada)
  await clock.advance(2_000)
  expect(await run.outcome).toEqual(outcome)
  expect(countsOf(world.calls)).toEqual([1, 2, 1, 2])
  expect(world.done).toEqual(done)
  const retried = (await eventsOf(run)).filter(({ type }) => type === 'task.retried')
  expect(retried.map(({ agent }) => agent)).toEqual(['payments', 'servers'])
})

it('tells each finished step once, with its key and result', async () => {
  const run = system.submit(setUp(), ada)
  await clock.advance(150)
  kill('/set-up')
  await clock.advance(1_000)
  const ended = (await eventsOf(run)).flatMap((event) =>
    event.type === 'step.ended' && event.outcome.status === 'completed' ? [event.outcome.output] : [],
  )
  expect(ended).toEqual([...done, outcome.output.greeting])
})

describe('a model that greets', () => {
  const greeting = 'Welcome, Ada.'
  const mail = { calls: [{ name: 'send', input: JSON.stringify({ text: greeting }) }] }

  it('goes on from its transcript when its time is over: what it has sent is not sent again', async () => {
    const world = outside()
    const model = scripted([mail, { delayMs: 60_000, text: 'too late' }, greeting])
    const run = system.submit(withModel(model, world), ada)
    await clock.advance(60_000)
    expect(await run.outcome).toMatchObject({ status: 'completed', output: { greeting } })
    expect(world.done).toEqual([...done, `a mail: ${greeting}`])
    expect(countsOf(world.calls)).toEqual([1, 1, 1, 1, 1])
    expect(model.requests[2]?.messages.at(-1)).toMatchObject({ role: 'tool', text: `a mail: ${greeting}` })
    model.assertConsumed()
  })

  it('goes on from its transcript when it is killed', async () => {
    const world = outside()
    const model = scripted([mail, { delayMs: 10_000, text: 'never heard' }, greeting])
    const run = system.submit(withModel(model, world), ada)
    await clock.advance(5_000)
    kill('/greeter')
    await clock.advance(10_000)
    expect(await run.outcome).toMatchObject({ status: 'completed', output: { greeting } })
    expect(countsOf(world.calls)).toEqual([1, 1, 1, 1, 1])
    expect(model.requests[2]?.messages.at(-1)).toMatchObject({ role: 'tool', text: `a mail: ${greeting}` })
  })
})

it('is killed by its own sabotage, and ends as if it had not been', async () => {
  const restarted: string[] = []
  system.events.subscribe((event) => event.type === 'actor.restarted' && restarted.push(event.ref.path))
  sabotage(system)
  const run = system.submit(faults, ada)
  await clock.advance(2_000)
  expect(await run.outcome).toEqual(outcome)
  expect(restarted).toEqual(['/set-up'])
})

it('is the same run when it is submitted again under its id', async () => {
  const first = system.submit(team, ada, { id: 'c' })
  await clock.advance(1_000)
  const again = system.submit(team, ada, { id: 'c' })
  expect(await again.outcome).toEqual(await first.outcome)
  expect(system.metrics().find(({ agent }) => agent === 'set-up')).toMatchObject({ completed: 1 })
})

it('runs from the command line', async () => {
  for (const flags of [[], ['--faults']]) {
    const { code, results } = await troupeRun('checkpoint-resume', ...flags)
    expect(code).toBe(0)
    expect(results.map(({ id, outcome: { status } }) => [id, status])).toEqual([
      ['c-1', 'completed'],
      ['c-2', 'completed'],
      ['c-3', 'completed'],
    ])
  }
}, 60_000)

/** How often each key was called, in the order of the first calls. */
const countsOf = (calls: readonly string[]): number[] => {
  const counts = new Map<string, number>()
  for (const key of calls) counts.set(key, (counts.get(key) ?? 0) + 1)
  return [...counts.values()]
}
