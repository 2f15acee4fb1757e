/** Why a signal was aborted, as outcomes say it. */
import { CancelledError } from '../contracts/errors.ts'

/** What a signal was aborted with, in words. */
export const reasonOf = (signal: AbortSignal): string => {
  const reason: unknown = signal.reason
  if (reason instanceof CancelledError) return reason.reason
  return reason instanceof Error ? reason.message : String(reason)
}
