/** Asks: one settlement each, at once when nobody can answer, and never in another incarnation. */
import { getEventListeners } from 'node:events'
import { agent, fromBehavior, type ActorContext, type ActorRef, type AgentMessage } from 'troupe'
import { expect, it } from 'vitest'
import { kernelOf } from '../../src/system/start-system.ts'
import { balanced, failure, lab, later, listener, standing, type Lab, type Say } from './system.ts'

/** An actor that handles every message with `act`. */
const actor = ({ system }: Lab, act: (ctx: ActorContext<Say>, message: Say) => void, restart: 'permanent' | 'temporary' = 'temporary') =>
  system.spawn(
    fromBehavior<Say>((ctx) => (message) => act(ctx, message)),
    { restart },
  )

const echo = (l: Lab): ActorRef<Say> => actor(l, (ctx, { type }) => ctx.reply(`re: ${type}`))
const mute = (l: Lab): ActorRef<Say> => actor(l, () => {})

it('resolves to the reply', async () => {
  const l = await lab()
  expect(await l.system.ask(echo(l), { type: 'hi' })).toBe('re: hi')
  expect(balanced(l)).toBe(true)
})

it('gives up after 5 seconds unless told otherwise, on the clock of the system', async () => {
  const l = await lab()
  const answer = failure(l.system.ask(mute(l), { type: 'hi' }))
  await l.clock.advance(4_999)
  expect(await standing(answer)).toBe('open')
  await l.clock.advance(1)
  expect(await answer).toMatchObject({ code: 'TIMEOUT', timeoutMs: 5_000 })
})

it('has a timeout of its own when given one', async () => {
  const l = await lab()
  const answer = failure(l.system.ask(mute(l), { type: 'hi' }, { timeoutMs: 7 }))
  await l.clock.advance(7)
  expect(await answer).toMatchObject({ code: 'TIMEOUT', timeoutMs: 7 })
})

it('of a dead or unknown actor rejects at once', async () => {
  const l = await lab()
  const dead = echo(l)
  l.system.kill(dead)
  expect(await failure(l.system.ask(dead, { type: 'hi' }))).toMatchObject({ code: 'ACTOR_TERMINATED' })
  const stranger: ActorRef<Say> = { address: 'troupe://local/who', path: '/who', uid: 'none' }
  expect(await failure(l.system.ask(stranger, { type: 'hi' }))).toMatchObject({ code: 'ACTOR_TERMINATED' })
  expect(l.buried()).toEqual(['hi stopped', 'hi no-such-actor'])
})

it('of an actor that stops with the question still in its mailbox rejects at once', async () => {
  const l = await lab()
  const ref = echo(l)
  const answer = l.system.ask(ref, { type: 'hi' })
  void l.system.stop(ref)
  expect(await failure(answer)).toMatchObject({ code: 'ACTOR_TERMINATED' })
})

it.each(['stop', 'kill', 'exit'] as const)('of an actor that ends without having answered rejects at once: %s', async (how) => {
  const l = await lab()
  const ref = actor(l, (ctx, { type }) => type === 'exit' && ctx.exit())
  const answer = failure(l.system.ask(ref, { type: 'hi' }))
  await l.settle()
  expect(await standing(answer)).toBe('open')
  if (how === 'exit') l.system.tell(ref, { type: 'exit' })
  else void l.system[how](ref)
  await l.settle()
  expect(await answer).toMatchObject({ code: 'ACTOR_TERMINATED' })
})

it('of an actor that is killed while it handles the question rejects at once', async () => {
  const l = await lab()
  const ref = actor(l, (ctx) => ctx.kill(ctx.self), 'permanent')
  expect(await failure(l.system.ask(ref, { type: 'hi' }))).toMatchObject({ code: 'ACTOR_TERMINATED' })
})

it('of an actor whose handler throws rejects at once, with what was thrown as its cause', async () => {
  const l = await lab()
  const thrown = new Error('no')
  const ref = actor(l, () => {
    throw thrown
  })
  expect(await failure(l.system.ask(ref, { type: 'hi' }))).toMatchObject({ code: 'ACTOR_CRASHED', cause: thrown })
})

it('that was handled by an incarnation which then crashed rejects at once', async () => {
  const l = await lab()
  const ref = actor(
    l,
    (_, { type }) => {
      if (type === 'crash') throw new Error('no')
    },
    'permanent',
  )
  const answer = failure(l.system.ask(ref, { type: 'hi' }))
  l.system.tell(ref, { type: 'crash' })
  await l.settle()
  expect(await answer).toMatchObject({ code: 'ACTOR_TERMINATED' })
})

it('waits in the mailbox of an actor that restarts', async () => {
  const l = await lab()
  const ref = actor(
    l,
    (ctx, { type }) => {
      if (type === 'crash') throw new Error('no')
      ctx.reply('here')
    },
    'permanent',
  )
  l.system.tell(ref, { type: 'crash' })
  expect(await l.system.ask(ref, { type: 'hi' })).toBe('here')
})

it('settles once: a second reply is a dead letter', async () => {
  const l = await lab()
  const ref = actor(l, (ctx) => {
    ctx.reply('first')
    ctx.reply('second')
  })
  expect(await l.system.ask(ref, { type: 'hi' })).toBe('first')
  expect(l.buried()).toEqual(['reply duplicate-reply'])
  expect(l.dead[0]?.message.payload).toBe('second')
  expect(balanced(l)).toBe(true)
})

it('is not settled by a late reply, which is a dead letter', async () => {
  const l = await lab()
  let question: AgentMessage | undefined
  const ref = actor(l, (ctx, { type }) => {
    if (type === 'hi') question = ctx.envelope
    else ctx.reply('late', question)
  })
  const answer = failure(l.system.ask(ref, { type: 'hi' }, { timeoutMs: 10 }))
  await l.clock.advance(10)
  l.system.tell(ref, { type: 'answer now' })
  await l.settle()
  expect(await answer).toMatchObject({ code: 'TIMEOUT' })
  expect(l.buried()).toEqual(['reply late-reply'])
})

it('can be answered later, by the envelope that it came in', async () => {
  const l = await lab()
  const open: AgentMessage[] = []
  const ref = actor(l, (ctx, { type }) => {
    if (type === 'all') open.forEach((each) => ctx.reply(`answer to ${each.type}`, each))
    else open.push(ctx.envelope)
  })
  const answers = ['a', 'b'].map((type) => l.system.ask(ref, { type }))
  l.system.tell(ref, { type: 'all' })
  expect(await Promise.all(answers)).toEqual(['answer to a', 'answer to b'])
})

it('a reply to a message that nobody awaits is a dead letter', async () => {
  const l = await lab()
  l.system.tell(echo(l), { type: 'hi' })
  await l.settle()
  expect(l.buried()).toEqual(['reply no-such-actor'])
  expect(balanced(l)).toBe(true)
})

it('a reply outside a handler has to say to what', async () => {
  const l = await lab()
  let ctx: ActorContext<Say> | undefined
  l.system.spawn(
    fromBehavior<Say>((own) => {
      ctx = own
      return () => {}
    }),
  )
  expect(() => ctx?.reply(1)).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }))
})

it('of an asker that restarts is cancelled, and its callbacks never run', async () => {
  const l = await lab()
  const target = actor(l, (ctx, { type }) => type !== 'silence' && ctx.reply(type))
  const heard: unknown[] = []
  const asker = l.system.spawn(
    fromBehavior<Say>((ctx) => ({ type }) => {
      if (type === 'crash') throw new Error('no')
      const generation = heard.push(type)
      ctx.ask(target, { type: 'hi' }).then(
        (answer) => heard.push({ generation, answer }),
        (error: unknown) => heard.push({ generation, error }),
      )
    }),
    { restart: 'permanent' },
  )
  l.system.tell(asker, { type: 'one' })
  l.system.tell(asker, { type: 'crash' })
  l.system.tell(asker, { type: 'two' })
  await l.settle()
  expect(heard).toEqual(['one', 'two', { generation: 2, answer: 'hi' }])
  expect(l.buried()).toEqual(['hi expired'])
})

it('that times out tells an agent to stop its work', async () => {
  const l = await lab()
  const signal = later<AbortSignal>()
  const slow = agent('slow', {
    run: (_: string, ctx) => {
      signal.resolve(ctx.signal)
      return new Promise<string>(() => {})
    },
  })
  const ref = l.system.spawn(slow)
  const answer = failure(l.system.ask(ref, { type: 'task.request', payload: 'x' }, { timeoutMs: 10 }))
  await l.clock.advance(10)
  expect(await answer).toMatchObject({ code: 'TIMEOUT' })
  await l.settle()
  expect((await signal.promise).aborted).toBe(true)
})

it('whose asker ends tells an agent to stop its work', async () => {
  const l = await lab()
  const signal = later<AbortSignal>()
  const slow = agent('slow', {
    run: (_: string, ctx) => {
      signal.resolve(ctx.signal)
      return new Promise<string>(() => {})
    },
  })
  const ref = l.system.spawn(slow)
  const asker = actor(l, (ctx) => void ctx.ask(ref, { type: 'task.request', payload: 'x' }))
  l.system.tell(asker, { type: 'go' })
  await l.settle()
  l.system.kill(asker)
  await l.settle()
  expect((await signal.promise).aborted).toBe(true)
})

it('is cancelled by its signal, before and after it was sent', async () => {
  const l = await lab()
  const ref = mute(l)
  const abort = new AbortController()
  const answer = failure(l.system.ask(ref, { type: 'hi' }, { signal: abort.signal }))
  abort.abort(new Error('enough'))
  expect(await answer).toMatchObject({ code: 'CANCELLED', reason: 'enough' })
  expect(await failure(l.system.ask(ref, { type: 'hi' }, { signal: abort.signal }))).toMatchObject({ code: 'CANCELLED' })
})

it('leaves no timer behind', async () => {
  const l = await lab()
  const armed = new Set<unknown>()
  const { setTimeout: set, clearTimeout: clear } = l.clock
  l.clock.setTimeout = (fn, ms) => {
    const id = set(() => (armed.delete(id), fn()), ms)
    armed.add(id)
    return id
  }
  l.clock.clearTimeout = (id) => (armed.delete(id), clear(id))
  await l.system.ask(echo(l), { type: 'hi' })
  await l.clock.advance(5_000)
  expect(armed.size).toBe(0)
})

it('shares what it answers: a reply is frozen like a message', async () => {
  const l = await lab()
  const value = { list: [{ n: 1 }] }
  const ref = actor(l, (ctx) => ctx.reply(value))
  expect(await l.system.ask(ref, { type: 'hi' })).toBe(value)
  expect(Object.isFrozen(value.list[0])).toBe(true)
})

it('by a handler does not block it: other messages are handled before the answer', async () => {
  const l = await lab()
  const order: string[] = []
  const target = echo(l)
  const asker = actor(l, (ctx, { type }) => {
    order.push(type)
    if (type === 'ask') void ctx.ask(target, { type: 'hi' }).then((answer) => order.push(String(answer)))
  })
  l.system.tell(asker, { type: 'ask' })
  l.system.tell(asker, { type: 'other' })
  await l.settle()
  expect(order).toEqual(['ask', 'other', 're: hi'])
})

it('leaves nothing behind where it was asked, and none of its signals listens on', async () => {
  const l = await lab()
  const ref = l.system.spawn(listener([]))
  const { signal } = new AbortController()
  const asked = failure(l.system.ask(ref, { type: 'hi' }, { timeoutMs: 10, signal }))
  const answered = l.system.ask(echo(l), { type: 'hi' }, { signal })
  await l.settle()
  const owed = (): number => kernelOf(l.system).cellOf(ref)?.more?.owed?.size ?? 0
  expect([owed(), getEventListeners(signal, 'abort').length]).toEqual([1, 1])
  await l.clock.advance(10)
  await answered
  expect(await asked).toMatchObject({ code: 'TIMEOUT' })
  expect([owed(), getEventListeners(signal, 'abort').length]).toEqual([0, 0])
})
