/** Steps that machines invoke: what they are known by, and when they are called off. */
import { agent, fromStep, ProviderError } from 'troupe'
import { expect, it } from 'vitest'
import { createMachine } from 'xstate'
import { lab } from './system.ts'

/** A step that notes its key, and fails so many times. */
const noted = (keys: string[], failures = 0) => {
  let left = failures
  return fromStep('pay', async (input: number, { key, runId }) => {
    keys.push(`${runId} ${key}`)
    if ((left -= 1) >= 0) throw new ProviderError('not now', { code: 'UNAVAILABLE', retryable: true })
    return input + 1
  })
}

it('a step that a machine takes again is another one; after a restart they begin anew', async () => {
  const l = await lab()
  const keys: string[] = []
  const machine = createMachine({
    types: {} as { events: { type: 'again' | 'crash' } },
    initial: 'paying',
    on: {
      again: '.paying',
      crash: {
        actions: () => {
          throw new Error('no')
        },
      },
    },
    states: {
      paying: { invoke: { src: noted(keys), input: 1, onDone: 'paid' } },
      paid: {},
    },
  })
  const ref = l.system.spawn(machine, { id: 'shop', restart: 'permanent' })
  await l.settle()
  l.system.tell(ref, { type: 'again' })
  await l.settle()
  l.system.tell(ref, { type: 'crash' })
  await l.settle()
  expect(keys).toEqual(['shop shop/pay#1', 'shop shop/pay#2', 'shop shop/pay#1'])
})

it('a step of a task has the same key in each attempt, and names its run', async () => {
  const l = await lab()
  const keys: string[] = []
  const machine = createMachine({
    initial: 'paying',
    states: { paying: { invoke: { src: noted(keys, 2), input: 1, onDone: 'paid' } }, paid: { type: 'final' } },
    output: 'paid',
  })
  const paying = agent('paying', { machine, retry: { attempts: 3, minMs: 10 } })
  const run = l.system.submit(paying, undefined, { id: 'order-7' })
  await l.clock.advance(100)
  expect(await run.outcome).toMatchObject({ status: 'completed' })
  expect(keys).toHaveLength(3)
  expect(new Set(keys).size).toBe(1)
  expect(keys[0]).toMatch(/^order-7 order-7\/[^/]+\/pay#1$/)
})

it.each(['stop', 'kill'] as const)('the signal of a step aborts when its actor ends: %s', async (how) => {
  const l = await lab()
  let aborted = false
  const slow = fromStep('slow', (_: undefined, { signal }) => {
    signal.addEventListener('abort', () => (aborted = true))
    return new Promise<void>(() => {})
  })
  const ref = l.system.spawn(createMachine({ invoke: { src: slow } }))
  await l.settle()
  void l.system[how](ref)
  await l.settle()
  expect(aborted).toBe(true)
})
