/** The ordered window: order, bounds, and how it ends. */
import { describe, expect, it } from 'vitest'
import { inOrder, type InOrderOptions } from '../../src/cli/in-order.ts'

const never = new AbortController().signal

/** Two at once and four in all, unless a test says otherwise. */
const options = (some: Partial<InOrderOptions<unknown>>): InOrderOptions<unknown> => ({
  concurrency: 2,
  window: 4,
  stop: never,
  ...some,
})

/** A source that counts what was taken of it. */
const counting = (total: number) => {
  let taken = 0
  const items = async function* () {
    for (let i = 0; i < total; i++) {
      taken++
      yield i
    }
  }
  return {
    items: items(),
    get taken() {
      return taken
    },
  }
}

/** Work that ends when the test says so. */
const byHand = () => {
  const open = new Map<number, (value: string) => void>()
  return {
    open,
    work: (item: number) => new Promise<string>((resolve) => open.set(item, resolve)),
    finish: (item: number) => open.get(item)?.(`done ${item}`),
  }
}

/** Until nothing is left to do without the test. */
const quiet = () => new Promise((resolve) => setImmediate(resolve))

describe('inOrder', () => {
  it('gives results in the order of the items, whichever ends first', async () => {
    const { work, finish } = byHand()
    const results = inOrder(counting(3).items, work, options({ concurrency: 3, window: 3 }))
    const first = results.next()
    await quiet()
    finish(2)
    finish(1)
    await quiet()
    finish(0)
    expect([(await first).value, (await results.next()).value, (await results.next()).value]).toEqual([
      'done 0',
      'done 1',
      'done 2',
    ])
    expect((await results.next()).done).toBe(true)
  })

  it('works on no more than `concurrency` at once', async () => {
    const { work, open, finish } = byHand()
    const source = counting(10)
    const results = inOrder(source.items, work, options({ concurrency: 2, window: 10 }))
    void results.next()
    await quiet()
    expect([...open.keys()]).toEqual([0, 1])
    finish(1)
    await quiet()
    expect([...open.keys()]).toEqual([0, 1, 2])
  })

  it('stops reading when a slow first item has filled the window, and goes on when it is through', async () => {
    const { work, finish, open } = byHand()
    const source = counting(1_000)
    const results = inOrder(source.items, work, options({ concurrency: 2, window: 5 }))
    const first = results.next()
    for (let item = 1; item < 20; item++) {
      await quiet()
      finish(item)
    }
    await quiet()
    expect(open.size).toBe(5)
    expect(source.taken).toBe(5)
    finish(0)
    await first
    for (let item = 1; item < 5; item++) await results.next()
    await quiet()
    expect(source.taken).toBeGreaterThan(5)
    expect(source.taken).toBeLessThanOrEqual(10)
  })

  it('stops reading while what has finished weighs too much, whatever the window, and goes on when it is given on', async () => {
    const { work, finish, open } = byHand()
    const source = counting(1_000)
    const results = inOrder(
      source.items,
      work,
      options({ concurrency: 3, window: 100, weigh: () => 10, maxWeight: 35 }),
    )
    const first = results.next()
    for (let item = 1; item < 20; item++) {
      await quiet()
      finish(item)
    }
    await quiet()
    // Four have finished behind the first one; the one beside it was in hand already.
    expect([...open.keys()]).toEqual([0, 1, 2, 3, 4, 5])
    finish(0)
    await first
    for (let item = 1; item < 5; item++) await results.next()
    await quiet()
    expect(source.taken).toBeGreaterThan(6)
  })

  it('gives on a result that alone weighs too much', async () => {
    const heavy = options({ concurrency: 1, weigh: () => 100, maxWeight: 1 })
    const results = inOrder(counting(3).items, async (item) => item, heavy)
    const given: unknown[] = []
    for await (const result of results) given.push(result)
    expect(given).toEqual([0, 1, 2])
  })

  it('does not run ahead of a consumer that is slow', async () => {
    const source = counting(1_000)
    const results = inOrder(source.items, async (item) => item, options({ concurrency: 2, window: 4 }))
    await results.next()
    await quiet()
    await quiet()
    expect(source.taken).toBeLessThanOrEqual(5)
  })

  it('takes nothing new after a stop, and finishes what it has', async () => {
    const { work, finish, open } = byHand()
    const stop = new AbortController()
    const results = inOrder(
      counting(10).items,
      work,
      options({ concurrency: 2, window: 4, stop: stop.signal }),
    )
    const first = results.next()
    await quiet()
    stop.abort()
    finish(1)
    finish(0)
    await first
    expect((await results.next()).value).toBe('done 1')
    expect((await results.next()).done).toBe(true)
    expect(open.size).toBe(2)
  })

  it('ends after a stop also when the source never gives its next item', async () => {
    const silent = (async function* () {
      yield 1
      await new Promise(() => {})
    })()
    const stop = new AbortController()
    const results = inOrder(
      silent,
      async (item) => item,
      options({ concurrency: 2, window: 4, stop: stop.signal }),
    )
    expect((await results.next()).value).toBe(1)
    const end = results.next()
    stop.abort()
    expect((await end).done).toBe(true)
  })

  it('gives what was read before the source failed, then the error', async () => {
    const broken = (async function* () {
      yield 1
      yield 2
      throw new Error('disk gone')
    })()
    const results = inOrder(broken, async (item) => item, options({ concurrency: 1, window: 4 }))
    expect((await results.next()).value).toBe(1)
    expect((await results.next()).value).toBe(2)
    await expect(results.next()).rejects.toThrow('disk gone')
  })

  it('starts nothing more once its consumer has left', async () => {
    const { work, finish, open } = byHand()
    const results = inOrder(counting(100).items, work, options({ concurrency: 1, window: 4 }))
    const first = results.next()
    await quiet()
    finish(0)
    await first
    await results.return(undefined)
    const started = open.size
    finish(1)
    await quiet()
    expect(open.size).toBe(started)
  })
})
