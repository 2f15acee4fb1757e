/** Chat Completions: OpenAI's older API, and the one that compatible servers speak. */
import type { OpenAI } from 'openai'
import type { Tokens } from '../contracts/model-notes.ts'
import type { ModelMessage, ModelRequest } from '../contracts/ports.ts'
import type { Listener } from './answer.ts'
import { ANSWER, given, schemaFor, type Dialect } from './openai-dialect.ts'
import { saidSo } from './openai-errors.ts'
import { argumentsOf, tokensFrom, type Heard } from './result.ts'

type Body = OpenAI.Chat.ChatCompletionCreateParamsStreaming
type Message = OpenAI.Chat.ChatCompletionMessageParam

/** `chat`. */
export const chat: Dialect<Chunk> = {
  ask: (client, { model, request }, options) =>
    client.chat.completions.create(bodyFor(model, request, isOpenAI(client.baseURL)), options),
  listen: () => new ChatListener(),
}

/** What we read of a chunk. Servers that are compatible leave out what they please. */
export interface Chunk {
  readonly choices?: readonly Choice[] | null
  readonly usage?: {
    readonly prompt_tokens?: unknown
    readonly completion_tokens?: unknown
    readonly prompt_tokens_details?: { readonly cached_tokens?: unknown } | null
  } | null
}

interface Choice {
  readonly index?: number
  readonly finish_reason?: string | null
  readonly delta?: {
    readonly content?: unknown
    readonly refusal?: unknown
    readonly tool_calls?: readonly CallDelta[] | null
  } | null
}

interface CallDelta {
  readonly index?: number
  readonly id?: string | null
  readonly function?: { readonly name?: string | null; readonly arguments?: unknown } | null
}

const bodyFor = (model: string, request: ModelRequest, official: boolean): Body => {
  const { messages, tools, output, settings } = request
  const { temperature, maxOutputTokens, reasoning, toolChoice } = settings
  const offered = tools.map(({ name, description, input }) => {
    const { schema: parameters, strict } = schemaFor(input)
    return { type: 'function' as const, function: { name, description, parameters, strict } }
  })
  return {
    model,
    stream: true,
    stream_options: { include_usage: true },
    messages: messages.map(messageOf),
    ...(offered.length > 0 && { tools: offered, ...given({ tool_choice: toolChoice }) }),
    ...(output && {
      response_format: { type: 'json_schema', json_schema: { name: ANSWER, ...schemaFor(output) } },
    }),
    ...given({
      temperature,
      reasoning_effort: reasoning,
      // Reasoning models of OpenAI refuse the old name. Other servers may know that one only, and ignore this
      // one.
      [official ? 'max_completion_tokens' : 'max_tokens']: maxOutputTokens,
    }),
  }
}

const isOpenAI = (baseURL: string): boolean =>
  /(^|\.)openai\.(com|azure\.com)$/.test(new URL(baseURL).hostname)

const messageOf = (message: ModelMessage): Message => {
  switch (message.role) {
    case 'system':
    case 'user':
      return { role: message.role, content: message.text }
    case 'assistant':
      if (message.calls.length === 0) return { role: 'assistant', content: message.text }
      return {
        role: 'assistant',
        content: message.text || null,
        tool_calls: message.calls.map((call) => ({
          id: call.id,
          type: 'function',
          function: { name: call.name, arguments: JSON.stringify(argumentsOf(call)) },
        })),
      }
    case 'tool':
      return { role: 'tool', tool_call_id: message.callId, content: message.text }
  }
}

/** How a finish is called, also by servers that have words of their own. What is not here is no good end. */
const finishes: Readonly<Record<string, Heard['finish']>> = {
  stop: 'stop',
  tool_calls: 'stop',
  function_call: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  stop_sequence: 'stop',
  end_turn: 'stop',
  length: 'length',
  max_tokens: 'length',
  content_filter: 'refusal',
}

interface Call {
  readonly index: number | undefined
  id: string | undefined
  name: string
  input: string
}

class ChatListener implements Listener<Chunk> {
  #text = ''
  #refusal = ''
  #finish: Heard['finish'] | undefined
  #usage: Tokens | undefined
  readonly #calls: Call[] = []

  hear({ choices, usage }: Chunk): string {
    if (usage) {
      const cached = usage.prompt_tokens_details?.cached_tokens
      this.#usage = tokensFrom(usage.prompt_tokens, cached, usage.completion_tokens)
    }
    const choice = choices?.find(({ index = 0 }) => index === 0)
    if (!choice) return ''
    const { content, refusal, tool_calls: calls } = choice.delta ?? {}
    if (typeof refusal === 'string') this.#refusal += refusal
    for (const call of calls ?? []) this.#call(call)
    if (choice.finish_reason) this.#finish = finishOf(choice.finish_reason)
    if (typeof content !== 'string') return ''
    this.#text += content
    return content
  }

  get heard(): Heard | undefined {
    if (!this.#finish) return undefined
    return {
      text: this.#refusal || this.#text,
      calls: this.#calls,
      finish: this.#refusal ? 'refusal' : this.#finish,
      usage: this.#usage,
    }
  }

  /** The usage comes after the finish, or never. */
  get over(): boolean {
    return this.#finish !== undefined && this.#usage !== undefined
  }

  #call({ index, id, function: named }: CallDelta): void {
    const call = this.#callAt(index, id, named?.name)
    call.id ??= id || undefined
    // Some servers say the name again with each piece of the arguments.
    call.name ||= named?.name ?? ''
    const more = named?.arguments
    call.input += typeof more === 'string' ? more : more ? JSON.stringify(more) : ''
  }

  /** Some servers send several calls whole, all at index 0 or at none. */
  #callAt(index: number | undefined, id: string | null | undefined, name: string | null | undefined): Call {
    const known = this.#calls.findLast((call) => call.index === index)
    const another =
      known && ((id && known.id && id !== known.id) || (index === undefined && name && known.name))
    if (known && !another) return known
    const call: Call = { index, id: id || undefined, name: '', input: '' }
    this.#calls.push(call)
    return call
  }
}

const finishOf = (reason: string): Heard['finish'] => {
  const finish = Object.hasOwn(finishes, reason) ? finishes[reason] : undefined
  if (finish) return finish
  throw saidSo({ code: reason, message: `the model stopped for the reason "${reason}"` })
}
