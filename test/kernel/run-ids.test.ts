/** The ids of runs: each names one run, and nothing else. */
import { agent, fromBehavior, type Run } from 'troupe'
import { expect, it } from 'vitest'
import { kernelOf } from '../../src/system/start-system.ts'
import { lab, later, type Say } from './system.ts'

const answered = agent('answered', { run: (text: string) => text })

it('a run gets no id that a caller has given, as from a system with the same seed', async () => {
  const [first, second] = [await lab(), await lab()]
  const before = ['a', 'b', 'c', 'd'].map((text) => first.system.submit(answered, text).id)
  const given = before.slice(1, 3).map((id) => second.system.submit(answered, 'given', { id }))
  const made = ['a', 'b', 'c'].map((text) => second.system.submit(answered, text))
  await second.settle()
  const ids = [...given, ...made].map(({ id }) => id)
  expect(new Set(ids).size).toBe(5)
  const found = await Promise.all(ids.map((id) => second.system.runs.show(id)))
  expect(found.map((run) => run?.info.input)).toEqual(['given', 'given', 'a', 'b', 'c'])
})

it('a run that was given the id of another one is that one, or in conflict with it', async () => {
  const { system } = await lab()
  const made = system.submit(answered, 'a')
  expect(system.submit(answered, 'a', { id: made.id })).toBe(made)
  const conflict = { status: 'rejected', error: { code: 'DUPLICATE_RUN' } }
  expect(await system.submit(answered, 'b', { id: made.id }).outcome).toMatchObject(conflict)
  const namesake = agent('answered', { run: (text: string) => text })
  expect(await system.submit(namesake, 'a', { id: made.id }).outcome).toMatchObject(conflict)
  expect(system.submit(answered, 'a', { id: made.id })).toBe(made)
  expect(system.submit(answered, 'b').id).not.toBe(made.id)
})

it('a run that has ended leaves no timer behind, and one that was called off before it began does nothing', async () => {
  const { system } = await lab()
  let begun = 0
  const counted = agent('counted', { timeoutMs: Infinity, run: (text: string) => (begun += 1, text) })
  const { timers } = kernelOf(system)
  const before = timers.size
  expect(await system.run(counted, 'x', { timeoutMs: 1_000 })).toBe('x')
  expect([timers.size, begun]).toEqual([before, 1])
  const off = system.submit(counted, 'y', { timeoutMs: 1_000, signal: AbortSignal.abort('not needed') })
  expect(await off.outcome).toEqual({ status: 'cancelled', reason: 'not needed' })
  await system.settle()
  expect([timers.size, begun]).toEqual([before, 1])
})

/** Asks an agent outside of any run, with a message of this number; numbers below have to be sent already. */
const askWith = async (number: number, { system }: Awaited<ReturnType<typeof lab>>): Promise<Run<string>['id']> => {
  const echo = system.spawn(fromBehavior<Say>((ctx) => () => ctx.reply(ctx.envelope.id)))
  const mute = system.spawn(fromBehavior<Say>(() => () => {}))
  const working = system.spawn(agent('working', { run: (_: string, ctx) => ctx.runId }))
  const last = Number.parseInt(String(await system.ask(echo, { type: 'count' })).split('.')[1]!, 36)
  for (let n = last + 1; n < number; n += 1) system.tell(mute, { type: 'count' })
  return system.ask(working, { type: 'task.request', payload: 'x' } as never)
}

it('no message has the id of a run, so that no task is taken for part of it', async () => {
  const l = await lab()
  const door = later<string>()
  const run = l.system.submit(agent('slow', { run: () => door.promise }), 'x')
  await l.settle()
  // The number whose letters are those of the id.
  const id = await askWith(Number.parseInt('r1', 36), l)
  expect(id).toMatch(/\.r1$/)
  expect(id).not.toBe(run.id)
  expect((await l.system.runs.show(run.id))?.events.map(({ agent: name }) => name)).not.toContain('working')
})

it.each([0, -5])('a run that is given %d ms has no time left, and does nothing', async (timeoutMs) => {
  const { system } = await lab()
  let begun = 0
  const counted = agent('counted', { run: (text: string) => (begun += 1, text) })
  const { outcome } = system.submit(counted, 'x', { timeoutMs })
  expect(await outcome).toEqual({ status: 'exhausted', what: 'timeoutMs', cap: timeoutMs, spent: 0 })
  expect(begun).toBe(0)
})

it('what is no agent is refused before it is counted: no run of it keeps the system from stopping', async () => {
  const { system } = await lab()
  const nothing = undefined as unknown as typeof answered
  await expect(system.run(nothing, 'x')).rejects.toThrow('a value of type undefined is not an agent that troupe made')
  expect(() => system.submit({ name: 'made by hand' } as typeof answered, 'x')).toThrow('"made by hand" is not an agent')
  expect(system.stats().runs).toBe(0)
  await system.stop()
})
