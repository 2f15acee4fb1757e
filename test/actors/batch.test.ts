/** Calls of many tasks in one. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { agent, batch, ConfigurationError } from '../../src/index.ts'
import { rig } from './rig.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Doubles, and remembers what it was given. */
const doubling = (options?: Parameters<typeof batch>[1]) => {
  const batches: (readonly number[])[] = []
  const double = batch((inputs: readonly number[]) => {
    batches.push(inputs)
    return inputs.map((n) => 2 * n)
  }, options)
  return { double, batches }
}

describe('a batch', () => {
  it('takes what is called within its wait, and gives each caller its own result', async () => {
    const { double, batches } = doubling()
    const first = double(1)
    await vi.advanceTimersByTimeAsync(9)
    const second = double(2)
    expect(batches).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(await Promise.all([first, second])).toEqual([2, 4])
    expect(batches).toEqual([[1, 2]])
  })

  it('goes at once when it is full; what comes later is another one, with a wait of its own', async () => {
    const { double, batches } = doubling({ size: 2, waitMs: 100 })
    const all = [1, 2, 3].map(double)
    expect(await Promise.all(all.slice(0, 2))).toEqual([2, 4])
    await vi.advanceTimersByTimeAsync(50)
    all.push(double(4))
    expect(await Promise.all(all)).toEqual([2, 4, 6, 8])
    expect(batches).toEqual([
      [1, 2],
      [3, 4],
    ])
    all.push(double(5))
    await vi.advanceTimersByTimeAsync(60)
    expect(batches).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(40)
    expect(await all[4]).toBe(10)
  })

  it('takes 50 unless told otherwise', async () => {
    const { double, batches } = doubling()
    await Promise.all(Array.from({ length: 50 }, (_, n) => double(n)))
    expect(batches.map(({ length }) => length)).toEqual([50])
  })

  it('keeps the order of its calls also where results come late', async () => {
    const waits: (() => void)[] = []
    const late = batch(
      async (inputs: readonly string[]) => {
        await new Promise<void>((resolve) => waits.push(resolve))
        return inputs.map((text) => text.toUpperCase())
      },
      { size: 2 },
    )
    const all = Promise.all(['a', 'b', 'c', 'd'].map(late))
    await vi.advanceTimersByTimeAsync(0)
    for (const go of waits.toReversed()) go()
    expect(await all).toEqual(['A', 'B', 'C', 'D'])
  })

  it('that throws fails every one of its calls, and no other', async () => {
    const error = new Error('down')
    const risky = batch(
      (inputs: readonly number[]) => {
        if (inputs.includes(13)) throw error
        return inputs
      },
      { size: 2 },
    )
    const all = Promise.allSettled([13, 1, 2, 3].map(risky))
    expect(await all).toEqual([
      { status: 'rejected', reason: error },
      { status: 'rejected', reason: error },
      { status: 'fulfilled', value: 2 },
      { status: 'fulfilled', value: 3 },
    ])
  })

  it.each<[string, unknown]>([
    ['1 results', [1]],
    ['3 results', [1, 2, 3]],
    ['no list but undefined', undefined],
  ])('that gives %s for two inputs fails them, and says so', async (what, given) => {
    const wrong = batch(() => given as readonly number[], { size: 2 })
    const [one, two] = await Promise.allSettled([wrong(1), wrong(2)])
    for (const each of [one, two]) {
      expect(each).toMatchObject({
        reason: { code: 'DEFECT', message: expect.stringContaining(`gave ${what} for 2 inputs`) as unknown },
      })
    }
  })

  it('is refused with a size or a wait that cannot be', () => {
    const same = (inputs: readonly number[]) => inputs
    expect(() => batch(same, { size: 0 })).toThrow(ConfigurationError)
    expect(() => batch(same, { waitMs: -1 })).toThrow(ConfigurationError)
  })
})

it('without a wait collects what many tasks ask for in the same turn, whatever the clock says', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  const { system } = await rig()
  const { double, batches } = doubling({ waitMs: 0 })
  const asking = agent('asking', { run: (n: number) => double(n) })
  const all = await Promise.all([1, 2, 3].map((n) => system.run(asking, n)))
  expect(all).toEqual([2, 4, 6])
  expect(batches).toEqual([[1, 2, 3]])
})
