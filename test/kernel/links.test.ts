/** Links: two actors that share their abnormal end, unless one of them takes it as a message. */
import { fromBehavior, type ActorContext, type SpawnOptions } from 'troupe'
import { expect, it } from 'vitest'
import { lab, listener, type Lab, type Say } from './system.ts'

const actor = (l: Lab, heard: Say[] = [], options: SpawnOptions<undefined> = {}) => {
  let ctx!: ActorContext<Say>
  const ref = l.system.spawn(
    fromBehavior<Say>((own) => {
      ctx = own
      return (message) => {
        if (message.type === 'crash') throw new Error('no')
        if (message.type === 'exit') ctx.exit()
        heard.push(message)
      }
    }),
    options,
  )
  return { ref, ctx: () => ctx, alive: () => l.system.lookup(ref.path) !== undefined }
}

it.each(['crash', 'kill'] as const)('the abnormal end of one stops the other: %s', async (how) => {
  const l = await lab()
  const [a, b] = [actor(l), actor(l)]
  a.ctx().link(b.ref)
  const reason = l.system.watch(a.ref)
  if (how === 'kill') l.system.kill(b.ref)
  else l.system.tell(b.ref, { type: 'crash' })
  await l.settle()
  expect(await reason).toMatchObject({ type: how === 'kill' ? 'killed' : 'error' })
})

it('goes both ways', async () => {
  const l = await lab()
  const [a, b] = [actor(l), actor(l)]
  a.ctx().link(b.ref)
  l.system.kill(a.ref)
  await l.settle()
  expect(b.alive()).toBe(false)
})

it.each(['exit', 'stop'] as const)('a normal end, or one that was asked for, hurts nobody: %s', async (how) => {
  const l = await lab()
  const [a, b] = [actor(l), actor(l)]
  a.ctx().link(b.ref)
  if (how === 'exit') l.system.tell(b.ref, { type: 'exit' })
  else await l.system.stop(b.ref)
  await l.settle()
  expect([a.alive(), b.alive()]).toEqual([true, false])
})

it('runs through a chain', async () => {
  const l = await lab()
  const [a, b, c] = [actor(l), actor(l), actor(l)]
  l.system.link(a.ref, b.ref)
  l.system.link(b.ref, c.ref)
  l.system.kill(a.ref)
  await l.settle()
  expect([b.alive(), c.alive()]).toEqual([false, false])
})

it('who traps exits gets a message instead, and lives on', async () => {
  const l = await lab()
  const heard: Say[] = []
  const [a, b] = [actor(l, heard, { trapExit: true }), actor(l)]
  a.ctx().link(b.ref)
  l.system.tell(b.ref, { type: 'crash' })
  await l.settle()
  expect(heard).toMatchObject([{ type: 'actor.exited', ref: b.ref, reason: { type: 'error' } }])
  expect(a.alive()).toBe(true)
})

it('the other one is restarted when its own parent says so, without the link', async () => {
  const l = await lab()
  const [a, b] = [actor(l, [], { restart: 'permanent' }), actor(l, [], { restart: 'permanent' })]
  l.system.link(a.ref, b.ref)
  l.system.kill(a.ref)
  await l.settle()
  expect([a.alive(), b.alive()]).toEqual([true, true])
  expect(l.events.filter(({ type }) => type === 'actor.restarted')).toHaveLength(2)
  l.system.kill(a.ref)
  await l.settle()
  expect(l.events.filter(({ type }) => type === 'actor.restarted')).toHaveLength(3)
})

it('is over once it was taken back', async () => {
  const l = await lab()
  const [a, b, c] = [actor(l), actor(l), actor(l)]
  a.ctx().link(b.ref)
  a.ctx().unlink(b.ref)
  l.system.link(a.ref, c.ref)
  l.system.unlink(c.ref, a.ref)
  l.system.kill(b.ref)
  l.system.kill(c.ref)
  await l.settle()
  expect(a.alive()).toBe(true)
})

it('to an actor that is gone breaks at once', async () => {
  const l = await lab()
  const heard: Say[] = []
  const [a, trapping, dead] = [actor(l), actor(l, heard, { trapExit: true }), actor(l)]
  l.system.kill(dead.ref)
  a.ctx().link(dead.ref)
  trapping.ctx().link(dead.ref)
  await l.settle()
  expect([a.alive(), trapping.alive()]).toEqual([false, true])
  expect(heard).toEqual([{ type: 'actor.exited', ref: dead.ref, reason: { type: 'no-actor' } }])
  expect(() => l.system.link(trapping.ref, dead.ref)).toThrow(expect.objectContaining({ code: 'NO_SUCH_ACTOR' }))
})

it('made by spawn is there before the actor starts', async () => {
  const l = await lab()
  const heard: Say[] = []
  const a = actor(l, heard, { trapExit: true })
  const failing = fromBehavior<Say>(() => {
    throw new Error('no')
  })
  expect(() => l.system.spawn(failing, { link: a.ref })).toThrow(expect.objectContaining({ code: 'START_FAILED' }))
  await l.settle()
  expect(heard).toMatchObject([{ type: 'actor.exited', reason: { type: 'error', error: { code: 'START_FAILED' } } }])
})

it('to itself is none', async () => {
  const l = await lab()
  const a = actor(l, [], { restart: 'permanent' })
  a.ctx().link(a.ref)
  l.system.kill(a.ref)
  await l.settle()
  expect(l.events.filter(({ type }) => type === 'actor.restarted')).toHaveLength(1)
})

it('a kill cannot be trapped', async () => {
  const l = await lab()
  const a = actor(l, [], { trapExit: true })
  l.system.kill(a.ref)
  await l.settle()
  expect(a.alive()).toBe(false)
})

it('who traps exits hears of a kill too', async () => {
  const l = await lab()
  const heard: unknown[] = []
  const [a, b] = [l.system.spawn(listener([])), l.system.spawn(fromBehavior<Say>(() => (message) => void heard.push(message)), { trapExit: true })]
  l.system.link(a, b)
  l.system.kill(a)
  await l.settle()
  expect(heard).toMatchObject([{ type: 'actor.exited', reason: { type: 'killed' } }])
})

it('nobody ends on the stack of whoever killed the other one', async () => {
  const l = await lab()
  const told: string[] = []
  const a = l.system.spawn(listener([]))
  const b = l.system.spawn(fromBehavior<Say>((ctx) => (ctx.onStop(() => void told.push('ends')), () => {})))
  l.system.link(a, b)
  const killer = l.system.spawn(fromBehavior<Say>((ctx) => () => (ctx.kill(a), void told.push('goes on'))))
  l.system.tell(killer, { type: 'now' })
  await l.settle()
  expect(told).toEqual(['goes on', 'ends'])
})
