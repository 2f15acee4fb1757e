/** What can go wrong with a model server, by name, in both APIs. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Exchange } from './stub-exchange.ts'
import { chunk, event, frame, speech, type Reply } from './stub-speech.ts'

/** Does wrong in its way, once. */
export type Fault = (exchange: Exchange) => void | Promise<void>

/** A message of OpenAI's error body. */
const refuse = (status: number, error: object, headers: Record<string, string> = {}): Fault => {
  return ({ fail }) =>
    fail(status, { message: 'the stub server was told to fail', type: 'stub', ...error }, headers)
}

const say =
  (reply: Reply): Fault =>
  ({ api, send }) =>
    send(speech(api, reply))

/** The first frames of an answer, with half a text. */
const beginning = ({ api }: Exchange): string[] => {
  const frames = speech(api, { text: ['half ', 'an answer'] })
  return frames.slice(0, 1 + frames.findIndex((text) => text.includes('half ')))
}

/** An answer up to somewhere inside of what it says, in bytes. */
const cutInside = ({ api }: Exchange, text: string, inside: string, extra: number): Buffer => {
  const bytes = Buffer.from(speech(api, { text: ['half ', text] }).join(''))
  return bytes.subarray(0, bytes.indexOf(Buffer.from(inside)) + extra)
}

const limited = { message: 'Rate limit reached', type: 'requests', code: 'rate_limit_exceeded' }

const faults = {
  'rate-limited': refuse(429, limited),
  'rate-limited-seconds': refuse(429, limited, { 'retry-after': '2' }),
  'rate-limited-date': ({ fail }) =>
    fail(429, limited, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }),
  'rate-limited-ms': refuse(429, limited, { 'retry-after-ms': '1500', 'retry-after': '9' }),
  'insufficient-quota': refuse(429, { type: 'insufficient_quota', code: 'insufficient_quota' }),
  'server-error': refuse(500, { type: 'server_error' }),
  unavailable: refuse(503, { type: 'server_error' }, { 'retry-after': '1' }),
  timeout: refuse(408, {}),
  unauthorized: ({ fail, request }) =>
    fail(401, {
      message: `Incorrect API key provided: ${request.headers['authorization']?.replace('Bearer ', '')}`,
      type: 'invalid_request_error',
      code: 'invalid_api_key',
    }),
  forbidden: refuse(403, { code: 'unsupported_country_region_territory' }),
  'not-found': refuse(404, { message: 'The model does not exist', code: 'model_not_found' }),
  'bad-request': refuse(400, { message: "Invalid value for 'temperature'", type: 'invalid_request_error' }),
  unprocessable: refuse(422, { type: 'invalid_request_error' }),
  'context-length': refuse(400, { code: 'context_length_exceeded', type: 'invalid_request_error' }),
  'context-length-in-words': refuse(400, { message: "This model's maximum context length is 8192 tokens" }),
  'policy-refused': refuse(400, { code: 'content_filter' }),
  'schema-refused': refuse(400, {
    message: "Invalid schema for response_format 'answer': In context=(), 'x' is not permitted.",
    param: 'response_format',
    type: 'invalid_request_error',
  }),
  /** Until it is asked without a schema. */
  'schema-unsupported': ({ request, api, send, fail }) => {
    const { body } = request
    if (!('response_format' in body) && !('text' in body))
      return send(speech(api, { text: '{"answer":"in words"}' }))
    fail(400, { message: 'This response_format type is unavailable now', type: 'invalid_request_error' })
  },

  'hang-before-headers': ({ gone }) => gone,
  'hang-mid-stream': async (exchange) => {
    await exchange.send(beginning(exchange), { open: true })
    await exchange.gone
  },
  /** Comments only, as proxies send them to keep a connection open: it is not silent, but says nothing. */
  'comments-only': async (exchange) => {
    while (!exchange.left()) {
      await exchange.send([': still there\n\n'], { open: true })
      await sleep(20)
    }
  },
  'slow-trickle': async (exchange) => {
    await exchange.send(beginning(exchange), { open: true })
    while (!exchange.left()) {
      const more = exchange.api === 'chat' ? chunk([{ index: 0, delta: { content: '.' } }]) : undefined
      await exchange.send([more ?? event('response.output_text.delta', { delta: '.' })], { open: true })
      await sleep(20)
    }
  },
  reset: ({ reset }) => reset(),
  'reset-mid-stream': async (exchange) => {
    await exchange.send(beginning(exchange), { open: true })
    await sleep(10)
    exchange.reset()
  },
  'cut-in-character': (exchange) => exchange.send([cutInside(exchange, 'größer', 'ö', 1)]),
  'cut-in-json': (exchange) => exchange.send([cutInside(exchange, 'an answer', 'an ans', 4)]),
  'ends-early': (exchange) => exchange.send(beginning(exchange)),
  'ends-at-once': ({ send }) => send([]),
  'broken-event': (exchange) => exchange.send([...beginning(exchange), 'data: {"choices": [{]\n\n']),
  /** The model is done, and the stream goes on without a word. */
  'never-ends': async ({ api, send, gone }) => {
    await send(
      speech(api, { text: 'an answer' }).filter((text) => !text.includes('[DONE]')),
      { open: true },
    )
    await gone
  },
  /** The end of the stream is a packet of its own. */
  'ends-late': async ({ api, send }) => {
    await send(speech(api, { text: 'an answer' }), { open: true })
    await sleep(5)
    await send([])
  },
  'reset-after-finish': async ({ api, send, reset }) => {
    const frames = speech(api, { text: 'an answer' })
    // Of Chat Completions the usage is lost with it.
    await send(api === 'chat' ? frames.slice(0, -2) : frames, { open: true })
    await sleep(10)
    reset()
  },
  'done-without-finish': (exchange) => exchange.send([...beginning(exchange), frame('[DONE]')]),

  'error-in-stream': (exchange) => {
    const error = { code: 'server_error', message: 'The server had an error' }
    const told =
      exchange.api === 'chat'
        ? frame({ error })
        : event('response.failed', { response: { status: 'failed', error } })
    return exchange.send([...beginning(exchange), told])
  },
  'error-event': (exchange) => {
    const error = { code: 'rate_limit_exceeded', message: 'Rate limit reached', param: null }
    return exchange.send([
      ...beginning(exchange),
      frame(exchange.api === 'chat' ? { error } : { type: 'error', ...error }),
    ])
  },
  'error-number-in-stream': (exchange) =>
    exchange.send([
      ...beginning(exchange),
      frame({ error: { code: 400, message: 'bad', type: 'BadRequestError' } }),
    ]),
  'error-body': ({ json }) => json(200, { error: { message: 'No capacity', code: 'server_error' } }),
  'not-streamed': ({ json }) => json(200, { id: 'x', choices: [{ message: { content: 'whole' } }] }),
  'web-page': ({ page }) => page('<html><body>Welcome</body></html>'),
  'stopped-for-error': ({ api, send }) =>
    send(
      api === 'chat'
        ? [chunk([{ index: 0, delta: { content: 'half' }, finish_reason: 'error' }]), frame('[DONE]')]
        : [event('response.cancelled', { response: { status: 'cancelled' } })],
    ),

  'empty-choices': ({ api, send }) =>
    send(api === 'chat' ? [chunk([]), frame('[DONE]')] : speech('responses', { text: '' })),
  'empty-text': say({ text: '' }),
  'blank-text': say({ text: ' \n' }),
  large: ({ api, send }) =>
    send(speech(api, { text: Array.from({ length: 640 }, () => 'x'.repeat(16_384)) })),
  refusal: say({ text: ['I cannot ', 'help with that'], finish: 'refusal' }),
  length: say({ text: 'half an ans', finish: 'length' }),
  'length-in-call': say({ calls: [{ name: 'refund', input: '{"invoice":"4' }], finish: 'length' }),
  'content-filter': say({ text: 'half an ans', finish: 'content-filter' }),
  'usage-missing': say({ text: 'an answer', usage: null }),
  'two-calls': say({
    calls: [
      { name: 'refund', input: '{"invoice":"a"}' },
      { name: 'refund', input: '{"invoice":"b"}' },
    ],
  }),
  'call-without-id': say({ calls: [{ id: null, name: 'refund', input: '{}' }] }),
  'calls-with-one-id': say({
    calls: [
      { id: 'same', name: 'refund', input: '{"invoice":"a"}' },
      { id: 'same', name: 'refund', input: '{"invoice":"b"}' },
    ],
  }),
  'call-without-name': say({ calls: [{ name: '', input: '{}' }] }),
  'call-without-arguments': say({ calls: [{ name: 'refund', input: '' }] }),
  'invalid-arguments': say({ calls: [{ name: 'refund', input: '{"invoice": 4,}' }] }),
  'unknown-tool': say({ calls: [{ name: 'no-such-tool', input: '{}' }] }),
  'fenced-json': say({ text: '```json\n{"answer":"fenced"}\n```' }),
  prose: say({ text: 'I would say that the answer is 42.' }),
} satisfies Record<string, Fault>

/** The name of a fault. */
export type FaultName = keyof typeof faults

/** The fault of that name, where there is one. */
export const faultNamed = (name: string): Fault | undefined =>
  new Map<string, Fault>(Object.entries(faults)).get(name)

/** All of them. */
export const faultNames = Object.keys(faults) as readonly FaultName[]
