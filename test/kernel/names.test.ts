/** Names for one actor each, and services that many actors stand for. */
import { fromBehavior, type ActorRef, type AnyRef } from 'troupe'
import { expect, it } from 'vitest'
import { lab, listener, type Say } from './system.ts'

const service = { name: 'printers', service: true } as const

it('finds an actor by its name and by its path', async () => {
  const l = await lab()
  const ref = l.system.spawn(listener([]), { id: 'one' })
  l.system.register('name', ref)
  expect([l.system.lookup('name'), l.system.lookup('/one'), l.system.lookup('other')]).toEqual([ref, ref, undefined])
})

it('keeps a name for the first: the second registration fails', async () => {
  const l = await lab()
  const [one, two] = [l.system.spawn(listener([])), l.system.spawn(listener([]))]
  l.system.register('name', one)
  expect(() => l.system.register('name', two)).toThrow(expect.objectContaining({ code: 'NAME_TAKEN' }))
  expect(l.system.lookup('name')).toBe(one)
  l.system.register('name', one)
})

it('frees a name by hand and at the end of the actor, not at a restart', async () => {
  const l = await lab()
  const ref = l.system.spawn(listener([]), { restart: 'permanent' })
  l.system.register('name', ref)
  l.system.kill(ref)
  await l.settle()
  expect(l.system.lookup('name')).toBe(ref)
  l.system.unregister('name')
  expect(l.system.lookup('name')).toBeUndefined()
  l.system.register('name', ref)
  await l.system.stop(ref)
  expect(l.system.lookup('name')).toBeUndefined()
})

it('refuses the name of a child that is taken, and names that are no segment of a path', async () => {
  const l = await lab()
  l.system.spawn(listener([]), { id: 'one' })
  expect(() => l.system.spawn(listener([]), { id: 'one' })).toThrow(expect.objectContaining({ code: 'NAME_TAKEN', message: '"/one": expected a free name, found an actor' }))
  for (const id of ['', 'a/b', '$x']) {
    expect(() => l.system.spawn(listener([]), { id })).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }))
  }
})

it('spawns under a parent that is named, else under who spawns', async () => {
  const l = await lab()
  const parent = l.system.spawn(listener([]), { id: 'parent' })
  const made: AnyRef[] = []
  l.system.spawn(
    fromBehavior<Say>((ctx) => {
      made.push(ctx.spawn(listener([]), { id: 'own' }), ctx.spawn(listener([]), { id: 'other', parent }))
      return () => {}
    }),
    { id: 'maker' },
  )
  expect(made.map(({ path }) => path)).toEqual(['/maker/own', '/parent/other'])
  await l.system.stop(parent)
  expect(() => l.system.spawn(listener([]), { parent })).toThrow(expect.objectContaining({ code: 'NO_SUCH_ACTOR' }))
})

it('cannot register what is gone', async () => {
  const l = await lab()
  const ref = l.system.spawn(listener([]))
  l.system.kill(ref)
  expect(() => l.system.register('name', ref)).toThrow(expect.objectContaining({ code: 'NO_SUCH_ACTOR' }))
  expect(() => l.system.receptionist.register(service, ref)).toThrow(expect.objectContaining({ code: 'NO_SUCH_ACTOR' }))
})

it('gives subscribers of a service the listing at once, and one per change', async () => {
  const l = await lab()
  const { receptionist } = l.system
  const [a, b] = [l.system.spawn(listener([])), l.system.spawn(listener([]))]
  const listings: (readonly ActorRef<Say>[])[] = []
  const end = receptionist.subscribe<Say>(service, (refs) => void listings.push(refs))
  receptionist.register(service, a)
  receptionist.register(service, a)
  receptionist.register(service, b)
  receptionist.deregister(service, a)
  receptionist.deregister(service, a)
  await l.system.stop(b)
  expect(listings).toEqual([[], [a], [a, b], [b], []])
  end()
  end()
  const c = l.system.spawn(listener([]))
  receptionist.register(service, c)
  expect(listings).toHaveLength(5)
  expect(receptionist.find(service)).toEqual([c])
})

it('keeps an actor under its services over a restart', async () => {
  const l = await lab()
  const ref = l.system.spawn(listener([]), { restart: 'permanent' })
  const listings: number[] = []
  l.system.receptionist.register(service, ref)
  l.system.receptionist.subscribe(service, ({ length }) => void listings.push(length))
  l.system.kill(ref)
  await l.settle()
  expect(listings).toEqual([1])
  expect(l.system.receptionist.find(service)).toEqual([ref])
})

it('is not stopped by a listener that throws', async () => {
  const l = await lab()
  const heard: number[] = []
  let first = true
  l.system.receptionist.subscribe(service, () => {
    if (!first) throw new Error('mine')
    first = false
  })
  l.system.receptionist.subscribe(service, ({ length }) => void heard.push(length))
  l.system.receptionist.register(service, l.system.spawn(listener([])))
  expect(heard).toEqual([0, 1])
  expect(l.logged).toContain('error a listener of the receptionist threw')
})

it('a name that was given up and taken by another is not lost with its first holder', async () => {
  const { system } = await lab()
  const [first, second] = [system.spawn(listener([])), system.spawn(listener([]))]
  system.register('desk', first)
  system.unregister('desk')
  system.register('desk', second)
  await system.stop(first)
  expect(system.lookup('desk')?.uid).toBe(second.uid)
})
