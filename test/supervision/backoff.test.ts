/** Waits before restarts. */
import { beforeEach, describe, expect, it } from 'vitest'
import { supervisor, type SupervisorOptions, type SupervisorRef } from 'troupe'
import { later, specs, stage, statuses, type Stage } from './crew.ts'

let on: Stage
beforeEach(async () => {
  on = await stage()
})

const crewOf = (options: object, ...names: string[]): SupervisorRef => {
  const crew = on.system.spawn(supervisor({ intensity: 100, ...options, children: specs(on, ...names) }), {
    id: 'crew',
  })
  on.told()
  return crew
}

/** Crashes it and measures how long it is down. */
const downMs = async (name: string): Promise<number> => {
  await on.order(name, 'crash')
  const from = on.clock.now()
  while (!on.diary.includes(`+${name}`)) await on.clock.advance(1)
  on.told()
  return on.clock.now() - from
}

const waits = async (backoff: SupervisorOptions['backoff'], times: number): Promise<number[]> => {
  crewOf({ backoff }, 'a')
  const measured: number[] = []
  for (let count = 0; count < times; count += 1) measured.push(await downMs('a'))
  return measured
}

describe('the wait', () => {
  it('doubles from minMs up to maxMs', async () => {
    expect(await waits({ minMs: 10, maxMs: 70, jitter: 0, resetMs: 1_000 }, 5)).toEqual([10, 20, 40, 70, 70])
  })

  it('is 200 ms and up to a fifth more at first, unless told otherwise', async () => {
    const [first] = await waits({}, 1)
    expect(first).toBeGreaterThanOrEqual(200)
    expect(first).toBeLessThanOrEqual(240)
  })

  it('gets its jitter after the cap, and so may be longer than maxMs', async () => {
    const measured = await waits({ minMs: 100, maxMs: 100, jitter: 1, resetMs: 10_000 }, 8)
    expect(Math.min(...measured)).toBeGreaterThanOrEqual(100)
    expect(Math.max(...measured)).toBeGreaterThan(110)
    expect(Math.max(...measured)).toBeLessThanOrEqual(200)
    expect(new Set(measured).size).toBeGreaterThan(3)
  })

  it('starts anew after so long without a failure', async () => {
    crewOf({ backoff: { minMs: 10, maxMs: 90, jitter: 0 } }, 'a')
    expect([await downMs('a'), await downMs('a')]).toEqual([10, 20])
    await on.clock.advance(49)
    expect(await downMs('a')).toBe(40)
    await on.clock.advance(50)
    expect(await downMs('a')).toBe(10)
  })

  it('does not start anew while the child does not even start', async () => {
    crewOf({ backoff: { minMs: 10, maxMs: 1_000, jitter: 0, resetMs: 15 } }, 'a')
    on.failing.set('a', 3)
    await on.order('a', 'crash')
    const failures: number[] = []
    for (let ms = 1; failures.length < 4; ms += 1) {
      await on.clock.advance(1)
      if (on.told().some((entry) => entry === '!a' || entry === '+a')) failures.push(ms)
    }
    expect(failures).toEqual([10, 30, 70, 150])
  })

  it('is of each child alone', async () => {
    crewOf({ backoff: { minMs: 10, maxMs: 1_000, jitter: 0 } }, 'a', 'b')
    expect([await downMs('a'), await downMs('a'), await downMs('b')]).toEqual([10, 20, 10])
  })
})

describe('an attempt', () => {
  it('counts when it is made', async () => {
    crewOf({ intensity: 0, backoff: { minMs: 100, jitter: 0 } }, 'a', 'b')
    await on.order('a', 'crash')
    await on.clock.advance(99)
    expect(on.ends.has('/crew')).toBe(false)
    await on.clock.advance(1)
    expect(on.ends.get('/crew')).toMatchObject({ type: 'shutdown', info: { code: 'RESTART_LIMIT' } })
  })

  it('does not count when waits keep restarts rarer than the limit', async () => {
    crewOf({ intensity: 1, periodMs: 50, backoff: { minMs: 51, maxMs: 51, jitter: 0 } }, 'a')
    for (let count = 0; count < 5; count += 1) expect(await downMs('a')).toBe(51)
  })

  it('is not made once the child is terminated', async () => {
    const crew = crewOf({ backoff: { minMs: 100, jitter: 0 } }, 'a')
    await on.order('a', 'crash')
    await on.system.terminateChild(crew, 'a')
    on.told()
    await on.clock.advance(1_000)
    expect(on.told()).toEqual([])
    expect(await statuses(on.system, crew)).toEqual({ a: 'stopped' })
  })

  it('is not made for a child that somebody stopped meanwhile', async () => {
    const crew = crewOf({ backoff: { minMs: 100, jitter: 0 } }, 'a')
    const child = on.ref('a')
    await on.order('a', 'crash')
    await on.system.stop(child)
    on.told()
    await on.clock.advance(1_000)
    expect(on.told()).toEqual([])
    expect(await statuses(on.system, crew)).toEqual({ a: 'stopped' })
  })

  it('is made once for a child that was restarted by hand before', async () => {
    const crew = crewOf({ backoff: { minMs: 100, jitter: 0 } }, 'a')
    await on.order('a', 'crash')
    await on.system.terminateChild(crew, 'a')
    await on.system.restartChild(crew, 'a')
    on.told()
    await on.clock.advance(1_000)
    expect(on.told()).toEqual([])
  })
})

it('keeps messages that come meanwhile, so many, and gives more to the dead letters', async () => {
  const child = { id: 'a', logic: on.logic, mailbox: { restartStash: 2 } }
  on.system.spawn(supervisor({ backoff: { minMs: 100, jitter: 0 }, children: [child] }), { id: 'crew' })
  const dead: string[] = []
  on.system.deadLetters.subscribe(({ reason }) => dead.push(reason))
  await on.order('a', 'crash')
  for (let count = 0; count < 3; count += 1) on.system.tell(on.ref('a'), { type: 'note' })
  expect(dead).toEqual(['restart-stash-full'])
  on.told()
  await on.clock.advance(100)
  expect(on.told()).toEqual(['+a', 'a:note', 'a:note'])
})

it('keeps a thousand messages for a child that waits, unless told otherwise', async () => {
  const dead: string[] = []
  on.system.deadLetters.subscribe(({ reason }) => dead.push(reason))
  on.system.spawn(supervisor({ backoff: { minMs: 100, maxMs: 100, jitter: 0 }, children: specs(on, 'a') }), { id: 'crew' })
  const ref = on.ref('a')
  await on.order('a', 'crash')
  for (let n = 0; n < 1_001; n += 1) on.system.tell(ref, { type: 'note' })
  on.told()
  await on.clock.advance(100)
  expect(on.told().filter((each) => each === 'a:note')).toHaveLength(1_000)
  expect(dead).toEqual(['restart-stash-full'])
})

describe('in a group', () => {
  it('stops the others at once and starts all after the wait of the one that failed', async () => {
    const crew = crewOf({ strategy: 'one-for-all', backoff: { minMs: 100, jitter: 0 } }, 'a', 'b')
    await on.order('b', 'crash')
    expect(on.told()).toEqual(['-b', '-a'])
    expect(await statuses(on.system, crew)).toEqual({ a: 'restarting', b: 'restarting' })
    await on.clock.advance(99)
    expect(on.told()).toEqual([])
    await on.clock.advance(1)
    expect(on.told()).toEqual(['+a', '+b'])
  })

  it('counts the time in which the others stop as waited', async () => {
    crewOf({ strategy: 'one-for-all', backoff: { minMs: 100, jitter: 0 } }, 'a', 'b')
    on.stopping.set('a', () => new Promise((done) => void on.clock.setTimeout(() => done(), 60)))
    await on.order('b', 'crash')
    on.told()
    await on.clock.advance(99)
    expect(on.told()).toEqual([])
    await on.clock.advance(1)
    expect(on.told()).toEqual(['+a', '+b'])
  })

  it('starts the others at once when the one that they wait for is terminated', async () => {
    const crew = crewOf({ strategy: 'one-for-all', intensity: 0, backoff: { minMs: 100, jitter: 0 } }, 'a', 'b', 'c')
    await on.order('b', 'crash')
    on.told()
    await on.system.terminateChild(crew, 'b')
    expect(on.told()).toEqual(['+a', '+c'])
    await on.clock.advance(1_000)
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', b: 'stopped', c: 'running' })
  })

  it('leaves a sibling down that is terminated during the wait', async () => {
    const crew = crewOf({ strategy: 'one-for-all', backoff: { minMs: 100, jitter: 0 } }, 'a', 'b', 'c')
    await on.order('b', 'crash')
    await on.system.terminateChild(crew, 'c')
    await on.clock.advance(100)
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', b: 'running', c: 'stopped' })
    await on.order('a', 'crash')
    await on.clock.advance(200)
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', b: 'running', c: 'running' })
  })

  it('goes on without the one that failed when somebody stops it while the others go down', async () => {
    const wait = later()
    on.stopping.set('c', () => wait.promise)
    const crew = crewOf({ strategy: 'one-for-all', backoff: { minMs: 100, jitter: 0 } }, 'a', 'b', 'c')
    const failed = on.ref('b')
    await on.order('b', 'crash')
    await on.system.stop(failed)
    wait.resolve()
    await on.settle()
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', b: 'stopped', c: 'running' })
  })

  it('takes in what was started during the wait, also when that ends before', async () => {
    const options = { strategy: 'rest-for-one', intensity: 1, backoff: { minMs: 100, jitter: 0 } } as const
    const crew = crewOf(options, 'a', 'b')
    await on.order('a', 'crash')
    const temporary = { id: 'e', logic: on.logic, restart: 'temporary' } as const
    for (const id of ['c', 'd']) await on.system.startChild(crew, { id, logic: on.logic })
    await on.system.startChild(crew, temporary)
    on.told()
    await on.order('c', 'crash')
    await on.order('e', 'crash')
    await on.system.stop(on.ref('d'))
    await on.clock.advance(100)
    expect(on.told()).toEqual(['-c', '-e', '-d', '+a', '+b', '+c'])
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', b: 'running', c: 'running', d: 'stopped' })
  })

  it('grows when a child before it fails during the wait', async () => {
    crewOf({ strategy: 'rest-for-one', backoff: { minMs: 100, jitter: 0 } }, 'a', 'b', 'c')
    await on.order('b', 'crash')
    await on.clock.advance(60)
    await on.order('a', 'crash')
    on.told()
    await on.clock.advance(99)
    expect(on.told()).toEqual([])
    await on.clock.advance(1)
    expect(on.told()).toEqual(['+a', '+b', '+c'])
  })
})
