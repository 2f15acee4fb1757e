/** Options that are refused when something is defined: what was wrong, and what was expected. */
import { ConfigurationError } from '../src/contracts/errors.ts'

/** @throws ConfigurationError */
export const demand = (holds: boolean, otherwise: string): void => {
  if (!holds) throw new ConfigurationError(otherwise)
}

/** @throws ConfigurationError */
export const demandOneOf = (what: string, given: string, known: readonly string[]): void =>
  demand(known.includes(given), `${what} is ${known.map((each) => `'${each}'`).join(', ')}, not '${given}'`)

/**
 * @param fits never holds for NaN
 * @throws ConfigurationError
 */
export const demandNumber = (what: string, given: unknown, fits: boolean, expected: string): void =>
  demand(typeof given === 'number' && fits, `${what} is ${expected}, not ${String(given)}`)
