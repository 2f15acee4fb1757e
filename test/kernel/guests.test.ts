/** Agents that the system was not given: they come and go, and are missed by nobody. */
import { agent, createSystem, router, type AnyAgent, type System } from 'troupe'
import { manualClock, type ManualClock } from 'troupe/testing'
import { expect, it } from 'vitest'
import { diaryLogger, failure, later } from './system.ts'

const KEPT = 1_000
/** So many others that whoever is idle and unknown has to leave. */
const MANY = 1_400

interface Place {
  readonly system: System
  readonly clock: ManualClock
}

const place = async (...agents: readonly AnyAgent[]): Promise<Place> => {
  const clock = manualClock()
  return { clock, system: await createSystem({ agents, clock, seed: 1, logger: diaryLogger([]) }) }
}

const echo = (name: string, options: object = {}) => agent(name, { run: (text: string) => text, ...options })

/** So many agents, each made for one run. */
const rush = async ({ system }: Place, times: number, nameOf: (n: number) => string = () => 'job'): Promise<void> => {
  for (let n = 0; n < times; n += 1) await system.run(echo(nameOf(n)), 'x')
}

const runs = ({ system }: Place, one: AnyAgent): number | undefined =>
  system.metrics().find(({ agent: name }) => name === one.name)?.completed

it('agents that are made for each run do not pile up', async () => {
  const p = await place()
  await rush(p, 3 * KEPT)
  expect(p.system.stats().actors).toBe(KEPT)
  expect(p.system.metrics().length).toBeLessThan(3 * KEPT)
})

it('agents that are made for each run under names of their own do not pile up either', async () => {
  const p = await place()
  await rush(p, 3 * KEPT, (n) => `job ${String(n)}`)
  expect(p.system.stats().actors).toBe(KEPT)
  expect(p.system.metrics().length).toBeLessThan(3 * KEPT)
})

it('the number of them goes down again after a rush of work', async () => {
  const p = await place()
  const work = later()
  const many = Array.from({ length: 2 * KEPT }, () => agent('busy', { run: () => work.promise }))
  const outcomes = many.map((one) => p.system.submit(one, 'x').outcome)
  await p.system.settle()
  await rush(p, 10)
  // Whoever works stays.
  expect(p.system.metrics().filter(({ running }) => running === 1)).toHaveLength(2 * KEPT)
  work.resolve()
  await Promise.all(outcomes)
  await rush(p, 2 * KEPT)
  expect(p.system.stats().actors).toBe(KEPT)
})

it('an agent that comes back is as good as it was: same name, same figures, same circuit', async () => {
  const p = await place()
  let works = false
  const flaky = agent('flaky', {
    circuit: { failures: 2, openMs: 60_000, counts: () => true },
    run: (text: string) => {
      if (works) return text
      throw new Error('no')
    },
  })
  for (let n = 0; n < 2; n += 1) await failure(p.system.run(flaky, 'x'))
  const circuit = p.system.circuit(flaky)
  expect(circuit.state).toBe('open')
  const path = p.system.lookup('/flaky')
  await rush(p, 3 * KEPT)
  expect(p.system.lookup('/flaky')).toBeUndefined()
  expect(p.system.metrics()).toContainEqual(expect.objectContaining({ agent: 'flaky', state: 'openCircuit', failed: 2 }))
  works = true
  expect(await failure(p.system.run(flaky, 'x'))).toMatchObject({ code: 'CIRCUIT_OPEN' })
  expect(p.system.lookup('/flaky')).toBeDefined()
  expect(p.system.lookup('/flaky')).not.toBe(path)
  await p.clock.advance(60_000)
  expect(await p.system.run(flaky, 'x')).toBe('x')
  expect([circuit.state, runs(p, flaky)]).toEqual(['closed', 1])
})

it('its circuit can be set by hand while it is away', async () => {
  const p = await place()
  const away = echo('away')
  const circuit = p.system.circuit(away)
  await rush(p, MANY)
  circuit.set('isolated')
  await p.system.settle()
  expect(await failure(p.system.run(away, 'x'))).toMatchObject({ code: 'CIRCUIT_OPEN' })
})

it('an agent that is used now and then keeps its cell', async () => {
  const p = await place()
  const regular = echo('regular')
  await p.system.run(regular, 'x')
  const ref = p.system.lookup('/regular')
  for (let n = 0; n < 8; n += 1) {
    await rush(p, KEPT / 4)
    await p.system.run(regular, 'x')
  }
  expect(p.system.lookup('/regular')).toBe(ref)
})

it('agents that the system was given stay, with all their parts', async () => {
  const [left, right, spare] = [echo('left'), echo('right', { fallback: echo('behind') }), echo('spare')]
  const by = agent('by', { run: (text: string) => (text === 'l' ? 'left' : 'right') })
  const front = router('front', { by, to: { left, right }, fallback: spare })
  const p = await place(front)
  for (const text of ['l', 'r']) await p.system.run(front, text)
  await p.system.run(spare, 'x')
  const refs = ['/front', '/by', '/left', '/right', '/spare'].map((path) => p.system.lookup(path))
  await rush(p, MANY)
  expect(['/front', '/by', '/left', '/right', '/spare'].map((path) => p.system.lookup(path))).toEqual(refs)
  expect(refs).not.toContain(undefined)
})

const known: Record<string, (p: Place, one: AnyAgent) => unknown> = {
  'is watched': ({ system }, one) => system.watch(system.lookup(`/${one.name}`)!),
  'is looked at': ({ system }, one) => system.actor(one),
  'has a registered name': ({ system }, one) => system.register('somebody', system.lookup(`/${one.name}`)!),
}

it.each(Object.entries(known))('an agent that %s keeps its cell', async (_, act) => {
  const p = await place()
  const one = echo('one')
  await p.system.run(one, 'x')
  void act(p, one)
  const ref = p.system.lookup('/one')
  await rush(p, MANY)
  expect(p.system.lookup('/one')).toBe(ref)
})

it('an agent that listens keeps its cell', async () => {
  const p = await place()
  const heard: string[] = []
  const listening = (name: string, topics: readonly string[]) =>
    echo(name, { listen: { topics, handle: ({ payload }: { payload: unknown }) => void heard.push(String(payload)) } })
  for (const one of [listening('reader', ['news']), listening('citizen', [])]) await p.system.run(one, 'x')
  await rush(p, MANY)
  p.system.publish('news', { type: 'news', payload: 'for one' })
  p.system.publish('broadcast', { type: 'news', payload: 'for both' })
  await p.system.settle()
  expect(heard.toSorted((a, b) => a.localeCompare(b))).toEqual(['for both', 'for both', 'for one'])
})

it('an agent that gave up stays dead, also when it is forgotten', async () => {
  const p = await place()
  const broken = echo('broken')
  await p.system.run(broken, 'x')
  for (let n = 0; n < 4; n += 1) {
    p.system.kill(p.system.lookup('/broken')!)
    await p.system.settle()
  }
  expect(p.system.lookup('/broken')).toBeUndefined()
  await rush(p, MANY)
  expect(await failure(p.system.run(broken, 'x'))).toMatchObject({ code: 'ACTOR_TERMINATED' })
})
