/** Children that are started, stopped and listed by hand. */
import { beforeEach, describe, expect, it } from 'vitest'
import { isSupervisor, supervisor, type SupervisorRef } from 'troupe'
import { later, specs, stage, statuses, type Stage } from './crew.ts'

let on: Stage
beforeEach(async () => {
  on = await stage()
})

const crewOf = (options: object, ...names: string[]): SupervisorRef => {
  const crew = on.system.spawn(supervisor({ ...options, children: specs(on, ...names) }), { id: 'crew' })
  on.told()
  return crew
}

describe('startChild', () => {
  it('starts a child after all others and gives its ref', async () => {
    const crew = crewOf({ strategy: 'rest-for-one' }, 'a')
    const child = await on.system.startChild(crew, { id: 'b', logic: on.logic })
    on.system.tell(child, { type: 'note' })
    await on.order('a', 'crash')
    expect(on.told()).toEqual(['+b', 'b:note', '-a', '-b', '+a', '+b'])
    expect(child).toBe(on.ref('b'))
  })

  it('refuses a name that is taken, also by a child that is stopped', async () => {
    const crew = crewOf({}, 'a', 'b')
    await on.system.terminateChild(crew, 'b')
    for (const id of ['a', 'b']) {
      const started = on.system.startChild(crew, { id, logic: on.logic })
      await expect(started).rejects.toMatchObject({ name: 'ConflictError', code: 'NAME_TAKEN' })
    }
  })

  it('waits until a group that goes down is up again', async () => {
    const wait = later()
    on.stopping.set('b', () => wait.promise)
    const crew = crewOf({ strategy: 'one-for-all' }, 'a', 'b')
    await on.order('a', 'crash')
    const started = on.system.startChild(crew, { id: 'c', logic: on.logic })
    await on.settle()
    expect(on.told()).toEqual(['-a', '-b'])
    wait.resolve()
    await started
    expect(on.told()).toEqual(['+a', '+b', '+c'])
  })
})

describe('terminateChild', () => {
  it('stops the child, keeps its spec, and does nothing a second time', async () => {
    const crew = crewOf({}, 'a', 'b?')
    for (const id of ['a', 'a', 'b']) await on.system.terminateChild(crew, id)
    expect(on.told()).toEqual(['-a', '-b'])
    expect(await statuses(on.system, crew)).toEqual({ a: 'stopped', b: 'stopped' })
    expect((await on.system.whichChildren(crew)).map(({ ref }) => ref)).toEqual([undefined, undefined])
  })

  it('removes a temporary child, of which it then knows nothing', async () => {
    const crew = crewOf({}, 'a-')
    await on.system.terminateChild(crew, 'a')
    expect(await statuses(on.system, crew)).toEqual({})
    await expect(on.system.terminateChild(crew, 'a')).rejects.toMatchObject({ code: 'NO_SUCH_ACTOR' })
  })

  it('resolves when the child is down, for everyone who asked', async () => {
    const wait = later()
    on.stopping.set('a', () => wait.promise)
    const crew = crewOf({}, 'a')
    const done: number[] = []
    for (const caller of [1, 2]) void on.system.terminateChild(crew, 'a').then(() => done.push(caller))
    await on.settle()
    expect(done).toEqual([])
    wait.resolve()
    await on.settle()
    expect(done).toEqual([1, 2])
  })

  it('tells those who watch the child', async () => {
    const crew = crewOf({}, 'a')
    const watched = on.system.watch(on.ref('a'))
    await on.system.terminateChild(crew, 'a')
    expect(await watched).toEqual({ type: 'shutdown' })
  })

  it('does not know other names', async () => {
    const crew = crewOf({}, 'a')
    const stopped = on.system.terminateChild(crew, 'x')
    await expect(stopped).rejects.toMatchObject({ name: 'DeliveryError', code: 'NO_SUCH_ACTOR' })
  })

  it('does not let a child be restarted that crashed just before', async () => {
    const crew = crewOf({}, 'a')
    on.system.tell(on.ref('a'), { type: 'crash' })
    await on.system.terminateChild(crew, 'a')
    await on.settle()
    expect(await statuses(on.system, crew)).toEqual({ a: 'stopped' })
  })
})

describe('restartChild', () => {
  it('starts a child that was terminated or has ended', async () => {
    const crew = crewOf({}, 'a', 'b?')
    await on.system.terminateChild(crew, 'a')
    await on.order('b', 'finish')
    on.told()
    for (const id of ['a', 'b']) await on.system.restartChild(crew, id)
    expect(on.told()).toEqual(['+a', '+b'])
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', b: 'running' })
  })

  it('is not a restart that counts', async () => {
    const crew = crewOf({ intensity: 0 }, 'a')
    await on.system.terminateChild(crew, 'a')
    await on.system.restartChild(crew, 'a')
    expect(await statuses(on.system, crew)).toEqual({ a: 'running' })
  })

  it('refuses while the child runs or is being restarted', async () => {
    const crew = crewOf({ backoff: { minMs: 100 } }, 'a', 'b')
    await on.order('b', 'crash')
    for (const id of ['a', 'b']) {
      await expect(on.system.restartChild(crew, id)).rejects.toMatchObject({ name: 'ConflictError', code: 'CONFLICT' })
    }
  })

  it('does not know other names', async () => {
    await expect(on.system.restartChild(crewOf({}), 'x')).rejects.toMatchObject({ code: 'NO_SUCH_ACTOR' })
  })

  it('leaves the child stopped when it does not start', async () => {
    const crew = crewOf({}, 'a')
    await on.system.terminateChild(crew, 'a')
    on.failing.set('a', 1)
    await expect(on.system.restartChild(crew, 'a')).rejects.toMatchObject({ code: 'START_FAILED' })
    expect(await statuses(on.system, crew)).toEqual({ a: 'stopped' })
  })
})

describe('deleteChild', () => {
  it('forgets the spec of a child that does not run', async () => {
    const crew = crewOf({}, 'a', 'b')
    await on.system.terminateChild(crew, 'a')
    await on.system.deleteChild(crew, 'a')
    expect(await statuses(on.system, crew)).toEqual({ b: 'running' })
  })

  it('refuses while the child runs or is being restarted', async () => {
    const crew = crewOf({ backoff: { minMs: 100 } }, 'a', 'b')
    await on.order('b', 'crash')
    for (const id of ['a', 'b']) {
      await expect(on.system.deleteChild(crew, id)).rejects.toMatchObject({ code: 'CONFLICT' })
    }
  })

  it('does not know other names', async () => {
    await expect(on.system.deleteChild(crewOf({}), 'x')).rejects.toMatchObject({ code: 'NO_SUCH_ACTOR' })
  })
})

describe('the lists', () => {
  it('name each child in start order, with how it is restarted', async () => {
    const below = { id: 'below', logic: supervisor({}) }
    const crew = on.system.spawn(supervisor({ children: [...specs(on, 'a', 'b?', 'c-'), below] }), { id: 'crew' })
    await on.order('b', 'finish')
    const children = await on.system.whichChildren(crew)
    expect(children.map(({ id, status, restart }) => [id, status, restart])).toEqual([
      ['a', 'running', 'permanent'],
      ['b', 'stopped', 'transient'],
      ['c', 'running', 'temporary'],
      ['below', 'running', 'permanent'],
    ])
    expect(children.filter(({ ref }) => ref && isSupervisor(ref)).map(({ id }) => id)).toEqual(['below'])
  })

  it('count specs, the active, supervisors and workers', async () => {
    const below = { id: 'below', logic: supervisor({}) }
    const crew = on.system.spawn(supervisor({ children: [...specs(on, 'a', 'b?', 'c-'), below] }), { id: 'crew' })
    await on.order('b', 'finish')
    expect(await on.system.countChildren(crew)).toEqual({ specs: 4, active: 3, supervisors: 1, workers: 3 })
  })

  it('are answered while a group goes down', async () => {
    on.stopping.set('b', () => new Promise(() => {}))
    const crew = crewOf({ strategy: 'one-for-all' }, 'a', 'b')
    await on.order('a', 'crash')
    expect(await statuses(on.system, crew)).toEqual({ a: 'restarting', b: 'running' })
  })
})

describe('a supervisor that gave up', () => {
  it('refuses what would change its children while it stops them', async () => {
    on.stopping.set('b', () => new Promise(() => {}))
    const crew = crewOf({ intensity: 0 }, 'a', 'b')
    await on.order('a', 'crash')
    const started = on.system.startChild(crew, { id: 'c', logic: on.logic })
    await expect(started).rejects.toMatchObject({ code: 'ACTOR_TERMINATED' })
    expect(await statuses(on.system, crew)).toMatchObject({ b: 'running' })
  })

  it('answers nobody once it is gone', async () => {
    const crew = crewOf({}, 'a')
    await on.system.stop(crew)
    await expect(on.system.whichChildren(crew)).rejects.toMatchObject({ name: 'DeliveryError' })
  })
})

it('lets go of an actor that was spawned below it without a spec', async () => {
  const crew = crewOf({}, 'a')
  on.system.spawn(on.logic, { id: 'x', parent: crew, restart: 'permanent' })
  on.told()
  await on.order('x', 'crash')
  expect(on.told()).toEqual(['-x'])
  expect(on.ends.get('/crew/x')).toMatchObject({ type: 'error' })
  expect(await statuses(on.system, crew)).toEqual({ a: 'running' })
})

it('reports other messages to it as unhandled', async () => {
  const crew = crewOf({}, 'a')
  const unhandled: string[] = []
  on.system.unhandled.subscribe(({ message }) => unhandled.push(message.type))
  on.system.tell(crew as never, { type: 'supervisor.dance' })
  await on.settle()
  expect(unhandled).toEqual(['supervisor.dance'])
})

it('is shown as its machine', async () => {
  const wait = later()
  on.stopping.set('b', () => wait.promise)
  const crew = crewOf({ strategy: 'one-for-all', backoff: { minMs: 100 } }, 'a', 'b')
  const shown = (): unknown => on.system.actor(crew).getSnapshot().value
  expect(shown()).toBe('running')
  await on.order('a', 'crash')
  expect(shown()).toEqual({ restarting: 'clearing' })
  wait.resolve()
  await on.settle()
  expect(shown()).toEqual({ restarting: 'waiting' })
  await on.clock.advance(1_000)
  expect(shown()).toBe('running')
})
