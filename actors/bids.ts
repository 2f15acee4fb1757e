/** What a bid is worth, and whether it is for the task at all. The same for agents and for plain actors. */
import type { Bid } from '../src/contracts/agents.ts'
import { ConfigurationError } from '../src/contracts/errors.ts'

/** The numbers of an auction. */
export interface AuctionTerms {
  readonly bidTimeoutMs: number
  readonly awardTimeoutMs: number
  readonly rounds: number
}

interface GivenTerms {
  readonly bidTimeoutMs?: number | undefined
  readonly awardTimeoutMs?: number | undefined
  readonly rounds?: number | undefined
}

/**
 * The terms with their defaults.
 * @param who in errors
 * @throws ConfigurationError for a time that is none and for rounds that cannot be counted
 */
export const termsOf = (who: string, given: GivenTerms): AuctionTerms => {
  const { bidTimeoutMs = 1_000, awardTimeoutMs = 1_000, rounds = 2 } = given
  for (const [what, value] of Object.entries({ bidTimeoutMs, awardTimeoutMs })) {
    if (value >= 0 && value < Infinity) continue
    throw new ConfigurationError(`${who}: \`${what}\` is a number of milliseconds, not ${String(value)}`)
  }
  if (Number.isInteger(rounds) && rounds >= 1) return { bidTimeoutMs, awardTimeoutMs, rounds }
  throw new ConfigurationError(`${who}: \`rounds\` is a whole number from 1, not ${String(rounds)}`)
}

/** Whether it can win: its cost is a number, and it is not meant for something else. */
export const isEligible = ({ cost, capability }: Bid, wanted: string | undefined): boolean =>
  Number.isFinite(cost) && (capability === undefined || wanted === undefined || capability === wanted)

/**
 * A score that can be compared with others.
 * @throws TypeError for what is no number
 */
export const checkedScore = (score: unknown, bidder: string): number => {
  if (typeof score === 'number' && !Number.isNaN(score)) return score
  throw new TypeError(`\`score\` gives a number, not ${String(score)} as for the bid of "${bidder}"`)
}

/** Until when a bid binds that was made at `at`. Without `validMs` as long as its call for bids. */
export const bindsUntil = ({ validMs }: Bid, at: number): number =>
  validMs === undefined ? Infinity : at + validMs
