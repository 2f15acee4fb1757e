/** Models of the AI SDK: what they are asked, and how their answers and errors are understood. */
import { simulateReadableStream } from 'ai'
import { MockLanguageModelV3, MockLanguageModelV4 } from 'ai/test'
import { ConfigurationError, NotProvidedError, ProviderError, type Model } from 'troupe'
import { aiSdk } from 'troupe/models/ai-sdk'
import { describe, expect, it } from 'vitest'
import { aiSdkModel } from '../../src/models/ai-sdk-model.ts'
import { errorOf, refund, request, resultOf } from './asking.ts'

const usage = {
  inputTokens: { total: 11, noCache: 7, cacheRead: 4, cacheWrite: undefined },
  outputTokens: { total: 7, text: 7, reasoning: undefined },
}
const finish = { type: 'finish' as const, finishReason: { unified: 'stop' as const, raw: 'end' }, usage }

/** A model of any specification that streams these parts. */
const speaking = (parts: readonly object[], specificationVersion = 'v4'): Model =>
  aiSdk({
    specificationVersion,
    provider: 'p.chat',
    modelId: 'm',
    doStream: async () => ({ stream: simulateReadableStream({ chunks: [...parts] }) }),
  } as { modelId: string; provider: string })

const failing = (error: unknown): Model => {
  const doStream = async () => {
    throw error
  }
  return aiSdk({ specificationVersion: 'v4', provider: 'p.chat', modelId: 'm', doStream } as never)
}

const named = (name: string, more: object = {}): Error =>
  Object.assign(new Error('it said no'), { name, ...more })

describe('a model of the AI SDK', () => {
  it('is asked what we are asked', async () => {
    const model = new MockLanguageModelV4({
      doStream: async () => ({
        stream: simulateReadableStream({ chunks: [{ type: 'text-delta', id: '1', delta: 'a' }, finish] }),
      }),
    })
    const output = { type: 'object' }

    await resultOf(
      aiSdk(model),
      request({
        messages: [
          { role: 'system', text: 'Be brief.' },
          { role: 'user', text: 'Refund a.' },
          {
            role: 'assistant',
            text: 'Yes.',
            calls: [{ id: 'c1', name: 'refund', input: '{"invoice":"a"}' }],
          },
          { role: 'tool', callId: 'c1', text: 'no such invoice', failed: true },
        ],
        tools: [refund],
        output,
        settings: { temperature: 0, maxOutputTokens: 50, reasoning: 'none', toolChoice: 'required' },
        key: 'k',
      }),
    )

    const [{ abortSignal, ...asked } = {}] = model.doStreamCalls
    expect(abortSignal).toBeInstanceOf(AbortSignal)
    expect(asked).toEqual({
      prompt: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: [{ type: 'text', text: 'Refund a.' }] },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'Yes.' },
            { type: 'tool-call', toolCallId: 'c1', toolName: 'refund', input: { invoice: 'a' } },
          ],
        },
        {
          role: 'tool',
          content: [
            {
              type: 'tool-result',
              toolCallId: 'c1',
              toolName: 'refund',
              output: { type: 'error-text', value: 'no such invoice' },
            },
          ],
        },
      ],
      headers: { 'Idempotency-Key': 'k' },
      tools: [
        { type: 'function', name: 'refund', description: 'Refunds an invoice', inputSchema: refund.input },
      ],
      toolChoice: { type: 'required' },
      responseFormat: { type: 'json', name: 'answer', schema: output },
      temperature: 0,
      maxOutputTokens: 50,
      reasoning: 'none',
    })
  })

  it.each([
    ['v2', { inputTokens: 11, outputTokens: 7, totalTokens: 18, cachedInputTokens: 4 }, 'stop'],
    ['v3', usage, { unified: 'stop', raw: 'end' }],
    ['v4', usage, { unified: 'stop', raw: 'end' }],
  ])('of specification %s is understood', async (version, counted, finishReason) => {
    const parts = [
      { type: 'text-delta', id: '1', delta: 'It is ' },
      { type: 'text-delta', id: '1', delta: '12.' },
      { type: 'finish', finishReason, usage: counted },
    ]
    expect(await resultOf(speaking(parts, version))).toEqual({
      text: 'It is 12.',
      calls: [],
      finish: 'stop',
      usage: { inputTokens: 11, cachedTokens: 4, outputTokens: 7 },
    })
  })

  it('that is the mock of specification 3 is taken', async () => {
    const model = new MockLanguageModelV3({
      doStream: async () => ({
        stream: simulateReadableStream({ chunks: [{ type: 'text-delta', id: '1', delta: 'a' }, finish] }),
      }),
    })
    expect((await resultOf(aiSdk(model))).text).toBe('a')
  })

  it('runs some tools itself, which are not for us', async () => {
    const parts = [
      { type: 'tool-call', toolCallId: '1', toolName: 'search', input: '{}', providerExecuted: true },
      { type: 'tool-call', toolCallId: '2', toolName: 'refund', input: '{}' },
      finish,
    ]
    expect((await resultOf(speaking(parts))).calls).toEqual([{ id: '2', name: 'refund', input: '{}' }])
  })

  it.each([
    ['one without a specification', { provider: 'p', modelId: 'm' }, /specification of this one is none/],
    [
      'one of an older specification',
      { provider: 'p', modelId: 'm', specificationVersion: 'v1', doStream: () => {} },
      /is v1/,
    ],
  ])('is refused at once when it is none: %s', (_, model, says) => {
    expect(() => aiSdk(model)).toThrow(ConfigurationError)
    expect(() => aiSdk(model)).toThrow(says)
  })
})

describe('a fault of the AI SDK ends in a named failure:', () => {
  const headers = { 'Retry-After': '3' }

  it.each<[string, unknown, string, boolean]>([
    [
      'rate limited',
      named('AI_APICallError', { statusCode: 429, responseHeaders: headers }),
      'RATE_LIMITED',
      true,
    ],
    ['overloaded', named('AI_APICallError', { statusCode: 529 }), 'UNAVAILABLE', true],
    ['unauthorized', named('AI_APICallError', { statusCode: 401 }), 'UNAUTHORIZED', false],
    ['bad request', named('AI_APICallError', { statusCode: 400 }), 'BAD_REQUEST', false],
    [
      'no quota',
      named('AI_APICallError', { statusCode: 429, data: { error: { code: 'insufficient_quota' } } }),
      'RATE_LIMITED',
      false,
    ],
    ['not reached', named('AI_APICallError'), 'UNAVAILABLE', true],
    ['unreadable', named('AI_JSONParseError'), 'UNAVAILABLE', true],
    ['lost', new TypeError('terminated'), 'UNAVAILABLE', true],
    ['reset', Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'UNAVAILABLE', true],
    ['no such model', named('AI_NoSuchModelError'), 'BAD_REQUEST', false],
    ['not supported', named('AI_UnsupportedFunctionalityError'), 'BAD_REQUEST', false],
    ['anything else', new Error('a bug of theirs'), 'UNAVAILABLE', false],
  ])('%s', async (_, thrown, code, retryable) => {
    const error = await errorOf(failing(thrown))
    expect(error).toBeInstanceOf(ProviderError)
    expect(error).toMatchObject({ code, retryable })
  })

  it('says how long to wait', async () => {
    const thrown = named('AI_APICallError', { statusCode: 429, responseHeaders: headers })
    expect(await errorOf(failing(thrown))).toMatchObject({ retryAfterMs: 3_000 })
  })

  it('a key that is missing is not provided', async () => {
    expect(await errorOf(failing(named('AI_LoadAPIKeyError')))).toBeInstanceOf(NotProvidedError)
  })

  const begun = { type: 'text-delta', id: '1', delta: 'half' }
  const ending = (unified: string) => ({ ...finish, finishReason: { unified, raw: undefined } })

  it.each<[string, readonly object[], string, boolean]>([
    [
      'an error in the stream',
      [begun, { type: 'error', error: { type: 'overloaded_error', message: 'x' } }],
      'UNAVAILABLE',
      true,
    ],
    [
      'a limit in the stream',
      [begun, { type: 'error', error: { type: 'rate_limit_error' } }],
      'RATE_LIMITED',
      true,
    ],
    ['a text in the stream', [begun, { type: 'error', error: 'broken' }], 'UNAVAILABLE', true],
    [
      'a thrown error in the stream',
      [begun, { type: 'error', error: named('AI_APICallError', { statusCode: 401 }) }],
      'UNAUTHORIZED',
      false,
    ],
    ['no finish', [begun], 'UNAVAILABLE', true],
    ['stopped by an error', [begun, ending('error')], 'UNAVAILABLE', true],
    ['interrupted', [begun, ending('interrupted')], 'UNAVAILABLE', true],
    ['stopped for no known reason', [begun, ending('other')], 'UNAVAILABLE', true],
    ['an empty answer', [finish], 'EMPTY', true],
  ])('%s', async (_, parts, code, retryable) => {
    expect(await errorOf(speaking(parts))).toMatchObject({ code, retryable })
  })

  it('silence', async () => {
    const model = {
      specificationVersion: 'v4',
      provider: 'p',
      modelId: 'm',
      doStream: () => new Promise<never>(() => {}),
    }
    expect(await errorOf(aiSdkModel(model, { idleMs: 20, totalMs: 100 }))).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'm (p) sent nothing for 20 ms',
    })
  })
})
