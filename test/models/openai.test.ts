/** With which key OpenAI is asked, how often, at which price, and which options it takes. */
import { ConfigurationError, NotProvidedError } from 'troupe'
import { openai } from 'troupe/models/openai'
import { manualClock } from 'troupe/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { provideClock } from '../../src/contracts/model-notes.ts'
import { errorOf, eventsOf, request, resultOf } from './asking.ts'
import { stubServer, type StubServer } from './stub-server.ts'
import type { Api } from './stub-speech.ts'

let server: StubServer
beforeEach(async () => {
  vi.stubEnv('OPENAI_API_KEY', undefined)
  vi.stubEnv('OPENAI_BASE_URL', undefined)
  server = await stubServer()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await server[Symbol.asyncDispose]()
})

describe.each<Api>(['responses', 'chat'])('by %s', (api) => {
  it('a key is needed when a model is asked, and found in the environment then', async () => {
    const model = openai('stub', { api, baseURL: server.url })

    const error = await errorOf(model)
    expect(error).toBeInstanceOf(NotProvidedError)
    expect(error).toMatchObject({ message: expect.stringMatching(/OPENAI_API_KEY.*apiKey/) })
    expect(server.requests).toHaveLength(0)

    vi.stubEnv('OPENAI_API_KEY', 'from-the-environment')
    await resultOf(model)
    expect(server.requests[0]?.headers['authorization']).toBe('Bearer from-the-environment')
  })

  it('the address is found in the environment', async () => {
    vi.stubEnv('OPENAI_BASE_URL', server.url)
    await resultOf(openai('stub', { api, apiKey: 'key' }))
    expect(server.requests).toHaveLength(1)
  })

  it('a key that cannot be sent is told without being shown', async () => {
    const apiKey = 'sk-secret\nline'
    const error = await errorOf(openai('stub', { api, baseURL: server.url, apiKey }))
    expect(error).toMatchObject({ code: 'BAD_REQUEST', retryable: false })
    expect(String(error)).not.toContain('sk-secret')
  })

  it('equal requests are asked once where there is a cache', async () => {
    const model = openai('stub', { api, baseURL: server.url, apiKey: 'key', cache: { ttlMs: 60_000 } })
    const [once, again] = [await resultOf(model), await resultOf(model)]
    expect(again.text).toBe(once.text)
    expect(server.requests).toHaveLength(1)
  })
})

describe('limits', () => {
  const clock = manualClock()
  const signal = (): AbortSignal => {
    const { signal: made } = new AbortController()
    provideClock(made, clock)
    return made
  }
  const access = (apiKey: string) => ({ baseURL: server.url, apiKey })

  it('belong to the key: all models with it share them, those without limits of their own too', async () => {
    const limits = { requestsPerMinute: 2 }
    const one = openai('one', { ...access('a'), limits })
    const two = openai('two', { ...access('a'), limits: { ...limits } })
    const three = openai('three', { ...access('a'), api: 'chat' })
    const other = openai('other', access('b'))

    const calls = [one, two, three, other].map((model) => eventsOf(model, request(), signal()))
    await vi.waitUntil(() => server.requests.length >= 3)
    expect(new Set(server.requests.map(({ body }) => body['model']))).toEqual(
      new Set(['one', 'two', 'other']),
    )

    await clock.advance(60_000)
    await Promise.all(calls)
    expect(server.requests.at(-1)?.body['model']).toBe('three')
  })

  it('of one key cannot differ', () => {
    openai('one', { ...access('a'), limits: { requestsPerMinute: 2 } })
    expect(() => openai('two', { ...access('a'), limits: { requestsPerMinute: 3 } })).toThrow(
      ConfigurationError,
    )
    expect(() => openai('two', { ...access('a'), limits: { requestsPerMinute: 3 } })).toThrow(
      /"two".*3.*"one".*2/,
    )
    expect(() => openai('two', { ...access('b'), limits: { requestsPerMinute: 3 } })).not.toThrow()
  })

  it('are checked where they are written, whether there is a key or not', () => {
    expect(() => openai('one', { limits: { concurrency: 0 } })).toThrow(ConfigurationError)
  })
})

describe('a price', () => {
  it.each([
    ['gpt-5.1', { input: 1.25, cachedInput: 0.125, output: 10 }],
    ['openai/gpt-5.1', { input: 1.25, cachedInput: 0.125, output: 10 }],
    ['gpt-5.1-2025-11-13', { input: 1.25, cachedInput: 0.125, output: 10 }],
    ['gpt-5-pro', { input: 15, output: 120 }],
    ['gpt-4o-2024-05-13', { input: 5, output: 15 }],
    ['llama-4', undefined],
    ['constructor', undefined],
  ])('of %s is known, or not', (name, price) => {
    expect(openai(name).price).toEqual(price)
  })

  it('that is given goes before the table', () => {
    expect(openai('gpt-5.1', { price: { input: 1, output: 2 } }).price).toEqual({ input: 1, output: 2 })
  })
})

describe('an option that cannot be is told at once:', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['no name', () => openai(' '), /name of a model/],
    [
      'no API',
      () => openai('m', { api: 'completions' as never }),
      /"responses" or "chat", not "completions"/,
    ],
    ['no address', () => openai('m', { baseURL: 'localhost:11434' }), /`baseURL`.*"localhost:11434"/],
    ['no price', () => openai('m', { price: { input: -1, output: 2 } }), /`price.input`.*-1/],
    ['no time', () => openai('m', { cache: { ttlMs: 0 } }), /ttlMs/],
  ])('%s', (_, make, says) => {
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(says)
  })
})
