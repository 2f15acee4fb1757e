/**
 * A language model of the AI SDK, as the port wants it. It is called directly, without the AI SDK's own
 * retries, steps and telemetry. The specifications 2 to 4 (AI SDK 5 to 7) are alike in all that is used here,
 * but for usage and finish.
 */
import type { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4Prompt } from '@ai-sdk/provider'
import { ConfigurationError } from '../contracts/errors.ts'
import type { Model, ModelMessage, ModelRequest, ToolCall } from '../contracts/ports.ts'
import { aiSdkFault } from './ai-sdk-errors.ts'
import { PartListener, type Part } from './ai-sdk-parts.ts'
import { answer, PATIENCE } from './answer.ts'
import type { Patience } from './guarded-stream.ts'
import { idempotencyHeader } from './idempotency.ts'
import { argumentsOf } from './result.ts'

type LanguageModel = Pick<LanguageModelV4, 'provider' | 'modelId'> & {
  doStream(options: LanguageModelV4CallOptions): PromiseLike<{ stream: AsyncIterable<Part> }>
}

const KNOWN = ['v2', 'v3', 'v4']

/** The adapter. */
export const aiSdkModel = (
  given: { readonly modelId: string; readonly provider: string },
  patience: Patience = PATIENCE,
): Model => {
  const model = demand(given)
  const who = `${model.modelId} (${model.provider})`
  return {
    name: model.modelId,
    provider: model.provider,
    complete: (request, signal) => {
      const open = async (ending: AbortSignal): Promise<AsyncIterable<Part>> =>
        (await model.doStream(optionsFor(request, ending))).stream
      const translate = (thrown: unknown) => aiSdkFault(thrown, who)
      return answer({ who, open, translate }, new PartListener(), { request, patience, signal })
    },
  }
}

const demand = (model: object): LanguageModel => {
  const version = 'specificationVersion' in model ? String(model.specificationVersion) : 'none'
  if (KNOWN.includes(version) && 'doStream' in model && typeof model.doStream === 'function')
    return model as LanguageModel
  throw new ConfigurationError(
    `aiSdk() takes a language model of the AI SDK 5 to 7 (specification ${KNOWN.join(', ')}), such as ` +
      `anthropic('...') of @ai-sdk/anthropic; the specification of this one is ${version}`,
  )
}

const optionsFor = (
  { messages, tools, output, settings, key }: ModelRequest,
  abortSignal: AbortSignal,
): LanguageModelV4CallOptions => {
  const { temperature, maxOutputTokens, reasoning, toolChoice } = settings
  return {
    prompt: promptOf(messages),
    headers: idempotencyHeader(key),
    abortSignal,
    ...(tools.length > 0 && {
      tools: tools.map(({ name, description, input }) => ({
        type: 'function',
        name,
        description,
        inputSchema: input,
      })),
      toolChoice: { type: toolChoice ?? 'auto' },
    }),
    ...(output && { responseFormat: { type: 'json', name: 'answer', schema: output } }),
    ...(temperature !== undefined && { temperature }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(reasoning && { reasoning }),
  }
}

const promptOf = (messages: readonly ModelMessage[]): LanguageModelV4Prompt => {
  const calls = new Map<string, ToolCall>()
  return messages.map((message) => {
    switch (message.role) {
      case 'system':
        return { role: 'system', content: message.text }
      case 'user':
        return { role: 'user', content: [{ type: 'text', text: message.text }] }
      case 'assistant':
        for (const call of message.calls) calls.set(call.id, call)
        return {
          role: 'assistant',
          content: [
            ...(message.text === '' ? [] : [{ type: 'text' as const, text: message.text }]),
            ...message.calls.map((call) => ({
              type: 'tool-call' as const,
              toolCallId: call.id,
              toolName: call.name,
              input: argumentsOf(call),
            })),
          ],
        }
      case 'tool':
        return {
          role: 'tool',
          content: [
            {
              type: 'tool-result',
              toolCallId: message.callId,
              toolName: calls.get(message.callId)?.name ?? '',
              output: { type: message.failed ? 'error-text' : 'text', value: message.text },
            },
          ],
        }
    }
  })
}
