/** What the two APIs of OpenAI have in common: how a question is put, and who listens to the answer. */
import type { OpenAI } from 'openai'
import type { ModelRequest } from '../contracts/ports.ts'
import type { Listener } from './answer.ts'
import { strictSchema } from './strict-schema.ts'

/** One API. */
export interface Dialect<Event> {
  /** Puts the question, for a stream of events. */
  ask(client: OpenAI, question: Question, options: AskOptions): Asked<Event>
  listen(): Listener<Event>
}

/** What is asked of which model. */
export interface Question {
  readonly model: string
  readonly request: ModelRequest
}

/** How it is asked. */
export interface AskOptions {
  readonly signal: AbortSignal
  readonly headers: Record<string, string>
}

/** A request under way, as the client gives it. */
export interface Asked<Event> {
  withResponse(): Promise<{ data: AsyncIterable<Event>; response: Response }>
}

/** What a schema is called where it needs a name. */
export const ANSWER = 'answer'

/** A schema as strict mode takes it, or as it is and not strict. */
export const schemaFor = (schema: object): { schema: Record<string, unknown>; strict: boolean } => {
  const strict = strictSchema(schema)
  return { schema: { ...(strict ?? schema) }, strict: strict !== undefined }
}

/** The members that are not `undefined`, which the client would send as they are. */
export const given = <T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
