/** Which children are restarted when one of them ends. */
import { beforeEach, describe, expect, it } from 'vitest'
import { fromBehavior, supervisor } from 'troupe'
import { later, specs, stage, statuses, type Order, type Stage } from './crew.ts'

let on: Stage
beforeEach(async () => {
  on = await stage()
})

describe('one-for-one', () => {
  it('restarts the child that ended, and no other', async () => {
    on.system.spawn(supervisor({ children: specs(on, 'a', 'b', 'c') }), { id: 'crew' })
    expect(on.told()).toEqual(['+a', '+b', '+c'])
    await on.order('b', 'crash')
    expect(on.told()).toEqual(['-b', '+b'])
  })

  it('keeps the ref and the mail of the child', async () => {
    on.system.spawn(supervisor({ children: specs(on, 'a') }), { id: 'crew' })
    const before = on.ref('a')
    on.system.tell(before, { type: 'crash' })
    on.system.tell(before, { type: 'note' })
    await on.settle()
    expect(on.told()).toEqual(['+a', '-a', '+a', 'a:note'])
    expect(on.ref('a')).toBe(before)
  })
})

describe('one-for-all', () => {
  it('stops all others in reverse order, then starts all in order', async () => {
    on.system.spawn(supervisor({ strategy: 'one-for-all', children: specs(on, 'a', 'b', 'c', 'd') }), { id: 'crew' })
    on.told()
    await on.order('b', 'crash')
    expect(on.told()).toEqual(['-b', '-d', '-c', '-a', '+a', '+b', '+c', '+d'])
  })

  it('keeps the refs of the whole group', async () => {
    on.system.spawn(supervisor({ strategy: 'one-for-all', children: specs(on, 'a', 'b') }), { id: 'crew' })
    const before = ['a', 'b'].map(on.ref)
    await on.order('b', 'crash')
    expect(['a', 'b'].map(on.ref)).toEqual(before)
    await on.order('a', 'note')
    expect(on.told().at(-1)).toBe('a:note')
  })

  it('starts also what was terminated or has finished', async () => {
    const crew = on.system.spawn(supervisor({ strategy: 'one-for-all', children: specs(on, 'a', 'b?', 'c') }), {
      id: 'crew',
    })
    await on.system.terminateChild(crew, 'a')
    await on.order('b', 'finish')
    expect(await statuses(on.system, crew)).toEqual({ a: 'stopped', b: 'stopped', c: 'running' })
    on.told()
    await on.order('c', 'crash')
    expect(on.told()).toEqual(['-c', '+a', '+b', '+c'])
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', b: 'running', c: 'running' })
  })

  it('removes temporary siblings', async () => {
    const crew = on.system.spawn(supervisor({ strategy: 'one-for-all', children: specs(on, 'a', 'b-', 'c') }), {
      id: 'crew',
    })
    on.told()
    await on.order('c', 'crash')
    expect(on.told()).toEqual(['-c', '-b', '-a', '+a', '+c'])
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', c: 'running' })
  })

  it('takes a sibling that dies while the group goes down for down, and counts it not', async () => {
    const wait = later()
    on.stopping.set('c', () => wait.promise)
    on.system.spawn(supervisor({ strategy: 'one-for-all', intensity: 1, children: specs(on, 'a', 'b', 'c') }), {
      id: 'crew',
    })
    on.told()
    await on.order('b', 'crash')
    await on.order('a', 'crash')
    expect(on.told()).toEqual(['-b', '-c', '-a'])
    wait.resolve()
    await on.settle()
    expect(on.told()).toEqual(['+a', '+b', '+c'])
  })
})

describe('rest-for-one', () => {
  it('stops those that were started later in reverse order, then starts them and it in order', async () => {
    on.system.spawn(supervisor({ strategy: 'rest-for-one', children: specs(on, 'a', 'b', 'c', 'd') }), { id: 'crew' })
    on.told()
    await on.order('b', 'crash')
    expect(on.told()).toEqual(['-b', '-d', '-c', '+b', '+c', '+d'])
  })

  it('leaves those alone that were started before, also the terminated', async () => {
    const crew = on.system.spawn(supervisor({ strategy: 'rest-for-one', children: specs(on, 'a', 'b', 'c') }), {
      id: 'crew',
    })
    await on.system.terminateChild(crew, 'a')
    await on.system.terminateChild(crew, 'c')
    on.told()
    await on.order('b', 'crash')
    expect(on.told()).toEqual(['-b', '+b', '+c'])
    expect(await statuses(on.system, crew)).toEqual({ a: 'stopped', b: 'running', c: 'running' })
  })

  it('deals with an earlier child that dies meanwhile once the group is up again', async () => {
    const wait = later()
    on.stopping.set('c', () => wait.promise)
    on.system.spawn(supervisor({ strategy: 'rest-for-one', children: specs(on, 'a', 'b', 'c') }), { id: 'crew' })
    on.told()
    await on.order('b', 'crash')
    await on.order('a', 'crash')
    expect(on.told()).toEqual(['-b', '-c', '-a'])
    on.stopping.clear()
    wait.resolve()
    await on.settle()
    expect(on.told()).toEqual(['+b', '+c', '-c', '-b', '+a', '+b', '+c'])
  })
})

describe('an earlier child of rest-for-one that dies while the group goes down', () => {
  it('is not restarted when somebody stops it before the group is up again', async () => {
    const wait = later()
    on.stopping.set('c', () => wait.promise)
    const crew = on.system.spawn(supervisor({ strategy: 'rest-for-one', children: specs(on, 'a', 'b', 'c') }), {
      id: 'crew',
    })
    const earlier = on.ref('a')
    await on.order('b', 'crash')
    await on.order('a', 'crash')
    const stopped = on.system.stop(earlier)
    on.told()
    wait.resolve()
    await stopped
    await on.settle()
    expect(on.told()).toEqual(['+b', '+c'])
    expect(await statuses(on.system, crew)).toEqual({ a: 'stopped', b: 'running', c: 'running' })
  })
})

describe('a child that somebody stops while its group goes down', () => {
  const strategies = ['one-for-all', 'rest-for-one'] as const
  const ways = ['stop', 'terminateChild'] as const
  const waits = [undefined, { minMs: 100, jitter: 0 }]
  /** Of a group in which `b` has failed. */
  const standings = [
    { state: 'has failed', name: 'b', slow: 'd' },
    { state: 'still runs', name: 'c', slow: 'd' },
    { state: 'is being stopped', name: 'd', slow: 'd' },
    { state: 'is down', name: 'e', slow: 'd' },
    { state: 'is the last to go down', name: 'first', slow: 'first' },
  ]
  const cases = strategies.flatMap((strategy) => {
    const first = strategy === 'one-for-all' ? 'a' : 'c'
    const named = (name: string): string => (name === 'first' ? first : name)
    return ways.flatMap((way) =>
      standings.flatMap(({ state, name, slow }) =>
        waits.map((backoff) => ({ strategy, way, state, backoff, name: named(name), slow: named(slow) })),
      ),
    )
  })

  it.each(cases)('is not started once more: $strategy, $way, one that $state, $backoff', async (given) => {
    const { strategy, way, name, slow, backoff } = given
    const wait = later()
    on.stopping.set(slow, () => wait.promise)
    const logic = supervisor({ strategy, backoff, children: specs(on, 'a', 'b', 'c', 'd', 'e') })
    const crew = on.system.spawn(logic, { id: 'crew' })
    const child = on.ref(name)
    const dead: string[] = []
    on.system.deadLetters.subscribe(({ reason }) => dead.push(reason))
    await on.order('b', 'crash')
    on.told()
    const done = way === 'stop' ? on.system.stop(child) : on.system.terminateChild(crew, name)
    await on.settle()
    expect(on.system.tell(child, { type: 'note' })).toBe('rejected')
    wait.resolve()
    await on.settle()
    await done
    await on.clock.advance(200)
    const others = strategy === 'one-for-all' ? ['a', 'b', 'c', 'd', 'e'] : ['b', 'c', 'd', 'e']
    const started = on.told().filter((entry) => entry.startsWith('+'))
    expect(started).toEqual(others.filter((other) => other !== name).map((other) => `+${other}`))
    expect(await statuses(on.system, crew)).toMatchObject({ [name]: 'stopped' })
    expect(on.ends.has(`/crew/${name}`)).toBe(true)
    expect(dead).toEqual(['stopped'])
  })

  it.each(['brutal-kill', 'kill'] as const)('is not started either when that was in the same moment: %s', async (how) => {
    const [a, b] = specs(on, 'a', 'b')
    const first = how === 'brutal-kill' ? { ...a!, shutdownMs: how } : a!
    const crew = on.system.spawn(supervisor({ strategy: 'one-for-all', children: [first, b!] }), { id: 'crew' })
    const child = on.ref('a')
    on.system.kill(on.ref('b'))
    if (how === 'kill') on.system.kill(child)
    void on.system.stop(child)
    on.told()
    await on.settle()
    expect(on.told()).toEqual(['+b'])
    expect(await statuses(on.system, crew)).toEqual({ a: 'stopped', b: 'running' })
    expect(on.ends.get('/crew/a')).toBeDefined()
  })

  it('comes back with the next restart of its group, like any that was terminated', async () => {
    const wait = later()
    on.stopping.set('c', () => wait.promise)
    const children = specs(on, 'a', 'b', 'c')
    const crew = on.system.spawn(supervisor({ strategy: 'one-for-all', children }), { id: 'crew' })
    const child = on.ref('c')
    await on.order('a', 'crash')
    void on.system.stop(child)
    wait.resolve()
    await on.settle()
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', b: 'running', c: 'stopped' })
    on.told()
    await on.order('a', 'crash')
    expect(on.told()).toEqual(['-a', '-b', '+a', '+b', '+c'])
  })

  it('uses up no restart when it was stopped in the moment in which it crashed', async () => {
    const crew = on.system.spawn(supervisor({ intensity: 0, children: specs(on, 'a', 'b') }), { id: 'crew' })
    const child = on.ref('a')
    on.system.kill(child)
    void on.system.stop(child)
    on.told()
    await on.settle()
    expect(on.told()).toEqual([])
    expect(await statuses(on.system, crew)).toEqual({ a: 'stopped', b: 'running' })
  })
})

describe('children that have nothing to do at their end', () => {
  const plain = fromBehavior<Order>(() => ({ type }) => {
    if (type === 'crash') throw new Error('no')
  })
  const crewOf = (ids: readonly string[] = ['a', 'b', 'c']) => {
    const crew = supervisor({ strategy: 'one-for-all', children: ids.map((id) => ({ id, logic: plain })) })
    return on.system.spawn(crew, { id: 'crew' })
  }

  it('go down and up with their group under the same refs', async () => {
    const crew = crewOf()
    const refs = ['a', 'b', 'c'].map((id) => on.ref(id))
    await on.order('b', 'crash')
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', b: 'running', c: 'running' })
    expect(['a', 'b', 'c'].map((id) => on.ref(id))).toEqual(refs)
    expect([...on.ends.keys()]).toEqual([])
  })

  it.each([
    [['a', 'b'], 'a'],
    [['b', 'c'], 'c'],
    [['a', 'b', 'c'], 'a'],
  ])('are not started once more when somebody stops them in the same moment: of %j %s', async (ids, name) => {
    const crew = crewOf(ids)
    const child = on.ref(name)
    const restarted: string[] = []
    on.system.events.subscribe((event) => event.type === 'actor.restarted' && restarted.push(event.ref.path))
    on.system.kill(on.ref('b'))
    void on.system.stop(child)
    await on.settle()
    const others = ids.filter((id) => id !== name)
    const running = Object.fromEntries(others.map((id) => [id, 'running']))
    expect(await statuses(on.system, crew)).toEqual({ ...running, [name]: 'stopped' })
    expect(restarted).toEqual(others.map((id) => `/crew/${id}`))
    expect([...on.ends.keys()]).toEqual([`/crew/${name}`])
  })
})

describe('dynamic', () => {
  const crewOf = (restart: 'permanent' | 'temporary' = 'permanent', maxChildren?: number) =>
    on.system.spawn(supervisor({ strategy: 'dynamic', child: { logic: on.logic, restart }, maxChildren }), {
      id: 'crew',
    })

  it('starts children of one template, and restarts each alone', async () => {
    const crew = crewOf()
    for (const id of ['a', 'b']) await on.system.startChild(crew, { id, logic: on.logic })
    await on.order('a', 'crash')
    expect(on.told()).toEqual(['+a', '+b', '-a', '+a'])
  })

  it('restarts no child and deletes none by its name', async () => {
    const crew = crewOf()
    await on.system.startChild(crew, { id: 'a', logic: on.logic })
    await expect(on.system.restartChild(crew, 'a')).rejects.toMatchObject({ code: 'NO_SUCH_ACTOR' })
    await expect(on.system.deleteChild(crew, 'a')).rejects.toMatchObject({ code: 'NO_SUCH_ACTOR' })
  })

  it('keeps nothing of a child that was terminated or ended', async () => {
    const crew = crewOf('temporary')
    for (const id of ['a', 'b']) await on.system.startChild(crew, { id, logic: on.logic })
    await on.system.terminateChild(crew, 'a')
    await on.order('b', 'finish')
    expect(await statuses(on.system, crew)).toEqual({})
    await expect(on.system.terminateChild(crew, 'a')).rejects.toMatchObject({ code: 'NO_SUCH_ACTOR' })
    await on.system.startChild(crew, { id: 'a', logic: on.logic })
    expect(await statuses(on.system, crew)).toEqual({ a: 'running' })
  })

  it('takes no more children than it may, those that are restarting counted', async () => {
    const crew = on.system.spawn(
      supervisor({
        strategy: 'dynamic',
        child: { logic: on.logic },
        maxChildren: 2,
        backoff: { minMs: 1_000, jitter: 0 },
      }),
      { id: 'crew' },
    )
    for (const id of ['a', 'b']) await on.system.startChild(crew, { id, logic: on.logic })
    await on.order('a', 'crash')
    expect(await statuses(on.system, crew)).toEqual({ a: 'restarting', b: 'running' })
    const third = on.system.startChild(crew, { id: 'c', logic: on.logic })
    await expect(third).rejects.toMatchObject({ code: 'MAX_CHILDREN' })
    await on.system.terminateChild(crew, 'a')
    await on.system.startChild(crew, { id: 'c', logic: on.logic })
    expect(await statuses(on.system, crew)).toEqual({ b: 'running', c: 'running' })
  })
})
