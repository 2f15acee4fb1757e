/** What OpenAI and compatible servers are asked, in both APIs. */
import type { ModelMessage, ModelRequest } from 'troupe'
import { openai } from 'troupe/models/openai'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { chat } from '../../src/models/openai-chat.ts'
import { eventsOf, refund, request } from './asking.ts'
import { stubServer, type StubServer } from './stub-server.ts'
import type { Api } from './stub-speech.ts'

let server: StubServer
beforeEach(async () => void (server = await stubServer()))
afterEach(() => server[Symbol.asyncDispose]())

const sent = async (api: Api, asked: ModelRequest): Promise<Readonly<Record<string, unknown>>> => {
  await eventsOf(openai('stub', { api, baseURL: server.url, apiKey: 'key' }), asked)
  return server.requests.at(-1)?.body ?? {}
}

const transcript: readonly ModelMessage[] = [
  { role: 'system', text: 'Be brief.' },
  { role: 'user', text: 'Refund a and b.' },
  {
    role: 'assistant',
    text: 'At once.',
    calls: [
      { id: 'c1', name: 'refund', input: '{"invoice":"a"}' },
      { id: 'c2', name: 'refund', input: '{"invoice":' },
    ],
  },
  { role: 'tool', callId: 'c1', text: 'done', failed: false },
  { role: 'tool', callId: 'c2', text: 'not JSON', failed: true },
  { role: 'assistant', text: 'a is refunded.', calls: [] },
  { role: 'user', text: 'Thanks.' },
]

const closed = {
  type: 'object',
  properties: { answer: { type: 'string' } },
  required: ['answer'],
  additionalProperties: false,
}
const open = { type: 'object', properties: { answer: { type: 'string' } } }

describe('a request by the Responses API', () => {
  it('tells the transcript as items, and is not stored', async () => {
    expect(await sent('responses', request({ messages: transcript }))).toEqual({
      model: 'stub',
      stream: true,
      store: false,
      input: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Refund a and b.' },
        { role: 'assistant', content: 'At once.' },
        { type: 'function_call', call_id: 'c1', name: 'refund', arguments: '{"invoice":"a"}' },
        { type: 'function_call', call_id: 'c2', name: 'refund', arguments: '{"invoice":' },
        { type: 'function_call_output', call_id: 'c1', output: 'done' },
        { type: 'function_call_output', call_id: 'c2', output: 'not JSON' },
        { role: 'assistant', content: 'a is refunded.' },
        { role: 'user', content: 'Thanks.' },
      ],
    })
  })

  it('has settings, tools and the schema, strict where that is possible', async () => {
    const tools = [refund, { ...refund, name: 'note', input: open }]
    const settings = {
      temperature: 0,
      maxOutputTokens: 50,
      reasoning: 'low',
      toolChoice: 'required',
    } as const

    const body = await sent('responses', request({ tools, output: closed, settings }))

    expect(body).toMatchObject({
      temperature: 0,
      max_output_tokens: 50,
      reasoning: { effort: 'low' },
      tool_choice: 'required',
      text: { format: { type: 'json_schema', name: 'answer', strict: true, schema: closed } },
      tools: [
        { type: 'function', name: 'refund', description: 'Refunds an invoice', strict: true },
        { type: 'function', name: 'note', strict: false, parameters: open },
      ],
    })
  })
})

describe('a request by Chat Completions', () => {
  it('tells the transcript as messages, with arguments that every server can read', async () => {
    expect(await sent('chat', request({ messages: transcript }))).toEqual({
      model: 'stub',
      stream: true,
      stream_options: { include_usage: true },
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Refund a and b.' },
        {
          role: 'assistant',
          content: 'At once.',
          tool_calls: [
            { id: 'c1', type: 'function', function: { name: 'refund', arguments: '{"invoice":"a"}' } },
            {
              id: 'c2',
              type: 'function',
              function: { name: 'refund', arguments: '{"invalid":"{\\"invoice\\":"}' },
            },
          ],
        },
        { role: 'tool', tool_call_id: 'c1', content: 'done' },
        { role: 'tool', tool_call_id: 'c2', content: 'not JSON' },
        { role: 'assistant', content: 'a is refunded.' },
        { role: 'user', content: 'Thanks.' },
      ],
    })
  })

  it('has settings, tools and the schema, strict where that is possible', async () => {
    const tools = [refund, { ...refund, name: 'note', input: open }]
    const settings = { temperature: 0, maxOutputTokens: 50, reasoning: 'low', toolChoice: 'none' } as const

    const body = await sent('chat', request({ tools, output: open, settings }))

    expect(body).toMatchObject({
      temperature: 0,
      max_tokens: 50,
      reasoning_effort: 'low',
      tool_choice: 'none',
      response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: false, schema: open } },
      tools: [
        { type: 'function', function: { name: 'refund', strict: true } },
        { type: 'function', function: { name: 'note', strict: false, parameters: open } },
      ],
    })
    expect(body).not.toHaveProperty('max_completion_tokens')
  })

  it('bounds the answer by the name that OpenAI knows, where it is OpenAI', () => {
    const bodies: object[] = []
    const client = (baseURL: string) => ({
      baseURL,
      chat: { completions: { create: (body: object) => bodies.push(body) } },
    })
    const asked = request({ settings: { maxOutputTokens: 50 } })
    for (const baseURL of [
      'https://api.openai.com/v1',
      'https://eu.api.openai.com/v1',
      'https://notopenai.com/v1',
    ]) {
      chat.ask(
        client(baseURL) as never,
        { model: 'm', request: asked },
        { headers: {}, signal: new AbortController().signal },
      )
    }

    expect(
      bodies.map((body) => ['max_completion_tokens', 'max_tokens'].filter((name) => name in body)),
    ).toEqual([['max_completion_tokens'], ['max_completion_tokens'], ['max_tokens']])
  })
})

describe.each<Api>(['responses', 'chat'])('by %s', (api) => {
  it('a request without tools does not choose among them', async () => {
    const body = await sent(api, request({ settings: { toolChoice: 'required' } }))
    expect(Object.keys(body)).not.toContain('tools')
    expect(Object.keys(body)).not.toContain('tool_choice')
  })

  it.each([
    ['run-1/answer/model.call#1', 'run-1/answer/model.call#1'],
    ['Lauf 1/Größe', 'its SHA-256'],
  ])('the key of a request goes along: %s', async (key, header) => {
    await sent(api, request({ key }))
    const told = String(server.requests.at(-1)?.headers['idempotency-key'])
    if (key === header) expect(told).toBe(header)
    else expect(told).toMatch(/^[0-9a-f]{64}$/)
  })
})
