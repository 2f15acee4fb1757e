/** Death watch: once, after everything else, never of a restart, and not at all once it is taken back. */
import { fromBehavior, type ActorContext, type ActorRef, type Terminated } from 'troupe'
import { expect, it } from 'vitest'
import { lab, listener, type Lab, type Say } from './system.ts'

type Heard = (Say | Terminated)[]

/** Runs what it is told in its own name, and writes down everything else. */
const watcher = ({ system }: Lab, heard: Heard, setup?: (ctx: ActorContext<Say>) => void) => {
  let ctx!: ActorContext<Say>
  const ref = system.spawn(
    fromBehavior<Say>((own) => {
      ctx = own
      setup?.(own)
      return (message) => {
        if (message.type === 'crash') throw new Error('no')
        heard.push(message)
      }
    }),
    { restart: 'permanent' },
  )
  return { ref, ctx: () => ctx }
}

const target = ({ system }: Lab, restart: 'permanent' | 'temporary' = 'temporary'): ActorRef<Say> =>
  system.spawn(
    fromBehavior<Say>((ctx) => ({ type }) => {
      if (type === 'crash') throw new Error('no')
      if (type === 'exit') ctx.exit()
    }),
    { restart },
  )

it('tells how the actor ended', async () => {
  const l = await lab()
  const heard: Heard = []
  const { ctx } = watcher(l, heard)
  const [a, b, c, d] = [target(l), target(l), target(l), target(l)]
  for (const ref of [a, b, c, d]) ctx().watch(ref)
  l.system.kill(a)
  await l.system.stop(b)
  l.system.tell(c, { type: 'exit' })
  await l.settle()
  l.system.tell(d, { type: 'crash' })
  await l.settle()
  expect(heard).toMatchObject([
    { type: 'actor.terminated', ref: a, reason: { type: 'killed' } },
    { type: 'actor.terminated', ref: b, reason: { type: 'shutdown' } },
    { type: 'actor.terminated', ref: c, reason: { type: 'normal' } },
    { type: 'actor.terminated', ref: d, reason: { type: 'error' } },
  ])
})

it('tells once, however often it was asked to', async () => {
  const l = await lab()
  const heard: Heard = []
  const { ctx } = watcher(l, heard)
  const ref = target(l)
  ctx().watch(ref)
  ctx().watch(ref)
  l.system.kill(ref)
  await l.settle()
  expect(heard).toHaveLength(1)
})

it('goes one way', async () => {
  const l = await lab()
  const heard: Heard = []
  const [one, other] = [watcher(l, []), watcher(l, heard)]
  one.ctx().watch(other.ref)
  await l.system.stop(one.ref)
  await l.settle()
  expect(heard).toEqual([])
})

it('says nothing of a restart', async () => {
  const l = await lab()
  const heard: Heard = []
  const { ctx } = watcher(l, heard)
  const ref = target(l, 'permanent')
  ctx().watch(ref)
  l.system.tell(ref, { type: 'crash' })
  await l.settle()
  expect(heard).toEqual([])
  await l.system.stop(ref)
  await l.settle()
  expect(heard).toHaveLength(1)
})

it('tells at once of an actor that is gone, or was never there', async () => {
  const l = await lab()
  const heard: Heard = []
  const { ctx } = watcher(l, heard)
  const dead = target(l)
  l.system.kill(dead)
  const nobody: ActorRef<Say> = { address: 'troupe://local/x', path: '/x', uid: 'x' }
  ctx().watch(dead)
  ctx().watch(nobody)
  await l.settle()
  expect(heard).toEqual([
    { type: 'actor.terminated', ref: dead, reason: { type: 'no-actor' } },
    { type: 'actor.terminated', ref: nobody, reason: { type: 'no-actor' } },
  ])
})

it('tells once of a dead actor that is watched twice, and again when it is watched again', async () => {
  const l = await lab()
  const heard: Heard = []
  const { ctx } = watcher(l, heard)
  const dead = target(l)
  l.system.kill(dead)
  ctx().watch(dead)
  ctx().watch(dead)
  await l.settle()
  expect(heard).toHaveLength(1)
  ctx().watch(dead)
  await l.settle()
  expect(heard).toHaveLength(2)
})

it('comes after everything that the actor had sent before', async () => {
  const l = await lab()
  const heard: Heard = []
  const { ref, ctx } = watcher(l, heard)
  const dying = l.system.spawn(
    fromBehavior<Say>((own) => () => {
      for (const type of ['a', 'b', 'c']) own.tell(ref, { type })
      own.exit()
    }),
  )
  ctx().watch(dying)
  l.system.tell(dying, { type: 'go' })
  await l.settle()
  expect(heard.map(({ type }) => type)).toEqual(['a', 'b', 'c', 'actor.terminated'])
})

it('comes after what the actor sends in its hook', async () => {
  const l = await lab()
  const heard: Heard = []
  const { ref, ctx } = watcher(l, heard)
  const dying = l.system.spawn(
    fromBehavior<Say>((own) => {
      own.onStop(() => void own.tell(ref, { type: 'bye' }))
      return () => {}
    }),
  )
  ctx().watch(dying)
  await l.system.stop(dying)
  await l.settle()
  expect(heard.map(({ type }) => type)).toEqual(['bye', 'actor.terminated'])
})

it('does not come once it was taken back, not even when it is queued', async () => {
  const l = await lab()
  const heard: Heard = []
  const { ctx } = watcher(l, heard)
  const [early, queued, dead] = [target(l), target(l), target(l)]
  const nobody: ActorRef<Say> = { address: 'troupe://local/x', path: '/x', uid: 'x' }
  ctx().watch(early)
  ctx().unwatch(early)
  ctx().watch(queued)
  l.system.kill(early)
  l.system.kill(queued)
  l.system.kill(dead)
  ctx().watch(dead)
  ctx().watch(nobody)
  for (const ref of [queued, dead, nobody]) ctx().unwatch(ref)
  await l.settle()
  expect(heard).toEqual([])
  expect(l.system.stats().queued).toBe(0)
})

it('can come as a message of its own; another message without unwatch throws', async () => {
  const l = await lab()
  const heard: Heard = []
  const { ctx } = watcher(l, heard)
  const ref = target(l)
  ctx().watch(ref, { type: 'gone', who: 1 })
  expect(() => ctx().watch(ref)).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }))
  expect(() => ctx().watch(ref, { type: 'other' })).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }))
  ctx().unwatch(ref)
  ctx().watch(ref, { type: 'lost', who: 2 })
  l.system.kill(ref)
  await l.settle()
  expect(heard).toEqual([{ type: 'lost', who: 2 }])
})

it('can be set up again by the next incarnation, in its own words', async () => {
  const l = await lab()
  const heard: Heard = []
  const ref = target(l)
  let n = 0
  const own = watcher(l, heard, (ctx) => ctx.watch(ref, { type: 'gone', n: (n += 1) }))
  l.system.tell(own.ref, { type: 'crash' })
  await l.settle()
  l.system.kill(ref)
  await l.settle()
  expect(heard).toEqual([{ type: 'gone', n: 2 }])
})

it('finds name, path and services of the dead actor free', async () => {
  const l = await lab()
  const service = { name: 'service', service: true } as const
  const found: unknown[] = []
  const ref = l.system.spawn(listener([]), { id: 'one' })
  l.system.register('name', ref)
  l.system.receptionist.register(service, ref)
  l.system.spawn(
    fromBehavior<Say>((ctx) => {
      ctx.watch(ref)
      return () => {
        found.push(ctx.lookup('name'), ctx.lookup('/one'), ctx.receptionist.find(service))
        const next = l.system.spawn(listener([]), { id: 'one' })
        ctx.register('name', next)
        found.push(ctx.lookup('name') === next)
      }
    }),
  )
  l.system.kill(ref)
  await l.settle()
  expect(found).toEqual([undefined, undefined, [], true])
})

it('of the system resolves with the reason, at once for who is gone', async () => {
  const l = await lab()
  const ref = target(l)
  const reason = l.system.watch(ref)
  l.system.kill(ref)
  expect(await reason).toEqual({ type: 'killed' })
  expect(await l.system.watch(ref)).toEqual({ type: 'no-actor' })
})

it('holds on to nobody who is dead', async () => {
  const l = await lab()
  const { ref, ctx } = watcher(l, [])
  for (let i = 0; i < 50; i += 1) {
    const each = target(l)
    ctx().watch(each)
    l.system.kill(each)
    await l.settle()
  }
  await l.system.stop(ref)
  expect(l.buried()).toEqual([])
})
