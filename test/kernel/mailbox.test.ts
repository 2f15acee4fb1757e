/** Mailboxes: order, bounds, overflow, senders that wait for room, and messages that come too late. */
import { agent, fromBehavior, type ActorRef, type Mailbox } from 'troupe'
import { expect, it } from 'vitest'
import { balanced, failure, lab, listener, standing, type Lab, type Say } from './system.ts'

/** An actor that has not had its turn yet: what it is told stays in its mailbox until `settle`. */
const slow = ({ system }: Lab, heard: string[], mailbox: Mailbox): ActorRef<Say> =>
  system.spawn(listener(heard), { id: 'slow', mailbox })

const tellAll = ({ system }: Lab, ref: ActorRef<Say>, ...types: string[]): string[] =>
  types.map((type) => system.tell(ref, { type }))

it('handles the messages of one sender in their order', async () => {
  const heard: string[] = []
  const l = await lab()
  const ref = slow(l, heard, {})
  const types = Array.from({ length: 100 }, (_, i) => `m${i}`)
  tellAll(l, ref, ...types)
  await l.settle()
  expect(heard).toEqual(types)
})

it('handles one message at a time, never on the stack of the sender', async () => {
  const steps: string[] = []
  const l = await lab()
  const second = l.system.spawn(fromBehavior<Say>(() => () => void steps.push('second')))
  const first = l.system.spawn(
    fromBehavior<Say>((ctx) => () => {
      steps.push('first begins')
      ctx.tell(second, { type: 'go' })
      ctx.tell(ctx.self, { type: 'idle' })
      steps.push('first ends')
      if (steps.length > 6) ctx.exit()
    }),
  )
  l.system.tell(first, { type: 'go' })
  expect(steps).toEqual([])
  await l.settle()
  expect(steps.slice(0, 2)).toEqual(['first begins', 'first ends'])
  expect(steps).toContain('second')
})

it('lets a stop go ahead of the messages that wait', async () => {
  const heard: string[] = []
  const l = await lab()
  const ref = slow(l, heard, {})
  tellAll(l, ref, 'a', 'b')
  await l.system.stop(ref)
  expect(heard).toEqual([])
  expect(l.buried()).toEqual(['a stopped', 'b stopped'])
})

it('holds 10,000 messages and refuses more unless told otherwise', async () => {
  const l = await lab()
  const ref = slow(l, [], {})
  for (let i = 0; i < 10_000; i += 1) expect(l.system.tell(ref, { type: 'x' })).toBe('accepted')
  expect(l.system.tell(ref, { type: 'one too many' })).toBe('rejected')
  expect(l.buried()).toEqual(['one too many mailbox-full'])
})

it.each(['reject', 'drop-new', 'backpressure'] as const)('"%s" refuses the newest of a full mailbox', async (overflow) => {
  const heard: string[] = []
  const l = await lab()
  const ref = slow(l, heard, { capacity: 2, overflow })
  expect(tellAll(l, ref, 'a', 'b', 'c')).toEqual(['accepted', 'accepted', 'rejected'])
  await l.settle()
  expect(heard).toEqual(['a', 'b'])
  expect(l.buried()).toEqual(['c mailbox-full'])
  expect(balanced(l)).toBe(true)
})

it('"drop-oldest" makes room for the newest', async () => {
  const heard: string[] = []
  const l = await lab()
  const ref = slow(l, heard, { capacity: 2, overflow: 'drop-oldest' })
  expect(tellAll(l, ref, 'a', 'b', 'c', 'd')).toEqual(['accepted', 'accepted', 'accepted', 'accepted'])
  await l.settle()
  expect(heard).toEqual(['c', 'd'])
  expect(l.buried()).toEqual(['a mailbox-full', 'b mailbox-full'])
  expect(balanced(l)).toBe(true)
})

it('"drop-oldest" tells the asker whose question was dropped', async () => {
  const l = await lab()
  const ref = slow(l, [], { capacity: 1, overflow: 'drop-oldest' })
  const answer = l.system.ask(ref, { type: 'question' })
  l.system.tell(ref, { type: 'newer' })
  expect(await failure(answer)).toMatchObject({ code: 'MAILBOX_FULL' })
})

it('"unbounded" takes everything', async () => {
  const l = await lab()
  const ref = slow(l, [], { capacity: 1, overflow: 'unbounded' })
  expect(tellAll(l, ref, 'a', 'b', 'c')).toEqual(['accepted', 'accepted', 'accepted'])
})

it('takes the mailbox of the system for actors that have none of their own', async () => {
  const l = await lab({ mailbox: { capacity: 1 } })
  expect(tellAll(l, l.system.spawn(listener([])), 'a', 'b')).toEqual(['accepted', 'rejected'])
})

it('rejects an ask of a full mailbox at once', async () => {
  const l = await lab()
  const ref = slow(l, [], { capacity: 1 })
  l.system.tell(ref, { type: 'a' })
  expect(await failure(l.system.ask(ref, { type: 'b' }))).toMatchObject({ code: 'MAILBOX_FULL', retryable: true })
})

it('lets Terminated, replies and ticks into a full mailbox, and never evicts them', async () => {
  const heard: string[] = []
  const l = await lab()
  const dying = l.system.spawn(listener([]))
  const ref = l.system.spawn(
    fromBehavior<Say>((ctx) => {
      ctx.watch(dying)
      ctx.timers.start('tick', { type: 'tick' }, { afterMs: 0 })
      ctx.pipe(Promise.resolve(), () => ({ type: 'piped' }))
      return ({ type }) => void heard.push(type)
    }),
    { mailbox: { capacity: 1, overflow: 'drop-oldest' } },
  )
  l.system.kill(dying)
  tellAll(l, ref, 'a', 'b')
  await l.clock.advance(0)
  expect(heard).toEqual(expect.arrayContaining(['actor.terminated', 'tick', 'piped', 'b']))
  expect(l.buried()).toEqual(['a mailbox-full'])
})

it('does not throw into the sender, whatever becomes of the message', async () => {
  const l = await lab()
  const ref = l.system.spawn(listener([]))
  l.system.kill(ref)
  expect(l.system.tell(ref, { type: 'x' })).toBe('rejected')
  expect(l.system.tell({ address: 'troupe://local/nobody', path: '/nobody', uid: 'u' }, { type: 'y' })).toBe('rejected')
  expect(l.buried()).toEqual(['x stopped', 'y no-such-actor'])
})

it('never reaches the namesake of an actor that has stopped', async () => {
  const heard: string[] = []
  const l = await lab()
  const old = l.system.spawn(listener([]), { id: 'name' })
  await l.system.stop(old)
  const young = l.system.spawn(listener(heard), { id: 'name' })
  expect(young.path).toBe(old.path)
  expect(young.uid).not.toBe(old.uid)
  expect(l.system.tell(old, { type: 'x' })).toBe('rejected')
  expect(l.system.tell(JSON.parse(JSON.stringify(old)) as typeof old, { type: 'x' })).toBe('rejected')
  await l.settle()
  expect(heard).toEqual([])
})

it('reaches an actor by a copy of its ref', async () => {
  const heard: string[] = []
  const l = await lab()
  const ref = l.system.spawn(listener(heard))
  l.system.tell(JSON.parse(JSON.stringify(ref)) as typeof ref, { type: 'x' })
  await l.settle()
  expect(heard).toEqual(['x'])
})

it('send waits for room, and senders get in one after the other', async () => {
  const heard: string[] = []
  const l = await lab()
  const done: string[] = []
  const ref = slow(l, heard, { capacity: 2, overflow: 'backpressure' })
  tellAll(l, ref, 'a', 'b')
  for (const type of ['c', 'd', 'e']) void l.system.send(ref, { type }, { timeoutMs: 100 }).then(() => done.push(type))
  expect(done).toEqual([])
  await l.settle()
  expect(heard).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(done).toEqual(['c', 'd', 'e'])
  expect(balanced(l)).toBe(true)
})

it('lets one sender in for each message that is handled', async () => {
  const l = await lab()
  const loads: number[] = []
  const ref: ActorRef<Say> = l.system.spawn(
    fromBehavior<Say>(() => () => void loads.push(l.system.stats().queued) /* with the one in hand */),
    { mailbox: { capacity: 2, overflow: 'backpressure' } },
  )
  tellAll(l, ref, 'a', 'b')
  const sends = ['c', 'd', 'e'].map((type) => l.system.send(ref, { type }, { timeoutMs: 100 }))
  await l.settle()
  await Promise.all(sends)
  expect(loads).toEqual([3, 3, 3, 2, 1])
})

it('a new send does not overtake one that waits', async () => {
  const heard: string[] = []
  const l = await lab()
  const inner: Promise<void>[] = []
  const ref: ActorRef<Say> = l.system.spawn(
    fromBehavior<Say>(() => ({ type }) => {
      heard.push(type)
      if (type === 'a') inner.push(l.system.send(ref, { type: 'late' }, { timeoutMs: 100 }))
    }),
    { mailbox: { capacity: 1, overflow: 'backpressure' } },
  )
  l.system.tell(ref, { type: 'a' })
  const first = l.system.send(ref, { type: 'first' }, { timeoutMs: 100 })
  const second = l.system.send(ref, { type: 'second' }, { timeoutMs: 100 })
  await l.settle()
  await Promise.all([first, second, ...inner])
  expect(heard).toEqual(['a', 'first', 'second', 'late'])
})

/** An agent that works at one task for ever: what it is asked waits at its gate. */
const busy = async (l: Lab, capacity = 1) => {
  const agentOfOne = agent('busy', {
    run: () => new Promise<string>(() => {}),
    concurrency: 1,
    mailbox: { capacity, overflow: 'backpressure' },
  })
  const ref = l.system.spawn(agentOfOne, { id: 'busy' })
  l.system.tell(ref, { type: 'task.request', payload: 'in hand' })
  await l.settle()
  l.system.tell(ref, { type: 'task.request', payload: 'waits' })
  const send = (timeoutMs: number, signal?: AbortSignal): Promise<void> =>
    l.system.send(ref, { type: 'task.request', payload: 'more' }, { timeoutMs, signal })
  return { ref, send }
}

it('send gives up when there is no room in time, when it is aborted, and when the actor is gone', async () => {
  const l = await lab()
  const { ref, send } = await busy(l)
  const abort = new AbortController()
  const timed = failure(send(10))
  const aborted = failure(send(10_000, abort.signal))
  const gone = failure(send(10_000))
  await l.clock.advance(10)
  expect(await timed).toMatchObject({ code: 'TIMEOUT', timeoutMs: 10 })
  abort.abort()
  expect(await aborted).toMatchObject({ code: 'CANCELLED' })
  l.system.kill(ref)
  expect(await gone).toMatchObject({ code: 'ACTOR_TERMINATED' })
  expect(await failure(send(1))).toMatchObject({ code: 'ACTOR_TERMINATED' })
  expect(await failure(send(1, abort.signal))).toMatchObject({ code: 'ACTOR_TERMINATED' })
  expect(balanced(l)).toBe(true)
})

it('send to a full mailbox that never waits fails at once', async () => {
  const l = await lab()
  const ref = slow(l, [], { capacity: 1, overflow: 'drop-new' })
  l.system.tell(ref, { type: 'a' })
  expect(await failure(l.system.send(ref, { type: 'b' }, { timeoutMs: 1_000 }))).toMatchObject({ code: 'MAILBOX_FULL' })
})

it('refuses senders that wait once the actor drains', async () => {
  const heard: string[] = []
  const l = await lab()
  const ref = slow(l, heard, { capacity: 1 })
  l.system.tell(ref, { type: 'a' })
  const waiting = failure(l.system.send(ref, { type: 'b' }, { timeoutMs: 1_000 }))
  await l.system.drain(ref)
  expect(heard).toEqual(['a'])
  expect(await waiting).toMatchObject({ code: 'ACTOR_TERMINATED' })
  expect(balanced(l)).toBe(true)
})

it('forgets what a sender still waited to send when the sender ends', async () => {
  const heard: string[] = []
  const l = await lab()
  const full = slow(l, heard, { capacity: 1 })
  const sender = l.system.spawn(
    fromBehavior<Say>((ctx) => {
      l.system.tell(full, { type: 'a' })
      void ctx.send(full, { type: 'from the dead' }, { timeoutMs: 1_000 })
      return () => {}
    }),
  )
  l.system.kill(sender)
  await l.settle()
  expect(heard).toEqual(['a'])
  expect(l.buried()).toEqual(['from the dead mailbox-full'])
  expect(balanced(l)).toBe(true)
})

it('does not handle a question whose time is over', async () => {
  const heard: string[] = []
  const l = await lab()
  const ref = slow(l, heard, {})
  const asked = failure(l.system.ask(ref, { type: 'late' }, { signal: AbortSignal.abort() }))
  expect(await asked).toMatchObject({ code: 'CANCELLED' })
  const cancel = new AbortController()
  const cancelled = failure(l.system.ask(ref, { type: 'too late' }, { signal: cancel.signal }))
  cancel.abort('enough')
  expect(await cancelled).toMatchObject({ reason: 'enough' })
  await l.settle()
  expect(heard).toEqual([])
  expect(l.buried()).toEqual(['too late expired'])
  expect(l.system.stats()).toMatchObject({ expired: 1, deadLettered: 0 })
})

it('only work waits at the gate of an agent: everything else passes', async () => {
  const l = await lab()
  const { ref } = await busy(l, 10)
  expect(l.system.stats().queued).toBe(1)
  l.system.publish('broadcast', { type: 'status.asked' })
  l.system.actor(ref).send({ type: 'other' } as never)
  await l.settle()
  expect(l.events.filter(({ type }) => type === 'message.unhandled')).toHaveLength(2)
  expect(l.system.stats().queued).toBe(1)
})

/** An agent at work that never ends, with requests in its mailbox that give up after so long. */
const stuck = async (l: Lab, capacity: number, timeouts: readonly number[]): Promise<ActorRef<Say>> => {
  const never = agent('never', { concurrency: 1, mailbox: { capacity }, timeoutMs: Infinity, run: () => new Promise<string>(() => {}) })
  const ref = l.system.spawn(never) as unknown as ActorRef<Say>
  for (const timeoutMs of [1e9, ...timeouts]) {
    l.system.ask(ref, { type: 'task.request', payload: 'x' }, { timeoutMs }).catch(() => {})
    await l.settle()
  }
  return ref
}

it('requests that nobody awaits any more make room: those that are awaited stay', async () => {
  const l = await lab()
  const ref = await stuck(l, 3, [10, 1e9, 10])
  const ask = (): Promise<Error & { code?: string }> => failure(l.system.ask(ref, { type: 'task.request', payload: 'y' }, { timeoutMs: 100 }))
  expect(await ask()).toMatchObject({ code: 'MAILBOX_FULL' })
  await l.clock.advance(10)
  const asked = [ask(), ask()]
  await l.settle()
  expect(l.buried()).toEqual(['task.request mailbox-full', 'task.request expired', 'task.request expired'])
  expect(await ask()).toMatchObject({ code: 'MAILBOX_FULL' })
  await l.clock.advance(100)
  expect((await Promise.all(asked)).map(({ code }) => code)).toEqual(['TIMEOUT', 'TIMEOUT'])
  expect(balanced(l)).toBe(true)
  void l.system.stop(ref, { timeoutMs: 0 })
  await l.clock.advance(1)
  expect(l.buried().at(-1)).toBe('task.request stopped')
  expect(balanced(l)).toBe(true)
})

it('a run that is cancelled, or out of time, leaves its place to the next one', async () => {
  const l = await lab()
  const never = agent('never', { concurrency: 1, mailbox: { capacity: 2 }, timeoutMs: Infinity, run: () => new Promise<string>(() => {}) })
  l.system.submit(never, 'first')
  await l.settle()
  l.system.submit(never, 'late', { timeoutMs: 10 })
  const cancelled = l.system.submit(never, 'cancelled')
  await l.clock.advance(10)
  cancelled.cancel()
  const next = [l.system.submit(never, 'a'), l.system.submit(never, 'b'), l.system.submit(never, 'c')]
  await l.settle()
  expect((await l.system.runs.list({ status: 'running' })).map(({ input }) => input)).toEqual(['b', 'a', 'first'])
  expect(await next[2]!.outcome).toMatchObject({ error: { code: 'MAILBOX_FULL' } })
  expect(balanced(l)).toBe(true)
})

it('who waits for room gets it when somebody gives up', async () => {
  const l = await lab()
  const ref = await stuck(l, 1, [10])
  const sent = l.system.send(ref, { type: 'other' }, { timeoutMs: 1_000 })
  await l.clock.advance(9)
  expect(await standing(sent)).toBe('open')
  await l.clock.advance(1)
  expect(await standing(sent)).toEqual({ value: undefined })
})

it('a full mailbox is searched for what nobody awaits only when there is much of it', async () => {
  const l = await lab()
  const ref = await stuck(l, 20, [10, ...Array<number>(19).fill(20)])
  const tell = (): string => l.system.tell(ref, { type: 'task.request', payload: 'x' })
  await l.clock.advance(10)
  expect(tell()).toBe('rejected')
  await l.clock.advance(10)
  expect(tell()).toBe('accepted')
  await l.settle()
  expect(l.system.stats()).toMatchObject({ queued: 1, expired: 20 })
  expect(balanced(l)).toBe(true)
})

it('refuses senders that wait as soon as the actor is told to stop, however long that takes', async () => {
  const l = await lab()
  const ref = await stuck(l, 1, [1e9])
  const sent = l.system.send(ref, { type: 'other' }, { timeoutMs: 1_000 })
  await l.settle()
  void l.system.stop(ref)
  expect(await standing(sent)).toMatchObject({ error: { code: 'ACTOR_TERMINATED' } })
  expect(l.system.stats().actors).toBe(2)
  await l.clock.advance(5_000)
  expect(l.system.stats().actors).toBe(0)
})
