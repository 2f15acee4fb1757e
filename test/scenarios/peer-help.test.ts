/** Peers on call: they assess, ask for help, accept or decline, delegate; a circle of them stops at the hop limit. */
import { createSystem, type RunEvent, type System } from 'troupe'
import { manualClock } from 'troupe/testing'
import { afterEach, describe, expect, it } from 'vitest'
import team, { faults, type Incident } from '../../docs/examples/peer-help/team.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

const start = async () => {
  const clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
  return clock
}
const incident = (text: string): Incident => ({ id: 'i', text })
const eventsOf = async (run: { events(): AsyncIterable<RunEvent> }) => {
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return events
}
const awardsIn = (events: readonly RunEvent[]) =>
  events.flatMap((event) =>
    event.type === 'decision.made' ? [[event.kind, event.chosen, event.alternatives, event.reason]] : [],
  )

const work = async (...texts: readonly string[]) => {
  const clock = await start()
  const runs = texts.map((text) => system.submit(team, incident(text)))
  await clock.advance(1_000)
  return Promise.all(runs.map(async (run) => ({ outcome: await run.outcome, events: await eventsOf(run) })))
}

describe('whoever is on call', () => {
  it('mends what needs no expert, and asks nobody', async () => {
    const [only] = await work('The shop hangs.')
    expect(only?.outcome).toEqual({
      status: 'completed',
      output: { mended: ['restarted it'], by: ['on-call'] },
    })
    expect(awardsIn(only?.events ?? [])).toEqual([])
  })

  it('delegates entirely what is somebody else’s: the peer with the capability that costs least', async () => {
    const [only] = await work('Deadlock in the orders table.')
    expect(only?.outcome).toEqual({ status: 'completed', output: { mended: ['database'], by: ['dba'] } })
    expect(awardsIn(only?.events ?? [])).toEqual([['award', 'dba', ['all-rounder'], '"database" at cost 0']])
  })

  it('asks two at once, and joins what they say', async () => {
    const [only] = await work('DNS answers late, and the replica lags.')
    expect(only?.outcome).toEqual({
      status: 'completed',
      output: { mended: ['database', 'network'], by: ['dba', 'net'] },
    })
    expect(only?.events.at(-1)?.at).toBe(20)
  })
})

it('an expert at capacity declines, and somebody else accepts', async () => {
  const [first, second] = await work('Deadlock in the orders table.', 'Slow queries everywhere.')
  expect(first?.outcome).toMatchObject({ output: { by: ['dba'] } })
  expect(second?.outcome).toMatchObject({ output: { by: ['all-rounder'] } })
  expect(awardsIn(second?.events ?? [])).toEqual([
    ['award', 'all-rounder', [], '"database" at cost 100; "dba": at capacity, 1 of 1 tasks'],
  ])
})

it('who sends everything on to each other stops at the hop limit, and the run says so', async () => {
  await start()
  const run = system.submit(faults, incident('Deadlock in the orders table.'), { budget: { hops: 5 } })
  expect(await run.outcome).toEqual({ status: 'exhausted', what: 'hops', cap: 5, spent: 6 })
  const asked = awardsIn(await eventsOf(run)).map(([, chosen]) => chosen)
  expect(asked).toEqual(['dba', 'net', 'dba', 'net', 'dba', 'net'])
})

it('runs from the command line', async () => {
  await start()
  const { code, results } = await troupeRun('peer-help', '--concurrency', '1')
  expect(code).toBe(0)
  expect(
    results.map(({ outcome }) => 'output' in outcome && (outcome.output as { by: string[] }).by),
  ).toEqual([['on-call'], ['dba'], ['dba', 'net'], ['net']])
  const faulty = await troupeRun('peer-help', '--faults')
  expect(faulty.code).toBe(1)
  expect(faulty.results.map(({ outcome }) => outcome.status)).toEqual([
    'completed',
    'exhausted',
    'exhausted',
    'exhausted',
  ])
})
