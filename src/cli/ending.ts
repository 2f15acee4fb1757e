/** How a run of the command ended: what is said about it, and its exit code. */
import type { Delivery } from './deliver.ts'
import { INTERRUPTED } from './interrupts.ts'
import { messageOf } from './place.ts'

/** What came in between. */
export type Incidents = Readonly<{ interrupted: boolean; gaveUp: boolean }>

/** How it ended. */
export type Ending = Delivery &
  Incidents &
  Readonly<{
    input: string
    /** Where the results went. */
    out: string
    /** Whether the input was read to its end, or to the limit. */
    allTaken: boolean
  }>

/** What was left, and why. */
export function leftOver(ending: Ending): string[] {
  const { input, out, records, lastLine, interrupted, gaveUp, unread, unwritten, allTaken } = ending
  const left = leftAfter(input, lastLine)
  if (unwritten !== undefined) return [`${out} could not be written: ${messageOf(unwritten)}.`, left]
  if (unread !== undefined) return [`${input} could not be read: ${messageOf(unread)}.`, left]
  if (interrupted || gaveUp) return [allTaken ? `Nothing was left of ${input}.` : left]
  return records === 0 ? [`There is nothing to do: ${input} has no records.`] : []
}

/** What comes after the last line whose result is written. */
export const leftAfter = (input: string, lastLine: number): string =>
  `Left undone of ${input}: ${lastLine === 0 ? 'all of it' : `what comes after line ${lastLine}`}.`

/** 0 when every record completed, 130 when it was interrupted, else 1. */
export function exitCode({ interrupted, gaveUp, unread, unwritten, records, outcomes }: Ending): number {
  if (interrupted) return INTERRUPTED
  const whole = !gaveUp && unread === undefined && unwritten === undefined
  return whole && records === (outcomes.completed ?? 0) ? 0 : 1
}
