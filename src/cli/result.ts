/** How one record of the input ended, and the line that says so. */
import { DefectError } from '../contracts/errors.ts'
import type { Outcome } from '../contracts/errors.ts'

/** A result. */
export type Result = Readonly<{
  /** Of the input, from 1. */
  line: number
  id?: string | number | undefined
  outcome: Outcome
  /** The agents that handled it, the first one asked first. */
  path: readonly string[]
  ms: number
}>

/** A result in the form in which it is written. It may not be written as it was: then `result` is another one. */
export type Written = Readonly<{ result: Result; text: string }>

/** As a line of JSON. An output that JSON cannot hold makes it a failed result, never a lost one. */
export function asJson(result: Result): Written {
  try {
    return { result, text: `${JSON.stringify(result)}\n` }
  } catch (error) {
    const { message } = error as Error
    const outcome: Outcome = {
      status: 'failed',
      error: new DefectError(`the output cannot be written as JSON: ${message}`, error),
    }
    const failed = { ...result, outcome }
    return { result: failed, text: `${JSON.stringify(failed)}\n` }
  }
}
