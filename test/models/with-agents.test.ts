/** Limits and caches under agents: whose call it is, and what a run is told it has used. */
import { agent, type ModelRequest } from 'troupe'
import { cached } from 'troupe/models/cached'
import { limited } from 'troupe/models/limited'
import { scripted } from 'troupe/models/scripted'
import { expect, it } from 'vitest'
import { eventsOf, rig } from '../actors/rig.ts'

const said = ({ messages }: ModelRequest): string => {
  const last = messages.at(-1)
  return last?.role === 'user' ? last.text : ''
}

it('a run with many calls does not hold up one with a single call', async () => {
  const { system, clock } = await rig()
  const model = scripted((request) => said(request))
  const echo = agent('echo', { model: limited(model, { requestsPerMinute: 1 }), timeoutMs: Infinity })
  const many = agent('many', {
    timeoutMs: Infinity,
    run: (text: string, { ask }) => Promise.all([1, 2, 3].map((n) => ask(echo, `${text}${n}`))),
  })
  const busy = system.submit(many, 'busy')
  await clock.advance(0)
  const quiet = system.submit(echo, 'quiet')
  await clock.advance(4 * 60_000)
  expect(await busy.outcome).toEqual({ status: 'completed', output: ['busy1', 'busy2', 'busy3'] })
  expect((await quiet.outcome).status).toBe('completed')
  expect(model.requests.map(said)).toEqual(['busy1', 'busy2', 'quiet', 'busy3'])
})

it('a run that is cancelled while its call waits leaves its place to the next', async () => {
  const { system, clock } = await rig()
  const model = scripted((request) => said(request))
  const echo = agent('echo', { model: limited(model, { requestsPerMinute: 1 }), timeoutMs: Infinity })
  const runs = ['first', 'gone', 'next'].map((text) => system.submit(echo, text))
  await clock.advance(1_000)
  runs[1]?.cancel('enough')
  await clock.advance(60_000)
  const outcomes = await Promise.all(runs.map(({ outcome }) => outcome))
  expect(outcomes.map(({ status }) => status)).toEqual(['completed', 'cancelled', 'completed'])
  expect(model.requests.map(said)).toEqual(['first', 'next'])
})

it('an answer from memory is in the events as such, and is paid for by nobody', async () => {
  const { system } = await rig()
  const usage = { inputTokens: 10, cachedTokens: 0, outputTokens: 5 }
  const model = scripted([{ text: 'yes', usage }], { price: { input: 1, output: 1 } })
  const asking = agent('asking', { model: cached(model, { ttlMs: 1_000 }) })
  const runs = []
  for (let i = 0; i < 2; i += 1) {
    const run = system.submit(asking, 'is it?')
    expect(await run.outcome).toEqual({ status: 'completed', output: 'yes' })
    runs.push((await eventsOf(run)).filter(({ type }) => type === 'model.ended'))
  }
  expect(runs).toMatchObject([
    [{ cached: false, usage: { ...usage, usd: 0.000015 } }],
    [{ cached: true, usage: { inputTokens: 0, outputTokens: 0, usd: 0 } }],
  ])
  expect(system.metrics()[0]?.usage.inputTokens).toBe(10)
})

it('two runs that ask the same at once pay once, and one goes on when the other is cancelled', async () => {
  const { system, clock } = await rig()
  const usage = { inputTokens: 10, cachedTokens: 0, outputTokens: 5 }
  const model = scripted([{ text: 'yes', usage, delayMs: 100 }])
  const asking = agent('asking', { model: cached(model, { ttlMs: 1_000 }) })
  const runs = [1, 2, 3].map(() => system.submit(asking, 'is it?'))
  await clock.advance(50)
  runs[0]?.cancel('enough')
  await clock.advance(50)
  const outcomes = await Promise.all(runs.map(({ outcome }) => outcome))
  expect(outcomes.map(({ status }) => status)).toEqual(['cancelled', 'completed', 'completed'])
  model.assertConsumed()
  expect(system.metrics()[0]?.usage.inputTokens).toBe(10)
})
