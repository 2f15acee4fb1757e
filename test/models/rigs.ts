/** All models, each with a provider behind it that does what it is told to. */
import { simulateReadableStream } from 'ai'
import { MockLanguageModelV4 } from 'ai/test'
import { ProviderError, type Model } from 'troupe'
import { aiSdk } from 'troupe/models/ai-sdk'
import { cached } from 'troupe/models/cached'
import { limited } from 'troupe/models/limited'
import { openai } from 'troupe/models/openai'
import { scripted } from 'troupe/models/scripted'
import { stubServer } from './stub-server.ts'
import type { Api } from './stub-speech.ts'

/** What a model is made to do, once for each call. */
type Act =
  | { readonly text: readonly string[]; readonly finish?: 'length' | 'refusal'; readonly usage?: null }
  | { readonly calls: readonly { readonly name: string; readonly input: string }[] }
  | 'says nothing'
  | 'stops in the middle'
  | 'fails for now'
  | 'fails for good'

/** A model, and whether its provider knows that nobody listens any more. */
interface Stage extends AsyncDisposable {
  readonly model: Model
  readonly released?: () => Promise<void> | undefined
}

/** A model that can be set up. */
export interface Rig {
  readonly name: string
  /** Its provider can leave out what was used. */
  readonly countsWhatItWants: boolean
  set(...acts: readonly Act[]): Promise<Stage>
}

/** What each answer uses, unless its provider does not count. */
export const usage = { inputTokens: 11, cachedTokens: 4, outputTokens: 7 }

const overHttp = (api: Api): Rig => ({
  name: `openai, ${api}`,
  countsWhatItWants: true,
  set: async (...acts) => {
    const server = await stubServer()
    for (const act of acts) {
      if (act === 'says nothing') server.next('hang-before-headers')
      else if (act === 'stops in the middle') server.next('hang-mid-stream')
      else if (act === 'fails for now') server.next('unavailable')
      else if (act === 'fails for good') server.next('bad-request')
      else server.next(act)
    }
    return {
      model: openai('stub', { api, baseURL: server.url, apiKey: 'key' }),
      released: () => server.requests.at(-1)?.gone,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    }
  },
})

type Doing = NonNullable<NonNullable<ConstructorParameters<typeof MockLanguageModelV4>[0]>['doStream']>
type Answering = Extract<Doing, (...args: never) => unknown>
type Parts = Awaited<ReturnType<Answering>>['stream'] extends ReadableStream<infer Part> ? Part[] : never

const overAiSdk: Rig = {
  name: 'aiSdk',
  countsWhatItWants: true,
  set: async (...acts) => {
    const left = [...acts]
    let release!: () => void
    const released = new Promise<void>((resolve) => (release = resolve))
    const doStream: Answering = async ({ abortSignal }) => {
      abortSignal?.addEventListener('abort', release)
      const act = left.shift()
      if (act === 'fails for now') throw apiCallError(503)
      if (act === 'fails for good') throw apiCallError(400)
      if (act === 'says nothing') return new Promise<never>(() => {})
      if (act === 'stops in the middle') return { stream: halfOf(release) }
      return { stream: simulateReadableStream({ chunks: act ? partsOf(act) : [] }) }
    }
    return {
      model: aiSdk(new MockLanguageModelV4({ doStream })),
      released: () => released,
      [Symbol.asyncDispose]: async () => {},
    }
  },
}

const apiCallError = (statusCode: number): Error =>
  Object.assign(new Error('no'), { name: 'AI_APICallError', statusCode, responseHeaders: {} })

const halfOf = (cancel: () => void): ReadableStream<Parts[number]> =>
  new ReadableStream({
    start: (controller) => {
      controller.enqueue({ type: 'text-start', id: '1' })
      controller.enqueue({ type: 'text-delta', id: '1', delta: 'half ' })
    },
    cancel,
  })

const partsOf = (act: Exclude<Act, string>): Parts => {
  const counted = !('usage' in act)
  const finish =
    'calls' in act ? 'tool-calls' : act.finish === 'refusal' ? 'content-filter' : (act.finish ?? 'stop')
  const said: Parts =
    'calls' in act
      ? act.calls.map(({ name, input }, i) => ({
          type: 'tool-call',
          toolCallId: `c${i}`,
          toolName: name,
          input,
        }))
      : act.text.map((delta) => ({ type: 'text-delta', id: '1', delta }))
  return [
    { type: 'stream-start', warnings: [] },
    ...said,
    {
      type: 'finish',
      finishReason: { unified: finish, raw: undefined },
      usage: {
        inputTokens: { total: counted ? 11 : undefined, noCache: 7, cacheRead: 4, cacheWrite: undefined },
        outputTokens: { total: counted ? 7 : undefined, text: 7, reasoning: undefined },
      },
    },
  ]
}

const never = 2 ** 30

const overScript: Rig = {
  name: 'scripted',
  countsWhatItWants: false,
  set: async (...acts) => {
    const turns = acts.map((act) => {
      if (act === 'says nothing') return { delayMs: never }
      if (act === 'stops in the middle') return { text: 'half an answer' }
      if (act === 'fails for now')
        return { error: new ProviderError('no', { code: 'UNAVAILABLE', retryable: true }) }
      if (act === 'fails for good')
        return { error: new ProviderError('no', { code: 'BAD_REQUEST', retryable: false }) }
      if ('calls' in act) return { calls: act.calls, usage }
      return { text: act.text.join(''), usage, ...(act.finish && { finish: act.finish }) }
    })
    return { model: scripted(turns), [Symbol.asyncDispose]: async () => {} }
  },
}

const wrapped = (name: string, rig: Rig, wrap: (model: Model) => Model): Rig => ({
  ...rig,
  name: `${name} ${rig.name}`,
  set: async (...acts) => {
    const stage = await rig.set(...acts)
    return { ...stage, model: wrap(stage.model) }
  },
})

const [byResponses, byChat] = [overHttp('responses'), overHttp('chat')]

/** One line for each model, and for those around another one. */
export const rigs: readonly Rig[] = [
  byResponses,
  byChat,
  overAiSdk,
  overScript,
  wrapped('limited', byChat, (model) => limited(model, { requestsPerMinute: 1_000, concurrency: 2 })),
  wrapped('cached', byResponses, (model) => cached(model, { ttlMs: 60_000 })),
]
