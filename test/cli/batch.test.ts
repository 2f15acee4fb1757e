/** A batch over a system that is not there: how records become results, and what happens when the system gives up. */
import { describe, expect, it } from 'vitest'
import { batch, type Ended } from '../../src/cli/batch.ts'
import type { Item } from '../../src/cli/item.ts'
import { asJson, type Result } from '../../src/cli/result.ts'
import type { AnyAgent } from '../../src/contracts/agents.ts'
import { DefectError, DeliveryError, RestartLimitError, type Outcome } from '../../src/contracts/errors.ts'
import type { System } from '../../src/contracts/system.ts'
import { definition } from '../../src/contracts/agent-definition.ts'

const agent = {
  name: 'echo',
  [definition]: { name: 'echo', parts: [], input: undefined, takes: 'text' },
} as unknown as AnyAgent

/** A system whose runs have no events and end as told. */
const systemOf = (submit: (input: unknown) => Promise<Outcome>, cancelled: string[] = []): System =>
  ({
    submit: (_agent: AnyAgent, input: unknown) => ({
      outcome: submit(input),
      events: async function* () {},
      cancel: (reason: string) => void cancelled.push(reason),
    }),
  }) as unknown as System

const items = async function* (...values: unknown[]): AsyncGenerator<Item> {
  let line = 0
  for (const value of values) yield { line: ++line, value }
}
const all = async (results: AsyncIterable<Ended>): Promise<Ended[]> => {
  const list: Ended[] = []
  for await (const result of results) list.push(result)
  return list
}
const options = { concurrency: 2, limit: Infinity, write: asJson }
const written = ({ text }: Ended): Result => JSON.parse(text) as Result

describe('a batch', () => {
  it('never submits a record that cannot be read', async () => {
    const submitted: unknown[] = []
    const system = systemOf(async (input) => {
      submitted.push(input)
      return { status: 'completed', output: input }
    })
    const results = await all(batch(system, agent, items('a', { no: 'text' }, 'b'), options).results)
    expect(submitted).toEqual(['a', 'b'])
    expect(results.map(({ status }) => status)).toEqual(['completed', 'failed', 'completed'])
    expect(results.map(written)[1]).toMatchObject({ line: 2, path: [], ms: 0 })
    expect(results[1]?.problem).toMatch(/^text: the agent takes text/)
  })

  it('says why a record did not complete, and nothing where it did', async () => {
    const outcomes: Outcome[] = [
      { status: 'completed', output: 'fine' },
      { status: 'failed', error: new DefectError('as you wish', undefined) },
      { status: 'cancelled', reason: 'nobody wants it' },
    ]
    const system = systemOf(async () => outcomes.shift() ?? { status: 'completed', output: 1 })
    const results = await all(batch(system, agent, items('a', 'b', 'c'), options).results)
    expect(results.map(({ problem }) => problem)).toEqual([
      undefined,
      'failed: as you wish',
      'cancelled: nobody wants it',
    ])
  })

  it('counts as failed what cannot be written as what it was', async () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    const system = systemOf(async () => ({ status: 'completed', output: circle }))
    const work = batch(system, agent, items('a'), options)
    const [result] = await all(work.results)
    expect(result).toMatchObject({ status: 'failed', problem: expect.stringContaining('JSON') as string })
    expect([work.ended, work.failed]).toEqual([1, 1])
  })

  it('counts what has ended, also while it waits for its turn', async () => {
    let release: () => void = () => {}
    const first = new Promise<void>((resolve) => (release = resolve))
    const system = systemOf(async (input) => {
      if (input === 'a') await first
      return { status: 'completed', output: input }
    })
    const work = batch(system, agent, items('a', 'b', 'c', 'd'), options)
    const results = all(work.results)
    while (work.ended < 3) await new Promise((resolve) => setImmediate(resolve))
    expect([work.running, work.failed]).toEqual([1, 0])
    release()
    expect((await results).map(({ line }) => line)).toEqual([1, 2, 3, 4])
    expect(work.ended).toBe(4)
  })

  it('takes no more while what waits behind a slow record is large', async () => {
    const large = 'x'.repeat(5 * 1024 * 1024)
    let taken = 0
    const many = async function* (): AsyncGenerator<Item> {
      for (let line = 1; line <= 30; line++) {
        taken++
        yield { line, value: line === 1 ? 'slow' : 'fast' }
      }
    }
    let release: () => void = () => {}
    const slow = new Promise<void>((resolve) => (release = resolve))
    const system = systemOf(async (input) => {
      if (input === 'slow') await slow
      return { status: 'completed', output: large }
    })
    const results = all(batch(system, agent, many(), options).results)
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
    // 16 MB wait at most, and what was in hand when they were reached.
    expect(taken).toBeLessThan(8)
    release()
    expect(await results).toHaveLength(30)
  })

  it('makes an outcome of what a system throws when it takes no more', async () => {
    const system = systemOf(() => {
      throw new DeliveryError('ACTOR_TERMINATED', 'stopped')
    })
    const [result] = await all(batch(system, agent, items('a'), options).results)
    expect(result?.status).toBe('rejected')
  })

  it('fails what is in hand, and takes nothing more, when the system gives up', async () => {
    const cancelled: string[] = []
    const system = systemOf(() => new Promise(() => {}), cancelled)
    const work = batch(system, agent, items('a', 'b', 'c'), options)
    const results = all(work.results)
    while (work.running < 2) await new Promise((resolve) => setImmediate(resolve))
    const error = new RestartLimitError('/', 3, 5_000)
    work.giveUp(error)
    expect(await results).toMatchObject([
      { line: 1, status: 'failed', problem: `failed: ${error.message}` },
      { line: 2, status: 'failed' },
    ])
    expect(work.running).toBe(0)
    expect(work.allTaken).toBe(false)
    expect(cancelled).toEqual([error.message, error.message])
  })

  it('stops after its limit', async () => {
    const system = systemOf(async () => ({ status: 'completed', output: 1 }))
    const work = batch(system, agent, items('a', 'b', 'c'), { ...options, limit: 2 })
    expect(await all(work.results)).toHaveLength(2)
    expect(work.allTaken).toBe(true)
  })

  it('knows whether its input has come to an end', async () => {
    const system = systemOf(async () => ({ status: 'completed', output: 1 }))
    const whole = batch(system, agent, items('a', 'b'), options)
    expect(whole.allTaken).toBe(false)
    await all(whole.results)
    expect(whole.allTaken).toBe(true)
    const drained = batch(system, agent, items('a', 'b'), options)
    drained.drain()
    await all(drained.results)
    expect(drained.allTaken).toBe(false)
  })
})
