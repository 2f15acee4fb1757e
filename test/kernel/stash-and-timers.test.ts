/** Stash, receive timeout and keyed timers: nothing of an earlier time arrives later. */
import { fromBehavior, type ActorContext, type SpawnOptions } from 'troupe'
import { expect, it } from 'vitest'
import { balanced, failure, lab, later, standing, type Lab, type Say } from './system.ts'

/** An actor in whose name a test acts; `heard` is what it gets. */
const actor = (l: Lab, act?: (ctx: ActorContext<Say>, type: string) => unknown, options: SpawnOptions<undefined> = {}) => {
  let ctx!: ActorContext<Say>
  const heard: string[] = []
  const ref = l.system.spawn(
    fromBehavior<Say>((own) => {
      ctx = own
      return ({ type }) => {
        heard.push(type)
        if (type === 'crash') throw new Error('no')
        act?.(own, type)
      }
    }),
    options,
  )
  const say = (...types: string[]): void => types.forEach((type) => void l.system.tell(ref, { type }))
  return { ref, heard, say, ctx: () => ctx }
}

it('unstashes in front of what waits, in the order of arrival', async () => {
  const l = await lab()
  let keeping = true
  const a = actor(l, (ctx, type) => {
    if (keeping && type !== 'open') ctx.stash()
    if (type !== 'open') return
    keeping = false
    ctx.unstashAll()
  })
  a.say('1', '2', 'open', '3')
  await l.settle()
  expect(a.heard).toEqual(['1', '2', 'open', '1', '2', '3'])
  expect(balanced(l)).toBe(true)
})

it('stashes a message once, however often it is told to', async () => {
  const l = await lab()
  let keeping = true
  const a = actor(l, (ctx, type) => {
    if (type === 'open') {
      keeping = false
      ctx.unstashAll()
    } else if (keeping) {
      ctx.stash()
      ctx.stash()
    }
  })
  a.say('1', 'open')
  await l.settle()
  expect(a.heard).toEqual(['1', 'open', '1'])
  expect(balanced(l)).toBe(true)
})

it('counts what is stashed as queued, and answers a question from there', async () => {
  const l = await lab()
  let keeping = true
  const a = actor(l, (ctx, type) => {
    if (type === 'open') {
      keeping = false
      ctx.unstashAll()
    } else if (keeping) ctx.stash()
    else ctx.reply('at last')
  })
  const answer = l.system.ask(a.ref, { type: 'question' })
  await l.settle()
  expect(l.system.stats().queued).toBe(1)
  a.say('open')
  expect(await answer).toBe('at last')
})

it('holds 100 messages; one more fails the actor', async () => {
  const l = await lab()
  const a = actor(l, (ctx) => ctx.stash())
  for (let i = 0; i < 100; i += 1) a.say('x')
  await l.settle()
  expect(l.system.lookup(a.ref.path)).toBe(a.ref)
  const reason = l.system.watch(a.ref)
  const asked = failure(l.system.ask(a.ref, { type: 'one too many' }))
  expect(await reason).toMatchObject({ type: 'error', error: { code: 'STASH_FULL' } })
  expect(await asked).toMatchObject({ code: 'ACTOR_CRASHED', cause: { code: 'STASH_FULL' } })
  expect(balanced(l)).toBe(true)
})

it('puts what was stashed back in front when one too many has crashed it; that one is not tried again', async () => {
  const l = await lab()
  let lives = 0
  const heard: string[] = []
  const ref = l.system.spawn(
    fromBehavior<Say>((ctx) => {
      lives += 1
      const keeps = lives === 1
      return ({ type }) => (keeps ? ctx.stash() : heard.push(type))
    }),
    { restart: 'transient', mailbox: { stash: 2 } },
  )
  for (const type of ['1', '2', 'one too many', '3']) l.system.tell(ref, { type })
  await l.settle()
  expect(heard).toEqual(['1', '2', '3'])
  expect(l.events.filter(({ type }) => type === 'message.failed')).toMatchObject([
    { message: { type: 'one too many' }, error: { code: 'STASH_FULL' } },
  ])
  expect(l.buried()).toEqual([])
  expect(balanced(l)).toBe(true)
})

it('takes the bound of its stash from its mailbox, else from the mailbox of the system', async () => {
  const l = await lab({ mailbox: { stash: 1 } })
  const [own, common] = [actor(l, (ctx) => ctx.stash(), { mailbox: { stash: 2 } }), actor(l, (ctx) => ctx.stash())]
  for (const a of [own, common]) a.say('1', '2')
  await l.settle()
  expect([l.system.lookup(own.ref.path), l.system.lookup(common.ref.path)]).toEqual([own.ref, undefined])
})

it('can only stash the message in hand', async () => {
  const l = await lab()
  const a = actor(l)
  expect(() => a.ctx().stash()).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }))
})

it('receive timeout comes after so long without a message, and again', async () => {
  const l = await lab()
  const a = actor(l)
  a.ctx().receiveTimeout(10)
  await l.clock.advance(9)
  a.say('x')
  await l.clock.advance(9)
  expect(a.heard).toEqual(['x'])
  await l.clock.advance(1)
  expect(a.heard).toEqual(['x', 'receive.timeout'])
  await l.clock.advance(10)
  expect(a.heard).toEqual(['x', 'receive.timeout', 'receive.timeout'])
})

it('receive timeout does not come when a message was handled after it was queued', async () => {
  const l = await lab()
  const a = actor(l)
  // Both fire at once, and so stand in the mailbox together: first the tick.
  a.ctx().timers.start('key', { type: 'tick' }, { afterMs: 10 })
  a.ctx().receiveTimeout(10)
  await l.clock.advance(10)
  expect(a.heard).toEqual(['tick'])
  await l.clock.advance(10)
  expect(a.heard).toEqual(['tick', 'receive.timeout'])
  expect(balanced(l)).toBe(true)
})

it('receive timeout can be another message, be changed, and be ended', async () => {
  const l = await lab()
  const a = actor(l)
  a.ctx().receiveTimeout(10, { type: 'idle' })
  a.ctx().receiveTimeout(20, { type: 'bored' })
  await l.clock.advance(20)
  expect(a.heard).toEqual(['bored'])
  a.ctx().receiveTimeout(undefined)
  await l.clock.advance(100)
  expect(a.heard).toEqual(['bored'])
})

it('receive timeout ends with the actor', async () => {
  const l = await lab()
  const a = actor(l)
  a.ctx().receiveTimeout(10)
  await l.system.stop(a.ref)
  await l.clock.advance(100)
  expect(a.heard).toEqual([])
  expect(l.buried()).toEqual([])
})

it('timers tick once, or again and again, until they are cancelled', async () => {
  const l = await lab()
  const a = actor(l)
  a.ctx().timers.start('once', { type: 'once' }, { afterMs: 10 })
  a.ctx().timers.start('every', { type: 'every' }, { everyMs: 4 })
  await l.clock.advance(12)
  expect(a.heard).toEqual(['every', 'every', 'once', 'every'])
  a.ctx().timers.cancel('every')
  await l.clock.advance(100)
  expect(a.heard).toHaveLength(4)
})

it('a timer with the same key replaces the one before', async () => {
  const l = await lab()
  const a = actor(l)
  a.ctx().timers.start('key', { type: 'old' }, { afterMs: 5 })
  a.ctx().timers.start('key', { type: 'new' }, { afterMs: 10 })
  await l.clock.advance(10)
  expect(a.heard).toEqual(['new'])
})

it.each(
  (['cancel', 'replace', 'restart', 'exit'] as const).flatMap((how) =>
    [{ everyMs: 10 }, { afterMs: 10 }].map((when) => ({ how, when })),
  ),
)('a tick that is queued does not arrive after: $how, $when', async ({ how, when }) => {
  const l = await lab()
  const a = actor(
    l,
    (ctx, type) => {
      if (type === 'cancel') ctx.timers.cancel('key')
      if (type === 'replace') ctx.timers.start('key', { type: 'new' }, { afterMs: 1_000 })
      if (type === 'exit') ctx.exit()
    },
    { restart: 'transient' },
  )
  // Both fire at once, and so stand in the mailbox together: first what makes the other one stale.
  a.ctx().timers.start('first', { type: how === 'restart' ? 'crash' : how }, { afterMs: 10 })
  a.ctx().timers.start('key', { type: 'stale' }, when)
  await l.clock.advance(100)
  expect(a.heard).toHaveLength(1)
  expect(l.buried()).toEqual([])
  expect(balanced(l)).toBe(true)
})

it.each([{ afterMs: 10 }, { everyMs: 10 }])('a tick that is queued does not arrive after a stop: %o', async (when) => {
  const l = await lab()
  const a = actor(l, (ctx, type) => type === 'quit' && void ctx.stop(ctx.self))
  // Both fire at once, and so stand in the mailbox together.
  a.ctx().timers.start('first', { type: 'quit' }, { afterMs: 10 })
  a.ctx().timers.start('key', { type: 'stale' }, when)
  await l.clock.advance(100)
  expect(a.heard).toEqual(['quit'])
  expect(l.system.stats()).toMatchObject({ queued: 0, deadLettered: 0, actors: 0 })
  expect(balanced(l)).toBe(true)
})

it('a stop leaves work in hand the timers that it may wait for, and ends those that begin it anew', async () => {
  const l = await lab()
  const work = later()
  const a = actor(l, (ctx, type) => {
    if (type === 'go') ctx.pipe(work.promise, () => ({ type: 'done' }))
    if (type === 'give up') work.resolve()
    // A stop would never come to its end.
    if (type === 'poll') ctx.pipe(new Promise(() => {}), () => ({ type: 'polled' }))
  })
  a.ctx().timers.start('limit', { type: 'give up' }, { afterMs: 100 })
  a.ctx().timers.start('poll', { type: 'poll' }, { everyMs: 10 })
  a.ctx().receiveTimeout(20)
  a.say('go')
  await l.settle()
  const reason = l.system.watch(a.ref)
  void l.system.stop(a.ref)
  await l.clock.advance(99)
  expect(await standing(reason)).toBe('open')
  await l.clock.advance(1)
  expect(await reason).toEqual({ type: 'shutdown' })
  expect(a.heard).toEqual(['go', 'give up', 'done'])
  await l.clock.advance(1_000)
  expect(l.system.stats()).toMatchObject({ queued: 0, deadLettered: 0 })
})

it('a stop ends all timers once the work in hand is over', async () => {
  const l = await lab()
  const work = later()
  const a = actor(l, (ctx, type) => type === 'go' && ctx.pipe(work.promise, () => ({ type: 'done' })))
  a.ctx().timers.start('later', { type: 'later' }, { afterMs: 100 })
  a.say('go')
  await l.settle()
  const stopped = l.system.stop(a.ref)
  work.resolve()
  await stopped
  await l.clock.advance(1_000)
  expect(a.heard).toEqual(['go', 'done'])
})

it('timers of an actor that has ended tick no more', async () => {
  const l = await lab()
  const a = actor(l)
  a.ctx().timers.start('every', { type: 'every' }, { everyMs: 4 })
  l.system.kill(a.ref)
  await l.clock.advance(100)
  expect(a.heard).toEqual([])
  expect(l.system.stats()).toMatchObject({ queued: 0, deadLettered: 0 })
})

it('methods work when they are taken out of the context', async () => {
  const l = await lab()
  const a = actor(l)
  const { timers, receiveTimeout, now } = a.ctx()
  timers.start('key', { type: 'tick' }, { afterMs: 5 })
  receiveTimeout(10)
  await l.clock.advance(5)
  expect(a.heard).toEqual(['tick'])
  expect(now()).toBe(5)
})

it('a receive timeout is of one incarnation', async () => {
  const l = await lab()
  const heard: string[] = []
  let life = 0
  const ref = l.system.spawn(
    fromBehavior<Say>((ctx) => {
      life += 1
      if (life === 1) ctx.receiveTimeout(100)
      return ({ type }) => {
        if (type === 'crash') throw new Error('told to crash')
        heard.push(type)
      }
    }),
    { restart: 'permanent' },
  )
  l.system.tell(ref, { type: 'crash' })
  await l.clock.advance(1_000)
  expect([life, heard]).toEqual([2, []])
})
