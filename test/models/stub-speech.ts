/**
 * How a server says something in each of OpenAI's two APIs: the server-sent events of an answer, as texts.
 */

/** Which API was asked. */
export type Api = 'responses' | 'chat'

/** What is said. */
export interface Reply {
  /** In pieces, as it is streamed. Default: nothing. */
  readonly text?: string | readonly string[]
  readonly calls?: readonly { readonly id?: string | null; readonly name?: string; readonly input: string }[]
  /** Default `stop`. */
  readonly finish?: 'stop' | 'length' | 'refusal' | 'content-filter'
  /** `null`: none is told. Default: 11 tokens, 4 of them cached, and 7 for the answer. */
  readonly usage?: { readonly input: number; readonly cached?: number; readonly output: number } | null
}

/** All events of an answer, in order. */
export const speech = (api: Api, reply: Reply): string[] =>
  (api === 'chat' ? chatSpeech : responsesSpeech)(reply)

/** One event with data. */
export const frame = (data: unknown, event?: string): string => {
  const text = typeof data === 'string' ? data : JSON.stringify(data)
  return `${event === undefined ? '' : `event: ${event}\n`}data: ${text}\n\n`
}

const USAGE = { input: 11, cached: 4, output: 7 }

const piecesOf = ({ text = [] }: Reply): readonly string[] => (typeof text === 'string' ? [text] : text)

/** In halves, as arguments are streamed. */
const halves = (text: string): string[] => {
  const middle = Math.ceil(text.length / 2)
  return [text.slice(0, middle), text.slice(middle)]
}

const finishes = { stop: 'stop', length: 'length', refusal: 'stop', 'content-filter': 'content_filter' }

/** One chunk of Chat Completions. */
export const chunk = (choices: readonly object[], more: object = {}): string =>
  frame({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'stub', choices, ...more })

const chatSpeech = (reply: Reply): string[] => {
  const { calls = [], finish = 'stop', usage = USAGE } = reply
  const say = (delta: object, finishReason: string | null = null): string =>
    chunk([{ index: 0, delta, finish_reason: finishReason }])
  const wording = finish === 'refusal' ? 'refusal' : 'content'
  return [
    say({ role: 'assistant', content: '' }),
    ...piecesOf(reply).map((text) => say({ [wording]: text })),
    ...calls.flatMap(({ id, name, input }, index) => [
      say({
        tool_calls: [
          {
            index,
            ...(id !== null && { id: id ?? `call_${index}` }),
            type: 'function',
            function: { name, arguments: '' },
          },
        ],
      }),
      ...halves(input).map((half) => say({ tool_calls: [{ index, function: { arguments: half } }] })),
    ]),
    say({}, calls.length > 0 && finish === 'stop' ? 'tool_calls' : finishes[finish]),
    ...(usage === null
      ? []
      : [
          chunk([], {
            usage: {
              prompt_tokens: usage.input,
              completion_tokens: usage.output,
              total_tokens: usage.input + usage.output,
              prompt_tokens_details: { cached_tokens: usage.cached ?? 0 },
            },
          }),
        ]),
    frame('[DONE]'),
  ]
}

/** One event of the Responses API. */
export const event = (type: string, more: object = {}): string => frame({ type, ...more }, type)

const responsesSpeech = (reply: Reply): string[] => {
  const { calls = [], finish = 'stop', usage = USAGE } = reply
  const text = piecesOf(reply).join('')
  const refused = finish === 'refusal'
  const part = refused ? { type: 'refusal', refusal: text } : { type: 'output_text', text, annotations: [] }
  const message = { id: 'msg_1', type: 'message', role: 'assistant', status: 'completed', content: [part] }
  const items = [
    ...(text === '' ? [] : [message]),
    ...calls.map(({ id, name, input }, index) => ({
      id: `fc_${index}`,
      type: 'function_call',
      status: 'completed',
      ...(id !== null && { call_id: id ?? `call_${index}` }),
      name,
      arguments: input,
    })),
  ]
  const cut =
    finish === 'length' ? 'max_output_tokens' : finish === 'content-filter' ? 'content_filter' : undefined
  const response = {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    model: 'stub',
    error: null,
    output: [] as object[],
  }
  return [
    event('response.created', { response: { ...response, status: 'in_progress' } }),
    event('response.in_progress', { response: { ...response, status: 'in_progress' } }),
    ...items.flatMap((item, index) => [
      event('response.output_item.added', { output_index: index, item: begun(item) }),
      ...(item === message
        ? piecesOf(reply).map((delta) => textDelta(delta, refused))
        : argumentDeltas(item, index)),
      event('response.output_item.done', { output_index: index, item }),
    ]),
    event(cut ? 'response.incomplete' : 'response.completed', {
      response: {
        ...response,
        output: items,
        status: cut ? 'incomplete' : 'completed',
        incomplete_details: cut ? { reason: cut } : null,
        usage: usage && {
          input_tokens: usage.input,
          input_tokens_details: { cached_tokens: usage.cached ?? 0 },
          output_tokens: usage.output,
          output_tokens_details: { reasoning_tokens: 0 },
          total_tokens: usage.input + usage.output,
        },
      },
    }),
  ]
}

/** As it stands when nothing of it has been said. */
const begun = (item: object): object => ({
  ...item,
  status: 'in_progress',
  ...('content' in item ? { content: [] } : { arguments: '' }),
})

const textDelta = (delta: string, refused: boolean): string =>
  event(refused ? 'response.refusal.delta' : 'response.output_text.delta', {
    item_id: 'msg_1',
    output_index: 0,
    content_index: 0,
    delta,
  })

const argumentDeltas = (item: object, index: number): string[] => {
  const input = 'arguments' in item ? String(item.arguments) : ''
  const at = { item_id: `fc_${index}`, output_index: index }
  return [
    ...halves(input).map((delta) => event('response.function_call_arguments.delta', { ...at, delta })),
    event('response.function_call_arguments.done', { ...at, arguments: input }),
  ]
}
