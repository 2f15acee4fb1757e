/** A summary of what a model cannot read of a conversation, made by that model. */
import type { ModelMessage, ModelRequest, ModelSettings } from '../src/contracts/ports.ts'
import { nested } from './history.ts'

const SUMMARISE = [
  'Sum up this conversation for somebody who goes on with it:',
  'what was asked, found and decided, and what is still open.',
  'Keep names, numbers and ids. Give nothing but the summary.',
].join(' ')

/** What the model is asked. */
export const summaryRequest = (
  dropped: readonly ModelMessage[],
  settings: ModelSettings,
  key: string,
): ModelRequest => ({
  messages: [{ role: 'system', text: SUMMARISE }, nested(dropped)],
  tools: [],
  settings: { ...settings, toolChoice: undefined },
  key,
})

/** What stands in the place of what was summed up. */
export const summaryMessage = (text: string): ModelMessage => ({
  role: 'user',
  text: `A summary of what was said before:\n\n${text}`,
})
