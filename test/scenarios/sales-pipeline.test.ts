/**
 * Leads: scored, written to only when hot, followed up; and the state after each stage is kept, whatever
 * comes next.
 */
import { createSystem, type RunEvent, type System } from 'troupe'
import { scripted } from 'troupe/models/scripted'
import { manualClock, type ManualClock } from 'troupe/testing'
import { afterEach, describe, expect, it } from 'vitest'
import team, { audit, faults, sales, withModel } from '../../docs/examples/sales-pipeline/team.ts'
import type { Lead } from '../../docs/examples/sales-pipeline/team.ts'
import { troupeRun } from './command.ts'

let system: System
let clock: ManualClock
afterEach(() => system.stop())

const hot: Lead = { id: 'l', company: 'Ott', role: 'Owner', budget: 12_000, text: 'An offer, please' }
const warm: Lead = { ...hot, role: 'Accountant', text: 'Hello' }
const cold: Lead = { ...hot, budget: null, text: 'Hello' }

const start = async (on = team) => {
  clock = manualClock()
  system = await createSystem({ agents: [on], clock, seed: 1 })
}
const submit = (lead: Lead, on = team) => system.submit(on, lead, { id: 'lead-1' })
const sell = async (lead: Lead, on = team) => {
  await start(on)
  const run = submit(lead, on)
  await clock.advance(20_000)
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  const routes = events.flatMap((event) =>
    event.type === 'decision.made' && event.agent === 'reach'
      ? [[event.chosen, event.alternatives, event.reason]]
      : [],
  )
  const worked = events.flatMap((event) => (event.type === 'task.started' ? [event.agent] : []))
  return { outcome: await run.outcome, routes, worked, endedAt: events.at(-1)?.at }
}
/** Stage, status and time, and what it has added to the lead. */
const audited = async () => {
  const entries = await audit(system, 'lead-1')
  return entries.map(({ stage, at, outcome }) => {
    const output = 'output' in outcome ? outcome.output : {}
    const { score, heat, mail, action } = output as Record<string, unknown>
    return { stage, at, status: outcome.status, state: { score, heat, mail, action } }
  })
}
const text = 'An offer for Ott: shall we call?'
const mails = () => {
  const sent: string[] = []
  const send = (mail: { company: string; text: string }) => void sent.push(`${mail.company}: ${mail.text}`)
  return { sent, send }
}

describe('a lead', () => {
  const followUps = {
    hot: { action: 'call', inDays: 2 },
    warm: { action: 'invite', inDays: 14 },
    cold: { action: 'look again', inDays: 180 },
  }
  it.each<[string, Partial<Lead>, { score: number; heat: keyof typeof followUps }]>([
    ['all signs', {}, { score: 10, heat: 'hot' }],
    ['a budget and a say', { text: 'Hello' }, { score: 7, heat: 'hot' }],
    ['a say and a wish', { budget: 9_999 }, { score: 6, heat: 'warm' }],
    ['a budget', { role: 'Accountant', text: 'Hello' }, { score: 4, heat: 'warm' }],
    ['a wish', { role: 'Student', budget: null }, { score: 3, heat: 'cold' }],
    ['nothing', { role: 'Student', budget: null, text: '' }, { score: 0, heat: 'cold' }],
  ])('with %s is followed up, and written to only when hot', async (_, change, { score, heat }) => {
    const { sent, send } = mails()
    const { outcome, routes, worked } = await sell({ ...hot, ...change }, sales(send))
    const wrote = heat === 'hot'
    expect(outcome).toEqual({
      status: 'completed',
      output: { id: 'l', score, heat, wrote, ...followUps[heat] },
    })
    const others = ['hot', 'warm', 'cold'].filter((name) => name !== heat)
    expect(routes).toEqual([[heat, others, `scored ${score}`]])
    const reach = wrote ? ['outreach', 'writer'] : ['leave-alone']
    expect(worked).toEqual(['sales', 'qualify', 'scorer', 'reach', 'heat', ...reach, 'follow-up', 'planner'])
    expect(sent).toEqual(wrote ? [`Ott: ${text}`] : [])
  })
})

describe('the state after each stage', () => {
  const qualified = { stage: 'qualify', at: 0, status: 'completed', state: { score: 10, heat: 'hot' } }
  const slow = () => sales((_, { sleep }) => sleep(1_000))

  it('is kept while the next one is at work, and when all have ended', async () => {
    const on = slow()
    await start(on)
    const run = submit(hot, on)
    await clock.advance(999)
    expect(await audited()).toEqual([qualified])
    const info = (await system.runs.show('lead-1'))?.info
    expect(info).toMatchObject({ agent: 'sales', status: 'running', input: hot })

    await clock.advance(1)
    await run.outcome
    const mailed = { ...qualified.state, mail: text }
    expect(await audited()).toEqual([
      qualified,
      { stage: 'reach', at: 1_000, status: 'completed', state: mailed },
      { stage: 'follow-up', at: 1_000, status: 'completed', state: { ...qualified.state, action: 'call' } },
    ])
    const sold = await system.runs.list({ agent: 'sales', status: 'completed' })
    expect(sold.map(({ id }) => id)).toEqual(['lead-1'])
  })

  it('is kept of a lead that is not written to', async () => {
    await sell(warm)
    expect((await audited()).map(({ stage, state }) => [stage, state.score, state.mail])).toEqual([
      ['qualify', 4, undefined],
      ['reach', 4, undefined],
      ['follow-up', 4, undefined],
    ])
  })

  it('is kept when outreach fails: the mail was tried twice, and the next stage did not begin', async () => {
    const { outcome, worked } = await sell(hot, faults)
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'UNAVAILABLE' } })
    expect(worked).not.toContain('follow-up')
    expect(await audited()).toEqual([
      qualified,
      { stage: 'reach', at: 1_000, status: 'failed', state: {} },
    ])
    await system.stop()
    const { outcome: calm } = await sell(cold, faults)
    expect(calm).toMatchObject({ status: 'completed', output: { wrote: false } })
  })

  it('is kept when the mail server hangs, which is given 5 seconds, twice', async () => {
    const { outcome, endedAt } = await sell(hot, sales((_, { sleep }) => sleep(Infinity)))
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'TIMEOUT' } })
    expect(endedAt).toBe(11_000)
    expect((await audited()).map(({ stage, status }) => `${stage} ${status}`)).toEqual([
      'qualify completed',
      'reach failed',
    ])
  })

  it('is kept over a restart: qualified once, written once, and sent with the same key', async () => {
    const keys: string[] = []
    const on = sales(({ key }, { sleep }) => {
      keys.push(key)
      return sleep(1_000)
    })
    await start(on)
    const run = submit(hot, on)
    await clock.advance(500)
    const outreach = system.lookup('/outreach')
    if (!outreach) throw new Error('outreach is not at work')
    system.kill(outreach)
    await clock.advance(1_000)
    expect(await run.outcome).toMatchObject({ status: 'completed', output: { wrote: true } })
    expect(keys).toHaveLength(2)
    expect(new Set(keys).size).toBe(1)
    const events = (await system.runs.show('lead-1'))?.events ?? []
    const worked = events.flatMap((event) => (event.type === 'task.started' ? [event.agent] : []))
    for (const name of ['scorer', 'qualify', 'writer', 'follow-up']) {
      expect(worked.filter((each) => each === name)).toEqual([name])
    }
    expect((await audited()).map(({ stage, at }) => [stage, at])).toEqual([
      ['qualify', 0],
      ['reach', 1_500],
      ['follow-up', 1_500],
    ])
  })
})

it('has models score, write and plan; a score of 11 is none, and who is hot the code says', async () => {
  const { sent, send } = mails()
  const score = (points: number) => JSON.stringify({ score: points, reasons: ['keen'] })
  const model = scripted([
    { calls: [{ name: 'earlier_orders', input: '{"company":"Otto"}' }] },
    score(11),
    score(8),
    'Dear Otto, shall we call?',
    '{"action":"call","inDays":1}',
  ])
  const { outcome } = await sell({ ...cold, company: 'Otto' }, withModel(model, send))
  expect(outcome).toEqual({
    status: 'completed',
    output: { id: 'l', score: 8, heat: 'hot', wrote: true, action: 'call', inDays: 1 },
  })
  expect(sent).toEqual(['Otto: Dear Otto, shall we call?'])
  const told = model.requests[2]?.messages.map((message) => message.text) ?? []
  expect(told).toContain('["a trial for Otto"]')
  expect(told.at(-1)).toContain('score: Too big: expected number to be <=10')
  model.assertConsumed()
})

it('runs from the command line', async () => {
  system = await createSystem()
  const ends = async (...flags: readonly string[]) => {
    const { code, results } = await troupeRun('sales-pipeline', ...flags)
    const heats = results.map(({ outcome }) => {
      if ('output' in outcome) return (outcome.output as { heat: string }).heat
      return 'error' in outcome ? outcome.error.code : outcome.status
    })
    return [code, ...heats]
  }
  expect(await ends()).toEqual([0, 'hot', 'hot', 'warm', 'cold', 'warm'])
  expect(await ends('--faults')).toEqual([1, 'UNAVAILABLE', 'UNAVAILABLE', 'warm', 'cold', 'warm'])
}, 60_000)
