/** What a tool gave, in words for a model. */
import type { TroupeError } from '../src/contracts/errors.ts'
import { beginningOf } from './form.ts'
import { DEFAULT_RESULT_CHARS } from './tool.ts'
import type { ToolResult } from './transcript.ts'

/** A text as it is, anything else as JSON; cut where it is too long, with a note. */
export const resultFor = (name: string, output: unknown, maxChars = DEFAULT_RESULT_CHARS): ToolResult => {
  const text = textOf(output)
  // It was done all the same.
  if (text === undefined)
    return { text: `"${name}" was done, but what it gave cannot be shown`, failed: false }
  if (text.length <= maxChars) return { text, failed: false }
  const note = `\n[cut: the first ${String(maxChars)} of ${String(text.length)} characters]`
  return { text: beginningOf(text, maxChars) + note, failed: false }
}

/** What is said of an error. */
export const textOfError = (error: TroupeError, note?: string): string =>
  note === undefined ? error.message : `${error.message}; ${note}`

const textOf = (output: unknown): string | undefined => {
  if (typeof output === 'string') return output
  if (output === undefined) return 'done'
  try {
    return JSON.stringify(output)
  } catch {
    return undefined
  }
}
