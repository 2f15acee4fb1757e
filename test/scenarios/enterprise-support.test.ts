/**
 * By intent, by a second opinion and synthesis, by an orchestrator, by a person who gets what was gathered;
 * and an open circuit.
 */
import { createSystem, human, ProviderError, type RunEvent, type System } from 'troupe'
import { scripted } from 'troupe/models/scripted'
import { manualClock, type ManualClock } from 'troupe/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { Answer, type Domain } from '../../docs/examples/enterprise-support/domains.ts'
import team, { byRules, Case, withModel } from '../../docs/examples/enterprise-support/team.ts'
import { troupeRun } from './command.ts'

let system: System
let clock: ManualClock
afterEach(() => system.stop())

const start = async (on = team) => {
  clock = manualClock()
  system = await createSystem({ agents: [on], clock, seed: 1 })
}
const send = async (text: string, on = team) => {
  const run = system.submit(on, { id: 'r', text })
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  const decisions = events.flatMap((event) =>
    event.type === 'decision.made' ? [[event.agent, event.kind, event.chosen]] : [],
  )
  const handoffs = events.flatMap((event) =>
    event.type === 'handoff.made' ? [`${event.to} ${event.hops}`] : [],
  )
  const [reason] = events.flatMap((event) => (event.type === 'decision.made' ? [event.reason] : []))
  return { outcome: await run.outcome, decisions, handoffs, reason }
}
const completed = (output: object) => ({ status: 'completed', output })
const seatsAndExport = 'More seats for the contract; the export is stuck, an error'
const person = human('person', { input: Case, output: Answer, by: 'ann' })

describe('a request', () => {
  it('with a sure intent goes to the one specialist', async () => {
    await start()
    const { outcome, decisions, reason } = await send('A copy of the invoice for our contract')
    expect(outcome).toEqual(
      completed({ answer: 'Copies of invoices are in the portal.', by: 'billing', confidence: 1 }),
    )
    expect(decisions).toEqual([['support', 'route', 'billing']])
    expect(reason).toBe('2 for it, 0 for technical')
  })

  it('with an intent below 0.7 gets an opinion of each specialist, and a synthesis', async () => {
    await start()
    const { outcome, decisions, handoffs } = await send('Please send the audit report')
    expect(outcome).toEqual(
      completed({ answer: 'The audit report comes on request.', by: 'security', confidence: 1 }),
    )
    expect(decisions).toEqual([
      ['support', 'route', 'otherwise'],
      ['second-opinion', 'route', 'billing'],
      ['second-opinion', 'route', 'technical'],
      ['second-opinion', 'route', 'security'],
      ['second-opinion', 'route', 'synthesis'],
    ])
    expect(handoffs).toEqual(['second-opinion 1', 'billing 2', 'technical 2', 'security 2', 'synthesis 2'])
  })

  it('about two domains goes to an orchestrator, which asks these two and joins what they say', async () => {
    await start()
    const { outcome, decisions, reason } = await send(seatsAndExport)
    expect(outcome).toEqual(
      completed({
        answer: 'Seats are added at once. Start the export again.',
        by: 'billing and technical',
        confidence: 1,
      }),
    )
    expect(decisions).toEqual([
      ['support', 'route', 'several'],
      ['several', 'route', 'billing'],
      ['several', 'route', 'technical'],
    ])
    expect(reason).toBe('billing and technical')
  })

  it('that asks for a person gets one', async () => {
    await start()
    expect((await send('I want a manager')).decisions).toEqual([['support', 'route', 'person']])
  })
})

describe('a person', () => {
  const waiting = async () => {
    await system.settle()
    const [question] = await system.approvals.list()
    if (!question) throw new Error('nobody is asked')
    return question
  }
  const unknown = (by: string) => ({ answer: 'We do not know.', by, confidence: 0 })

  it.each([
    [
      'three opinions of which none is sure',
      'Can you paint our office?',
      [unknown('billing'), unknown('technical'), unknown('security')],
    ],
    [
      'both answers that the orchestrator has',
      'A price for seats, and the API gives an error',
      [
        { answer: 'Seats are added at once.', by: 'billing', confidence: 0.5 },
        { answer: 'The API takes 600 calls a minute.', by: 'technical', confidence: 0.5 },
      ],
    ],
  ])('gets the request with %s', async (_, text, gathered) => {
    const on = byRules(() => {}, person)
    await start(on)
    const run = system.submit(on, { id: 'r', text })
    const question = await waiting()
    expect(question.input).toEqual({ id: 'r', text, gathered })
    expect((await system.runs.show(run.id))?.info.status).toBe('waiting')
    const output = { answer: 'I call you.', by: 'ann', confidence: 1 }
    await system.approvals.answer(question.id, { by: 'ann', output })
    expect(await run.outcome).toEqual(completed(output))
  })
})

describe('when the system of billing is down', () => {
  const text = 'A copy of the invoice for our contract'

  it('the handbook answers; with an open circuit it is not asked for 30 seconds', async () => {
    let isDown = true
    const asked: Domain[] = []
    const on = byRules((domain) => {
      asked.push(domain)
      if (isDown) throw new ProviderError('down', { code: 'UNAVAILABLE', retryable: false })
    })
    await start(on)
    const by = async () => {
      const { outcome, decisions } = await send(text, on)
      return [outcome.status === 'completed' && outcome.output.by, decisions.at(-1)]
    }
    const replaced = ['handbook', ['billing', 'fallback', 'handbook']]
    for (let n = 0; n < 3; n += 1) expect(await by()).toEqual(replaced)
    expect(system.lookup('/billing')).toBeDefined()
    expect(asked).toHaveLength(3)

    expect(await by()).toEqual(replaced)
    await clock.advance(29_999)
    expect(await by()).toEqual(replaced)
    expect(asked).toHaveLength(3)
    expect(system.metrics().find(({ agent }) => agent === 'billing')?.state).toBe('openCircuit')

    isDown = false
    await clock.advance(1)
    expect(await by()).toEqual(['billing', ['support', 'route', 'billing']])
    expect(asked).toHaveLength(4)
    expect(system.metrics().find(({ agent }) => agent === 'billing')?.state).toBe('idle')
  })

  it('the others answer as ever, and a case of several domains goes to a person', async () => {
    const on = byRules((domain) => {
      if (domain === 'billing') throw new ProviderError('down', { code: 'UNAVAILABLE', retryable: false })
    }, person)
    await start(on)
    expect((await send('The limit of your API? It gives an error', on)).outcome).toMatchObject(
      completed({ by: 'technical' }),
    )
    const run = system.submit(on, { id: 'r', text: seatsAndExport })
    await system.settle()
    const [question] = await system.approvals.list()
    expect(question?.input).toMatchObject({
      text: seatsAndExport,
      gathered: [{ by: 'handbook' }, { by: 'technical', answer: 'Start the export again.' }],
    })
    await system.approvals.deny(question?.id ?? '', { by: 'ann', reason: 'no such customer' })
    expect(await run.outcome).toMatchObject({
      status: 'rejected',
      error: { code: 'DENIED', reason: 'no such customer' },
    })
  })
})

it('works with a model in each seat, which leads where several domains are concerned', async () => {
  const answer = { answer: 'Seats are added at once.', by: 'billing, technical', confidence: 1 }
  const input = JSON.stringify({ id: 'r', text: 'seats and export' })
  const looks = (name: string) => ({ calls: [{ name, input: '{"text":"more seats, export stuck"}' }] })
  const part = (by: string) => JSON.stringify({ answer: 'It is done.', by, confidence: 1 })
  const model = scripted(({ messages }) => {
    const [instructions = { text: '' }, , ...since] = messages
    const told = since.some(({ role }) => role === 'tool')
    if (instructions.text.startsWith('Which domain')) {
      return '{"to":"several","confidence":0.9,"reason":"both"}'
    }
    if (instructions.text.startsWith('Ask each')) {
      if (told) return JSON.stringify(answer)
      return { calls: [{ name: 'billing', input }, { name: 'technical', input }] }
    }
    const [, domain = ''] = /for (\w+),/.exec(instructions.text) ?? []
    return told ? part(domain) : looks(`look_up_${domain}`)
  })
  const on = withModel(model)
  await start(on)
  const { outcome, decisions } = await send('seats and export', on)
  expect(outcome).toEqual(completed(answer))
  expect(decisions).toEqual([
    ['support', 'route', 'several'],
    ['several', 'route', 'billing'],
    ['several', 'route', 'technical'],
  ])
  const results = model.requests.flatMap(({ messages }) =>
    messages.flatMap((message) => (message.role === 'tool' ? [message.text] : [])),
  )
  expect(results).toContain('{"answer":"Seats are added at once.","by":"billing","confidence":1}')
  expect(results).toContain(part('technical'))
})

it('runs from the command line', async () => {
  system = await createSystem()
  const ends = async (...flags: readonly string[]) => {
    const { code, results } = await troupeRun('enterprise-support', ...flags)
    expect(code).toBe(0)
    return results.map(({ outcome }) =>
      'output' in outcome ? (outcome.output as Answer).by : outcome.status,
    )
  }
  expect(await ends()).toEqual([
    'billing',
    'technical',
    'security',
    'billing and technical',
    'person',
    'person',
    'person',
    'billing',
    'billing',
  ])
  expect(await ends('--faults')).toEqual([
    'handbook',
    'technical',
    'security',
    'person',
    'person',
    'person',
    'person',
    'handbook',
    'handbook',
  ])
}, 60_000)
