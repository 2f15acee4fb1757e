/** A batch over a system that is not there: how records become results, and what happens when the system gives up. */
import { describe, expect, it } from 'vitest'
import { batch } from '../../src/cli/batch.ts'
import type { Item } from '../../src/cli/item.ts'
import type { Result } from '../../src/cli/result.ts'
import type { AnyAgent } from '../../src/contracts/agents.ts'
import { DeliveryError, RestartLimitError, type Outcome } from '../../src/contracts/errors.ts'
import type { System } from '../../src/contracts/system.ts'
import { definition } from '../../src/contracts/tasks.ts'

const agent = {
  name: 'echo',
  [definition]: { name: 'echo', parts: [], input: undefined },
} as unknown as AnyAgent

/** A system whose runs have no events and end as told. */
const systemOf = (submit: (input: unknown) => Promise<Outcome>): System =>
  ({
    submit: (_agent: AnyAgent, input: unknown) => ({ outcome: submit(input), events: async function* () {} }),
  }) as unknown as System

const items = async function* (...values: unknown[]): AsyncGenerator<Item> {
  let line = 0
  for (const value of values) yield { line: ++line, value }
}
const all = async (results: AsyncIterable<Result>): Promise<Result[]> => {
  const list: Result[] = []
  for await (const result of results) list.push(result)
  return list
}
const options = { concurrency: 2, limit: Infinity }

describe('a batch', () => {
  it('never submits a record that cannot be read', async () => {
    const submitted: unknown[] = []
    const system = systemOf(async (input) => {
      submitted.push(input)
      return { status: 'completed', output: input }
    })
    const results = await all(batch(system, agent, items('a', { no: 'text' }, 'b'), options).results)
    expect(submitted).toEqual(['a', 'b'])
    expect(results.map(({ outcome }) => outcome.status)).toEqual(['completed', 'failed', 'completed'])
    expect(results[1]).toMatchObject({ path: [], ms: 0 })
  })

  it('makes an outcome of what a system throws when it takes no more', async () => {
    const system = systemOf(() => {
      throw new DeliveryError('ACTOR_TERMINATED', 'stopped')
    })
    const [result] = await all(batch(system, agent, items('a'), options).results)
    expect(result?.outcome.status).toBe('rejected')
  })

  it('fails what is in hand, and takes nothing more, when the system gives up', async () => {
    const system = systemOf(() => new Promise(() => {}))
    const work = batch(system, agent, items('a', 'b', 'c'), options)
    const results = all(work.results)
    while (work.running < 2) await new Promise((resolve) => setImmediate(resolve))
    const error = new RestartLimitError('/', 3, 5_000)
    work.giveUp(error)
    expect(await results).toMatchObject([
      { line: 1, outcome: { status: 'failed', error } },
      { line: 2, outcome: { status: 'failed', error } },
    ])
    expect(work.running).toBe(0)
  })

  it('stops after its limit', async () => {
    const system = systemOf(async () => ({ status: 'completed', output: 1 }))
    expect(await all(batch(system, agent, items(1, 2, 3), { ...options, limit: 2 }).results)).toHaveLength(2)
  })
})
