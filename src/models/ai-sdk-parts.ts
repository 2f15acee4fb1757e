/** What comes in a stream of the AI SDK, made into an answer. */
import type { Tokens } from '../contracts/model-notes.ts'
import type { Listener } from './answer.ts'
import { tokensFrom, type Heard } from './result.ts'

/** What we read of a part, in the specifications 2 to 4. */
export interface Part {
  readonly type: string
  readonly delta?: unknown
  readonly toolCallId?: unknown
  readonly toolName?: unknown
  readonly input?: unknown
  readonly providerExecuted?: unknown
  /** A word in specification 2, later both the word and the provider's own. */
  readonly finishReason?: string | { readonly unified: string; readonly raw?: string | undefined }
  readonly usage?: {
    readonly inputTokens?: Count | { readonly total?: Count; readonly cacheRead?: Count }
    readonly outputTokens?: Count | { readonly total?: Count }
    readonly cachedInputTokens?: Count
  }
  readonly error?: unknown
}

type Count = number | undefined

/** Thrown for a model that stopped for no good reason. */
export class StoppedFor extends Error {}

/** Makes an answer of parts. */
export class PartListener implements Listener<Part> {
  heard: Heard | undefined
  over = false
  #text = ''
  readonly #calls: Heard['calls'][number][] = []

  hear(part: Part): string {
    switch (part.type) {
      case 'text-delta':
        if (typeof part.delta !== 'string') return ''
        this.#text += part.delta
        return part.delta
      case 'tool-call':
        // What the provider runs itself is not for us.
        if (part.providerExecuted !== true) this.#calls.push(callOf(part))
        return ''
      case 'finish':
        this.heard = { text: this.#text, calls: this.#calls, finish: finishOf(part), usage: usageOf(part) }
        this.over = true
        return ''
      case 'error':
        throw part.error
      default:
        return ''
    }
  }
}

const callOf = ({ toolCallId, toolName, input }: Part): Heard['calls'][number] => ({
  id: typeof toolCallId === 'string' ? toolCallId : undefined,
  name: typeof toolName === 'string' ? toolName : '',
  input: typeof input === 'string' ? input : JSON.stringify(input ?? {}),
})

const finishOf = ({ finishReason }: Part): Heard['finish'] => {
  const { unified, raw } =
    typeof finishReason === 'object' ? finishReason : { unified: finishReason, raw: undefined }
  switch (unified) {
    case 'stop':
    case 'tool-calls':
      return 'stop'
    case 'length':
      return 'length'
    case 'content-filter':
      return 'refusal'
    default:
      throw new StoppedFor(`the model stopped for the reason "${raw ?? unified ?? 'none'}"`)
  }
}

const usageOf = ({ usage }: Part): Tokens | undefined => {
  if (!usage) return undefined
  const { inputTokens: input, outputTokens: output, cachedInputTokens } = usage
  const cached = typeof input === 'object' ? input.cacheRead : cachedInputTokens
  return tokensFrom(
    typeof input === 'object' ? input.total : input,
    cached,
    typeof output === 'object' ? output.total : output,
  )
}
