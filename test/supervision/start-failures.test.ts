/** What becomes of a child that does not start. */
import { beforeEach, describe, expect, it } from 'vitest'
import { supervisor, type SupervisorRef } from 'troupe'
import { specs, stage, statuses, type Stage } from './crew.ts'

let on: Stage
beforeEach(async () => {
  on = await stage()
})

const crewOf = (options: object, ...names: string[]): SupervisorRef => {
  const crew = on.system.spawn(supervisor({ ...options, children: specs(on, ...names) }), { id: 'crew' })
  on.told()
  return crew
}

describe('at the first start', () => {
  it('ends the supervisor, which stops what it had started in reverse, and is not tried again', async () => {
    on.failing.set('c', 1)
    const start = () => on.system.spawn(supervisor({ children: specs(on, 'a', 'b', 'c', 'd') }), { id: 'crew' })
    expect(start).toThrow(expect.objectContaining({ code: 'START_FAILED', message: expect.stringContaining('/crew/c') }))
    await on.settle()
    expect(on.told()).toEqual(['+a', '+b', '!c', '-b', '-a'])
    expect(on.system.lookup('/crew')).toBeUndefined()
  })

  it('fails a supervisor above as well', async () => {
    on.failing.set('b', 1)
    const inner = supervisor({ children: specs(on, 'b') })
    const outer = supervisor({ children: [...specs(on, 'a'), { id: 'inner', logic: inner }] })
    expect(() => on.system.spawn(outer, { id: 'crew' })).toThrow(expect.objectContaining({ code: 'START_FAILED' }))
    await on.settle()
    expect(on.told()).toEqual(['+a', '!b', '-a'])
  })
})

describe('of startChild', () => {
  it('is its answer: the spec is not kept, and nothing else happens', async () => {
    const crew = crewOf({}, 'a')
    on.failing.set('b', 1)
    const started = on.system.startChild(crew, { id: 'b', logic: on.logic })
    await expect(started).rejects.toMatchObject({ code: 'START_FAILED' })
    expect(await statuses(on.system, crew)).toEqual({ a: 'running' })
    await on.system.startChild(crew, { id: 'b', logic: on.logic })
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', b: 'running' })
  })
})

describe('during a restart', () => {
  it('is tried again, and counts each time', async () => {
    const crew = crewOf({ intensity: 3 }, 'a')
    on.failing.set('a', 2)
    await on.order('a', 'crash')
    expect(on.told()).toEqual(['-a', '!a', '!a', '+a'])
    expect(await statuses(on.system, crew)).toEqual({ a: 'running' })
    await on.order('a', 'crash')
    expect(on.ends.get('/crew')).toMatchObject({ type: 'shutdown' })
  })

  it('gives up when it never works', async () => {
    crewOf({ intensity: 3 }, 'a', 'b')
    on.failing.set('a', Infinity)
    await on.order('a', 'crash')
    expect(on.told()).toEqual(['-a', '!a', '!a', '!a', '-b'])
    expect(on.ends.get('/crew')).toMatchObject({ type: 'shutdown' })
  })

  it('leaves the supervisor responsive: it answers, and can be told to stop trying', async () => {
    const crew = crewOf({ intensity: Infinity }, 'a', 'b')
    on.failing.set('a', Infinity)
    on.system.tell(on.ref('a'), { type: 'crash' })
    while ((await statuses(on.system, crew))['a'] !== 'restarting');
    on.told()
    expect(await statuses(on.system, crew)).toEqual({ a: 'restarting', b: 'running' })
    expect(on.told()).toContain('!a')
    await on.system.terminateChild(crew, 'a')
    on.failing.clear()
    await on.settle()
    expect(await statuses(on.system, crew)).toEqual({ a: 'stopped', b: 'running' })
  })

  it('does not keep the supervisor from being stopped', async () => {
    const crew = crewOf({ intensity: Infinity }, 'a', 'b')
    on.failing.set('a', Infinity)
    on.system.tell(on.ref('a'), { type: 'crash' })
    await on.system.stop(crew)
    expect(on.told().at(-1)).toBe('-b')
    expect(on.system.lookup('/crew/a')).toBeUndefined()
  })

  it('keeps the mail of the child until it runs', async () => {
    crewOf({}, 'a')
    on.failing.set('a', 2)
    const child = on.ref('a')
    on.system.tell(child, { type: 'crash' })
    on.system.tell(child, { type: 'note' })
    await on.settle()
    expect(on.told()).toEqual(['-a', '!a', '!a', '+a', 'a:note'])
  })
})

describe('during a group restart', () => {
  it('of one-for-all takes down what was restarted, and retries the whole group', async () => {
    crewOf({ strategy: 'one-for-all' }, 'a', 'b', 'c')
    on.failing.set('b', 1)
    await on.order('a', 'crash')
    expect(on.told()).toEqual(['-a', '-c', '-b', '+a', '!b', '-a', '+a', '+b', '+c'])
  })

  it('of rest-for-one keeps the earlier successes, and retries from the child that failed', async () => {
    crewOf({ strategy: 'rest-for-one' }, 'a', 'b', 'c', 'd')
    on.failing.set('c', 2)
    await on.order('b', 'crash')
    expect(on.told()).toEqual(['-b', '-d', '-c', '+b', '!c', '!c', '+c', '+d'])
  })

  it.each(['one-for-all', 'rest-for-one'] as const)('counts once and again for each retry: %s', async (strategy) => {
    const crew = crewOf({ strategy, intensity: 2 }, 'a', 'b')
    on.failing.set('b', 1)
    await on.order('a', 'crash')
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', b: 'running' })
    await on.order('a', 'crash')
    expect(on.ends.get('/crew')).toMatchObject({ type: 'shutdown' })
  })

  it('can be one of a child that had finished, which then counts as restarting', async () => {
    const crew = crewOf({ strategy: 'one-for-all', backoff: { minMs: 50, jitter: 0 } }, 'a', 'b?')
    await on.order('b', 'finish')
    on.failing.set('b', 1)
    await on.order('a', 'crash')
    await on.clock.advance(50)
    expect(await statuses(on.system, crew)).toEqual({ a: 'restarting', b: 'restarting' })
    await on.clock.advance(50)
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', b: 'running' })
  })

  it('goes on without the child that failed when that is terminated', async () => {
    const crew = crewOf({ strategy: 'one-for-all', intensity: Infinity }, 'a', 'b', 'c')
    on.failing.set('b', Infinity)
    on.system.tell(on.ref('a'), { type: 'crash' })
    await on.system.terminateChild(crew, 'b')
    await on.settle()
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', b: 'stopped', c: 'running' })
  })
})
