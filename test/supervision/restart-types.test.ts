/** Which ends of a child lead to a restart. */
import { beforeEach, describe, expect, it } from 'vitest'
import { supervisor } from 'troupe'
import { specs, stage, statuses, type Order, type Stage } from './crew.ts'

let on: Stage
beforeEach(async () => {
  on = await stage()
})

/** What the children of a crew go through when `a` ends in this way. */
const end = async (name: 'a' | 'a?' | 'a-', how: Order['type'] | 'kill' | 'stop'): Promise<string[]> => {
  on.system.spawn(supervisor({ children: specs(on, name) }), { id: 'crew' })
  on.told()
  if (how === 'kill') await on.kill('a')
  else if (how === 'stop') await on.system.stop(on.ref('a'))
  else await on.order('a', how)
  return on.told().filter((entry) => entry.startsWith('+'))
}

describe('a permanent child', () => {
  it.each(['crash', 'kill', 'finish', 'quit'] as const)('is restarted after: %s', async (how) => {
    expect(await end('a', how)).toEqual(['+a'])
  })

  it('is what a child is unless told otherwise', async () => {
    on.system.spawn(supervisor({ children: [{ id: 'a', logic: on.logic }] }), { id: 'crew' })
    await on.order('a', 'finish')
    expect(on.told()).toEqual(['+a', '-a', '+a'])
  })
})

describe('a transient child', () => {
  it.each(['crash', 'kill'] as const)('is restarted after: %s', async (how) => {
    expect(await end('a?', how)).toEqual(['+a'])
  })

  it.each(['finish', 'quit'] as const)('is not restarted after: %s', async (how) => {
    expect(await end('a?', how)).toEqual([])
  })
})

describe('a temporary child', () => {
  it.each(['crash', 'kill', 'finish', 'quit'] as const)('is gone for good after: %s', async (how) => {
    const crew = on.system.spawn(supervisor({ children: specs(on, 'a-', 'b') }), { id: 'crew' })
    on.told()
    await (how === 'kill' ? on.kill('a') : on.order('a', how))
    expect(on.told().filter((entry) => entry.startsWith('+'))).toEqual([])
    expect(await statuses(on.system, crew)).toEqual({ b: 'running' })
  })
})

describe('a child that somebody stops', () => {
  it.each(['a', 'a?', 'a-'] as const)('is not restarted: %s', async (name) => {
    expect(await end(name, 'stop')).toEqual([])
  })

  it('is as if terminated: its spec stays, and it can be restarted by hand', async () => {
    const crew = on.system.spawn(supervisor({ children: specs(on, 'a') }), { id: 'crew' })
    await on.system.stop(on.ref('a'))
    expect(await statuses(on.system, crew)).toEqual({ a: 'stopped' })
    await on.system.restartChild(crew, 'a')
    expect(await statuses(on.system, crew)).toEqual({ a: 'running' })
  })
})

it('dead-letters the mail of a child that is not restarted', async () => {
  on.system.spawn(supervisor({ children: specs(on, 'a?') }), { id: 'crew' })
  const dead: string[] = []
  on.system.deadLetters.subscribe(({ message }) => dead.push(message.type))
  const child = on.ref('a')
  on.system.tell(child, { type: 'finish' })
  on.system.tell(child, { type: 'note' })
  await on.settle()
  expect(dead).toEqual(['note'])
})
