/** State in each place that there is: the same suite over one system in memory, and two of a process on a bus. */
import { createSystem, type Agent, type System } from 'troupe'
import { memory } from 'troupe/stores/memory'
import { manualClock, type ManualClock } from 'troupe/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { inProcessBus } from '../../src/bus/in-process.ts'
import team, {
  counter,
  DELIVERED,
  ledgerOf,
  shelfOf,
  type Order,
  type Receipt,
} from '../../docs/examples/shared-state/team.ts'
import { troupeRun } from './command.ts'

/** Where a shop has its front, and where its books are kept. */
interface Place {
  readonly front: System
  readonly office: System
  readonly desk: Agent<Order, Receipt>
}

const alone = async (clock: ManualClock): Promise<Place> => {
  const system = await createSystem({ clock, seed: 1, store: memory() })
  return { front: system, office: system, desk: team }
}
const apart = async (clock: ManualClock): Promise<Place> => {
  const bus = inProcessBus()
  const common = { clock, seed: 1, bus }
  const front = await createSystem({ ...common, name: 'front', store: memory() })
  const office = await createSystem({ ...common, name: 'office', store: memory() })
  return { front, office, desk: counter(false) }
}

describe.each([
  ['one system in memory', alone],
  ['two systems on one bus, in memory', apart],
])('%s', (_, open) => {
  let clock: ManualClock
  let place: Place
  beforeEach(async () => {
    clock = manualClock()
    place = await open(clock)
    ledgerOf(place.office)
    await place.office.settle()
  })
  afterEach(async () => {
    await place.front.stop()
    await place.office.stop()
  })

  const order = (id: string, sku: Order['sku'], count = 1): Order => ({ id, sku, count })
  const total = async (sku: string): Promise<number> => {
    for (const system of [place.front, place.office]) await system.settle()
    return place.office.ask(ledgerOf(place.office), { type: 'total.ask', payload: sku })
  }
  const left = async () => {
    const { values } = await place.front.ask(shelfOf(place.front), { type: 'board.get', payload: {} })
    return values
  }

  it('keeps the shelf and the ledger in step', async () => {
    const { front, desk } = place
    expect(await front.run(desk, order('a', 'tea', 2))).toEqual({ id: 'a', sold: true, left: 3 })
    expect(await front.run(desk, order('b', 'cocoa'))).toEqual({ id: 'b', sold: true, left: 1 })
    expect(await front.run(desk, order('c', 'tea', 4))).toEqual({ id: 'c', sold: false, left: 3 })
    expect(await left()).toEqual({ tea: 3, cocoa: 1 })
    expect([await total('tea'), await total('cocoa')]).toEqual([2, 1])
  })

  it('sells nothing twice to those who come at once: one version wins, the others read again', async () => {
    const { front, desk } = place
    const receipts = await Promise.all(
      Array.from({ length: 12 }, (__, n) => front.run(desk, order(`o-${n}`, 'tea'))),
    )
    expect(receipts.filter(({ sold }) => sold)).toHaveLength(DELIVERED.tea)
    const rests = receipts.flatMap((receipt) => (receipt.sold ? [receipt.left] : []))
    expect(new Set(rests)).toEqual(new Set([0, 1, 2, 3, 4]))
    expect(await left()).toEqual({ ...DELIVERED, tea: 0 })
    expect(await total('tea')).toBe(DELIVERED.tea)
  })

  it('remembers what a customer said, and takes the runs of one customer in turn', async () => {
    const { front, desk } = place
    const session = 'ada'
    const runs = ['a', 'b'].map((id) => front.submit(desk, order(id, 'cocoa'), { session }))
    const receipts = await Promise.all(runs.map(({ outcome }) => outcome))
    expect(receipts).toMatchObject([{ output: { left: 1 } }, { output: { left: 0 } }])
    const said = (await front.sessions.get(session)) ?? []
    expect(said.map(({ role, text }) => [role, (JSON.parse(text) as { id: string }).id])).toEqual([
      ['user', 'a'],
      ['assistant', 'a'],
      ['user', 'b'],
      ['assistant', 'b'],
    ])
  })

  it('keeps each run under its id: the same order is sold once, another one is refused', async () => {
    const { front, desk } = place
    const options = { id: 'order-7' }
    const [first, again] = [1, 2].map(() => front.submit(desk, order('a', 'tea'), options))
    expect(await again?.outcome).toEqual(await first?.outcome)
    expect(await front.submit(desk, order('b', 'tea'), options).outcome).toMatchObject({
      status: 'rejected',
      error: { code: 'DUPLICATE_RUN' },
    })
    expect(await total('tea')).toBe(1)
    expect(await front.runs.show('order-7')).toMatchObject({
      info: { agent: 'counter', status: 'completed', input: order('a', 'tea'), outcome: { output: { left: 4 } } },
    })
  })

  it('loses with an actor what was in its memory, and nothing else', async () => {
    const { front, office, desk } = place
    await front.run(desk, order('a', 'tea', 2))
    expect(await total('tea')).toBe(2)
    const gone = office.lookup('/ledger')
    if (gone) office.kill(gone)
    await office.settle()
    ledgerOf(office)
    await office.settle()
    await front.run(desk, order('b', 'tea'))
    expect(await total('tea')).toBe(1)
    expect(await left()).toMatchObject({ tea: 2 })
  })

  it('accounts for every message', async () => {
    const { front, office, desk } = place
    await Promise.all(['a', 'b', 'c'].map((id) => front.run(desk, order(id, 'tea'))))
    await total('tea')
    for (const system of new Set([front, office])) {
      const { sent, handled, expired, deadLettered, queued } = system.stats()
      expect([sent - handled - expired - deadLettered - queued, queued, deadLettered]).toEqual([0, 0, 0])
    }
  })
})

it('two systems have each its own runs and sessions', async () => {
  const { front, office, desk } = await apart(manualClock())
  await front.submit(desk, { id: 'a', sku: 'tea', count: 1 }, { id: 'r', session: 's' }).outcome
  expect((await front.runs.list()).map(({ id }) => id)).toEqual(['r'])
  expect(await office.runs.list()).toEqual([])
  expect(await office.sessions.get('s')).toBeUndefined()
  await front.stop()
  await office.stop()
})

it('runs from the command line', async () => {
  const { code, results } = await troupeRun('shared-state')
  expect(code).toBe(0)
  const sold = results.map(({ id, outcome }) => [id, 'output' in outcome && (outcome.output as Receipt).sold])
  expect(sold).toEqual([
    ['o-1', true],
    ['o-2', true],
    ['o-3', true],
    ['o-4', false],
  ])
}, 60_000)
