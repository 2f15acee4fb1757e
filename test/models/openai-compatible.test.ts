/** What compatible servers do in ways of their own, and how connections fail. */
import { APIConnectionError, APIError } from 'openai'
import { describe, expect, it } from 'vitest'
import { chat } from '../../src/models/openai-chat.ts'
import { openaiFault, schemaRefused, takesNoSchema } from '../../src/models/openai-errors.ts'
import { responses } from '../../src/models/openai-responses.ts'

describe('what compatible servers do in their own way is understood:', () => {
  const usage = { prompt_tokens: 1, completion_tokens: 2 }
  const hearChat = (...deltas: object[]) => {
    const listener = chat.listen()
    for (const delta of deltas) listener.hear({ choices: [{ delta }] })
    listener.hear({ choices: [{ delta: {}, finish_reason: 'tool_calls' }], usage })
    return listener.heard
  }
  const call = (name: string, input: unknown, more: object = {}) => ({
    tool_calls: [{ ...more, function: { name, arguments: input } }],
  })

  it.each([
    ['without an index', {}, {}],
    ['all at index 0, told apart by ids', { index: 0, id: 'x' }, { index: 0, id: 'y' }],
    ['by index', { index: 0 }, { index: 1 }],
  ])('parallel calls %s', (_, first, second) => {
    const heard = hearChat(call('one', '{"a":1}', first), call('two', '{"b":2}', second))
    expect(heard?.calls).toMatchObject([
      { name: 'one', input: '{"a":1}' },
      { name: 'two', input: '{"b":2}' },
    ])
  })

  it('a name that is told with each piece, and arguments that are no text', () => {
    const pieces = hearChat(
      call('one', '{"a"', { index: 0, id: 'x' }),
      call('one', ':1}', { index: 0, id: 'x' }),
    )
    expect(pieces?.calls).toMatchObject([{ id: 'x', name: 'one', input: '{"a":1}' }])
    expect(hearChat(call('one', { a: 1 }, { index: 0 }))?.calls).toMatchObject([{ input: '{"a":1}' }])
  })

  it('a second choice, which nobody asked for', () => {
    const listener = chat.listen()
    const texts = [0, 1].map((index) =>
      listener.hear({ choices: [{ index, delta: { content: `choice ${index}` } }] }),
    )
    expect(texts).toEqual(['choice 0', ''])
  })

  it('an answer that is not repeated at its end, and one that comes at its end only', () => {
    const item = { type: 'message', content: [{ type: 'output_text', text: 'It is 12 Euro.' }] }
    const [early, late] = [responses.listen(), responses.listen()]
    const heardEarly = [
      early.hear({ type: 'response.output_text.delta', delta: 'It is 12 Euro.' }),
      early.hear({ type: 'response.output_item.done', item }),
      early.hear({ type: 'response.completed', response: { output: [] } }),
    ]
    const heardLate = [late.hear({ type: 'response.completed', response: { output: [item] } })]
    expect([heardEarly.join(''), heardLate.join('')]).toEqual(['It is 12 Euro.', 'It is 12 Euro.'])
    expect([early.heard?.text, late.heard?.text]).toEqual(['It is 12 Euro.', 'It is 12 Euro.'])
  })

  it('usage that is no number is no usage', () => {
    const listener = chat.listen()
    listener.hear({
      choices: [{ delta: { content: 'a' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: null, completion_tokens: 2 },
    })
    expect(listener.heard?.usage).toBeUndefined()
  })
})

describe('a connection that is lost', () => {
  const lost = (code: string): Error =>
    new APIConnectionError({
      cause: new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) }),
    })

  it.each([
    ['ECONNRESET', true],
    ['ENOTFOUND', true],
    ['UND_ERR_SOCKET', true],
    ['SELF_SIGNED_CERT_IN_CHAIN', false],
    ['CERT_HAS_EXPIRED', false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', false],
  ])('by %s', (code, retryable) => {
    const error = openaiFault(lost(code), { who: 'm at host', apiKey: undefined }, false)
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      retryable,
      message: `m at host cannot be reached: ${code}`,
    })
  })
})

describe('a server that takes', () => {
  const said = (status: number, message: string, param?: string): unknown =>
    APIError.generate(status, { error: { message, param } }, undefined, new Headers())

  it.each([
    [400, 'This response_format type is unavailable now'],
    [400, 'This model does not support response format `json_schema`.'],
    [400, "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."],
    [404, 'No endpoints found that can handle structured outputs'],
    [422, 'response_format: json_schema is not currently supported'],
  ])('no schemas for answers is told from one that fails: %i %s', (status, message) => {
    expect(takesNoSchema(said(status, message))).toBe(true)
    expect(schemaRefused(said(status, message), 'm')).toBeUndefined()
  })

  it.each([
    [400, "Invalid schema for response_format 'answer': 'x' is not permitted", 'output'],
    [400, "Invalid schema for function 'refund': 'uri' is not a valid format", 'input of a tool'],
  ])('other schemas is told which one it refused: %i %s', (status, message, whose) => {
    expect(takesNoSchema(said(status, message))).toBe(false)
    expect(schemaRefused(said(status, message), 'm')?.message).toContain(
      `refused the JSON schema of the ${whose}`,
    )
  })

  it.each([
    [400, "Unsupported value: 'temperature' does not support 0.5 with this model."],
    [429, 'response_format json_schema is not supported at this rate'],
    [500, 'response_format json_schema unavailable'],
  ])('them says other things too: %i %s', (status, message) => {
    expect(takesNoSchema(said(status, message))).toBe(false)
    expect(schemaRefused(said(status, message), 'm')).toBeUndefined()
  })
})
