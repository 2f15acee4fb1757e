/** Messages: replies that come in time, late or twice; topics with and without readers; a broadcast; the envelope. */
import { createSystem, type AgentMessage, type System } from 'troupe'
import { manualClock, type ManualClock } from 'troupe/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import team, { open, sales, waiting, type Order } from '../../docs/examples/messages/team.ts'
import { troupeRun } from './command.ts'

let system: System
let clock: ManualClock
let dead: unknown[]
beforeEach(async () => {
  clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
  dead = []
  system.deadLetters.subscribe(({ message, reason, at }) => dead.push([message.type, reason, at]))
})
afterEach(() => system.stop())

const order = (sku: string, count = 1): Order => ({ id: 'o', sku, count })

describe('a request', () => {
  it('is answered in time', async () => {
    const run = system.submit(team, order('tea', 2))
    await clock.advance(20)
    expect(await run.outcome).toEqual({
      status: 'completed',
      output: { id: 'o', status: 'sold' },
    })
    expect(dead).toEqual([])
  })

  it('waits a second and no longer; the late reply is a dead letter, and changes nothing', async () => {
    const read: unknown[] = []
    system.subscribe(waiting, ({ payload }) => read.push(payload))
    const run = system.submit(team, order('cocoa'))
    await clock.advance(999)
    expect(system.stats().runs).toBe(1)
    await clock.advance(1)
    const waits = { status: 'completed', output: { id: 'o', status: 'waits for the warehouse' } }
    expect(await run.outcome).toEqual(waits)
    expect(read).toEqual([order('cocoa')])
    expect(dead).toEqual([])

    await clock.advance(2_000)
    expect(dead).toEqual([['reply', 'late-reply', 3_000]])
    expect(await system.runs.attach(run.id).outcome).toEqual(waits)
  })

  it('has one reply; the second one is a dead letter', async () => {
    const run = system.submit(team, order('sugar'))
    await clock.advance(20)
    expect(await run.outcome).toMatchObject({ output: { status: 'sold' } })
    expect(dead).toEqual([['reply', 'duplicate-reply', 20]])
    const { ledger } = open(system)
    expect(await system.ask(ledger, { type: 'total.ask', payload: 'sugar' })).toBe(1)
  })

  it('that does not fit the protocol is refused before anybody goes to a shelf', async () => {
    const { warehouse } = open(system)
    const asking = system.ask(warehouse, { type: 'stock.take', payload: order('tea', 0) })
    await expect(asking).rejects.toMatchObject({
      code: 'INVALID_MESSAGE',
      faults: [{ path: 'payload.count' }],
    })
    expect(dead).toEqual([['stock.take', 'invalid', 0]])
  })
})

describe('a topic', () => {
  it('reaches all who subscribed, with the run in the envelope', async () => {
    const read: AgentMessage[] = []
    system.subscribe(sales, (message) => read.push(message))
    const run = system.submit(team, order('tea', 2))
    await clock.advance(20)
    await run.outcome
    const { ledger } = open(system)
    expect(await system.ask(ledger, { type: 'total.ask', payload: 'tea' })).toBe(2)
    expect(read).toHaveLength(1)
    expect(read[0]).toMatchObject({
      type: 'order.sold',
      payload: order('tea', 2),
      to: 'topic:sales',
      correlationId: run.id,
      timestamp: 20,
    })
    expect(read[0]?.from).toMatch(/^troupe:\/\/local\/crier\/t-/)
  })

  it('without a reader makes a dead letter of each message', async () => {
    const run = system.submit(team, order('cocoa'))
    await clock.advance(1_000)
    await run.outcome
    expect(dead).toEqual([['order.waiting', 'no-subscribers', 1_000]])
  })
})

it('a broadcast reaches every agent: who listens acts on it, who does not leaves it unhandled', async () => {
  const unhandled: string[] = []
  system.unhandled.subscribe(({ message, ref }) => unhandled.push(`${message.type} at ${ref.path}`))
  const { display } = open(system)
  const signs = () => system.ask(display, { type: 'task.request', payload: '' })
  expect(await signs()).toEqual([])
  const run = system.submit(team, order('tea', 5))
  await clock.advance(20)
  expect(await run.outcome).toMatchObject({ output: { status: 'sold' } })
  expect(await signs()).toEqual(['no tea today'])
  expect(unhandled.toSorted()).toEqual(['/crier', '/shop', '/till'].map((path) => `item.sold-out at ${path}`))
})

it('no message vanishes', async () => {
  const runs = ['tea', 'cocoa', 'sugar', 'coffee'].map((sku) => system.submit(team, order(sku)))
  await clock.advance(5_000)
  await Promise.all(runs.map(({ outcome }) => outcome))
  const { sent, handled, expired, deadLettered, queued } = system.stats()
  expect(deadLettered).toBe(dead.length)
  expect(dead).toHaveLength(3)
  expect(handled + expired + deadLettered + queued).toBe(sent)
})

it('runs from the command line', async () => {
  const { code, results } = await troupeRun('messages')
  expect(code).toBe(0)
  expect(
    results.map(({ id, outcome }) => [
      id,
      'output' in outcome && (outcome.output as { status: string }).status,
    ]),
  ).toEqual([
    ['o-1', 'sold'],
    ['o-2', 'sold'],
    ['o-3', 'waits for the warehouse'],
    ['o-4', 'sold'],
    ['o-5', 'sold out'],
  ])
}, 60_000)
