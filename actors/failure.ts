/** Outcomes that are no success: how they come from what was thrown, and what may follow on them. */
import {
  DeniedError,
  outcomeOf,
  toTroupeError,
  type Outcome,
  type TroupeError,
} from '../src/contracts/errors.ts'

/** Any outcome but `completed`. */
export type Failure = Exclude<Outcome, { status: 'completed' }>

/** The outcome that something thrown stands for. */
export const failureOf = (thrown: unknown): Failure => outcomeOf(toTroupeError(thrown)) as Failure

/**
 * Whether a fallback may mend it. A person's refusal is an answer; what was cancelled or is spent, nobody else can help.
 */
export const isForFallback = (outcome: Outcome): boolean =>
  outcome.status === 'failed' || (outcome.status === 'rejected' && !(outcome.error instanceof DeniedError))

/** What the error demands before the next attempt, in milliseconds; 0: nothing. */
export const retryAfterOf = (error: TroupeError | undefined): number =>
  error && 'retryAfterMs' in error && typeof error.retryAfterMs === 'number' && error.retryAfterMs > 0
    ? error.retryAfterMs
    : 0
