/**
 * A model behind one of OpenAI's APIs, as the port wants it: one call, no retries, no limits and no cache.
 */
import type { OpenAI } from 'openai'
import type { TroupeError } from '../contracts/errors.ts'
import type { Model, ModelEvent, ModelRequest, Price } from '../contracts/ports.ts'
import { answer, PATIENCE } from './answer.ts'
import type { Patience } from './guarded-stream.ts'
import { idempotencyHeader } from './idempotency.ts'
import { hostOf, keyOf, openaiClient, type Access } from './openai-client.ts'
import type { AskOptions, Dialect, Question } from './openai-dialect.ts'
import { openaiFault, saidSo, schemaRefused, takesNoSchema } from './openai-errors.ts'

/** Which model, and how it is reached. */
export interface Setting {
  readonly model: string
  readonly access: Access
  readonly price: Price | undefined
}

/** A model that speaks a dialect. */
export const openaiModel = <Event>(
  dialect: Dialect<Event>,
  { model, access, price }: Setting,
  patience: Patience = PATIENCE,
): Model => {
  let client: OpenAI | undefined
  let takesSchemas = true
  const connect = (): OpenAI => (client ??= openaiClient(model, access, patience.totalMs))

  /** Asks once more, with the schema in words, when the server takes none; from then on at once. */
  const ask = async (request: ModelRequest, options: AskOptions): Promise<AsyncIterable<Event>> => {
    const question: Question = { model, request: takesSchemas ? request : inWords(request) }
    try {
      return await streamOf(dialect.ask(connect(), question, options))
    } catch (error) {
      if (!takesSchemas || !request.output || !takesNoSchema(error)) throw error
      takesSchemas = false
      return ask(request, options)
    }
  }

  const complete = (request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent> => {
    const who = `${model} at ${hostOf(access)}`
    let asked = false
    const open = async (ending: AbortSignal): Promise<AsyncIterable<Event>> => {
      const events = await ask(request, { signal: ending, headers: idempotencyHeader(request.key) })
      asked = true
      return events
    }
    const translate = (thrown: unknown): TroupeError =>
      schemaRefused(thrown, who) ?? openaiFault(thrown, { who, apiKey: keyOf(access) }, asked)
    return answer({ who, open, translate }, dialect.listen(), { request, patience, signal })
  }
  return { name: model, provider: 'openai', price, complete }
}

/** The stream of an answer; what is no stream holds an error, or is not the API at all. */
const streamOf = async <Event>(asked: ReturnType<Dialect<Event>['ask']>): Promise<AsyncIterable<Event>> => {
  const { data, response } = await asked.withResponse()
  const type = response.headers.get('content-type') ?? ''
  if (!/json|html/.test(type)) return data
  const body = await response.text()
  throw saidSo(
    errorIn(body) ?? {
      code: 'bad_request',
      message: `it answered with ${type} where a stream was asked for`,
    },
  )
}

const errorIn = (body: string): object | undefined => {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed !== 'object' || parsed === null || !('error' in parsed)) return undefined
    const { error } = parsed
    if (typeof error === 'string') return { message: error }
    return typeof error === 'object' && error !== null ? error : undefined
  } catch {
    return undefined
  }
}

/** The same request for a server that takes no schema: it is told what to keep to. */
const inWords = ({ output, messages, ...rest }: ModelRequest): ModelRequest => {
  if (!output) return { messages, ...rest }
  const schema = JSON.stringify(output)
  const text = `Answer with one JSON value and nothing else. It has to fit this JSON Schema:\n${schema}`
  const [first, ...others] = messages
  // One system message, and first: templates of open models take no other.
  return first?.role === 'system'
    ? { ...rest, messages: [{ role: 'system', text: `${first.text}\n\n${text}` }, ...others] }
    : { ...rest, messages: [{ role: 'system', text }, ...messages] }
}
