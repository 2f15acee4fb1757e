/** Two actors never share an object that one of them changes unseen. */
import { fromBehavior } from 'troupe'
import { expect, it } from 'vitest'
import { lab, listener, type Say } from './system.ts'

it('freezes messages deeply, and hands them on as they are', async () => {
  const l = await lab()
  const seen: unknown[] = []
  const ref = l.system.spawn(fromBehavior<Say>(() => (message) => void seen.push(message)))
  const message = { type: 'x', payload: { list: [{ n: 1 }] } }
  l.system.tell(ref, message)
  expect(() => message.payload.list.push({ n: 2 })).toThrow(TypeError)
  expect(() => (message.payload.list[0]!.n = 2)).toThrow(TypeError)
  await l.settle()
  expect(seen[0]).toBe(message)
})

it('looks into what others have frozen on the outside', async () => {
  const l = await lab()
  const payload = Object.freeze({ inner: { n: 1 } })
  l.system.tell(l.system.spawn(listener([])), { type: 'x', payload })
  expect(Object.isFrozen(payload.inner)).toBe(true)
})

it('takes circles, and leaves what has methods alone', async () => {
  const l = await lab()
  const circle: { self?: unknown } = {}
  circle.self = circle
  const map = new Map([[1, 2]])
  l.system.tell(l.system.spawn(listener([])), { type: 'x', circle, map })
  expect(Object.isFrozen(circle)).toBe(true)
  expect(Object.isFrozen(map)).toBe(false)
})

it('a change of a message crashes who tries it, not who sent it', async () => {
  const l = await lab()
  const ref = l.system.spawn(
    fromBehavior<Say>(() => (message) => {
      ;(message as { type: string }).type = 'changed'
    }),
  )
  const reason = l.system.watch(ref)
  l.system.tell(ref, { type: 'x' })
  expect(await reason).toMatchObject({ type: 'error', error: { cause: expect.any(TypeError) as unknown } })
})
