/** Fifty companies at once: bounded concurrency, and one of five analysts whose provider limits the rate. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSystem, type RunEvent, type System } from 'troupe'
import { manualClock } from 'troupe/testing'
import { afterEach, expect, it } from 'vitest'
import { AT_ONCE, Company, research } from '../../docs/examples/investment-research/team.ts'
import { root } from '../tools.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

const ANALYSTS = ['statements', 'sentiment', 'competition', 'regulation', 'macro']

const sample = (): Company[] =>
  readFileSync(join(root, 'docs/examples/investment-research/companies.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => Company.parse(JSON.parse(line)))

const lookAt = async (companies: readonly Company[], on = research()) => {
  const clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
  const inHand = new Map<string, number>()
  const most = new Map<string, number>()
  const lastAt = new Map<string, number>()
  const retries: { agent: string; at: number; code: string; delayMs: number }[] = []
  const note = ({ agent, ...event }: RunEvent): void => {
    if (event.type === 'task.retried') {
      retries.push({ agent, at: event.at, code: event.error.code, delayMs: event.delayMs })
    }
    if (event.type !== 'task.started' && event.type !== 'task.ended') return
    const now = (inHand.get(agent) ?? 0) + (event.type === 'task.started' ? 1 : -1)
    inHand.set(agent, now)
    most.set(agent, Math.max(most.get(agent) ?? 0, now))
    lastAt.set(agent, event.at)
  }
  system.events.subscribe((event) => {
    if ('runId' in event) note(event)
  })
  const runs = companies.map((company) => system.submit(on, company))
  await clock.advance(20_000)
  const outcomes = await Promise.all(runs.map(({ outcome }) => outcome))
  return { outcomes, most, lastAt, retries }
}

it('makes a note of one company', async () => {
  const [company] = sample()
  const { outcomes, retries } = await lookAt(company ? [company] : [])
  expect(outcomes).toEqual([
    {
      status: 'completed',
      output: {
        advice: 'hold',
        score: 1,
        because: [
          'statements: grows by 1%, keeps 1%',
          'sentiment: a mood of 3',
          'competition: 3 rivals',
          'regulation: 1 lawsuits',
          'macro: 17% floats',
        ],
        missing: [],
      },
    },
  ])
  expect(retries).toEqual([])
})

it('works on 50 companies at once, ten at each analyst, and none waits for another analyst', async () => {
  const { outcomes, most, lastAt } = await lookAt(sample())
  expect(outcomes.filter(({ status }) => status === 'completed')).toHaveLength(50)
  expect(most.get('investment')).toBe(50)
  for (const name of ANALYSTS) expect([name, most.get(name)]).toEqual([name, AT_ONCE])
  // Five times ten, 100 ms each. Only sentiment has to wait for the next second, twice.
  expect(ANALYSTS.map((name) => lastAt.get(name))).toEqual([500, 2_100, 500, 500, 500])
})

it('waits as long as the provider says where it limits the rate, and loses nothing', async () => {
  const companies = sample()
  const { outcomes, retries } = await lookAt(companies)
  const refused = (at: number) =>
    Array.from({ length: 10 }, () => ({ agent: 'sentiment', at, code: 'RATE_LIMITED', delayMs: 800 }))
  expect(retries).toEqual([...refused(200), ...refused(1_200)])
  await system.stop()
  // Each note is about its own company: the same as if that one had come alone.
  for (const at of [0, 24, 49]) {
    const alone = await lookAt(companies.slice(at, at + 1))
    expect(outcomes[at]).toEqual(alone.outcomes[0])
    await system.stop()
  }
})

it('names the analyst that is refused for good, and keeps what the others say', async () => {
  const { outcomes, retries } = await lookAt(sample(), research({ perSecond: 0 }))
  expect(outcomes).toHaveLength(50)
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ status: 'completed', output: { missing: ['sentiment: RATE_LIMITED'] } })
    expect('output' in outcome && outcome.output.because).toHaveLength(4)
  }
  // Four attempts each, and no more.
  expect(retries).toHaveLength(150)
})

it('runs from the command line', async () => {
  system = await createSystem()
  const { code, results } = await troupeRun('investment-research', '--concurrency', '50')
  expect(code).toBe(0)
  expect(results).toHaveLength(50)
  expect(
    results.every(
      ({ outcome }) => 'output' in outcome && (outcome.output as { missing: string[] }).missing.length === 0,
    ),
  ).toBe(true)
}, 60_000)
