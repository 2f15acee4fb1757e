/** Hands the results of a batch on, one after the other, and keeps the count of how they ended. */
import { InvalidMessageError, type Outcome } from '../contracts/errors.ts'
import { describeFaults } from '../contracts/protocol.ts'
import type { Batch } from './batch.ts'
import type { Result } from './result.ts'
import type { Terminal } from './terminal.ts'

/** What became of the results. */
export interface Delivery {
  readonly outcomes: Partial<Record<Outcome['status'], number>>
  records: number
  ms: number
  lastLine: number
  /** Why the input ended before its end. */
  unread: unknown
  /** Why the results could not be written. */
  unwritten: unknown
}

const REPORTED_FAULTS = 20

/** Delivers until the batch ends or its results can go nowhere. Names the first faulty records. */
export async function deliver(
  work: Batch,
  write: (result: Result) => Promise<void>,
  { say, progress }: Terminal,
): Promise<Delivery> {
  const startedAt = performance.now()
  const delivery: Delivery = {
    outcomes: {},
    records: 0,
    ms: 0,
    lastLine: 0,
    unread: undefined,
    unwritten: undefined,
  }
  const { outcomes } = delivery
  let faulty = 0
  try {
    for await (const result of work.results) {
      const fault = faultOf(result.outcome)
      if (fault !== undefined && ++faulty <= REPORTED_FAULTS) say(`line ${result.line}: ${fault}`)
      delivery.unwritten = await failureOf(write(result))
      if (delivery.unwritten !== undefined) break
      outcomes[result.outcome.status] = (outcomes[result.outcome.status] ?? 0) + 1
      delivery.lastLine = result.line
      progress.show({ done: ++delivery.records, running: work.running })
    }
  } catch (error) {
    delivery.unread = error
  }
  delivery.ms = Math.round(performance.now() - startedAt)
  if (faulty > REPORTED_FAULTS)
    say(`... and ${faulty - REPORTED_FAULTS} more faulty records: see their results`)
  return delivery
}

const faultOf = (outcome: Outcome): string | undefined => {
  if (outcome.status !== 'failed' && outcome.status !== 'rejected') return undefined
  const { error } = outcome
  if (!(error instanceof InvalidMessageError) || !['INVALID_MESSAGE', 'INVALID_INPUT'].includes(error.code))
    return undefined
  return describeFaults(error.faults)
}

const failureOf = async (writing: Promise<void>): Promise<unknown> => {
  try {
    await writing
    return undefined
  } catch (error) {
    return error
  }
}
