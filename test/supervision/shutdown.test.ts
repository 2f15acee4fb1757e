/** How a supervisor stops its children. */
import { beforeEach, describe, expect, it } from 'vitest'
import { supervisor } from 'troupe'
import { kernelOf } from '../../src/system/start-system.ts'
import { later, specs, stage, type Stage } from './crew.ts'

let on: Stage
beforeEach(async () => {
  on = await stage()
})

describe('a stop of static children', () => {
  it('goes in reverse order, each only when the one after it is down', async () => {
    const wait = later()
    on.stopping.set('b', () => wait.promise)
    const crew = on.system.spawn(supervisor({ children: specs(on, 'a', 'b', 'c') }), { id: 'crew' })
    on.told()
    const stopped = on.system.stop(crew)
    await on.settle()
    expect(on.told()).toEqual(['-c', '-b'])
    wait.resolve()
    await stopped
    expect(on.told()).toEqual(['-a'])
    expect(on.ends.get('/crew')).toEqual({ type: 'shutdown' })
  })

  it('waits for each as long as its own shutdownMs, then kills it', async () => {
    for (const name of ['a', 'b', 'c']) on.stopping.set(name, () => new Promise(() => {}))
    const [a, b, c] = specs(on, 'a', 'b', 'c')
    const children = [{ ...a!, shutdownMs: 10 }, { ...b!, shutdownMs: 20 }, { ...c! }]
    const crew = on.system.spawn(supervisor({ children }), { id: 'crew' })
    on.told()
    void on.system.stop(crew)
    await on.clock.advance(4_999)
    expect(on.told()).toEqual(['-c'])
    await on.clock.advance(1)
    expect(on.told()).toEqual(['-b'])
    await on.clock.advance(20)
    expect(on.told()).toEqual(['-a'])
    expect(on.ends.has('/crew')).toBe(false)
    await on.clock.advance(10)
    expect(on.ends.get('/crew')).toEqual({ type: 'shutdown' })
    expect(on.ends.get('/crew/b')).toEqual({ type: 'killed' })
  })

  it('kills at once what is to be killed brutally', async () => {
    const [a, b] = specs(on, 'a', 'b')
    const children = [a!, { ...b!, shutdownMs: 'brutal-kill' as const }]
    const crew = on.system.spawn(supervisor({ children }), { id: 'crew' })
    on.told()
    await on.system.stop(crew)
    expect(on.told()).toEqual(['-a'])
    expect(on.ends.get('/crew/b')).toEqual({ type: 'killed' })
  })

  it('waits for a supervisor among them as long as it takes', async () => {
    const wait = later()
    on.stopping.set('leaf', () => wait.promise)
    const leaf = { id: 'leaf', logic: on.logic, shutdownMs: 'infinity' as const }
    const inner = supervisor({ children: [leaf] })
    const crew = on.system.spawn(supervisor({ children: [{ id: 'inner', logic: inner }] }), { id: 'crew' })
    void on.system.stop(crew)
    await on.clock.advance(3_600_000)
    expect(on.ends.size).toBe(0)
    wait.resolve()
    await on.settle()
    expect([...on.ends.keys()]).toEqual(['/crew/inner/leaf', '/crew/inner', '/crew'])
  })

  it('lets the message in hand be finished, and gives what is queued to the dead letters', async () => {
    const crew = on.system.spawn(supervisor({ children: specs(on, 'a') }), { id: 'crew' })
    const dead: string[] = []
    on.system.deadLetters.subscribe(({ message, reason }) => dead.push(`${message.type}: ${reason}`))
    const child = on.ref('a')
    await on.system.stop(crew)
    on.system.tell(child, { type: 'note' })
    expect(dead).toHaveLength(1)
  })
})

describe('a stop of dynamic children', () => {
  const crewOf = async (...names: string[]) => {
    const crew = on.system.spawn(supervisor({ strategy: 'dynamic', child: { logic: on.logic, shutdownMs: 100 } }), {
      id: 'crew',
    })
    for (const id of names) await on.system.startChild(crew, { id, logic: on.logic })
    on.told()
    return crew
  }

  it('goes for all at once', async () => {
    const wait = later()
    for (const name of ['a', 'b', 'c']) on.stopping.set(name, () => wait.promise)
    const crew = await crewOf('a', 'b', 'c')
    void on.system.stop(crew)
    await on.settle()
    expect(on.told().toSorted()).toEqual(['-a', '-b', '-c'])
    expect(on.ends.size).toBe(0)
    wait.resolve()
    await on.settle()
    expect(on.ends.get('/crew')).toEqual({ type: 'shutdown' })
  })

  it('kills all that are left when the one time is over', async () => {
    for (const name of ['a', 'c']) on.stopping.set(name, () => new Promise(() => {}))
    const crew = await crewOf('a', 'b', 'c')
    void on.system.stop(crew)
    await on.clock.advance(99)
    expect([...on.ends.keys()]).toEqual(['/crew/b'])
    await on.clock.advance(1)
    expect(on.ends.get('/crew/a')).toEqual({ type: 'killed' })
    expect(on.ends.get('/crew')).toEqual({ type: 'shutdown' })
  })

  it('keeps one timer for all, as long as one is left', async () => {
    const names = Array.from({ length: 50 }, (_, n) => `w${n}`)
    const waits = names.map(() => later())
    for (const [n, name] of names.entries()) on.stopping.set(name, () => waits[n]!.promise)
    const crew = await crewOf(...names)
    expect(timers()).toBe(0)
    void on.system.stop(crew)
    await on.settle()
    expect(timers()).toBe(1)
    for (const { resolve } of waits.slice(1)) resolve()
    await on.settle()
    expect([timers(), on.ends.size]).toEqual([1, 49])
    waits[0]!.resolve()
    await on.settle()
    expect([timers(), on.ends.size]).toEqual([0, 51])
  })

  it('keeps none when the supervisor is killed meanwhile', async () => {
    for (const name of ['a', 'b']) on.stopping.set(name, () => new Promise(() => {}))
    const crew = await crewOf('a', 'b')
    void on.system.stop(crew)
    await on.settle()
    on.system.kill(crew)
    await on.settle()
    expect([timers(), on.ends.size]).toEqual([0, 3])
  })

  it.each(['stop', 'crash', 'kill'] as const)('counts in who ends otherwise (%s) in the same moment', async (how) => {
    on.stopping.set('a', () => new Promise(() => {}))
    const crew = await crewOf('a', 'b', 'c')
    const b = on.ref('b')
    void on.system.stop(crew)
    if (how === 'crash') on.system.tell(b, { type: 'crash' })
    else void on.system[how](b)
    await on.settle()
    expect([...on.ends.keys()].toSorted()).toEqual(['/crew/b', '/crew/c'])
    await on.clock.advance(100)
    expect(on.ends.get('/crew')).toEqual({ type: 'shutdown' })
    expect(on.told().filter((entry) => entry.startsWith('+'))).toEqual([])
    expect(timers()).toBe(0)
  })

  it.each([
    ['infinity', []],
    ['brutal-kill', ['/crew', '/crew/a', '/crew/b']],
  ] as const)('has no timer with %s', async (shutdownMs, ended) => {
    for (const name of ['a', 'b']) on.stopping.set(name, () => new Promise(() => {}))
    const crew = on.system.spawn(supervisor({ strategy: 'dynamic', child: { logic: on.logic, shutdownMs } }), { id: 'crew' })
    for (const id of ['a', 'b']) await on.system.startChild(crew, { id, logic: on.logic })
    void on.system.stop(crew)
    await on.settle()
    expect([...on.ends.keys()].toSorted()).toEqual(ended)
    expect(timers()).toBe(0)
  })
})

const timers = (): number => kernelOf(on.system).timers.size

describe('while a supervisor stops', () => {
  it.each(['crash', 'kill'] as const)('a child that dies otherwise (%s) neither hangs it nor is restarted', async (how) => {
    const wait = later()
    on.stopping.set('c', () => wait.promise)
    const crew = on.system.spawn(supervisor({ children: specs(on, 'a', 'b', 'c') }), { id: 'crew' })
    on.told()
    const stopped = on.system.stop(crew)
    await on.settle()
    await (how === 'kill' ? on.kill('a') : on.order('a', 'crash'))
    wait.resolve()
    await stopped
    expect(on.told().filter((entry) => entry.startsWith('+'))).toEqual([])
    expect(on.ends.get('/crew')).toEqual({ type: 'shutdown' })
  })

  it('a child that is killed in the middle of its own stop does not hang it', async () => {
    on.stopping.set('b', () => new Promise(() => {}))
    const crew = on.system.spawn(supervisor({ children: specs(on, 'a', 'b') }), { id: 'crew' })
    on.told()
    const stopped = on.system.stop(crew)
    await on.settle()
    await on.kill('b')
    await stopped
    expect(on.told()).toEqual(['-b', '-a'])
    expect([...on.ends.keys()]).toEqual(['/crew/b', '/crew/a', '/crew'])
  })

  it('a group restart is given up for it', async () => {
    const wait = later()
    on.stopping.set('c', () => wait.promise)
    const children = specs(on, 'a', 'b', 'c')
    const crew = on.system.spawn(supervisor({ strategy: 'one-for-all', children }), { id: 'crew' })
    on.told()
    await on.order('a', 'crash')
    const stopped = on.system.stop(crew)
    await on.settle()
    wait.resolve()
    await stopped
    expect(on.told()).toEqual(['-a', '-c', '-b'])
    expect([...on.ends.keys()].toSorted()).toEqual(['/crew', '/crew/a', '/crew/b', '/crew/c'])
  })

  it('a wait for a restart is over', async () => {
    const crew = on.system.spawn(supervisor({ backoff: { minMs: 100 }, children: specs(on, 'a', 'b') }), { id: 'crew' })
    await on.order('a', 'crash')
    await on.system.stop(crew)
    on.told()
    await on.clock.advance(1_000)
    expect(on.told()).toEqual([])
    expect(on.ends.get('/crew/a')).toMatchObject({ type: 'error' })
  })
})

it('stops its children also when it is killed', async () => {
  const crew = on.system.spawn(supervisor({ children: specs(on, 'a', 'b') }), { id: 'crew' })
  on.system.kill(crew)
  await on.settle()
  expect([...on.ends.keys()].toSorted()).toEqual(['/crew', '/crew/a', '/crew/b'])
})
