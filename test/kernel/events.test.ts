/** The one stream of everything that happens: for listeners, and for readers that may be slow. */
import type { SystemEvent } from 'troupe'
import { expect, it } from 'vitest'
import { lab, listener } from './system.ts'

it('tells of starts, restarts and ends, in their order and with their time', async () => {
  const l = await lab()
  await l.clock.advance(3)
  const ref = l.system.spawn(listener([]), { restart: 'permanent' })
  l.system.kill(ref)
  await l.settle()
  await l.system.stop(ref)
  expect(l.events).toEqual([
    { type: 'actor.started', at: 3, ref, generation: 0 },
    { type: 'actor.restarted', at: 3, ref, generation: 1 },
    { type: 'actor.terminated', at: 3, ref, reason: { type: 'shutdown' } },
  ])
})

it('tells a slow reader how much it has missed', async () => {
  const l = await lab()
  const dead = l.system.spawn(listener([]))
  l.system.kill(dead)
  const reader = l.system.events[Symbol.asyncIterator]()
  for (let i = 0; i < 1_010; i += 1) l.system.tell(dead, { type: `m${i}` })
  const read: SystemEvent[] = []
  for (let i = 0; i < 1_001; i += 1) read.push((await reader.next()).value as SystemEvent)
  expect(read[0]).toMatchObject({ type: 'message.dead', letter: { message: { type: 'm0' } } })
  expect(read.at(-1)).toMatchObject({ type: 'events.skipped', count: 10 })
})

it('begins when somebody listens, and ends when they have enough', async () => {
  const l = await lab()
  const heard: string[] = []
  l.system.spawn(listener([]))
  const end = l.system.events.subscribe(({ type }) => void heard.push(type))
  const ref = l.system.spawn(listener([]))
  end()
  end()
  await l.system.stop(ref)
  expect(heard).toEqual(['actor.started'])
})

it('lets a reader go at any time', async () => {
  const l = await lab()
  for (let i = 0; i < 3; i += 1) queueMicrotask(() => void l.system.spawn(listener([])))
  let seen = 0
  for await (const { type } of l.system.events) {
    expect(type).toBe('actor.started')
    seen += 1
    if (seen === 2) break
  }
  expect(seen).toBe(2)
})
