/** What goes wrong with a model server ends in a named failure or in the right answer, and soon. */
import { CancelledError, ProviderError, type Model } from 'troupe'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tokensOf } from '../../src/contracts/model-notes.ts'
import { chat } from '../../src/models/openai-chat.ts'
import { openaiModel } from '../../src/models/openai-model.ts'
import { responses } from '../../src/models/openai-responses.ts'
import { errorOf, eventsOf, refund, request, resultOf } from './asking.ts'
import { faultNames, type FaultName } from './stub-faults.ts'
import { stubServer, type StubServer } from './stub-server.ts'
import type { Api } from './stub-speech.ts'

/** How it ends: a failure with its code and whether it can be tried again, or a result. */
type Ending =
  | {
      readonly code: ProviderError['code']
      readonly retryable: boolean
      readonly says: RegExp
      readonly afterMs?: number
    }
  | { readonly finish: string; readonly text?: string; readonly calls?: number }

const fails = (code: ProviderError['code'], retryable: boolean, says: RegExp, afterMs?: number): Ending => ({
  code,
  retryable,
  says,
  ...(afterMs !== undefined && { afterMs }),
})

const endings: Record<FaultName, Ending> = {
  'rate-limited': fails('RATE_LIMITED', true, /rate limited/),
  'rate-limited-seconds': fails('RATE_LIMITED', true, /rate limited/, 2_000),
  'rate-limited-date': fails('RATE_LIMITED', true, /rate limited/, 60_000),
  'rate-limited-ms': fails('RATE_LIMITED', true, /rate limited/, 1_500),
  'insufficient-quota': fails('RATE_LIMITED', false, /no quota left/),
  'server-error': fails('UNAVAILABLE', true, /failed/),
  unavailable: fails('UNAVAILABLE', true, /failed/, 1_000),
  timeout: fails('UNAVAILABLE', true, /could not take/),
  unauthorized: fails('UNAUTHORIZED', false, /refused the key/),
  forbidden: fails('UNAUTHORIZED', false, /refused the key/),
  'not-found': fails('BAD_REQUEST', false, /does not exist/),
  'bad-request': fails('BAD_REQUEST', false, /temperature/),
  unprocessable: fails('BAD_REQUEST', false, /refused the request/),
  'context-length': fails('BAD_REQUEST', false, /more than its context holds/),
  'context-length-in-words': fails('BAD_REQUEST', false, /more than its context holds/),
  'policy-refused': fails('REFUSED', false, /policy/),
  'schema-refused': fails('BAD_REQUEST', false, /refused the JSON schema of the output/),
  'schema-unsupported': { finish: 'stop', text: '{"answer":"in words"}' },

  'hang-before-headers': fails('UNAVAILABLE', true, /sent nothing for 150 ms/),
  'hang-mid-stream': fails('UNAVAILABLE', true, /sent nothing for 150 ms/),
  'comments-only': fails('UNAVAILABLE', true, /sent nothing for 150 ms/),
  'slow-trickle': fails('UNAVAILABLE', true, /still not done after 400 ms/),
  reset: fails('UNAVAILABLE', true, /cannot be reached: ECONNRESET|cannot be reached: UND_ERR_SOCKET/),
  'reset-mid-stream': fails('UNAVAILABLE', true, /broke off its answer/),
  'cut-in-character': fails('UNAVAILABLE', true, /broke off its answer/),
  'cut-in-json': fails('UNAVAILABLE', true, /broke off its answer/),
  'ends-early': fails('UNAVAILABLE', true, /ended its answer before the model was done/),
  'ends-at-once': fails('UNAVAILABLE', true, /ended its answer before the model was done/),
  'broken-event': fails('UNAVAILABLE', true, /broke off its answer/),
  'never-ends': { finish: 'stop', text: 'an answer' },
  'ends-late': { finish: 'stop', text: 'an answer' },
  'reset-after-finish': { finish: 'stop', text: 'an answer' },
  'done-without-finish': fails('UNAVAILABLE', true, /ended its answer before the model was done/),

  'error-in-stream': fails('UNAVAILABLE', true, /The server had an error/),
  'error-event': fails('RATE_LIMITED', true, /rate limited/),
  'error-number-in-stream': fails('BAD_REQUEST', false, /bad/),
  'error-body': fails('UNAVAILABLE', true, /No capacity/),
  'not-streamed': fails('BAD_REQUEST', false, /application\/json where a stream was asked for/),
  'web-page': fails('BAD_REQUEST', false, /text\/html where a stream was asked for/),
  'stopped-for-error': fails('UNAVAILABLE', true, /stopped for the reason "error"|response\.cancelled/),

  'empty-choices': fails('UNAVAILABLE', true, /ended its answer/),
  'empty-text': fails('EMPTY', true, /empty answer/),
  'blank-text': fails('EMPTY', true, /empty answer/),
  large: { finish: 'stop', text: 'x'.repeat(10 * 2 ** 20) },
  refusal: { finish: 'refusal', text: 'I cannot help with that', calls: 0 },
  length: { finish: 'length', text: 'half an ans', calls: 0 },
  'length-in-call': { finish: 'length', calls: 0 },
  'content-filter': { finish: 'refusal', calls: 0 },
  'usage-missing': { finish: 'stop', text: 'an answer' },
  'two-calls': { finish: 'calls', calls: 2 },
  'call-without-id': { finish: 'calls', calls: 1 },
  'calls-with-one-id': { finish: 'calls', calls: 2 },
  'call-without-name': fails('UNAVAILABLE', true, /did not say which/),
  'call-without-arguments': { finish: 'calls', calls: 1 },
  'invalid-arguments': { finish: 'calls', calls: 1 },
  'unknown-tool': { finish: 'calls', calls: 1 },
  'fenced-json': { finish: 'stop', text: '```json\n{"answer":"fenced"}\n```' },
  prose: { finish: 'stop', text: 'I would say that the answer is 42.' },
}

/** Where the APIs differ. */
const own: Record<Api, Partial<Record<FaultName, Ending>>> = {
  chat: {},
  responses: { 'empty-choices': fails('EMPTY', true, /empty answer/) },
}

const KEY = 'sk-very-secret'

/** Enough on a busy machine. */
const patience = { idleMs: 10_000, totalMs: 20_000 }

/** Where it is what ends the call. */
const short: Partial<Record<FaultName, typeof patience>> = {
  'hang-before-headers': { ...patience, idleMs: 150 },
  'hang-mid-stream': { ...patience, idleMs: 150 },
  'comments-only': { ...patience, idleMs: 150 },
  'slow-trickle': { ...patience, totalMs: 400 },
}
const answer = { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'] }

describe.each<Api>(['responses', 'chat'])('a server that speaks %s', (api) => {
  let server: StubServer
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)

  beforeAll(async () => {
    process.on('unhandledRejection', note)
    server = await stubServer()
  })
  afterAll(async () => {
    process.off('unhandledRejection', note)
    await server[Symbol.asyncDispose]()
  })

  const model = (fault: FaultName | 'none', given?: typeof patience): Model => {
    const limits = given ?? (fault === 'none' ? undefined : short[fault]) ?? patience
    const access = { baseURL: server.url, apiKey: KEY }
    const setting = { model: fault === 'none' ? 'stub' : `fault:${fault}`, access, price: undefined }
    return api === 'chat' ? openaiModel(chat, setting, limits) : openaiModel(responses, setting, limits)
  }
  const asked = request({ tools: [refund], output: answer })

  it.each(faultNames)('%s', async (fault) => {
    const ending = own[api][fault] ?? endings[fault]
    const asking = model(fault)

    if ('code' in ending) {
      const error = await errorOf(asking, asked)
      expect(error).toBeInstanceOf(ProviderError)
      expect(error).toMatchObject({
        code: ending.code,
        retryable: ending.retryable,
        message: expect.stringMatching(ending.says),
      })
      const { retryAfterMs } = error as ProviderError
      if (ending.afterMs === undefined) expect(retryAfterMs).toBeUndefined()
      else expect(Math.abs(Number(retryAfterMs) - ending.afterMs)).toBeLessThan(2_000)
      expect(String(error)).not.toContain(KEY)
      return
    }
    const events = await eventsOf(asking, asked)
    expect(events.filter(({ type }) => type === 'end')).toHaveLength(1)
    expect(events.at(-1)).toMatchObject({ type: 'end', result: { finish: ending.finish } })
    const end = events.at(-1)
    if (end?.type !== 'end') throw new Error('no end')
    // Not by `toBe`: ten megabytes would be printed.
    if (ending.text !== undefined) expect(end.result.text === ending.text).toBe(true)
    if (ending.calls !== undefined) expect(end.result.calls).toHaveLength(ending.calls)
  })

  it('leaves no rejection without a handler, whatever it says', async () => {
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
  })

  it('is asked once, whatever it says: retries are not the business of the adapter', async () => {
    for (const fault of ['server-error', 'rate-limited', 'reset', 'hang-mid-stream'] as const) {
      const before = server.requests.length
      await errorOf(model(fault), asked)
      expect([fault, server.requests.length - before]).toEqual([fault, 1])
    }
  })

  it('is told goodbye when it is no longer listened to', async () => {
    await errorOf(model('hang-before-headers'), asked)
    await server.requests.at(-1)?.gone
    await errorOf(model('slow-trickle'), asked)
    await server.requests.at(-1)?.gone
    expect(server.requests.length).toBeGreaterThan(0)
  })

  it.each<FaultName>(['hang-before-headers', 'hang-mid-stream', 'slow-trickle'])(
    'lets go of a call that is cancelled: %s',
    async (fault) => {
      const caller = new AbortController()
      setTimeout(() => caller.abort(new CancelledError('nobody waits')), 30)

      const error = await errorOf(model(fault, patience), asked, caller.signal)

      expect(error).toBeInstanceOf(CancelledError)
      expect(error).toMatchObject({ reason: 'nobody waits' })
      await server.requests.at(-1)?.gone
    },
  )

  it('gives each call an id of its own, the same one in a replay', async () => {
    for (const fault of ['call-without-id', 'calls-with-one-id'] as const) {
      const [once, again] = [await resultOf(model(fault), asked), await resultOf(model(fault), asked)]
      const ids = once.calls.map(({ id }) => id)
      expect(new Set(ids).size).toBe(ids.length)
      expect(ids.every((id) => id !== '')).toBe(true)
      expect(again.calls).toEqual(once.calls)
    }
    const taken = request({
      messages: [
        { role: 'user', text: 'twice' },
        { role: 'assistant', text: '', calls: [{ id: 'call_0', name: 'refund', input: '{}' }] },
        { role: 'tool', callId: 'call_0', text: 'done', failed: false },
      ],
      tools: [refund],
    })
    server.next({ calls: [{ id: 'call_0', name: 'refund', input: '{}' }] })
    expect((await resultOf(model('none'), taken)).calls[0]?.id).not.toBe('call_0')
  })

  it('hands arguments on as the model wrote them, and none as an empty object', async () => {
    expect((await resultOf(model('invalid-arguments'), asked)).calls[0]?.input).toBe('{"invoice": 4,}')
    expect((await resultOf(model('call-without-arguments'), asked)).calls[0]?.input).toBe('{}')
  })

  it('counts what an empty answer has cost', async () => {
    const error = await errorOf(model('empty-text'), asked)
    expect(tokensOf(error as Error)).toEqual({ inputTokens: 11, cachedTokens: 4, outputTokens: 7 })
  })

  it('says nothing of usage where the server says nothing', async () => {
    expect((await resultOf(model('usage-missing'), asked)).usage).toBeUndefined()
  })

  it('that takes no schema is told of it in words, from the second time on at once', async () => {
    const same = model('schema-unsupported')
    const before = server.requests.length
    const first = await resultOf(same, asked)
    expect(server.requests.length - before).toBe(2)
    const second = await resultOf(same, asked)
    expect(server.requests.length - before).toBe(3)
    expect([first.text, second.text]).toEqual(['{"answer":"in words"}', '{"answer":"in words"}'])
    expect(JSON.stringify(server.requests.at(-1)?.body)).toContain('Answer with one JSON value')
  })

  it('that is not there is a failure that can be tried again, and names the reason', async () => {
    const gone = await stubServer()
    await gone[Symbol.asyncDispose]()
    const access = { baseURL: gone.url, apiKey: KEY }
    const setting = { model: 'stub', access, price: undefined }
    const asking =
      api === 'chat' ? openaiModel(chat, setting, patience) : openaiModel(responses, setting, patience)

    expect(await errorOf(asking)).toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
      message: expect.stringContaining('ECONNREFUSED'),
    })
  })

  // Of Chat Completions the client hangs up by itself when it reads [DONE].
  it.runIf(api === 'responses')(
    'is asked over the same connection again, once its answer has come to an end',
    async () => {
      await using fresh = await stubServer({ fault: 'ends-late' })
      const setting = { model: 'stub', access: { baseURL: fresh.url, apiKey: KEY }, price: undefined }
      const asking = openaiModel(responses, setting, patience)
      for (let i = 0; i < 10; i += 1) await resultOf(asking)
      // Two and not one: Node opens the next one when it is asked before it has put the first one back.
      expect(fresh.connections).toBeLessThanOrEqual(2)
    },
  )
})
