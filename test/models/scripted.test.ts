/** The model that says what it is told to. */
import { expect, it } from 'vitest'
import { agent, createSystem, ProviderError } from 'troupe'
import { scripted } from 'troupe/models/scripted'
import { manualClock } from 'troupe/testing'
import { request, resultOf } from './asking.ts'

it('says its turns in order, and remembers what it was asked', async () => {
  const model = scripted(['one', { text: 'two' }])
  const asked = request()
  expect((await resultOf(model, asked)).text).toBe('one')
  expect((await resultOf(model, asked)).text).toBe('two')
  expect(model.requests).toEqual([asked, asked])
})

it('may answer by what it is asked', async () => {
  const model = scripted(({ messages }) => `heard ${String(messages.length)}`)
  expect((await resultOf(model, request({ messages: [] }))).text).toBe('heard 0')
  expect(() => model.assertConsumed()).not.toThrow()
})

it('fails when it has no turns left', async () => {
  const model = scripted(['one'], { name: 'parrot' })
  await resultOf(model)
  await expect(resultOf(model)).rejects.toMatchObject({
    code: 'BAD_REQUEST',
    retryable: false,
    message: '"parrot" was asked 2 times and has 1 turns',
  })
})

it('tells when turns are left', async () => {
  const model = scripted(['one', 'two'])
  await resultOf(model)
  expect(() => model.assertConsumed()).toThrow('"scripted" has 1 of 2 turns left')
  await resultOf(model)
  model.assertConsumed()
})

it('throws what it is told to', async () => {
  const error = new ProviderError('busy', { code: 'RATE_LIMITED', retryable: true })
  await expect(resultOf(scripted([{ error }]))).rejects.toBe(error)
})

it("waits by the system's clock", async () => {
  const clock = manualClock()
  const system = await createSystem({ clock, seed: 1 })
  const run = system.submit(
    agent('slow', { model: scripted([{ delayMs: 3_600_000, text: 'here' }]), timeoutMs: Infinity }),
    'x',
  )
  await clock.advance(3_599_999)
  expect(run).not.toHaveProperty('result.status')
  await clock.advance(1)
  expect(await run.outcome).toEqual({ status: 'completed', output: 'here' })
  await system.stop()
})

it('takes its wait back when nobody waits for it', async () => {
  const clock = manualClock()
  const system = await createSystem({ clock, seed: 1 })
  const run = system.submit(agent('slow', { model: scripted([{ delayMs: 60_000, text: 'here' }]) }), 'x')
  await clock.advance(1_000)
  run.cancel('enough')
  expect(await run.outcome).toEqual({ status: 'cancelled', reason: 'enough' })
  await system.stop()
})
