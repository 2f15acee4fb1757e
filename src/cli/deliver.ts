/** Hands the results of a batch on, one after the other, and keeps the count of how they ended. */
import type { Outcome } from '../contracts/errors.ts'
import type { Batch, Ended } from './batch.ts'
import type { Output } from './output.ts'
import { oneLine } from './screen.ts'

/** What became of the results. */
export interface Delivery {
  readonly outcomes: Partial<Record<Outcome['status'], number>>
  records: number
  ms: number
  /** Of the input: everything up to it is written. */
  lastLine: number
  /** Why the input ended before its end. */
  unread: unknown
  /** Why the results could not be written. */
  unwritten: unknown
}

/** Nothing is delivered yet. */
export const noDelivery = (): Delivery => ({
  outcomes: {},
  records: 0,
  ms: 0,
  lastLine: 0,
  unread: undefined,
  unwritten: undefined,
})

const REPORTED = 20
const REPORT_WIDTH = 300

/**
 * Delivers until the batch ends or its results can go nowhere; all that could be written is written then. Reports the
 * first records that did not complete to `say`. `delivery` is up to date all the time.
 */
export async function deliver(
  work: Batch,
  out: Output,
  delivery: Delivery,
  say: (line: string) => void,
): Promise<void> {
  const startedAt = performance.now()
  const { outcomes } = delivery
  let problems = 0
  const report = ({ line, problem }: Ended): void => {
    if (problem !== undefined && ++problems <= REPORTED)
      say(`line ${line}: ${oneLine(problem, REPORT_WIDTH)}`)
  }
  try {
    for await (const ended of work.results) {
      const { line, status, text } = ended
      report(ended)
      outcomes[status] = (outcomes[status] ?? 0) + 1
      delivery.records++
      delivery.unwritten = await failureOf(out.write(text, () => (delivery.lastLine = line)))
      if (delivery.unwritten !== undefined) break
    }
  } catch (error) {
    delivery.unread = error
  }
  // What is buffered may still fail. Where there was nothing to read, earlier results stay as they are.
  if (delivery.unread === undefined || delivery.records > 0)
    delivery.unwritten ??= await failureOf(out.flush())
  delivery.ms = Math.round(performance.now() - startedAt)
  if (problems > REPORTED) say(`... and ${problems - REPORTED} more did not complete: see their results`)
}

/** What a promise rejects with, if it does. */
export const failureOf = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise
    return undefined
  } catch (error) {
    return error
  }
}
