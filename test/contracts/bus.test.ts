/** What every bus has to do, over a table of all of them, and what systems make of it. */
import { fromBehavior, type AgentMessage, type Bus } from 'troupe'
import { describe, expect, it } from 'vitest'
import { inProcessBus } from '../../src/bus/in-process.ts'
import { lab, listener, type Say } from '../kernel/system.ts'

const buses: readonly (readonly [name: string, make: () => Bus])[] = [['in process', inProcessBus]]

const message = (id: string, payload?: unknown): AgentMessage => ({
  id,
  type: 'tested',
  payload,
  from: 'troupe://one/a',
  to: 'topic:t',
  timestamp: 0,
  correlationId: id,
  chain: [],
  hops: 0,
})

const quiet = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

describe.each(buses)('the bus %s', (_, make) => {
  it('carries a message to every subscriber of its address, and to no other', async () => {
    const bus = make()
    const heard: string[] = []
    await bus.subscribe('topic:t', ({ id }) => heard.push(`a ${id}`))
    await bus.subscribe('topic:t', ({ id }) => heard.push(`b ${id}`))
    await bus.subscribe('topic:u', ({ id }) => heard.push(`c ${id}`))
    await bus.publish('topic:t', message('1'))
    await quiet()
    expect(heard.toSorted()).toEqual(['a 1', 'b 1'])
    await bus.close()
  })

  it('keeps the order of a publisher', async () => {
    const bus = make()
    const heard: string[] = []
    await bus.subscribe('topic:t', ({ id }) => heard.push(id))
    const ids = Array.from({ length: 100 }, (__, i) => `${i}`)
    for (const id of ids) void bus.publish('topic:t', message(id))
    await quiet()
    expect(heard).toEqual(ids)
    await bus.close()
  })

  it('carries the whole message', async () => {
    const bus = make()
    const heard: AgentMessage[] = []
    await bus.subscribe('topic:t', (each) => heard.push(each))
    await bus.publish('topic:t', message('1', { deep: [1, { two: null }] }))
    await quiet()
    expect(heard).toEqual([message('1', { deep: [1, { two: null }] })])
    await bus.close()
  })

  it('runs no subscriber on the stack of the publisher', async () => {
    const bus = make()
    let heard = false
    await bus.subscribe('topic:t', () => (heard = true))
    void bus.publish('topic:t', message('1'))
    expect(heard).toBe(false)
    await quiet()
    expect(heard).toBe(true)
    await bus.close()
  })

  it('ends a subscription; ending it twice does no harm to others', async () => {
    const bus = make()
    const heard: string[] = []
    const end = await bus.subscribe('topic:t', () => heard.push('ended'))
    end()
    await bus.subscribe('topic:t', () => heard.push('stays'))
    end()
    await bus.publish('topic:t', message('1'))
    await quiet()
    expect(heard).toEqual(['stays'])
    await bus.close()
  })

  it('is not stopped by a subscriber that throws', async () => {
    const bus = make()
    const heard: string[] = []
    await bus.subscribe('topic:t', () => {
      throw new Error('mine')
    })
    await bus.subscribe('topic:t', ({ id }) => heard.push(id))
    await bus.publish('topic:t', message('1'))
    await quiet()
    expect(heard).toEqual(['1'])
    await bus.close()
  })

  it('takes nothing once it is closed', async () => {
    const bus = make()
    await bus.close()
    await expect((async () => bus.publish('topic:t', message('1')))()).rejects.toMatchObject({ code: 'BUS' })
  })

  it('joins the topics of two systems, and nobody hears a message twice', async () => {
    const bus = make()
    const [one, two] = [await lab({ name: 'one', bus }), await lab({ name: 'two', bus })]
    const heard: string[] = []
    const hear = (who: string) => fromBehavior<Say>(() => ({ type }) => void heard.push(`${who} ${type}`))
    one.system.subscribe('news', one.system.spawn(hear('one')))
    two.system.subscribe('news', two.system.spawn(hear('two')))
    await quiet()
    one.system.publish('news', { type: 'first' })
    two.system.publish('news', { type: 'second' })
    for (const { system } of [one, two, one, two]) await system.settle()
    expect(heard.toSorted()).toEqual(['one first', 'one second', 'two first', 'two second'])
    expect([...one.buried(), ...two.buried()]).toEqual([])
  })

  it('hands payload, correlation and hops on', async () => {
    const bus = make()
    const [one, two] = [await lab({ name: 'one', bus }), await lab({ name: 'two', bus })]
    const heard: AgentMessage[] = []
    two.system.subscribe('news', (each) => heard.push(each))
    await quiet()
    const publisher = one.system.spawn(
      fromBehavior<Say>((ctx) => () => ctx.publish('news', { type: 'told', payload: { n: 1 } })),
    )
    one.system.tell(publisher, { type: 'go' })
    await one.system.settle()
    await two.system.settle()
    expect(heard).toMatchObject([{ type: 'told', payload: { n: 1 }, hops: 0, to: 'topic:news' }])
    expect(heard[0]?.correlationId).not.toBe(heard[0]?.id)
  })

  it('is let go of by a topic that nobody hears any more, and by a system that stops', async () => {
    const bus = make()
    const [one, two] = [await lab({ name: 'one', bus }), await lab({ name: 'two', bus })]
    const heard: string[] = []
    const end = two.system.subscribe('news', () => heard.push('ended'))
    two.system.subscribe('other', two.system.spawn(listener(heard)))
    await quiet()
    end()
    await two.system.stop()
    one.system.publish('news', { type: 'a' })
    one.system.publish('other', { type: 'b' })
    await one.system.settle()
    await two.system.settle()
    expect(heard).toEqual([])
    expect(two.buried()).toEqual([])
  })

  it('that fails does not fail the publisher', async () => {
    const broken: Bus = {
      ...make(),
      publish: () => {
        throw new Error('no network')
      },
      subscribe: () => Promise.reject(new Error('no network')),
    }
    const l = await lab({ bus: broken })
    const heard: string[] = []
    l.system.subscribe('news', l.system.spawn(listener(heard)))
    l.system.publish('news', { type: 'local' })
    await l.settle()
    expect(heard).toEqual(['local'])
    expect(l.logged.toSorted()).toEqual(['error the bus cannot be heard', 'error the bus did not take a message'])
    await l.system.stop()
  })
})
