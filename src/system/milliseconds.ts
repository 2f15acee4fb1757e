/** Times that users give, checked where they come in: one that is no number would stop all timers of the system. */
import { ConfigurationError } from '../contracts/errors.ts'

/** What is wrong with a time; `Infinity` is one. */
export const msFault = (what: string, ms: unknown): ConfigurationError | undefined =>
  typeof ms === 'number' && !Number.isNaN(ms)
    ? undefined
    : new ConfigurationError(`${what} is a number of milliseconds, not ${String(ms)}`)

/** @throws ConfigurationError for what is no number */
export const checkMs = (what: string, ms: unknown): void => {
  const fault = msFault(what, ms)
  if (fault) throw fault
}
