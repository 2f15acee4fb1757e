/** A limited model: what passes when, and whose turn it is. */
import { CancelledError, ConfigurationError, ProviderError, type Model } from 'troupe'
import { cached } from 'troupe/models/cached'
import { limited } from 'troupe/models/limited'
import type { ManualClock } from 'troupe/testing'
import { describe, expect, it } from 'vitest'
import { withTokens } from '../../src/contracts/model-notes.ts'
import { seededRandom } from '../../src/system/random.ts'
import { byHand, call, clock, settled } from './by-hand.ts'

/** Answers at once; remembers when it was asked, and by whom. */
const instant = (on: ManualClock, usage?: { inputTokens: number; outputTokens: number }) => {
  const asked: { at: number; key: string }[] = []
  const model: Model = {
    name: 'instant',
    provider: 'test',
    complete: async function* ({ key }) {
      asked.push({ at: on.now(), key })
      const used = usage && { ...usage, cachedTokens: 0 }
      yield { type: 'end', result: { text: 'yes', calls: [], finish: 'stop', usage: used } } as const
    },
  }
  return { model, asked }
}

const keys = (asked: readonly { key: string }[]) => asked.map(({ key }) => key.split('/')[0])

describe('requests in flight', () => {
  it('are never more than `concurrency`; the next begins when one has ended, however it ended', async () => {
    const on = clock()
    const { model, calls } = byHand()
    const gate = limited(model, { concurrency: 2 })
    const callers = [1, 2, 3, 4, 5].map((n) => call(gate, on, { key: `r${n}/t/m#1` }))
    await settled()
    expect(calls).toHaveLength(2)
    calls[0]?.end()
    await settled()
    expect(calls).toHaveLength(3)
    calls[1]?.fail(new ProviderError('down', { code: 'UNAVAILABLE', retryable: true }))
    await settled()
    expect(calls).toHaveLength(4)
    callers[2]?.abort(new CancelledError('enough'))
    await settled()
    expect(calls).toHaveLength(5)
    expect(await callers[1]?.end).toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('are released by a listener that stops early', async () => {
    const on = clock()
    const { model, calls } = byHand()
    const gate = limited(model, { concurrency: 1 })
    const hasty = (async () => {
      for await (const _ of gate.complete(
        { messages: [], tools: [], settings: {}, key: 'a/t/m#1' },
        new AbortController().signal,
      ))
        return
    })()
    await settled()
    calls[0]?.say('first')
    await hasty
    const real = new AbortController().signal
    const next = gate.complete({ messages: [], tools: [], settings: {}, key: 'b/t/m#1' }, real)
    void next[Symbol.asyncIterator]().next()
    await settled()
    expect(calls).toHaveLength(2)
    expect(on.now()).toBe(0)
  })
})

describe('requests per minute', () => {
  it('wait until the oldest is a minute old', async () => {
    const on = clock()
    const { model, asked } = instant(on)
    const gate = limited(model, { requestsPerMinute: 2 })
    call(gate, on)
    await on.advance(10_000)
    call(gate, on)
    call(gate, on)
    call(gate, on)
    await on.advance(120_000)
    expect(asked.map(({ at }) => at)).toEqual([0, 10_000, 60_000, 70_000])
  })

  it('wait also for the last millisecond of that minute', async () => {
    const on = clock()
    const { model, asked } = instant(on)
    const gate = limited(model, { requestsPerMinute: 1 })
    call(gate, on)
    await on.advance(59_999)
    call(gate, on)
    await on.advance(1)
    expect(asked.map(({ at }) => at)).toEqual([0, 60_000])
  })

  it.each([1, 2, 3, 4, 5])('are never more within any 60 seconds (seed %i)', async (seed) => {
    const random = seededRandom(seed)
    const on = clock()
    const { model, asked } = instant(on)
    const limit = 1 + Math.floor(random() * 6)
    const gate = limited(model, { requestsPerMinute: limit })
    const ends: Promise<unknown>[] = []
    for (let i = 0; i < 60; i += 1) {
      ends.push(call(gate, on, { key: `r${Math.floor(random() * 4)}/t/m#${i}` }).end)
      if (random() < 0.4) await on.advance(Math.floor(random() * 30_000))
    }
    await on.advance((60 / limit + 1) * 60_000)
    await Promise.all(ends)
    expect(asked).toHaveLength(60)
    for (const { at } of asked) {
      const within = asked.filter((other) => other.at >= at && other.at < at + 60_000)
      expect(within.length).toBeLessThanOrEqual(limit)
    }
  })
})

describe('tokens per minute', () => {
  // 4,000 characters, hence some 1,000 tokens.
  const long = { messages: [{ role: 'user', text: 'x'.repeat(4_000) }] } as const

  it('are estimated before a request begins', async () => {
    const on = clock()
    const { model, calls } = byHand()
    const gate = limited(model, { tokensPerMinute: 2_500 })
    for (let i = 0; i < 3; i += 1) call(gate, on, long)
    await settled()
    expect(calls).toHaveLength(2)
  })

  it('count the answer as well, up to what it may be', async () => {
    const on = clock()
    const { model, calls } = byHand()
    const gate = limited(model, { tokensPerMinute: 2_500 })
    for (let i = 0; i < 3; i += 1) call(gate, on, { ...long, settings: { maxOutputTokens: 1_000 } })
    await settled()
    expect(calls).toHaveLength(1)
  })

  it('are what the answer says, once it has come', async () => {
    const on = clock()
    const { model, calls } = byHand()
    const gate = limited(model, { tokensPerMinute: 2_500 })
    for (let i = 0; i < 4; i += 1) call(gate, on, long)
    await settled()
    calls[0]?.end({ usage: { inputTokens: 100, cachedTokens: 0, outputTokens: 0 } })
    await settled()
    expect(calls).toHaveLength(3)
    calls[1]?.end({ usage: { inputTokens: 2_000, cachedTokens: 0, outputTokens: 300 } })
    await settled()
    expect(calls).toHaveLength(3)
    await on.advance(59_999)
    expect(calls).toHaveLength(3)
    await on.advance(1)
    expect(calls).toHaveLength(4)
  })

  it('are expected of an answer as answers were so far', async () => {
    const on = clock()
    const { model, calls } = byHand()
    const gate = limited(model, { tokensPerMinute: 2_500 })
    call(gate, on, long)
    await settled()
    calls[0]?.end({ usage: { inputTokens: 0, cachedTokens: 0, outputTokens: 1_000 } })
    await settled()
    call(gate, on, long)
    await settled()
    expect(calls).toHaveLength(1)
    await on.advance(60_000)
    expect(calls).toHaveLength(2)
  })

  it('count for a failed call as its error says', async () => {
    const on = clock()
    const { model, calls } = byHand()
    const gate = limited(model, { tokensPerMinute: 1_500 })
    call(gate, on, long)
    call(gate, on, long)
    await settled()
    const down = new ProviderError('down', { code: 'UNAVAILABLE', retryable: true })
    calls[0]?.fail(withTokens(down, { inputTokens: 10, cachedTokens: 0, outputTokens: 0 }))
    await settled()
    expect(calls).toHaveLength(2)
  })

  it('let a request that is larger than all of them go alone', async () => {
    const on = clock()
    const { model, asked } = instant(on)
    const gate = limited(model, { tokensPerMinute: 500 })
    call(gate, on, { key: 'small/t/m#1' })
    call(gate, on, { ...long, key: 'large/t/m#1' })
    call(gate, on, { key: 'later/t/m#1' })
    await on.advance(200_000)
    expect(asked.map(({ at, key }) => [key.split('/')[0], at])).toEqual([
      ['small', 0],
      ['large', 60_000],
      ['later', 120_000],
    ])
  })

  it('and requests are free for what came from a cache below', async () => {
    const on = clock()
    const { model, calls } = byHand()
    const gate = limited(cached(model, { ttlMs: 1_000 }), { requestsPerMinute: 2, tokensPerMinute: 2_500 })
    const first = call(gate, on, long)
    await settled()
    calls[0]?.end({ usage: { inputTokens: 1_000, cachedTokens: 0, outputTokens: 0 } })
    await first.end
    for (let i = 0; i < 3; i += 1) await call(gate, on, long).end
    expect(calls).toHaveLength(1)
    call(gate, on, { ...long, settings: { temperature: 1 } })
    await settled()
    expect(calls).toHaveLength(2)
  })
})

describe('the turn', () => {
  it('goes from run to run, however much each of them has waiting', async () => {
    const on = clock()
    const { model, asked } = instant(on)
    const gate = limited(model, { requestsPerMinute: 1 })
    for (let i = 1; i <= 4; i += 1) call(gate, on, { key: `busy/t${i}/m#1` })
    call(gate, on, { key: 'quiet/t1/m#1' })
    call(gate, on, { key: 'other/t1/m#1' })
    call(gate, on, { key: 'quiet/t2/m#1' })
    await on.advance(7 * 60_000)
    expect(keys(asked)).toEqual(['busy', 'busy', 'quiet', 'other', 'busy', 'quiet', 'busy'])
  })

  it('knows a run by its id, which may have slashes in it', async () => {
    const on = clock()
    const { model, asked } = instant(on)
    const gate = limited(model, { requestsPerMinute: 1 })
    for (const key of ['day/1/t1/m#1', 'day/1/t2/m#1', 'day/1/t3/m#1', 'day/2/t1/m#1'])
      call(gate, on, { key })
    await on.advance(4 * 60_000)
    expect(asked.map(({ key }) => key)).toEqual([
      'day/1/t1/m#1',
      'day/1/t2/m#1',
      'day/2/t1/m#1',
      'day/1/t3/m#1',
    ])
  })

  it('is given up by whoever aborts, at once, and costs nobody anything', async () => {
    const on = clock()
    const { model, calls } = byHand()
    const gate = limited(model, { concurrency: 1 })
    call(gate, on, { key: 'a/t/m#1' })
    const [left, next] = [call(gate, on, { key: 'b/t/m#1' }), call(gate, on, { key: 'c/t/m#1' })]
    await settled()
    left.abort(new CancelledError('enough'))
    expect(await left.end).toEqual(new CancelledError('enough'))
    calls[0]?.end()
    await settled()
    expect(calls.map(({ request }) => request.key)).toEqual(['a/t/m#1', 'c/t/m#1'])
    calls[1]?.end()
    expect(await next.end).toMatchObject({ finish: 'stop' })
  })

  it('is not even asked for by a request that is aborted already', async () => {
    const on = clock()
    const { model, calls } = byHand()
    const gate = limited(model, { concurrency: 1 })
    const signal = AbortSignal.abort(new CancelledError('no'))
    const events = gate.complete({ messages: [], tools: [], settings: {}, key: 'k' }, signal)
    await expect(events[Symbol.asyncIterator]().next()).rejects.toEqual(new CancelledError('no'))
    call(gate, on)
    await settled()
    expect(calls).toHaveLength(1)
  })

  it('lets who stands behind a large request pass when that one is given up', async () => {
    const on = clock()
    const { model, asked } = instant(on)
    const gate = limited(model, { tokensPerMinute: 500 })
    call(gate, on, { key: 'first/t/m#1' })
    const messages = [{ role: 'user', text: 'x'.repeat(4_000) }] as const
    const large = call(gate, on, { messages, key: 'large/t/m#1' })
    call(gate, on, { key: 'small/t/m#1' })
    await settled()
    large.abort()
    await settled()
    expect(keys(asked)).toEqual(['first', 'small'])
  })
})

describe('limits', () => {
  it('that are the same object are shared, between models too', async () => {
    const on = clock()
    const limits = { concurrency: 1 }
    const [one, two, other] = [byHand('one'), byHand('two'), byHand('other')]
    call(limited(one.model, limits), on)
    call(limited(two.model, limits), on)
    call(limited(other.model, { concurrency: 1 }), on)
    await settled()
    expect([one, two, other].map(({ calls }) => calls.length)).toEqual([1, 0, 1])
  })

  it('hold for each clock by itself', async () => {
    const { model, calls } = byHand()
    const gate = limited(model, { concurrency: 1 })
    call(gate, clock())
    call(gate, clock())
    await settled()
    expect(calls).toHaveLength(2)
  })

  it('that let nothing pass are refused', () => {
    const { model } = byHand()
    for (const wrong of [{ concurrency: 0 }, { requestsPerMinute: -1 }, { tokensPerMinute: NaN }]) {
      expect(() => limited(model, wrong)).toThrow(ConfigurationError)
    }
  })

  it('leave name, provider and price as they are', () => {
    const model: Model = { ...byHand().model, price: { input: 1, output: 2 } }
    expect(limited(model, {})).toMatchObject({
      name: 'by-hand',
      provider: 'test',
      price: { input: 1, output: 2 },
    })
  })
})

it('is not held up by a model that does not notice that it was cancelled', async () => {
  const on = clock()
  const asked: string[] = []
  const deaf: Model = {
    name: 'deaf',
    provider: 'test',
    complete: async function* ({ key }) {
      asked.push(key)
      await new Promise(() => {})
      yield { type: 'text', text: 'never' } as const
    },
  }
  const gate = limited(deaf, { concurrency: 1 })
  const first = call(gate, on, { key: 'r1/t/m#1' })
  call(gate, on, { key: 'r2/t/m#1' })
  await settled()
  expect(asked).toEqual(['r1/t/m#1'])
  first.abort()
  await settled()
  expect(asked).toEqual(['r1/t/m#1', 'r2/t/m#1'])
})

it('is not slowed down for good by a model that miscounts', async () => {
  for (const wrong of [NaN, -1_000_000]) {
    const on = clock()
    const { model, asked } = instant(on, { inputTokens: wrong, outputTokens: wrong })
    const gate = limited(model, { tokensPerMinute: 1_000 })
    for (let n = 1; n <= 100; n += 1) {
      call(gate, on, { key: `r${n}/t/m#1` })
      await settled()
    }
    // What it said counts for nothing: the estimate of each stays.
    const first = asked.length
    expect(first).toBeGreaterThan(1)
    expect(first).toBeLessThan(100)
    await on.advance(60_000)
    expect(asked.length).toBeGreaterThan(first + 1)
  }
})
