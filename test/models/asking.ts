/** What tests ask models, and how they listen to the end. */
import type { Model, ModelEvent, ModelRequest, ModelResult } from 'troupe'

/** A request with defaults: one user message, no tools, no schema. */
export const request = (parts: Partial<ModelRequest> = {}): ModelRequest => ({
  messages: [{ role: 'user', text: 'How much is it?' }],
  tools: [],
  settings: {},
  key: 'run-1/task-1/model#1',
  ...parts,
})

/** A tool for requests. */
export const refund = {
  name: 'refund',
  description: 'Refunds an invoice',
  input: { type: 'object', properties: { invoice: { type: 'string' } }, required: ['invoice'] },
}

/** All events of a call. */
export const eventsOf = async (
  model: Model,
  asked = request(),
  signal = new AbortController().signal,
): Promise<ModelEvent[]> => {
  const events: ModelEvent[] = []
  for await (const event of model.complete(asked, signal)) events.push(event)
  return events
}

/** The result of a call. Fails when it is not the last event, or not the only one. */
export const resultOf = async (model: Model, asked?: ModelRequest): Promise<ModelResult> => {
  const events = await eventsOf(model, asked)
  const last = events.at(-1)
  if (last?.type !== 'end' || events.filter(({ type }) => type === 'end').length !== 1) {
    throw new Error(`the stream ended with ${JSON.stringify(last)}`)
  }
  return last.result
}

/** What a call is rejected with. Fails when it gives a result. */
export const errorOf = async (model: Model, asked?: ModelRequest, signal?: AbortSignal): Promise<unknown> =>
  eventsOf(model, asked, signal).then(
    (events) => {
      throw new Error(`it succeeded with ${JSON.stringify(events.at(-1))}`)
    },
    (error: unknown) => error,
  )
