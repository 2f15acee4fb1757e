/** What the supervisor above makes of one that gave up. */
import { beforeEach, expect, it } from 'vitest'
import { RestartLimitError, supervisor, type Restart } from 'troupe'
import { specs, stage, statuses, type Stage } from './crew.ts'

let on: Stage
beforeEach(async () => {
  on = await stage()
})

const nested = (restart: Restart, intensity = 3) => {
  const inner = supervisor({ intensity: 0, children: specs(on, 'a', 'b') })
  const children = [...specs(on, 'x'), { id: 'inner', logic: inner, restart }]
  const crew = on.system.spawn(supervisor({ intensity, children }), { id: 'crew' })
  on.told()
  return crew
}

it('restarts a permanent supervisor that gave up, and with it its children', async () => {
  const crew = nested('permanent')
  await on.order('inner/a', 'crash')
  expect(on.told()).toEqual(['-a', '-b', '+a', '+b'])
  expect(await statuses(on.system, crew)).toEqual({ x: 'running', inner: 'running' })
})

it('does not restart a transient supervisor that gave up: its exit is a shutdown', async () => {
  const crew = nested('transient')
  await on.order('inner/a', 'crash')
  expect(on.told()).toEqual(['-a', '-b'])
  expect(on.ends.get('/crew/inner')).toEqual({ type: 'shutdown', info: expect.any(RestartLimitError) })
  expect(await statuses(on.system, crew)).toEqual({ x: 'running', inner: 'stopped' })
})

it('multiplies: each level takes its own number of restarts', async () => {
  nested('permanent', 1)
  await on.order('inner/a', 'crash')
  expect(on.ends.has('/crew')).toBe(false)
  await on.order('inner/a', 'crash')
  expect(on.told().slice(-3)).toEqual(['-a', '-b', '-x'])
  expect(on.ends.get('/crew')).toMatchObject({ type: 'shutdown', info: { details: { path: '/crew' } } })
})

it('restarts a permanent supervisor that was killed, after its children are gone', async () => {
  const crew = nested('permanent')
  await on.kill('inner')
  expect(on.told().slice(-2)).toEqual(['+a', '+b'])
  expect(await statuses(on.system, crew)).toEqual({ x: 'running', inner: 'running' })
})

it('ends the system when the root gives up, and says why', async () => {
  const inner = supervisor({ intensity: 0, children: specs(on, 'a') })
  on.system.spawn(inner, { id: 'crew', restart: 'permanent' })
  const ended = on.system.terminated.catch((error: unknown) => error)
  for (let count = 0; count < 4; count += 1) await on.order('a', 'crash')
  await on.clock.advance(60_000)
  expect(await ended).toBeInstanceOf(RestartLimitError)
})
