/** One line of the results: how one record of the input ended. */
import { DefectError } from '../contracts/errors.ts'
import type { Outcome } from '../contracts/errors.ts'

/** A result line. */
export type Result = Readonly<{
  /** Of the input, from 1. */
  line: number
  id?: string | number | undefined
  outcome: Outcome
  /** The agents that handled it, the first one asked first. */
  path: readonly string[]
  ms: number
}>

/** The line as JSON, without its end. An output that JSON cannot hold makes it a failed result, never a lost one. */
export function resultLine(result: Result): string {
  try {
    return JSON.stringify(result)
  } catch (error) {
    const { message } = error as Error
    const outcome: Outcome = {
      status: 'failed',
      error: new DefectError(`the output cannot be written as JSON: ${message}`, error),
    }
    return JSON.stringify({ ...result, outcome })
  }
}
