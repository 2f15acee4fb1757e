/**
 * A task auction: the lowest cost per capability wins, nobody able is `NO_BIDDER`, a winner that dies is
 * followed.
 */
import { createSystem, type Agent, type RunEvent, type System } from 'troupe'
import { manualClock, type ManualClock } from 'troupe/testing'
import { afterEach, describe, expect, it } from 'vitest'
import team, { faults, quickest, type Done, type Task } from '../../docs/examples/task-auction/team.ts'
import { troupeRun } from './command.ts'

let system: System
let clock: ManualClock
afterEach(async () => {
  const stopped = system.stop()
  await clock.advance(60_000)
  await stopped
})

const start = async () => {
  clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
}
const task = (needs: string, size: number): Task => ({ id: 't', needs, size })

const eventsOf = async (run: { events(): AsyncIterable<RunEvent> }) => {
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return events
}
const awards = (events: readonly RunEvent[]) =>
  events.flatMap((event) =>
    event.type === 'decision.made' && event.kind === 'award'
      ? [[event.chosen, event.alternatives, event.reason]]
      : [],
  )
const work = async (on: Agent<Task, Done>, input: Task) => {
  await start()
  const run = system.submit(on, input)
  await clock.advance(1_000)
  return { outcome: await run.outcome, awarded: awards(await eventsOf(run)) }
}

describe('a task', () => {
  it('goes to the lowest cost among those who are able', async () => {
    expect(await work(team, task('translate', 10))).toEqual({
      outcome: { status: 'completed', output: { by: 'ben', cost: 20 } },
      awarded: [['ben', ['anna'], 'the lowest score, 20, in round 1']],
    })
  })

  it('goes to another when the cheapest has its hands full', async () => {
    await start()
    const runs = ['a', 'b', 'c'].map((id) => system.submit(team, { ...task('translate', 10), id }))
    await clock.advance(1_000)
    const all = await Promise.all(runs.map(async (run) => awards(await eventsOf(run))))
    expect(all).toEqual([
      [['ben', ['anna'], 'the lowest score, 20, in round 1']],
      // Both ask 30 by now: of equals the first.
      [['anna', ['ben'], 'the lowest score, 30, in round 1']],
      [['ben', ['anna'], 'the lowest score, 30, in round 1']],
    ])
  })

  it('goes to who is quickest where that is the score', async () => {
    const { outcome, awarded } = await work(quickest, task('draw', 8))
    expect(outcome).toMatchObject({ output: { by: 'quick-cleo' } })
    expect(awarded).toEqual([['cleo', ['ben'], 'the lowest score, 8, in round 1']])
  })

  it('that nobody is able to do is NO_BIDDER, by name', async () => {
    const { outcome, awarded } = await work(team, task('fly', 1))
    expect(outcome).toMatchObject({
      status: 'rejected',
      error: { code: 'NO_BIDDER', undelivered: task('fly', 1) },
    })
    expect(awarded).toEqual([])
  })
})

describe('when the winner falls out', () => {
  it('because it dies at work, the next best does it', async () => {
    await start()
    const run = system.submit(team, task('translate', 1_000))
    await clock.advance(100)
    const ben = system.lookup('/ben')
    if (!ben) throw new Error('ben is not at work')
    // He does not finish in time, and is killed.
    void system.stop(ben, { timeoutMs: 10 })
    await clock.advance(10_000)
    expect(await run.outcome).toEqual({ status: 'completed', output: { by: 'anna', cost: 3_000 } })
    expect(awards(await eventsOf(run)).map(([chosen]) => chosen)).toEqual(['ben', 'anna'])
  })

  it('because it fails, the next best does it', async () => {
    const { outcome, awarded } = await work(faults, task('draw', 2))
    expect(outcome).toEqual({ status: 'completed', output: { by: 'cleo', cost: 10 } })
    expect(awarded.map(([chosen]) => chosen)).toEqual(['ben', 'cleo'])
  })
})

it('runs from the command line, and says that one task was refused', async () => {
  await start()
  const ends = async (...flags: string[]) => {
    const { code, results } = await troupeRun('task-auction', '--concurrency', '1', ...flags)
    expect(code).toBe(1)
    return results.map(({ outcome }) => {
      if ('output' in outcome) return (outcome.output as Done).by
      return 'error' in outcome ? outcome.error.code : outcome.status
    })
  }
  expect(await ends()).toEqual(['ben', 'ben', 'ben', 'NO_BIDDER', 'ben'])
  expect(await ends('--faults')).toEqual(['anna', 'cleo', 'cleo', 'NO_BIDDER', 'anna'])
})
