/** A cached model: what is answered from memory, for how long, and who shares a call. */
import {
  CancelledError,
  ConfigurationError,
  ProviderError,
  type ModelRequest,
  type ModelResult,
} from 'troupe'
import { cached } from 'troupe/models/cached'
import { describe, expect, it } from 'vitest'
import { isCached, tokensOf, withTokens } from '../../src/contracts/model-notes.ts'
import { refund } from './asking.ts'
import { byHand, call, clock, settled, type Caller } from './by-hand.ts'

const used = { inputTokens: 7, cachedTokens: 0, outputTokens: 3 }
const options = { ttlMs: 1_000 }

const textOf = ({ events }: Caller) =>
  events.map((event) => (event.type === 'text' ? event.text : '')).join('')
const resultOf = async ({ end }: Caller) => (await end) as ModelResult

/** Asks and has it answered, if the model is asked at all. */
const ask = async (
  { calls }: Pick<ReturnType<typeof byHand>, 'calls'>,
  caller: Caller,
  result: Partial<ModelResult> = { text: 'forty-two', usage: used },
) => {
  await settled()
  if (result.text !== undefined) calls.at(-1)?.say(result.text)
  calls.at(-1)?.end(result)
  return resultOf(caller)
}

describe('the same request', () => {
  it('is answered from memory, in full, and uses nothing', async () => {
    const on = clock()
    const hand = byHand()
    const model = cached(hand.model, options)
    const first = await ask(hand, call(model, on))
    const again = call(model, on, { key: 'another/t/m#9' })
    const second = await resultOf(again)
    expect(hand.calls).toHaveLength(1)
    expect(textOf(again)).toBe('forty-two')
    expect(second).toEqual({
      ...first,
      usage: { inputTokens: 0, cachedTokens: 0, outputTokens: 0 },
    })
    expect([first, second].map(isCached)).toEqual([false, true])
    expect(first.usage).toEqual(used)
  })

  it('may name its settings in another order', async () => {
    const on = clock()
    const hand = byHand()
    const model = cached(hand.model, options)
    await ask(hand, call(model, on, { settings: { temperature: 1, maxOutputTokens: 5 } }))
    await resultOf(call(model, on, { settings: { maxOutputTokens: 5, temperature: 1 } }))
    expect(hand.calls).toHaveLength(1)
  })

  it.each<[string, Partial<ModelRequest>]>([
    ['messages', { messages: [{ role: 'user', text: 'How much was it?' }] }],
    ['role', { messages: [{ role: 'system', text: 'How much is it?' }] }],
    ['tools', { tools: [refund] }],
    ['schema', { output: { type: 'object' } }],
    ['settings', { settings: { temperature: 0 } }],
  ])('is not one with other %s', async (_, parts) => {
    const on = clock()
    const hand = byHand()
    const model = cached(hand.model, options)
    await ask(hand, call(model, on))
    await ask(hand, call(model, on, parts))
    expect(hand.calls).toHaveLength(2)
  })

  it('keeps the calls of tools as well', async () => {
    const on = clock()
    const hand = byHand()
    const model = cached(hand.model, options)
    const calls = [{ id: '1', name: 'refund', input: '{}' }]
    await ask(hand, call(model, on), { calls, finish: 'calls' })
    expect(await resultOf(call(model, on))).toMatchObject({ calls, finish: 'calls' })
  })
})

describe('an answer', () => {
  it('is kept for so long, from when it came, by the clock of its system', async () => {
    const on = clock(5_000)
    const hand = byHand()
    const model = cached(hand.model, { ttlMs: 100 })
    const first = call(model, on)
    await on.advance(50)
    await ask(hand, first)
    await on.advance(99)
    await resultOf(call(model, on))
    expect(hand.calls).toHaveLength(1)
    await on.advance(1)
    call(model, on)
    await settled()
    expect(hand.calls).toHaveLength(2)
    call(model, clock())
    await settled()
    expect(hand.calls).toHaveLength(3)
  })

  it('goes when there are too many, the least recently used first', async () => {
    const on = clock()
    const hand = byHand()
    const model = cached(hand.model, { ttlMs: 1_000, maxEntries: 2 })
    const about = (text: string) => call(model, on, { messages: [{ role: 'user', text }] })
    await ask(hand, about('a'))
    await ask(hand, about('b'))
    await resultOf(about('a'))
    await ask(hand, about('c'))
    await resultOf(about('a'))
    await resultOf(about('c'))
    expect(hand.calls).toHaveLength(3)
    about('b')
    await settled()
    expect(hand.calls).toHaveLength(4)
  })

  it.each(['length', 'refusal'] as const)('that ended with %s is not kept', async (finish) => {
    const on = clock()
    const hand = byHand()
    const model = cached(hand.model, options)
    await ask(hand, call(model, on), { finish })
    call(model, on)
    await settled()
    expect(hand.calls).toHaveLength(2)
  })

  it('that failed, or broke off, is not kept', async () => {
    const on = clock()
    const hand = byHand()
    const model = cached(hand.model, options)
    const failed = call(model, on)
    await settled()
    hand.calls[0]?.fail(new ProviderError('down', { code: 'UNAVAILABLE', retryable: true }))
    expect(await failed.end).toMatchObject({ code: 'UNAVAILABLE' })
    const broken = call(model, on)
    await settled()
    hand.calls[1]?.say('half of')
    hand.calls[1]?.stop()
    expect(await broken.end).toBe('none')
    call(model, on)
    await settled()
    expect(hand.calls).toHaveLength(3)
  })
})

describe('two equal requests at the same time', () => {
  const two = async () => {
    const on = clock()
    const hand = byHand()
    const model = cached(hand.model, options)
    const callers = [call(model, on, { key: 'a/t/m#1' }), call(model, on, { key: 'b/t/m#1' })] as const
    await settled()
    const [open] = hand.calls
    if (!open) throw new Error('the model was not asked')
    return { hand, model, on, callers, open }
  }

  it('share one call, and both hear it from the beginning', async () => {
    const { hand, model, on, callers, open } = await two()
    open.say('forty')
    await settled()
    const late = call(model, on, { key: 'c/t/m#1' })
    open.say('-two')
    open.end({ text: 'forty-two', usage: used })
    await Promise.all([...callers, late].map(({ end }) => end))
    expect(hand.calls).toHaveLength(1)
    expect([...callers, late].map(textOf)).toEqual(['forty-two', 'forty-two', 'forty-two'])
  })

  it('are told once what was used', async () => {
    const { callers, open } = await two()
    open.end({ usage: used })
    const results = await Promise.all(callers.map(resultOf))
    expect(results.map(isCached)).toEqual([false, true])
    expect(results.map(({ usage }) => usage?.inputTokens)).toEqual([7, 0])
  })

  it.each([0, 1])('do not cancel each other (%i goes)', async (goes) => {
    const { hand, callers, open } = await two()
    callers[goes]?.abort(new CancelledError('enough'))
    expect(await callers[goes]?.end).toEqual(new CancelledError('enough'))
    expect(open.signal.aborted).toBe(false)
    open.end({ usage: used })
    const left = await resultOf(callers[1 - goes]!)
    expect([left.usage, isCached(left)]).toEqual([used, false])
    expect(hand.calls).toHaveLength(1)
  })

  it('end the call when both are cancelled, and the next one asks anew', async () => {
    const { hand, model, on, callers, open } = await two()
    for (const caller of callers) caller.abort()
    await Promise.all(callers.map(({ end }) => end))
    expect(open.signal.aborted).toBe(true)
    const next = await ask(hand, call(model, on))
    expect(hand.calls).toHaveLength(2)
    expect(next.text).toBe('forty-two')
    expect(isCached(await resultOf(call(model, on)))).toBe(true)
  })

  it('are asked anew by one that gave up and tries again, though the other one still waits', async () => {
    const { hand, model, on, callers, open } = await two()
    callers[0]?.abort(new CancelledError('it took too long'))
    await callers[0]?.end
    const keys = hand.calls.map(({ request: { key } }) => key)
    const again = await ask(hand, call(model, on, { key: keys[0] ?? '' }))
    expect(hand.calls).toHaveLength(2)
    expect(again.text).toBe('forty-two')
    // The other one is not disturbed.
    open.end({ text: 'late', usage: used })
    expect((await resultOf(callers[1])).text).toBe('late')
    expect(hand.calls).toHaveLength(2)
  })

  it('leave a model that does not hear of it behind: the next one asks anew', async () => {
    const on = clock()
    let asked = 0
    const deaf = cached(
      {
        name: 'deaf',
        provider: 'test',
        // oxlint-disable-next-line require-yield
        complete: async function* () {
          asked += 1
          await new Promise(() => {})
        },
      },
      options,
    )
    const first = call(deaf, on)
    await settled()
    first.abort(new CancelledError('enough'))
    expect(await first.end).toEqual(new CancelledError('enough'))
    call(deaf, on)
    await settled()
    expect(asked).toBe(2)
  })

  it('fail alike, and what that used is told once', async () => {
    const { callers, open } = await two()
    const error = new ProviderError('busy', { code: 'RATE_LIMITED', retryable: true, retryAfterMs: 9 })
    open.fail(withTokens(error, used))
    const thrown = (await Promise.all(callers.map(({ end }) => end))) as ProviderError[]
    for (const each of thrown) {
      expect(each).toMatchObject({ code: 'RATE_LIMITED', retryable: true, retryAfterMs: 9 })
    }
    expect(thrown.map(tokensOf)).toEqual([used, undefined])
  })
})

it('leaves name, provider and price as they are, and refuses what keeps nothing', () => {
  const { model } = byHand()
  expect(cached({ ...model, price: { input: 1, output: 2 } }, options)).toMatchObject({
    name: 'by-hand',
    provider: 'test',
    price: { input: 1, output: 2 },
  })
  for (const wrong of [{ ttlMs: 0 }, { ttlMs: NaN }, { ttlMs: 1, maxEntries: 0 }]) {
    expect(() => cached(model, wrong)).toThrow(ConfigurationError)
  }
})
