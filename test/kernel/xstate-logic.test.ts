/** Any logic of XState as an actor, and what becomes of what it started. */
import { contextOf, fromBehavior, type ActorRef } from 'troupe'
import {
  assign,
  createMachine,
  fromCallback,
  fromObservable,
  fromPromise,
  fromTransition,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  type ActorLogic,
  type AnyActorLogic,
  type AnyActorRef,
  type EventObject,
  type Observer,
  type Snapshot,
  type Subscribable,
} from 'xstate'
import { expect, it } from 'vitest'
import { balanced, failure, lab, later, type Lab, type Say } from './system.ts'

const tellAll = async (l: Lab, ref: ActorRef<never>, ...types: string[]): Promise<void> => {
  for (const type of types) l.system.tell(ref as ActorRef<Say>, { type })
  await l.settle()
}

const outputOf = (l: Lab, ref: ActorRef<never>): unknown => (l.system.actor(ref).getSnapshot() as { output: unknown }).output

/** What any library of observables gives. */
const observable = <T>(begin: (observer: Observer<T>) => () => unknown): Subscribable<T> => ({
  subscribe: (observer: unknown) => {
    const end = begin(observer as Observer<T>)
    return { unsubscribe: () => void end() }
  },
})

it('runs a machine with guards, context and nested states', async () => {
  const l = await lab()
  const machine = setup({ types: { context: {} as { n: number }, events: {} as { type: 'inc' } | { type: 'go' } } }).createMachine({
    context: { n: 0 },
    initial: 'low',
    states: {
      low: { on: { go: { guard: ({ context }) => context.n > 1, target: 'high.deep' } } },
      high: { initial: 'flat', states: { flat: {}, deep: {} } },
    },
    on: { inc: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
  })
  const ref = l.system.spawn(machine)
  const live = l.system.actor(ref)
  await tellAll(l, ref, 'inc', 'go', 'inc', 'go')
  expect(live.getSnapshot()).toMatchObject({ value: { high: 'deep' }, context: { n: 2 } })
})

it('ends with its machine, promise or observable, and gives the output', async () => {
  const l = await lab()
  const machine = createMachine({ initial: 'a', states: { a: { on: { end: 'b' } }, b: { type: 'final' } }, output: 'made' })
  const done = l.system.spawn(machine)
  const live = l.system.actor(done)
  const reason = l.system.watch(done)
  await tellAll(l, done, 'end')
  expect(await reason).toEqual({ type: 'normal' })
  expect(live.getSnapshot()).toMatchObject({ status: 'done', output: 'made' })

  const promise = l.system.spawn(fromPromise(async ({ input }: { input: number }) => input + 1), { input: 1 })
  const shown = l.system.actor(promise)
  expect(await l.system.watch(promise)).toEqual({ type: 'normal' })
  expect(shown.getSnapshot()).toMatchObject({ status: 'done', output: 2 })
})

it('crashes with a promise that rejects, and with an observable that fails', async () => {
  const l = await lab()
  const thrown = new Error('no')
  const promise = l.system.spawn(fromPromise(() => Promise.reject(thrown)))
  expect(await l.system.watch(promise)).toMatchObject({ type: 'error', error: { code: 'DEFECT', cause: thrown } })
  const failing = l.system.spawn(
    fromObservable(() =>
      observable<never>((observer) => {
        queueMicrotask(() => observer.error?.(thrown))
        return () => {}
      }),
    ),
  )
  expect(await l.system.watch(failing)).toMatchObject({ type: 'error', error: { cause: thrown } })
})

it('restarts a promise whose parent says so', async () => {
  const l = await lab()
  let tries = 0
  const flaky = fromPromise(async () => {
    tries += 1
    if (tries < 3) throw new Error('not yet')
    return tries
  })
  const ref = l.system.spawn(flaky, { restart: 'transient' })
  const live = l.system.actor(ref)
  expect(await l.system.watch(ref)).toEqual({ type: 'normal' })
  expect(live.getSnapshot()).toMatchObject({ status: 'done', output: 3 })
})

it('shows the values of an observable, and lets go of it at the end', async () => {
  const l = await lab()
  let push: ((n: number) => void) | undefined
  let subscribed = true
  const ref = l.system.spawn(
    fromObservable(() =>
      observable<number>((observer) => {
        push = observer.next?.bind(observer)
        return () => (subscribed = false)
      }),
    ),
  )
  const live = l.system.actor(ref)
  const seen: unknown[] = []
  live.subscribe((snapshot) => seen.push((snapshot as { context: unknown }).context))
  push?.(1)
  push?.(2)
  expect(seen).toEqual([1, 2])
  await l.system.stop(ref)
  expect(subscribed).toBe(false)
})

it('runs a callback: it gets messages, and is cleaned up at stop, kill and restart', async () => {
  const l = await lab()
  const heard: string[] = []
  const callback = fromCallback<Say>(({ receive }) => {
    heard.push('begins')
    receive(({ type }) => {
      heard.push(type)
      if (type === 'crash') throw new Error('no')
    })
    return () => void heard.push('cleaned up')
  })
  for (const how of ['stop', 'kill'] as const) {
    heard.length = 0
    const ref = l.system.spawn(callback)
    await tellAll(l, ref, 'x')
    void l.system[how](ref)
    await l.settle()
    expect(heard).toEqual(['begins', 'x', 'cleaned up'])
  }
  heard.length = 0
  const ref = l.system.spawn(callback, { restart: 'permanent' })
  l.system.kill(ref)
  await tellAll(l, ref, 'x')
  expect(heard).toEqual(['begins', 'cleaned up', 'begins', 'x'])
})

it('runs a transition: state, input, and who it is', async () => {
  const l = await lab()
  const sum = fromTransition(
    (total: number, { type, n }: Say, scope) => {
      if (type === 'total') contextOf(scope).reply(total)
      return total + (typeof n === 'number' ? n : 0)
    },
    ({ input }: { input: number }) => input,
  )
  const ref = l.system.spawn(sum, { input: 10 })
  l.system.tell(ref, { type: 'add', n: 2 })
  expect(await l.system.ask(ref, { type: 'total' })).toBe(12)
})

it('runs logic of one’s own', async () => {
  const l = await lab()
  type Count = Snapshot<undefined> & { count: number }
  const counter: ActorLogic<Count, EventObject> = {
    getInitialSnapshot: () => ({ status: 'active', output: undefined, error: undefined, count: 0 }),
    transition: (state, event) => (event.type === 'inc' ? { ...state, count: state.count + 1 } : state),
    getPersistedSnapshot: (state) => state,
    start: (state) => void (state.count satisfies number),
  }
  const ref = l.system.spawn(counter)
  await tellAll(l, ref, 'inc', 'inc')
  expect(l.system.actor(ref).getSnapshot()).toMatchObject({ count: 2 })
})

it('invoke, spawn and after work inside a machine', async () => {
  const l = await lab()
  const machine = setup({
    actors: { work: fromPromise(async () => 42), ticker: fromCallback(({ sendBack }) => sendBack({ type: 'ticked' })) },
  }).createMachine({
    context: { result: 0, ticked: false },
    entry: spawnChild('ticker'),
    initial: 'working',
    on: { ticked: { actions: assign({ ticked: true }) } },
    states: {
      working: { invoke: { src: 'work', onDone: { target: 'waiting', actions: assign({ result: ({ event }) => event.output as number }) } } },
      waiting: { after: { 1_000: 'over' } },
      over: {},
    },
  })
  const live = l.system.actor(l.system.spawn(machine))
  await l.settle()
  expect(live.getSnapshot()).toMatchObject({ value: 'waiting', context: { result: 42, ticked: true } })
  await l.clock.advance(999)
  expect(live.getSnapshot().value).toBe('waiting')
  await l.clock.advance(1)
  expect(live.getSnapshot().value).toBe('over')
})

it('delayed raises and sends go by the clock of the system, and can be cancelled', async () => {
  const l = await lab()
  const machine = createMachine({
    entry: [raise({ type: 'late' }, { delay: 10 }), raise({ type: 'never' }, { delay: 10, id: 'x' })],
    initial: 'a',
    states: { a: { on: { late: 'b', never: 'c' } }, b: {}, c: {} },
  })
  const live = l.system.actor(l.system.spawn(machine))
  await l.clock.advance(10)
  expect(live.getSnapshot().value).toBe('b')
})

/** A machine with children of every kind and a timer; `log` tells what is cleaned up. */
const withChildren = (log: string[]): AnyActorLogic => {
  const leaf = fromCallback(() => () => void log.push('leaf cleaned up'))
  const middle = createMachine({ invoke: { src: leaf }, after: { 50: { actions: () => void log.push('middle ticked') } } })
  return createMachine({
    invoke: [{ src: leaf }, { src: middle }],
    entry: spawnChild(leaf as never),
    after: { 50: { actions: () => void log.push('ticked') } },
    on: {
      crash: {
        actions: () => {
          throw new Error('no')
        },
      },
    },
  })
}

it.each(['crash', 'kill', 'stop'] as const)('nothing of a machine goes on after its %s: neither children nor timers', async (how) => {
  const l = await lab()
  const log: string[] = []
  const ref = l.system.spawn(withChildren(log))
  await l.settle()
  if (how === 'crash') l.system.tell(ref as ActorRef<Say>, { type: 'crash' })
  else void l.system[how](ref)
  await l.settle()
  expect(log).toEqual(['leaf cleaned up', 'leaf cleaned up', 'leaf cleaned up'])
  await l.clock.advance(100)
  expect(log).toHaveLength(3)
})

it('nothing of a child that fails goes on either, where its parent handles that and does', async () => {
  const l = await lab()
  const log: string[] = []
  const noted = withChildren(log)
  const below = createMachine({ invoke: { src: noted, id: 'noted' }, on: { crash: { actions: sendTo('noted', { type: 'crash' }) } } })
  const machine = createMachine({
    initial: 'working',
    states: { working: { invoke: { src: below, id: 'below', onError: 'alone' } }, alone: {} },
    on: { crash: { actions: sendTo('below', { type: 'crash' }) } },
  })
  const ref = l.system.spawn(machine)
  await l.settle()
  l.system.tell(ref as ActorRef<Say>, { type: 'crash' })
  await l.settle()
  expect(l.system.actor(ref).getSnapshot().value).toBe('alone')
  expect(log).toEqual(['leaf cleaned up', 'leaf cleaned up', 'leaf cleaned up'])
  await l.clock.advance(100)
  expect(log).toHaveLength(3)
})

it('nothing of a machine that fails at its start goes on', async () => {
  const l = await lab()
  const log: string[] = []
  const leaf = fromCallback(() => () => void log.push('cleaned up'))
  const machine = createMachine({
    entry: [
      spawnChild(leaf as never),
      () => {
        throw new Error('no')
      },
    ],
    after: { 50: { actions: () => void log.push('ticked') } },
  })
  expect(() => l.system.spawn(machine, { id: 'x' })).toThrow(expect.objectContaining({ code: 'START_FAILED' }))
  await l.clock.advance(100)
  expect(log.filter((each) => each === 'ticked')).toEqual([])
  expect(l.system.lookup('/x')).toBeUndefined()
  expect(l.system.stats().actors).toBe(0)
})

it('a machine restarts from its first state, with its input', async () => {
  const l = await lab()
  const machine = setup({ types: { context: {} as { n: number }, input: {} as number } }).createMachine({
    context: ({ input }) => ({ n: input }),
    on: {
      inc: { actions: assign({ n: ({ context }) => context.n + 1 }) },
      crash: {
        actions: () => {
          throw new Error('no')
        },
      },
    },
  })
  const ref = l.system.spawn(machine, { input: 5, restart: 'permanent' })
  await tellAll(l, ref, 'inc', 'crash', 'inc', 'inc')
  expect(l.system.actor(ref).getSnapshot().context).toEqual({ n: 7 })
})

/** Notes when its delayed events come, and by which generation. */
const delayed = (log: string[]) => {
  let generation = 0
  const note = (what: string) => ({ context }: { context: { life: number } }) => void log.push(`${context.life} ${what}`)
  return createMachine({
    types: {} as { context: { life: number } },
    context: () => ({ life: (generation += 1) }),
    entry: raise({ type: 'raised' }, { delay: 70 }),
    on: {
      raised: { actions: note('raised') },
      crash: {
        actions: () => {
          throw new Error('no')
        },
      },
    },
    initial: 'waiting',
    states: { waiting: { after: { 100: { target: 'late', actions: note('after') } } }, late: {} },
  })
}

it.each(['crash', 'kill'] as const)('a restart begins delays anew: none is lost, and none comes twice: %s', async (how) => {
  const l = await lab()
  const log: string[] = []
  const at: number[] = []
  const ref = l.system.spawn(delayed(log), { restart: 'permanent' })
  l.system.actor(ref).subscribe(({ value }) => value === 'late' && at.push(l.clock.now()))
  await l.clock.advance(60)
  if (how === 'kill') l.system.kill(ref)
  else l.system.tell(ref as ActorRef<Say>, { type: 'crash' })
  await l.clock.advance(69)
  expect(log).toEqual([])
  await l.clock.advance(31)
  expect(log).toEqual(['2 raised', '2 after'])
  expect(at[0]).toBe(160)
  await l.clock.advance(1_000)
  expect(log).toHaveLength(2)
})

it('a delay that is over in the moment of the crash is of the old machine, and does not come', async () => {
  const l = await lab()
  const log: string[] = []
  l.system.spawn(
    fromBehavior<Say>((ctx) => {
      // Both fire at once: first what kills it.
      ctx.timers.start('now', { type: 'now' }, { afterMs: 70 })
      return () => ctx.kill(ref)
    }),
  )
  const ref = l.system.spawn(delayed(log), { restart: 'permanent' })
  await l.clock.advance(139)
  expect(log).toEqual([])
  await l.clock.advance(1_000)
  expect(log).toEqual(['2 raised', '2 after'])
})

it('delays of a machine that stops do not come, however long its stop takes', async () => {
  const l = await lab()
  const log: string[] = []
  const ref = l.system.spawn(delayed(log))
  l.system.spawn(
    fromBehavior<Say>((ctx) => (ctx.onStop(() => new Promise(() => {})), () => {})),
    { parent: ref },
  )
  void l.system.stop(ref)
  await l.clock.advance(10_000)
  expect(log).toEqual([])
  expect(l.system.stats().actors).toBe(0)
})

it('a child that fails without anybody to handle it crashes the machine; with a handler it does not', async () => {
  const l = await lab()
  const failing = fromPromise(() => Promise.reject(new Error('in the child')))
  const careless = l.system.spawn(createMachine({ invoke: { src: failing } }))
  const careful = l.system.spawn(
    createMachine({ initial: 'a', states: { a: { invoke: { src: failing, onError: 'b' } }, b: {} } }),
  )
  expect(await l.system.watch(careless)).toMatchObject({ type: 'error', error: { cause: { message: 'in the child' } } })
  expect(l.system.actor(careful).getSnapshot().value).toBe('b')
})

it('a timer whose action throws crashes the machine, not the process', async () => {
  const l = await lab()
  const ref = l.system.spawn(
    createMachine({
      after: {
        10: {
          actions: () => {
            throw new Error('late')
          },
        },
      },
    }),
  )
  const reason = l.system.watch(ref)
  await l.clock.advance(10)
  expect(await reason).toMatchObject({ type: 'error', error: { message: 'late' } })
})

it('sendParent ends at the cell, as a dead letter', async () => {
  const l = await lab()
  const parent = l.system.spawn(
    fromBehavior<Say>((ctx) => {
      ctx.spawn(createMachine({ entry: sendParent({ type: 'to nobody' }) }), { id: 'child' })
      return ({ type }) => void heard.push(type)
    }),
  )
  const heard: string[] = []
  await l.settle()
  expect(heard).toEqual([])
  expect(l.system.lookup(`${parent.path}/child`)).toBeDefined()
  expect(l.buried()).toEqual(['to nobody stopped'])
  expect(balanced(l)).toBe(true)
})

it('systemId is known inside the actor, and means nothing to others', async () => {
  const l = await lab()
  const heard: string[] = []
  const machine = createMachine({
    invoke: { src: fromCallback<Say>(({ receive }) => receive(({ type }) => void heard.push(type))), systemId: 'printer' },
    on: { print: { actions: sendTo(({ system }) => system.get('printer')!, { type: 'printed' }) } },
  })
  // Two actors with the same systemId live side by side.
  const [a, b] = [l.system.spawn(machine), l.system.spawn(machine)]
  await tellAll(l, a, 'print')
  await tellAll(l, b, 'print')
  expect(heard).toEqual(['printed', 'printed'])
  expect(l.system.lookup('printer')).toBeUndefined()
})

it('what a machine sends to a child that has stopped is a dead letter', async () => {
  const l = await lab()
  const machine = setup({
    types: { context: {} as { child: AnyActorRef } },
    actors: { work: fromPromise(async () => 1) },
  }).createMachine({
    context: ({ spawn }) => ({ child: spawn('work') }),
    on: { go: { actions: sendTo(({ context }) => context.child, { type: 'too late' }) } },
  })
  const ref = l.system.spawn(machine)
  await l.settle()
  await tellAll(l, ref, 'go')
  expect(l.buried()).toEqual(['too late stopped'])
})

it.each(['xstate.stop', 'xstate.done.actor.x', 'xstate.init'])('refuses %s from outside', async (type) => {
  const l = await lab()
  const hold = later()
  const ref = l.system.spawn(createMachine({ invoke: { id: 'x', src: fromPromise(() => hold.promise) } }))
  expect(l.system.tell(ref, { type })).toBe('rejected')
  expect(await failure(l.system.ask(ref, { type }))).toMatchObject({ code: 'INVALID_MESSAGE', faults: [{ path: 'type' }] })
  l.system.actor(ref).send({ type })
  const other = l.system.spawn(fromBehavior<Say>((ctx) => () => void ctx.tell(ref, { type })))
  await tellAll(l, other, 'go')
  expect(l.buried()).toEqual(Array(4).fill(`${type} invalid`))
  expect(l.system.actor(ref).getSnapshot().status).toBe('active')
  expect(balanced(l)).toBe(true)
})

it('keeps output that was looked at', async () => {
  const l = await lab()
  const ref = l.system.spawn(fromPromise(async () => 'x'))
  l.system.actor(ref)
  await l.settle()
  expect(outputOf(l, ref)).toBe('x')
})
