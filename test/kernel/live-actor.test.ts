/** `system.actor`: an actor as the tools of XState see it, over its restarts and past its end. */
import { agent, fromBehavior } from 'troupe'
import { useSelector } from '@xstate/react'
import { createElement } from 'react'
import { assign, createMachine, emit, fromPromise, setup, waitFor, type AnyActorRef, type InspectionEvent } from 'xstate'
import { expect, it } from 'vitest'
import { rendering } from './rendering.ts'
import { failure, lab, later, listener, type Say } from './system.ts'

const lamp = setup({
  types: { context: {} as { n: number }, events: {} as { type: 'toggle' } | { type: 'crash' } | { type: 'end' } | { type: 'flash' } },
}).createMachine({
  context: { n: 0 },
  initial: 'off',
  states: {
    off: { on: { toggle: { target: 'on', actions: assign({ n: ({ context }) => context.n + 1 }) } } },
    on: { tags: 'bright', on: { toggle: 'off', end: 'over', flash: { actions: emit({ type: 'flashed' }) } } },
    over: { type: 'final' },
  },
  on: {
    crash: {
      actions: () => {
        throw new Error('no')
      },
    },
  },
})

it('is the same object each time', async () => {
  const l = await lab()
  const ref = l.system.spawn(lamp, { restart: 'permanent' })
  const live = l.system.actor(ref)
  l.system.tell(ref, { type: 'crash' })
  await l.settle()
  expect(l.system.actor(ref)).toBe(live)
  expect(l.system.actor(JSON.parse(JSON.stringify(ref)) as typeof ref)).toBe(live)
})

it('shows value, context, tags, what it can do, and itself as JSON', async () => {
  const l = await lab()
  const live = l.system.actor(l.system.spawn(lamp, { id: 'lamp' }))
  live.send({ type: 'toggle' })
  await l.settle()
  const snapshot = live.getSnapshot()
  expect(snapshot.matches('on')).toBe(true)
  expect(snapshot.hasTag('bright')).toBe(true)
  expect(snapshot.can({ type: 'end' })).toBe(true)
  expect(snapshot.toJSON()).toMatchObject({ value: 'on', context: { n: 1 }, status: 'active' })
  expect(live.getPersistedSnapshot()).toMatchObject({ value: 'on' })
  expect(live.id).toBe('lamp')
  expect(live.getSnapshot()).toBe(snapshot)
})

it('send is a tell from outside: queued, and checked', async () => {
  const l = await lab()
  const live = l.system.actor(l.system.spawn(lamp))
  live.send({ type: 'toggle' })
  expect(live.getSnapshot().value).toBe('off')
  await l.settle()
  expect(live.getSnapshot().value).toBe('on')
})

it('waitFor waits', async () => {
  const l = await lab()
  const live = l.system.actor(l.system.spawn(lamp))
  const bright = waitFor(live, (snapshot) => snapshot.matches('on'))
  live.send({ type: 'toggle' })
  expect((await bright).context.n).toBe(1)
})

it('tells subscribers of each change, once, and of the end, and keeps the last snapshot', async () => {
  const l = await lab()
  const ref = l.system.spawn(lamp)
  const live = l.system.actor(ref)
  const seen: unknown[] = []
  live.subscribe({ next: ({ value }) => seen.push(value), complete: () => seen.push('complete') })
  for (const type of ['toggle', 'toggle', 'toggle', 'end'] as const) live.send({ type })
  await l.settle()
  expect(seen).toEqual(['on', 'off', 'on', 'over', 'complete'])
  expect(live.getSnapshot()).toMatchObject({ status: 'done', value: 'over', context: { n: 2 } })
  live.subscribe({ complete: () => seen.push('at once') })
  expect(seen.at(-1)).toBe('at once')
})

it.each(['kill', 'stop'] as const)('completes and keeps the last snapshot after: %s', async (how) => {
  const l = await lab()
  const ref = l.system.spawn(lamp)
  const live = l.system.actor(ref)
  let over = false
  live.subscribe({ complete: () => (over = true) })
  live.send({ type: 'toggle' })
  await l.settle()
  await l.system[how](ref)
  expect(over).toBe(true)
  expect(live.getSnapshot()).toMatchObject({ value: 'on', context: { n: 1 } })
  expect(l.system.actor(ref)).toBe(live)
})

it('goes on over a restart: subscribers see the new first state and do not complete', async () => {
  const l = await lab()
  const ref = l.system.spawn(lamp, { restart: 'permanent' })
  const live = l.system.actor(ref)
  const seen: unknown[] = []
  live.subscribe({ next: ({ value, status }) => seen.push(`${JSON.stringify(value)} ${status}`), complete: () => seen.push('complete') })
  for (const type of ['toggle', 'crash', 'toggle'] as const) live.send({ type })
  await l.settle()
  expect(seen.filter((each) => String(each).endsWith('active'))).toEqual(['"on" active', '"off" active', '"on" active'])
  expect(seen).not.toContain('complete')
})

it('an observer that ends its subscription hears no more; one that throws is logged', async () => {
  const l = await lab()
  const live = l.system.actor(l.system.spawn(lamp))
  let heard = 0
  const { unsubscribe } = live.subscribe(() => void (heard += 1))
  live.subscribe(() => {
    throw new Error('mine')
  })
  live.send({ type: 'toggle' })
  await l.settle()
  unsubscribe()
  live.send({ type: 'toggle' })
  await l.settle()
  expect(heard).toBe(1)
  expect(l.logged).toContain('error an observer threw')
})

it('hands on what the machine emits', async () => {
  const l = await lab()
  const live = l.system.actor(l.system.spawn(lamp)) as AnyActorRef
  const heard: string[] = []
  live.on('flashed', ({ type }) => void heard.push(type))
  const all = live.on('*', ({ type }) => void heard.push(`* ${type}`))
  live.send({ type: 'toggle' })
  live.send({ type: 'flash' })
  await l.settle()
  all.unsubscribe()
  live.send({ type: 'flash' })
  await l.settle()
  expect(heard).toEqual(['flashed', '* flashed', 'flashed'])
})

it('start does nothing, stop stops', async () => {
  const l = await lab()
  const ref = l.system.spawn(lamp)
  const live = l.system.actor(ref) as AnyActorRef & { start(): unknown; stop(): unknown }
  expect(live.start()).toBe(live)
  live.stop()
  expect(await l.system.watch(ref)).toMatchObject({ type: expect.stringMatching(/shutdown|no-actor/) as unknown })
})

it('shows what happens between messages: a promise, a timer', async () => {
  const l = await lab()
  const work = later<number>()
  const machine = createMachine({
    initial: 'a',
    states: { a: { invoke: { src: fromPromise(() => work.promise), onDone: 'b' } }, b: { after: { 10: 'c' } }, c: {} },
  })
  const live = l.system.actor(l.system.spawn(machine))
  const seen: unknown[] = []
  live.subscribe(({ value }) => seen.push(value))
  work.resolve(1)
  await l.settle()
  await l.clock.advance(10)
  expect(seen.filter((value) => value !== 'a')).toEqual(['b', 'c'])
})

it('of an agent it is the lifecycle', async () => {
  const l = await lab()
  const hold = later()
  const slow = agent('slow', { run: () => hold.promise.then(() => 'done') })
  const live = l.system.actor(slow)
  expect(live.getSnapshot().matches('idle')).toBe(true)
  const running = waitFor(live, (snapshot) => snapshot.matches('running'))
  const answer = l.system.run(slow, 'x')
  expect((await running).context.running).toBe(1)
  expect(live.getSnapshot().can({ type: 'task.request' })).toBe(true)
  hold.resolve()
  await answer
  await l.settle()
  expect(live.getSnapshot().toJSON()).toMatchObject({ value: 'idle', status: 'active' })
  expect(l.system.actor(slow)).toBe(live)
})

it('of a behaviour it is active, then over', async () => {
  const l = await lab()
  const ref = l.system.spawn(listener([]))
  const live = l.system.actor(ref)
  expect(live.getSnapshot().status).toBe('active')
  let over = false
  live.subscribe({ complete: () => (over = true) })
  await l.system.stop(ref)
  expect(over).toBe(true)
})

it('is refused for what is not in this process', async () => {
  const l = await lab()
  expect(() => l.system.actor({ address: 'troupe://other/x', path: '/x', uid: 'x' })).toThrow(
    expect.objectContaining({ code: 'NO_SUCH_ACTOR' }),
  )
})

it('useSelector of @xstate/react follows it', async () => {
  const l = await lab()
  const ref = l.system.spawn(lamp, { restart: 'permanent' })
  const live = l.system.actor(ref)
  const Light = (): unknown => createElement('b', null, String(useSelector(live, (snapshot) => snapshot.context.n)))
  const shown = rendering(Light)
  expect(shown.texts()).toEqual(['0'])
  live.send({ type: 'toggle' })
  await l.settle()
  live.send({ type: 'toggle' })
  await l.settle()
  expect(shown.texts()).toEqual(['0', '1'])
  live.send({ type: 'crash' })
  await l.settle()
  expect(shown.texts()).toEqual(['0', '1', '0'])
  shown.unmount()
  live.send({ type: 'toggle' })
  await l.settle()
  expect(shown.texts()).toHaveLength(3)
})

it('inspection attaches at run time, and ends', async () => {
  const l = await lab()
  const ref = l.system.spawn(lamp)
  const seen: InspectionEvent[] = []
  l.system.inspect(() => {
    throw new Error('mine')
  })
  const end = l.system.inspect((event) => seen.push(event))
  l.system.tell(ref, { type: 'toggle' })
  await l.settle()
  expect(seen.map(({ type }) => type)).toEqual(expect.arrayContaining(['@xstate.microstep', '@xstate.snapshot']))
  expect(l.system.actor(ref).getSnapshot().value).toBe('on')
  const count = seen.length
  end()
  l.system.tell(ref, { type: 'toggle' })
  await l.settle()
  expect(seen).toHaveLength(count)
  expect(l.logged).toContain('error an inspector threw')
})

it('waitFor rejects when the actor ends before', async () => {
  const l = await lab()
  const ref = l.system.spawn(fromBehavior<Say>(() => () => {}))
  const waiting = failure(waitFor(l.system.actor(ref) as AnyActorRef, () => false))
  l.system.kill(ref)
  expect((await waiting).message).toContain('terminated')
})
