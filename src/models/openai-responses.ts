/** The Responses API of OpenAI. Answers are not stored on the server: the transcript is ours. */
import type { OpenAI } from 'openai'
import type { ModelMessage, ModelRequest } from '../contracts/ports.ts'
import type { Listener } from './answer.ts'
import { ANSWER, given, schemaFor, type Dialect } from './openai-dialect.ts'
import { saidSo, type ServerError } from './openai-errors.ts'
import { tokensFrom, type Heard } from './result.ts'

type Body = OpenAI.Responses.ResponseCreateParamsStreaming
type Item = OpenAI.Responses.ResponseInputItem

/** `responses`. */
export const responses: Dialect<ResponsesEvent> = {
  ask: (client, { model, request }, options) => client.responses.create(bodyFor(model, request), options),
  listen: () => new ResponsesListener(),
}

/** What we read of an event. Servers that are compatible leave out what they please. */
export interface ResponsesEvent {
  readonly type: string
  readonly delta?: unknown
  readonly item?: OutputItem
  readonly response?: Answer
  readonly code?: unknown
  readonly message?: unknown
}

interface Answer {
  readonly output?: readonly OutputItem[] | null
  readonly error?: ServerError | null
  readonly incomplete_details?: { readonly reason?: string } | null
  readonly usage?: {
    readonly input_tokens?: unknown
    readonly output_tokens?: unknown
    readonly input_tokens_details?: { readonly cached_tokens?: unknown } | null
  } | null
}

interface OutputItem {
  readonly type: string
  readonly content?: unknown
  readonly call_id?: unknown
  readonly name?: unknown
  readonly arguments?: unknown
}

const bodyFor = (model: string, { messages, tools, output, settings }: ModelRequest): Body => {
  const { temperature, maxOutputTokens, reasoning, toolChoice } = settings
  const offered = tools.map(({ name, description, input }) => {
    const { schema: parameters, strict } = schemaFor(input)
    return { type: 'function' as const, name, description, parameters, strict }
  })
  return {
    model,
    stream: true,
    store: false,
    input: messages.flatMap(itemsOf),
    ...(offered.length > 0 && { tools: offered, ...given({ tool_choice: toolChoice }) }),
    ...(output && { text: { format: { type: 'json_schema', name: ANSWER, ...schemaFor(output) } } }),
    ...(reasoning && { reasoning: { effort: reasoning } }),
    ...given({ temperature, max_output_tokens: maxOutputTokens }),
  }
}

const itemsOf = (message: ModelMessage): Item[] => {
  switch (message.role) {
    case 'system':
    case 'user':
      return [{ role: message.role, content: message.text }]
    case 'assistant':
      return [
        ...(message.text === '' ? [] : [{ role: 'assistant' as const, content: message.text }]),
        ...message.calls.map(({ id, name, input }) => ({
          type: 'function_call' as const,
          call_id: id,
          name,
          arguments: input,
        })),
      ]
    case 'tool':
      return [{ type: 'function_call_output', call_id: message.callId, output: message.text }]
  }
}

class ResponsesListener implements Listener<ResponsesEvent> {
  heard: Heard | undefined
  over = false
  #text = ''
  readonly #items: OutputItem[] = []

  hear(event: ResponsesEvent): string {
    switch (event.type) {
      case 'response.output_text.delta':
        return this.#add(event.delta)
      case 'response.output_item.done':
        if (event.item) this.#items.push(event.item)
        return ''
      case 'response.completed':
      case 'response.incomplete':
        return this.#close(event.response ?? {}, event.type === 'response.incomplete')
      case 'response.failed':
      case 'response.cancelled':
        throw saidSo(event.response?.error ?? { message: event.type })
      case 'error':
        throw saidSo({ code: event.code, message: event.message })
      default:
        return ''
    }
  }

  #add(delta: unknown): string {
    if (typeof delta !== 'string') return ''
    this.#text += delta
    return delta
  }

  #close(answer: Answer, cut: boolean): string {
    // Some servers send the items one by one only, some only at the end.
    const items = answer.output?.length ? answer.output : this.#items
    const parts = items.filter(({ type }) => type === 'message').flatMap(({ content }) => partsOf(content))
    const text = parts.map((part) => textIn(part, 'output_text', 'text')).join('')
    const refusal = parts.map((part) => textIn(part, 'refusal', 'refusal')).join('')
    const rest = text.startsWith(this.#text) ? text.slice(this.#text.length) : ''
    const { usage } = answer
    this.#text += rest
    this.heard = {
      text: refusal || this.#text,
      calls: items.filter(({ type }) => type === 'function_call').map(callOf),
      finish: finishOf(refusal !== '', cut ? (answer.incomplete_details?.reason ?? 'unknown') : undefined),
      usage: tokensFrom(
        usage?.input_tokens,
        usage?.input_tokens_details?.cached_tokens,
        usage?.output_tokens,
      ),
    }
    this.over = true
    return rest
  }
}

const finishOf = (refused: boolean, cutBy: string | undefined): Heard['finish'] => {
  if (refused || cutBy === 'content_filter') return 'refusal'
  return cutBy === undefined ? 'stop' : 'length'
}

const callOf = ({ call_id: id, name, arguments: input }: OutputItem): Heard['calls'][number] => ({
  id: typeof id === 'string' ? id : undefined,
  name: typeof name === 'string' ? name : '',
  input: typeof input === 'string' ? input : JSON.stringify(input ?? {}),
})

const partsOf = (content: unknown): object[] =>
  Array.isArray(content) ? content.filter((part) => typeof part === 'object' && part !== null) : []

const textIn = (part: object, type: string, member: string): string => {
  const { type: own, [member]: text } = part as Record<string, unknown>
  return own === type && typeof text === 'string' ? text : ''
}
