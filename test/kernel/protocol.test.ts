/** Protocols at the edge: what comes from outside is checked, answered with the path of each fault, and kept out. */
import { defineProtocol, fromBehavior, type MessageOf } from 'troupe'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { balanced, failure, lab, type Say } from './system.ts'

const Shop = defineProtocol({
  'order.placed': z.object({ sku: z.string(), n: z.number().int().default(1) }),
  'quote.get': { payload: z.object({ lines: z.array(z.object({ eur: z.number() })) }), reply: z.number() },
})

const shop = async () => {
  const l = await lab()
  const heard: MessageOf<typeof Shop>[] = []
  const logic = fromBehavior<MessageOf<typeof Shop>>((ctx) => (message) => {
    heard.push(message)
    if (message.type === 'quote.get') ctx.reply(1)
  })
  return { ...l, heard, ref: l.system.spawn(logic, { protocol: Shop }) }
}

it('hands on the parsed message', async () => {
  const l = await shop()
  l.system.tell(l.ref, { type: 'order.placed', payload: { sku: 'tea' } as never })
  await l.settle()
  expect(l.heard).toEqual([{ type: 'order.placed', payload: { sku: 'tea', n: 1 } }])
})

it.each([
  [{ type: 'order.placed', payload: { sku: 1, n: 1.5 } }, ['payload.sku', 'payload.n']],
  [{ type: 'order.placed' }, ['payload']],
  [{ type: 'order.lost', payload: {} }, ['type']],
] as const)('keeps out what does not fit, with the path of each fault: %j', async (message, paths) => {
  const l = await shop()
  expect(l.system.tell(l.ref, message as never)).toBe('rejected')
  const error = await failure(l.system.ask(l.ref, message as never))
  expect(error).toMatchObject({ code: 'INVALID_MESSAGE', faults: paths.map((path) => ({ path })) })
  await l.settle()
  expect(l.heard).toEqual([])
  expect(l.buried()).toEqual([`${message.type} invalid`, `${message.type} invalid`])
  expect(balanced(l)).toBe(true)
})

it('names the place in a list', async () => {
  const l = await shop()
  const error = await failure(l.system.ask(l.ref, { type: 'quote.get', payload: { lines: [{ eur: 1 }, { eur: 'x' }] } } as never))
  expect(error).toMatchObject({ faults: [{ path: 'payload.lines.1.eur' }], details: { faults: [{ path: 'payload.lines.1.eur' }] } })
})

it('checks what comes through system.actor and send as well', async () => {
  const l = await shop()
  l.system.actor(l.ref).send({ type: 'order.placed', payload: {} } as never)
  expect(await failure(l.system.send(l.ref, { type: 'order.placed', payload: {} } as never, { timeoutMs: 1 }))).toBeInstanceOf(Error)
  expect(l.buried()).toEqual(['order.placed invalid', 'order.placed invalid'])
})

it('does not check again what one actor sends another', async () => {
  const l = await shop()
  const other = l.system.spawn(fromBehavior<Say>((ctx) => () => void ctx.tell(l.ref, { type: 'order.placed', payload: 'unchecked' } as never)))
  l.system.tell(other, { type: 'go' })
  await l.settle()
  expect(l.heard).toHaveLength(1)
})

it('makes topics and services that speak it', async () => {
  expect(Shop.topic('orders')).toMatchObject({ name: 'orders' })
  expect(Shop.service('shops')).toMatchObject({ name: 'shops', service: true })
  const l = await shop()
  l.system.subscribe(Shop.topic('orders'), l.ref)
  l.system.publish(Shop.topic('orders'), { type: 'order.placed', payload: { sku: 'tea', n: 2 } })
  await l.settle()
  expect(l.heard).toHaveLength(1)
})
