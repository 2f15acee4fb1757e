/** Routing by state, on every path of the graph: a hit, the three specialists, a handover between them, a person. */
import { agent, createSystem, human, ProviderError, type RunEvent, type System } from 'troupe'
import { manualClock } from 'troupe/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import team, { faults, support, Ticket } from '../../docs/examples/support-escalation/team.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

/** All steps that were taken from one to the next, over all tests. */
const taken = new Set<string>()

const handle = async (text: string, on = team) => {
  system = await createSystem({ clock: manualClock(), seed: 1 })
  const run = system.submit(on, { id: 't', text })
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  const outcome = await run.outcome
  const route = events.flatMap((event) =>
    event.type === 'decision.made' && event.kind === 'route' ? [event.chosen] : [],
  )
  const stops = [...route, outcome.status]
  for (const [at, stop] of stops.entries()) taken.add(`${stops[at - 1] ?? 'start'} -> ${stop}`)
  const reasons = events.flatMap((event) => (event.type === 'decision.made' ? [event.reason] : []))
  return { outcome, route, reasons, events }
}

const classify = agent('classify', {
  input: Ticket,
  output: z.enum(['technical', 'billing', 'product']),
  run: () => {
    throw new ProviderError('nobody there', { code: 'UNAVAILABLE', retryable: false })
  },
})
const bug = (): never => {
  throw new TypeError('a bug')
}
const diagnosis = agent('diagnosis', {
  input: Ticket,
  output: z.object({ text: z.string(), solved: z.boolean() }),
  run: bug,
})
const product = agent('product', { input: Ticket, output: z.string(), run: bug })

describe('a ticket', () => {
  it('is answered by an article that is surer than 0.85', async () => {
    const { outcome, route } = await handle('How do I reset my password?')
    expect(outcome).toEqual({ status: 'completed', output: 'Passwords are reset on the sign-in page.' })
    expect(route).toEqual(['classify', 'knowledge'])
  })

  it('is not answered by one that is less sure', async () => {
    const { route, reasons } = await handle('Error 42')
    expect(route).toEqual(['classify', 'knowledge', 'diagnosis', 'product'])
    expect(reasons.slice(1)).toEqual([
      'it is technical',
      'no article is surer than 0.85',
      'diagnosis has no solution',
    ])
  })

  it.each([
    ['The page is slow', 'diagnosis', 'Close other tabs, and it is fast again.'],
    ['I was charged twice', 'billing', 'We look at the invoices of t.'],
    ['Could you add a dark mode?', 'product', 'We have it on our list'],
  ])('"%s" goes to %s', async (text, specialist, output) => {
    const { outcome, route } = await handle(text)
    expect(outcome).toEqual({ status: 'completed', output })
    expect(route).toEqual(['classify', 'knowledge', specialist])
  })

  it('that diagnosis cannot solve is handed to product, with what was found out', async () => {
    const { outcome, events } = await handle('It crashes at start')
    expect(outcome).toEqual({ status: 'completed', output: 'We have it on our list: it can be reproduced' })
    expect(events.flatMap((event) => (event.type === 'handoff.made' ? [[event.to, event.hops]] : []))).toEqual([
      ['classify', 1],
      ['knowledge', 2],
      ['diagnosis', 3],
      ['product', 4],
    ])
  })
})

describe('a fault', () => {
  it('of the knowledge base is passed over; one of billing is for a person', async () => {
    const { outcome, route, reasons } = await handle('I was charged twice', faults)
    expect(outcome).toEqual({ status: 'completed', output: 'A colleague calls you about t.' })
    expect(route).toEqual(['classify', 'knowledge', 'billing', 'person'])
    expect(reasons.slice(1)).toEqual(['it is billing', 'knowledge failed', 'billing ended failed'])
  })

  it.each([
    ['classify', 'anything', support({ classify })],
    ['diagnosis', 'The page is slow', support({ diagnosis })],
    ['product', 'a dark mode', support({ product })],
  ])('of %s is for a person', async (name, text, on) => {
    const { outcome, route } = await handle(text, on)
    expect(outcome).toMatchObject({ status: 'completed', output: 'A colleague calls you about t.' })
    expect(route.slice(-2)).toEqual([name, 'person'])
  })

  it('of which a person wants to hear nothing ends rejected, with the reason', async () => {
    const clock = manualClock()
    system = await createSystem({ clock, seed: 1 })
    const on = support({ classify, person: human('person', { input: Ticket, output: z.string() }) })
    const run = system.submit(on, { id: 't', text: 'anything' })
    await system.settle()
    const [question] = await system.approvals.list()
    await system.approvals.deny(question?.id ?? '', { by: 'ann', reason: 'this is spam' })
    expect(await run.outcome).toMatchObject({
      status: 'rejected',
      error: { code: 'DENIED', reason: 'this is spam' },
    })
    taken.add('person -> rejected')
  })
})

it('runs from the command line', async () => {
  system = await createSystem()
  const { code, results } = await troupeRun('support-escalation')
  expect(code).toBe(0)
  expect(results.map(({ id, path }) => [id, path.at(-1)])).toEqual([
    ['t-1', 'knowledge'],
    ['t-2', 'diagnosis'],
    ['t-3', 'product'],
    ['t-4', 'billing'],
    ['t-5', 'product'],
  ])
  const faulty = await troupeRun('support-escalation', '--faults')
  expect(faulty.code).toBe(0)
  expect(faulty.results.map(({ path }) => path.at(-1))).toEqual([
    'product',
    'diagnosis',
    'product',
    'person',
    'product',
  ])
}, 60_000)

it('took every path of the graph in the tests above', () => {
  expect([...taken].toSorted()).toEqual(
    [
      'start -> classify',
      'classify -> knowledge',
      'classify -> person',
      'knowledge -> completed',
      'knowledge -> diagnosis',
      'knowledge -> billing',
      'knowledge -> product',
      'diagnosis -> completed',
      'diagnosis -> product',
      'diagnosis -> person',
      'billing -> completed',
      'billing -> person',
      'product -> completed',
      'product -> person',
      'person -> completed',
      'person -> rejected',
    ].toSorted(),
  )
})
