/**
 * State: what a shop knows, and where. The shelf is a board: who sells says which version it has seen, so that
 * the last piece is sold once. What was sold is published; a ledger adds it up, in this system or in another one
 * on the same bus. What a customer said is the session of the run, and each run is kept under its id.
 */
import { agent, board, boardProtocol, ConflictError, contextOf, defineProtocol, fromBehavior } from 'troupe'
import type { Actors, Agent, MessageOf } from 'troupe'
import { fromPromise } from 'xstate'
import { z } from 'zod'

const Order = z.object({ id: z.string(), sku: z.enum(['tea', 'cocoa']), count: z.int().min(1) })
/** What somebody wants. */
export type Order = z.output<typeof Order>

/** What became of it. */
export type Receipt = { id: string; sold: boolean; left: number }

const count = z.int().min(0)
const keys = { tea: count, cocoa: count }
const { board: shelfProtocol } = boardProtocol(keys)
/** What a shelf holds when it is put up. */
export const DELIVERED = { tea: 5, cocoa: 2 } as const

/** What the shop tells those who count. */
export const shop = defineProtocol({
  'item.sold': Order,
  'total.ask': { payload: z.string(), reply: z.int() },
})
/** Where it says what was sold. It reaches every system on the bus. */
export const sales = shop.topic('sales')

const ledger = fromBehavior<MessageOf<typeof shop>>((ctx) => {
  const totals = new Map<string, number>()
  ctx.subscribe(sales)
  return (message) => {
    if (message.type === 'total.ask') return ctx.reply(totals.get(message.payload) ?? 0)
    const { sku, count: sold } = message.payload
    totals.set(sku, (totals.get(sku) ?? 0) + sold)
  }
})

/** The shelf of this system, put up by whoever needs it first. */
export const shelfOf = ({ lookup, spawn, tell, root: parent }: Actors) => {
  const known = lookup('/shelf', shelfProtocol)
  if (known) return known
  const made = spawn(board({ keys }), { id: 'shelf', parent, protocol: shelfProtocol })
  const puts = (['tea', 'cocoa'] as const).map((key) => ({ key, value: DELIVERED[key] }))
  tell(made, { type: 'board.batch', payload: { puts } })
  return made
}

/** The ledger of this system, opened by whoever needs it first. */
export const ledgerOf = ({ lookup, spawn, root: parent }: Actors) =>
  lookup('/ledger', shop) ?? spawn(ledger, { id: 'ledger', parent, protocol: shop })

/** Sells. What it has read may be old by the time it writes: then it reads again. */
const sell = async (order: Order, ctx: Actors): Promise<Receipt> => {
  const { id, sku, count: wanted } = order
  const shelf = shelfOf(ctx)
  for (;;) {
    const { values, versions } = await ctx.ask(shelf, { type: 'board.get', payload: { keys: [sku] } })
    const there = values[sku] ?? 0
    if (there < wanted) return { id, sold: false, left: there }
    try {
      const put = { key: sku, value: there - wanted, expect: versions[sku] ?? 0 }
      await ctx.ask(shelf, { type: 'board.put', payload: put })
    } catch (error) {
      if (error instanceof ConflictError) continue
      throw error
    }
    ctx.publish(sales, { type: 'item.sold', payload: order })
    return { id, sold: true, left: there - wanted }
  }
}

/** @param keepsLedger whether this system counts, or another one on its bus */
export const counter = (keepsLedger = true): Agent<Order, Receipt> =>
  agent('counter', {
    machine: fromPromise<Receipt, Order>(({ input, self }) => {
      const ctx = contextOf({ self })
      if (keepsLedger) ledgerOf(ctx)
      return sell(input, ctx)
    }),
  })

export default counter()
