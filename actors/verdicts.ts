/** What the rules of an agent, which users may write, say of a failed attempt. A rule that throws is a defect. */
import type { TroupeError } from '../src/contracts/errors.ts'
import type { AgentSettings } from '../src/contracts/agent-settings.ts'
import { failureOf, type Failure } from './failure.ts'

/** Whether to try again; a rule that throws takes the place of what it was to judge. */
export const judgeRetry = (
  { retry }: AgentSettings,
  failure: Failure,
): { readonly outcome: Failure; readonly retryable: boolean } => {
  const error = errorIn(failure)
  if (!error) return { outcome: failure, retryable: false }
  try {
    return { outcome: failure, retryable: retry.when(error) }
  } catch (thrown) {
    return { outcome: failureOf(thrown), retryable: false }
  }
}

/** Whether the circuit counts it; a rule that throws is counted, and logged. */
export const countsForCircuit = (
  { circuit, name }: AgentSettings,
  error: TroupeError | undefined,
  log: { error(fields: object, text: string): void },
): boolean => {
  if (!circuit || !error) return false
  try {
    return circuit.counts(error)
  } catch (thrown) {
    log.error({ err: thrown, agent: name }, '`circuit.counts` threw')
    return true
  }
}

/** The error that a failure carries; what is cancelled, spent or unknown carries none. */
export const errorIn = (failure: Failure): TroupeError | undefined =>
  'error' in failure ? failure.error : undefined
