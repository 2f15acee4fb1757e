/** Publish and subscribe: at most once, in order, and nobody suffers from another subscriber. */
import { agent, fromBehavior, type AgentMessage } from 'troupe'
import { expect, it } from 'vitest'
import { balanced, lab, listener, type Say } from './system.ts'

it('reaches every subscriber once, in the order of the publisher', async () => {
  const l = await lab()
  const [a, b]: string[][] = [[], []]
  l.system.subscribe('news', l.system.spawn(listener(a!)))
  l.system.subscribe('news', l.system.spawn(listener(b!)))
  for (const type of ['1', '2', '3']) l.system.publish('news', { type })
  await l.settle()
  expect([a, b]).toEqual([['1', '2', '3'], ['1', '2', '3']])
  expect(balanced(l)).toBe(true)
})

it('reaches only its own subscribers', async () => {
  const l = await lab()
  const heard: string[] = []
  l.system.subscribe('news', l.system.spawn(listener(heard)))
  l.system.publish('weather', { type: 'rain' })
  await l.settle()
  expect(heard).toEqual([])
})

it('without subscribers it is a dead letter', async () => {
  const l = await lab()
  l.system.publish('news', { type: 'x' })
  expect(l.buried()).toEqual(['x no-subscribers'])
  expect(l.dead[0]?.message.to).toBe('topic:news')
  expect(balanced(l)).toBe(true)
})

it('a full or a dead subscriber is no concern of the others', async () => {
  const l = await lab()
  const heard: string[] = []
  const full = l.system.spawn(listener([]), { mailbox: { capacity: 1 } })
  l.system.tell(full, { type: 'filling' })
  l.system.subscribe('news', full)
  l.system.subscribe('news', () => {
    throw new Error('mine')
  })
  l.system.subscribe('news', l.system.spawn(listener(heard)))
  l.system.publish('news', { type: 'x' })
  await l.settle()
  expect(heard).toEqual(['x'])
  expect(l.buried()).toEqual(['x mailbox-full'])
  expect(l.logged).toContain('error a subscriber threw')
  expect(balanced(l)).toBe(true)
})

it('a subscriber that crashes at a message is no concern of the others', async () => {
  const l = await lab()
  const heard: string[] = []
  const crashing = l.system.spawn(
    fromBehavior<Say>(() => () => {
      throw new Error('no')
    }),
  )
  l.system.subscribe('news', crashing)
  l.system.subscribe('news', l.system.spawn(listener(heard)))
  l.system.publish('news', { type: 'x' })
  await l.settle()
  expect(heard).toEqual(['x'])
})

it('ends with the actor, and when it is told to; twice does no harm', async () => {
  const l = await lab()
  const heard: string[] = []
  const ref = l.system.spawn(listener(heard))
  const end = l.system.subscribe('news', ref)
  end()
  l.system.publish('news', { type: '1' })
  l.system.subscribe('news', ref)
  end()
  await l.system.stop(ref)
  l.system.publish('news', { type: '2' })
  expect(heard).toEqual([])
  expect(l.buried()).toEqual(['1 no-subscribers', '2 no-subscribers'])
})

it('an old end does not end the subscription of another', async () => {
  const l = await lab()
  const heard: string[] = []
  const end = l.system.subscribe('news', l.system.spawn(listener([])))
  end()
  l.system.subscribe('news', l.system.spawn(listener(heard)))
  end()
  l.system.publish('news', { type: 'x' })
  await l.settle()
  expect(heard).toEqual(['x'])
})

it('survives a restart, whose setup does not double it', async () => {
  const l = await lab()
  const heard: string[] = []
  const ref = l.system.spawn(
    fromBehavior<Say>((ctx) => {
      ctx.subscribe('news')
      return ({ type }) => void heard.push(type)
    }),
    { restart: 'permanent' },
  )
  l.system.kill(ref)
  await l.settle()
  l.system.publish('news', { type: 'x' })
  await l.settle()
  expect(heard).toEqual(['x'])
})

it('carries who published', async () => {
  const l = await lab()
  const heard: AgentMessage[] = []
  l.system.subscribe('news', (message) => heard.push(message))
  const publisher = l.system.spawn(
    fromBehavior<Say>((ctx) => () => ctx.publish('news', { type: 'x', n: 1 })),
    { id: 'paper' },
  )
  l.system.tell(publisher, { type: 'go' })
  await l.settle()
  expect(heard).toMatchObject([{ type: 'x', payload: { n: 1 }, from: 'troupe://local/paper', to: 'topic:news' }])
  expect(heard[0]?.causedBy).toBeDefined()
})

it('"broadcast" reaches every agent', async () => {
  const l = await lab()
  const heard: string[] = []
  const agents = ['a', 'b'].map((name) => agent(name, { run: () => name }))
  for (const each of agents) l.system.actor(each)
  l.system.spawn(listener(heard))
  l.system.publish('broadcast', { type: 'status.asked' })
  await l.settle()
  expect(l.events.flatMap((event) => (event.type === 'message.unhandled' ? [event.ref.path] : []))).toEqual(['/a', '/b'])
  expect(heard).toEqual([])
  expect(balanced(l)).toBe(true)
})
