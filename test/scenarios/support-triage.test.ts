/**
 * Triage: one of three departments answers and says so, knows what was said before, and no other can be
 * named.
 */
import { agent, createSystem, type RunEvent, type System } from 'troupe'
import { scripted } from 'troupe/models/scripted'
import { manualClock } from 'troupe/testing'
import { afterEach, describe, expect, it } from 'vitest'
import team, { faults, Message, triage, withModel } from '../../docs/examples/support-triage/team.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

const start = async (on = team) => {
  const clock = manualClock()
  system = await createSystem({ agents: [on], clock, seed: 1 })
  return clock
}
const say = async (text: string, on = team, session?: string) => {
  const run = system.submit(on, { id: 'm', text }, session === undefined ? {} : { session })
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  const decisions = events.flatMap((event) =>
    event.type === 'decision.made' ? [[event.kind, event.chosen, event.alternatives, event.reason]] : [],
  )
  const started = events.flatMap((event) => (event.type === 'task.started' ? [event.agent] : []))
  const handoffs = events.flatMap((event) => (event.type === 'handoff.made' ? [event.to] : []))
  return { outcome: await run.outcome, decisions, started, handoffs }
}

describe('a message', () => {
  it.each([
    ['Please refund INV-7', 'billing', 'We look at INV-7 today.', 'it says "refund"'],
    ['It crashes', 'technical', 'Which version do you have?', 'it says "crash"'],
    ['Good morning', 'general', 'Thank you. How can we help?', 'no word of another department'],
  ])('"%s" is handed to %s, whom the answer names', async (text, by, answer, reason) => {
    await start()
    const { outcome, decisions, started, handoffs } = await say(text)
    expect(outcome).toEqual({ status: 'completed', output: { answer, by } })
    const others = ['billing', 'technical', 'general'].filter((name) => name !== by)
    expect(decisions).toEqual([['route', by, others, reason]])
    expect(started).toEqual(['triage', 'gate', by])
    expect(handoffs).toEqual([by])
  })

  it('comes with all that was said before, whoever it was said to', async () => {
    await start()
    const by: unknown[] = []
    for (const text of ['Hello, I have INV-9 here.', 'The page is slow.', 'Please refund it.']) {
      const { outcome } = await say(text, team, 'ada')
      by.push(outcome.status === 'completed' && outcome.output)
    }
    expect(by).toEqual([
      { by: 'general', answer: 'Thank you. How can we help?' },
      { by: 'technical', answer: 'Which version do you have?' },
      { by: 'billing', answer: 'We look at INV-9 today.' },
    ])
    const { outcome } = await say('Please refund it.', team, 'ben')
    expect(outcome).toMatchObject({ output: { answer: 'Which invoice is it about?' } })
  })
})

describe('a department that was not declared', () => {
  it('does not pass the contract of the gate, is named to its model, and nobody works on it', async () => {
    await start(faults)
    const { outcome, started, decisions } = await say('See you in court.', faults)
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { code: 'INVALID_OUTPUT', agent: 'gate', faults: [{ path: 'to' }] },
    })
    expect(started).toEqual(['triage', 'gate'])
    expect(decisions).toEqual([])
    expect((await say('It crashes', faults)).outcome).toMatchObject({ output: { by: 'technical' } })
  })

  it('is refused by the router when a gate without a contract names it', async () => {
    const lax = agent('gate', { input: Message, run: () => ({ to: 'legal' as 'general', reason: '' }) })
    const general = { answer: 'yes', by: 'general' as const }
    const desk = agent('desk', { input: Message, run: () => general })
    const on = triage(lax, { billing: desk, technical: desk, general: desk })
    await start(on)
    const { outcome, started } = await say('See you in court.', on)
    expect(outcome).toMatchObject({
      status: 'rejected',
      error: { code: 'NO_ROUTE', message: '"triage" has no target "legal"' },
    })
    expect(started).toEqual(['triage', 'gate'])
  })
})

describe('with models', () => {
  const usage = { inputTokens: 1_000, cachedTokens: 0, outputTokens: 100 }

  it('the cheap one decides, the other one reads the whole conversation and answers', async () => {
    const gate = (to: string) => ({ text: JSON.stringify({ to, reason: 'so it seems' }), usage })
    const decisions = [gate('general'), gate('billing')]
    const cheap = scripted(decisions, { name: 'cheap', price: { input: 1, output: 1 } })
    const answers = [
      '{"answer":"Hello!","by":"general"}',
      { calls: [{ name: 'look_up_invoice', input: '{"invoice":"INV-9"}' }], usage },
      '{"answer":"It was paid twice.","by":"general"}',
      '{"answer":"It was paid twice.","by":"billing"}',
    ]
    const model = scripted(answers, { name: 'good', price: { input: 10, output: 10 } })
    const on = withModel(model, cheap)
    await start(on)
    await say('Hello, I have INV-9 here.', on, 'ada')
    const { outcome } = await say('Please refund it.', on, 'ada')
    expect(outcome).toEqual({ status: 'completed', output: { answer: 'It was paid twice.', by: 'billing' } })

    const told = model.requests[2]?.messages.map(({ role, text }) => [role, text])
    expect(told?.slice(1)).toEqual([
      ['user', 'Hello, I have INV-9 here.'],
      ['assistant', '{"answer":"Hello!","by":"general"}'],
      ['user', 'Please refund it.'],
      ['assistant', ''],
      ['tool', '{"invoice":"INV-9","state":"paid twice"}'],
    ])
    // That it is of another department is not for the model to say.
    expect(model.requests[3]?.messages.at(-1)?.text).toContain('by: Invalid input: expected "billing"')
    model.assertConsumed()
    const spent = Object.fromEntries(system.metrics().map((each) => [each.agent, each.usage.usd]))
    expect(spent).toMatchObject({ gate: 0.002_2, billing: 0.011 })
  })
})

it('runs from the command line', async () => {
  system = await createSystem()
  const ends = async (...flags: readonly string[]) => {
    const { code, results } = await troupeRun('support-triage', ...flags)
    return [
      code,
      ...results.map(({ outcome }) => {
        if ('output' in outcome) return (outcome.output as { by: string }).by
        return 'error' in outcome ? outcome.error.code : outcome.status
      }),
    ]
  }
  const calm = ['billing', 'technical', 'technical', 'general', 'billing']
  expect(await ends()).toEqual([0, ...calm, 'general'])
  expect(await ends('--faults')).toEqual([1, ...calm, 'INVALID_OUTPUT'])
}, 60_000)
