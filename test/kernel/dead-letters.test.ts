/** Dead letters and unhandled messages: everything that nobody handled is told of. */
import { contextOf, fromBehavior, type DeadReason } from 'troupe'
import { createMachine, fromTransition } from 'xstate'
import { expect, it } from 'vitest'
import { balanced, lab, listener, type Say } from './system.ts'

it('says what, to whom, from whom, why and when', async () => {
  const l = await lab()
  await l.clock.advance(7)
  const dead = l.system.spawn(listener([]), { id: 'dead' })
  l.system.kill(dead)
  const sender = l.system.spawn(
    fromBehavior<Say>((ctx) => () => void ctx.tell(dead, { type: 'x', payload: { n: 1 } })),
    { id: 'sender' },
  )
  l.system.tell(sender, { type: 'go' })
  await l.settle()
  expect(l.dead).toMatchObject([
    {
      reason: 'stopped' satisfies DeadReason,
      at: 7,
      message: { type: 'x', payload: { n: 1 }, from: 'troupe://local/sender', to: 'troupe://local/dead', timestamp: 7 },
    },
  ])
  expect(l.events).toContainEqual({ type: 'message.dead', at: 7, letter: l.dead[0] })
})

it('the event is never throttled, the log is', async () => {
  const l = await lab()
  const dead = l.system.spawn(listener([]))
  l.system.kill(dead)
  const warned = (): number => l.logged.filter((line) => line.startsWith('warn dead letter')).length
  for (let i = 0; i < 25; i += 1) l.system.tell(dead, { type: 'x' })
  expect([l.dead.length, warned()]).toEqual([25, 10])
  expect(l.logged.at(-1)).toContain('5 minutes')
  await l.clock.advance(300_000)
  l.system.tell(dead, { type: 'x' })
  expect([l.dead.length, warned()]).toEqual([26, 11])
})

it('a dead letter about a dead letter is dropped', async () => {
  const l = await lab()
  const dead = l.system.spawn(listener([]))
  l.system.kill(dead)
  l.system.deadLetters.subscribe(() => void l.system.tell(dead, { type: 'about it' }))
  l.system.events.subscribe(({ type }) => type === 'message.dead' && void l.system.tell(dead, { type: 'about it' }))
  l.system.tell(dead, { type: 'x' })
  expect(l.buried()).toEqual(['x stopped'])
  expect(balanced(l)).toBe(true)
  l.system.tell(dead, { type: 'y' })
  expect(l.buried()).toEqual(['y stopped'])
})

it('a listener that throws is logged and stays', async () => {
  const l = await lab()
  const dead = l.system.spawn(listener([]))
  l.system.kill(dead)
  let calls = 0
  l.system.deadLetters.subscribe(() => {
    calls += 1
    throw new Error('mine')
  })
  l.system.tell(dead, { type: 'x' })
  l.system.tell(dead, { type: 'y' })
  expect(calls).toBe(2)
  expect(l.logged).toContain('error a listener threw')
})

it('can be iterated, until the system ends', async () => {
  const l = await lab()
  const dead = l.system.spawn(listener([]))
  l.system.kill(dead)
  const seen: string[] = []
  const reading = (async () => {
    for await (const { message } of l.system.deadLetters) seen.push(message.type)
  })()
  l.system.tell(dead, { type: 'x' })
  await l.system.stop()
  await reading
  expect(seen).toEqual(['x'])
})

it('an event that a machine has no transition for is unhandled, not dead', async () => {
  const l = await lab()
  const unhandled: string[] = []
  l.system.unhandled.subscribe(({ message }) => unhandled.push(message.type))
  const machine = createMachine({ initial: 'a', states: { a: { on: { go: 'b', stay: {}, forbidden: undefined } }, b: {} } })
  const ref = l.system.spawn(machine)
  for (const type of ['stay', 'what', 'go', 'go']) l.system.tell(ref, { type })
  await l.settle()
  expect(unhandled).toEqual(['what', 'go'])
  expect(l.events).toContainEqual(expect.objectContaining({ type: 'message.unhandled', ref }))
  expect(l.dead).toEqual([])
  expect(l.logged).toContain('warn nobody handles this message')
  expect(balanced(l)).toBe(true)
})

it('a wildcard and a guard that refuses: the first handles, the second does not', async () => {
  const l = await lab()
  const unhandled: string[] = []
  l.system.unhandled.subscribe(({ message }) => unhandled.push(message.type))
  const wild = l.system.spawn(createMachine({ on: { '*': { actions: () => {} } } }))
  const guarded = l.system.spawn(createMachine({ on: { go: { guard: () => false, actions: () => {} } } }))
  l.system.tell(wild, { type: 'anything' })
  l.system.tell(guarded, { type: 'go' })
  await l.settle()
  expect(unhandled).toEqual(['go'])
})

it('a machine that is over handles nothing more', async () => {
  const l = await lab()
  const ref = l.system.spawn(createMachine({ initial: 'a', states: { a: { on: { end: 'b' } }, b: { type: 'final' } } }))
  for (const type of ['end', 'late']) l.system.tell(ref, { type })
  await l.settle()
  expect(l.buried()).toEqual(['late stopped'])
})

it('functions handle everything', async () => {
  const l = await lab()
  const ref = l.system.spawn(fromTransition((n: number, _: Say, scope) => (contextOf(scope).reply(n), n + 1), 1))
  expect(await l.system.ask(ref, { type: 'any' })).toBe(1)
  expect(l.events.map(({ type }) => type)).not.toContain('message.unhandled')
})
