/** The history that a model reads: as text, as one message, and cut to what it may take. */
import type { Outcome } from '../src/contracts/errors.ts'
import type { ModelMessage } from '../src/contracts/ports.ts'
import type { TaskScope } from '../src/contracts/task-scope.ts'

/** A value as a model reads it: a text as it is, anything else as JSON. */
export const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '')

/** What went into a task and came out of it, as a conversation. */
export const turnOf = (input: unknown, outcome: Outcome | undefined): readonly ModelMessage[] => {
  const asked: ModelMessage = { role: 'user', text: textOf(input) }
  if (outcome?.status !== 'completed') return [asked]
  return [asked, { role: 'assistant', text: textOf(outcome.output), calls: [] }]
}

/** What of a history is read, and what is too much. */
export interface History {
  readonly kept: readonly ModelMessage[]
  readonly dropped: readonly ModelMessage[]
}

/** What was said before a task: to whoever handed it over, in its own conversation, or in the session of its run. */
export const historyOf = ({ meta, taskId }: TaskScope): readonly ModelMessage[] => {
  const { handoff, thread, run } = meta
  if (handoff) return handoff.history
  return thread ? [...thread.history, ...thread.said(taskId)] : (run.thread?.history ?? [])
}

/**
 * The newest turns that fit. A turn begins with what a user said and is kept or dropped as a whole, so that no tool call
 * loses its result.
 */
export const trimmed = (messages: readonly ModelMessage[], maxTokens: number): History => {
  let begin = messages.length
  let tokens = 0
  for (let at = messages.length - 1; at >= 0; at -= 1) {
    const message = messages[at]
    if (!message) continue
    tokens += tokensIn(message)
    if (tokens > maxTokens) break
    if (message.role === 'user' || at === 0) begin = at
  }
  return { kept: messages.slice(begin), dropped: messages.slice(0, begin) }
}

/** About so many: providers count differently, and four characters a token is near enough for most text. */
const tokensIn = (message: ModelMessage): number => {
  const calls = message.role === 'assistant' ? message.calls : []
  const chars = calls.reduce((sum, { name, input }) => sum + name.length + input.length, message.text.length)
  return Math.ceil(chars / 4) + 4
}

/** A conversation in one message, for a model that is to know of it without having been part of it. */
export const nested = (messages: readonly ModelMessage[]): ModelMessage => ({
  role: 'user',
  text: ['What was said before:', ...messages.map(lineOf)].join('\n\n'),
})

const lineOf = (message: ModelMessage): string => {
  if (message.role !== 'assistant' || message.calls.length === 0) return `${message.role}: ${message.text}`
  const calls = message.calls.map(({ name, input }) => `${name}(${input})`).join(', ')
  return `assistant: ${message.text}${message.text === '' ? '' : ' '}[calls ${calls}]`
}
