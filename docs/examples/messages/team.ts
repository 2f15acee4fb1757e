/**
 * Messages: a shop. The till asks the warehouse, and waits a second for the reply. What is sold is published to a topic, which
 * the ledger reads; what is sold out is broadcast to every agent. The order travels in the payload, the run that it belongs
 * to in the envelope.
 */
import { agent, contextOf, defineProtocol, fromBehavior, pipeline, TimeoutError } from 'troupe'
import type { Actors, AgentMessage, MessageOf } from 'troupe'
import { fromPromise } from 'xstate'
import { z } from 'zod'

/** What somebody wants. */
export const Order = z.object({ id: z.string(), sku: z.string(), count: z.int().min(1) })
/** What somebody wants. */
export type Order = z.output<typeof Order>

const Taken = z.object({ taken: z.boolean(), left: z.int() })
type Taken = z.output<typeof Taken>

/** What the actors of the shop tell each other. */
export const shop = defineProtocol({
  'stock.take': { payload: Order, reply: Taken },
  'order.sold': Order,
  'order.waiting': Order,
  'item.sold-out': z.object({ sku: z.string() }),
  'total.ask': { payload: z.string(), reply: z.int() },
})
type ShopMessage = MessageOf<typeof shop>

/** What was sold. */
export const sales = shop.topic('sales')
/** What has to wait. Nobody in this shop reads it: each such message is a dead letter. */
export const waiting = shop.topic('waiting')

// Cocoa is in the cold store. Sugar lies on two shelves, and both reply.
const SHELVES: Readonly<Record<string, { count: number; walkMs: number; replies: number }>> = {
  tea: { count: 5, walkMs: 20, replies: 1 },
  cocoa: { count: 5, walkMs: 3_000, replies: 1 },
  sugar: { count: 5, walkMs: 20, replies: 2 },
}

type Walked = { type: 'walk.ended'; reply: Taken; asked: AgentMessage; replies: number }

/** Takes what is wanted from the shelf, and replies when it is back. */
const warehouse = fromBehavior<ShopMessage | Walked>((ctx) => {
  const left = new Map(Object.entries(SHELVES).map(([sku, { count }]) => [sku, count]))
  return (message) => {
    if (message.type === 'walk.ended') {
      for (let n = 0; n < message.replies; n += 1) ctx.reply(message.reply, message.asked)
    } else if (message.type === 'stock.take') {
      const { sku, count } = message.payload
      const { walkMs, replies } = SHELVES[sku] ?? { walkMs: 0, replies: 1 }
      const rest = (left.get(sku) ?? 0) - count
      if (rest >= 0) left.set(sku, rest)
      const reply = { taken: rest >= 0, left: left.get(sku) ?? 0 }
      const asked = ctx.envelope
      ctx.timers.start(asked.id, { type: 'walk.ended', reply, asked, replies }, { afterMs: walkMs })
    }
  }
})

/** Adds up what is sold, by item. */
const ledger = fromBehavior<ShopMessage>((ctx) => {
  const sold = new Map<string, number>()
  ctx.subscribe(sales)
  return (message) => {
    if (message.type === 'order.sold') {
      const { sku, count } = message.payload
      sold.set(sku, (sold.get(sku) ?? 0) + count)
    } else if (message.type === 'total.ask') ctx.reply(sold.get(message.payload) ?? 0)
  }
})

/** The shop window: an agent, which hears broadcasts and can be asked for its signs. */
const signs = new Set<string>()
const display = agent('window', {
  listen: {
    handle: (message) => {
      const heard = shop.parse(message)
      if (heard.type === 'item.sold-out') signs.add(heard.payload.sku)
    },
  },
  run: () => [...signs].map((sku) => `no ${sku} today`),
})

/** The actors of the shop, started by whoever needs them first. */
export const open = ({ lookup, spawn, root: parent }: Actors) => ({
  warehouse: lookup('/warehouse', shop) ?? spawn(warehouse, { id: 'warehouse', parent, protocol: shop }),
  ledger: lookup('/ledger', shop) ?? spawn(ledger, { id: 'ledger', parent, protocol: shop }),
  display: lookup('/window') ?? spawn(display, { id: 'window', parent }),
})

/** What the warehouse said; `undefined`: it took too long. */
type Told = { order: Order; reply: Taken | undefined }

/** Asks with a limit of time. Its work is logic of XState, which has all powers of an actor. */
const ask = agent('till', {
  machine: fromPromise<Told, Order>(async ({ input: order, self }) => {
    const ctx = contextOf({ self })
    try {
      const { warehouse } = open(ctx)
      const reply = await ctx.ask(warehouse, { type: 'stock.take', payload: order }, { timeoutMs: 1_000 })
      return { order, reply }
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error
      return { order, reply: undefined }
    }
  }),
})

/** Tells those whom it concerns, whoever they are, and writes the receipt. */
const tell = agent('crier', {
  run: ({ order, reply }: Told, { publish }) => {
    const { id, sku } = order
    if (!reply) publish(waiting, { type: 'order.waiting', payload: order })
    else if (reply.taken) publish(sales, { type: 'order.sold', payload: order })
    if (reply?.left === 0) publish('broadcast', { type: 'item.sold-out', payload: { sku } })
    return { id, status: reply ? (reply.taken ? 'sold' : 'sold out') : 'waits for the warehouse' }
  },
})

/** The team. */
export default pipeline('shop', [ask, tell])
