/** Envelopes: where a message comes from, what caused it, and what hangs together. */
import { fromBehavior, pool, type ActorContext, type ActorRef, type AgentMessage } from 'troupe'
import { expect, it } from 'vitest'
import { lab, type Lab, type Say } from './system.ts'

/** An actor that keeps the envelopes it gets, and then acts. */
const actor = (l: Lab, id: string, act?: (ctx: ActorContext<Say>, message: Say) => void) => {
  const got: AgentMessage[] = []
  const ref = l.system.spawn(
    fromBehavior<Say>((ctx) => (message) => {
      got.push(ctx.envelope)
      act?.(ctx, message)
    }),
    { id },
  )
  return { ref, got }
}

it('of a message from outside names the system, and begins a correlation of its own', async () => {
  const l = await lab({ name: 'node' })
  await l.clock.advance(5)
  const a = actor(l, 'a')
  l.system.tell(a.ref, { type: 'x', payload: { n: 1 } })
  l.system.tell(a.ref, { type: 'y', n: 2 })
  await l.settle()
  const [x, y] = a.got
  expect(x).toMatchObject({ type: 'x', payload: { n: 1 }, from: 'troupe://node', to: 'troupe://node/a', timestamp: 5, hops: 0, chain: [] })
  expect(x?.correlationId).toBe(x?.id)
  expect(x?.causedBy).toBeUndefined()
  expect(y?.payload).toEqual({ n: 2 })
  expect(y?.id).not.toBe(x?.id)
})

it('names the message whose handling sent it, and keeps its correlation', async () => {
  const l = await lab()
  const c = actor(l, 'c')
  const b = actor(l, 'b', (ctx) => void ctx.tell(c.ref, { type: 'second' }))
  const a = actor(l, 'a', (ctx) => void ctx.tell(b.ref, { type: 'first' }))
  l.system.tell(a.ref, { type: 'go' })
  await l.settle()
  const [go, first, second] = [a.got[0]!, b.got[0]!, c.got[0]!]
  expect([first.causedBy, second.causedBy]).toEqual([go.id, first.id])
  expect([first.correlationId, second.correlationId]).toEqual([go.id, go.id])
  expect(second.from).toBe('troupe://local/b')
})

it('stays what it was when the message is handed on', async () => {
  const l = await lab()
  const got: AgentMessage[] = []
  const worker = fromBehavior<Say>((ctx) => () => {
    got.push(ctx.envelope)
    ctx.reply('done')
  })
  const workers = l.system.spawn(pool({ routees: { logic: worker, size: 1 } })) as ActorRef<Say>
  const asked: AgentMessage[] = []
  const a = actor(l, 'a', (ctx, { type }) => {
    asked.push(ctx.envelope)
    if (type === 'go') ctx.tell(workers, { type: 'work' })
  })
  l.system.tell(a.ref, { type: 'go' })
  // Handled before the pool hands the work on: the sender is at something else by then.
  l.system.tell(a.ref, { type: 'other' })
  await l.settle()
  expect(got).toMatchObject([{ type: 'work', from: 'troupe://local/a', causedBy: asked[0]!.id, correlationId: asked[0]!.id }])
})

it('the deadline of a question is in it', async () => {
  const l = await lab()
  const a = actor(l, 'a', (ctx) => ctx.reply(1))
  await l.system.ask(a.ref, { type: 'x' }, { timeoutMs: 30 })
  expect(a.got[0]?.deadline).toBe(30)
})

it('can only be read while a message is in hand', async () => {
  const l = await lab()
  let ctx: ActorContext<Say> | undefined
  const a = actor(l, 'a', (own) => void (ctx = own))
  l.system.tell(a.ref, { type: 'x' })
  await l.settle()
  expect(() => ctx?.envelope).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }))
})

it('ids follow from the seed and the name of the system', async () => {
  const ids = async (name: string, seed: number): Promise<string> => {
    const l = await lab({ name, seed })
    const a = actor(l, 'a')
    l.system.tell(a.ref, { type: 'x' })
    await l.settle()
    return a.got[0]!.id
  }
  expect(await ids('one', 1)).toBe(await ids('one', 1))
  expect(await ids('one', 1)).not.toBe(await ids('one', 2))
  expect(await ids('one', 1)).not.toBe(await ids('two', 1))
})
