/** What machines do as actors: the action creators, and what they say where there is no system. */
import {
  cancelTimer,
  contextOf,
  fromBehavior,
  publish,
  receiveTimeout,
  reply,
  startTimer,
  stash,
  tell,
  unstashAll,
  unwatch,
  watch,
  type ActorRef,
  type AgentMessage,
} from 'troupe'
import { assign, createActor, createMachine, enqueueActions, fromTransition, setup } from 'xstate'
import { expect, it } from 'vitest'
import { failure, lab, listener, type Say } from './system.ts'

it('tell and publish send as the actor of the machine', async () => {
  const l = await lab()
  const heard: [string, string, unknown][] = []
  const hear = fromBehavior<Say>((ctx) => ({ type, n }) => void heard.push([type, ctx.envelope.from, n]))
  const other = l.system.spawn(hear)
  l.system.subscribe('topic', other)
  const machine = setup({ types: { context: {} as { n: number }, events: {} as { type: 'go'; by: number } } }).createMachine({
    context: { n: 1 },
    on: {
      go: {
        actions: [
          tell(other, { type: 'fixed' }),
          tell(() => other, ({ context, event }) => ({ type: 'computed', n: context.n + event.by })),
          publish('topic', ({ event }) => ({ type: 'published', n: event.by })),
        ],
      },
    },
  })
  l.system.tell(l.system.spawn(machine, { id: 'm' }), { type: 'go', by: 2 })
  await l.settle()
  const from = 'troupe://local/m'
  expect(heard).toEqual([
    ['fixed', from, undefined],
    ['computed', from, 3],
    ['published', from, 2],
  ])
})

it('reply answers the event in hand, also from enqueueActions and by contextOf', async () => {
  const l = await lab()
  const machine = createMachine({
    context: { n: 7 },
    on: {
      a: { actions: reply(({ context }) => context.n) },
      b: { actions: enqueueActions(({ enqueue }) => enqueue(reply('enqueued'))) },
      c: { actions: ({ self }) => contextOf({ self }).reply('by hand') },
    },
  })
  const ref = l.system.spawn(machine) as ActorRef<Say>
  expect(await Promise.all(['a', 'b', 'c'].map((type) => l.system.ask(ref, { type })))).toEqual([7, 'enqueued', 'by hand'])
})

it('reply can answer an earlier event by its envelope', async () => {
  const l = await lab()
  const machine = setup({ types: { context: {} as { asked: AgentMessage | undefined } } }).createMachine({
    context: { asked: undefined },
    on: {
      ask: { actions: assign({ asked: ({ self }) => contextOf({ self }).envelope }) },
      answer: { actions: reply('late but right', ({ context }) => context.asked!) },
    },
  })
  const ref = l.system.spawn(machine) as ActorRef<Say>
  const answer = l.system.ask(ref, { type: 'ask' })
  l.system.tell(ref, { type: 'answer' })
  expect(await answer).toBe('late but right')
})

it('stash keeps events for another state', async () => {
  const l = await lab()
  const order: string[] = []
  const note = ({ event }: { event: { type: string } }): void => void order.push(event.type)
  const machine = createMachine({
    initial: 'closed',
    states: {
      closed: { on: { open: { target: 'open', actions: note }, '*': { actions: stash() } } },
      open: { entry: unstashAll(), on: { '*': { actions: note } } },
    },
  })
  const ref = l.system.spawn(machine) as ActorRef<Say>
  for (const type of ['a', 'b', 'open', 'c']) l.system.tell(ref, { type })
  await l.settle()
  expect(order).toEqual(['open', 'a', 'b', 'c'])
})

it('timers and receive timeout arrive as events', async () => {
  const l = await lab()
  const order: string[] = []
  const machine = createMachine({
    entry: [startTimer('t', { type: 'tick' }, { everyMs: 10 }), receiveTimeout(25)],
    on: {
      tick: { actions: () => void order.push('tick') },
      quiet: { actions: cancelTimer('t') },
      'receive.timeout': { actions: [() => void order.push('timeout'), receiveTimeout(undefined)] },
    },
  })
  const ref = l.system.spawn(machine) as ActorRef<Say>
  await l.clock.advance(20)
  l.system.tell(ref, { type: 'quiet' })
  await l.clock.advance(100)
  expect(order).toEqual(['tick', 'tick', 'timeout'])
})

it('watch and unwatch', async () => {
  const l = await lab()
  const [a, b, c] = [l.system.spawn(listener([])), l.system.spawn(listener([])), l.system.spawn(listener([]))]
  const gone: unknown[] = []
  const machine = createMachine({
    entry: [watch(a), watch(() => b, { type: 'b.gone' }), watch(c)],
    on: {
      forget: { actions: unwatch(c) },
      'actor.terminated': { actions: ({ event }) => void gone.push(event) },
      'b.gone': { actions: ({ event }) => void gone.push(event) },
    },
  })
  l.system.tell(l.system.spawn(machine) as ActorRef<Say>, { type: 'forget' })
  await l.settle()
  for (const ref of [a, b, c]) l.system.kill(ref)
  await l.settle()
  expect(gone).toEqual([{ type: 'actor.terminated', ref: a, reason: { type: 'killed' } }, { type: 'b.gone' }])
})

it('an action that overflows the stash fails the machine', async () => {
  const l = await lab()
  const ref = l.system.spawn(createMachine({ on: { '*': { actions: stash() } } }), { mailbox: { stash: 1 } }) as ActorRef<Say>
  const reason = l.system.watch(ref)
  l.system.tell(ref, { type: 'a' })
  l.system.tell(ref, { type: 'b' })
  expect(await reason).toMatchObject({ type: 'error', error: { code: 'STASH_FULL' } })
})

const nobody: ActorRef<Say> = { address: 'troupe://local/x', path: '/x', uid: 'x' }

it.each([
  ['tell', tell(nobody, { type: 'x' })],
  ['reply', reply(1)],
  ['publish', publish('x', { type: 'x' })],
  ['stash', stash()],
  ['unstashAll', unstashAll()],
  ['startTimer', startTimer('x', { type: 'x' }, { afterMs: 1 })],
  ['cancelTimer', cancelTimer('x')],
  ['receiveTimeout', receiveTimeout(1)],
  ['watch', watch(nobody)],
  ['unwatch', unwatch(nobody)],
] as const)('%s says that a system is missing under plain createActor', (_, action) => {
  const errors: unknown[] = []
  const actor = createActor(createMachine({ on: { go: { actions: action as never } } }))
  actor.subscribe({ error: (error) => errors.push(error) })
  actor.start()
  actor.send({ type: 'go' })
  expect(errors).toMatchObject([{ code: 'NOT_PROVIDED' }])
})

it('a behaviour says so too, and so does contextOf', async () => {
  const errors: unknown[] = []
  const behaviour = createActor(fromBehavior<Say>(() => () => {}))
  behaviour.subscribe({ error: (error) => errors.push(error) })
  expect(
    await failure(
      (async () => {
        behaviour.start()
        if (errors[0]) throw errors[0] as Error
      })(),
    ),
  ).toMatchObject({ code: 'NOT_PROVIDED' })
  const transition = createActor(fromTransition((_: unknown, __: Say, scope) => contextOf(scope).now(), 0))
  transition.subscribe({ error: (error) => errors.push(error) })
  transition.start()
  expect(() => transition.send({ type: 'x' })).not.toThrow()
  expect(errors.at(-1)).toMatchObject({ code: 'NOT_PROVIDED' })
})
