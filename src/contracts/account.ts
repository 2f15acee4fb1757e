/**
 * What calls of models may still use: the account of a run, and those of tasks below it that have caps of their own.
 * What a call may take is held before it begins and settled when it is over. It knows neither tasks nor time.
 */
import type { Budget } from './agents.ts'
import { abortedBy, BudgetError, ConfigurationError } from './errors.ts'

const dimensions = ['usd', 'tokens', 'calls'] as const

/** What is used up. Hops are not: they are a depth. */
export type Dimension = (typeof dimensions)[number]

/** What a call takes, as it is estimated or as it was. */
export type Charge = Readonly<Record<Dimension, number>>

/** What a call in flight may take. */
export interface Hold {
  /** The call is over, and has used this much; once. What was held beyond that is returned. */
  settle(used: Charge): void
}

/** Most hops below a task, which is itself so deep in its run. */
export interface HopCap {
  readonly cap: number
  readonly from: number
}

type Caps = { readonly [D in Dimension]?: number | undefined }
type Sums = Record<Dimension, number>

/** How a call asks for what it may take. */
interface Wish {
  readonly charge: Charge
  /** It waits also for the end of calls that it would otherwise count as made. */
  readonly isPatient: boolean
}

interface Waiting extends Wish {
  readonly account: Account
  readonly begin: (hold: Hold) => void
  readonly refuse: (error: BudgetError) => void
}

/** What all accounts of a run have in common. */
interface Common {
  /** Calls that begin as soon as others in flight leave enough, in their order. */
  readonly waiting: Set<Waiting>
  readonly answers: { count: number; tokens: number }
}

/** Money is added without the crumbs of binary fractions, to a millionth of a millionth of a dollar. */
const plus = (dimension: Dimension, a: number, b: number): number =>
  dimension === 'usd' ? Math.round((a + b) * 1e12) / 1e12 : a + b

const none = (): Sums => ({ usd: 0, tokens: 0, calls: 0 })

const capsOf = ({ usd, tokens, calls }: Budget): Caps => ({
  usd: finite(usd),
  tokens: finite(tokens),
  calls: finite(calls),
})

const finite = (cap: number | undefined): number | undefined => (cap === Infinity ? undefined : cap)

const isCapped = (caps: Caps): boolean => dimensions.some((dimension) => caps[dimension] !== undefined)

/** One for a run with caps, and one for each task below it that is given some. */
export class Account {
  readonly #parent: Account | undefined
  /** Itself, and those above it up to the run's. */
  readonly #line: readonly Account[]
  readonly #caps: Caps
  readonly #hops: HopCap | undefined
  readonly #common: Common
  // By this account and those below it.
  readonly #spent = none()
  readonly #held = none()
  #inFlight = 0
  /** What shares below have been given, and neither have spent nor hold. */
  readonly #setAside = none()
  /** What it may spend was set aside by its parent, until it is closed. */
  #isShare = false

  private constructor(parent: Account | undefined, caps: Caps, hops?: HopCap) {
    this.#parent = parent
    this.#line = parent ? [this, ...parent.#line] : [this]
    this.#caps = caps
    this.#hops = hops
    this.#common = parent ? parent.#common : { waiting: new Set(), answers: { count: 0, tokens: 0 } }
  }

  /** Of a run; `undefined` when nothing is capped that calls of models use. */
  static of(budget: Budget): Account | undefined {
    const { usd, tokens, calls } = budget
    // Nearly always.
    if (usd === undefined && tokens === undefined && calls === undefined) return undefined
    const caps = capsOf(budget)
    return isCapped(caps) ? new Account(undefined, caps) : undefined
  }

  /**
   * Of a task with caps of its own. It spends what its parent may spend, and no more than these.
   * @param depth hops from the root of the run to this task
   */
  static below(parent: Account | undefined, budget: Budget, depth: number): Account {
    const hops = budget.hops === undefined ? undefined : { cap: budget.hops, from: depth }
    return new Account(parent, capsOf(budget), hops)
  }

  /** The caps of hops from here up. */
  *hopCaps(): Generator<HopCap> {
    for (const account of this.#line)
      if (account.#hops) yield account.#hops
  }

  /** Whether somebody set a cap for it, here or above. */
  caps(dimension: Dimension): boolean {
    return this.#caps[dimension] !== undefined || this.#parent?.caps(dimension) === true
  }

  /** How many tokens an answer in this run has on average; 0 before the first. */
  get averageAnswer(): number {
    const { count, tokens } = this.#common.answers
    return count === 0 ? 0 : tokens / count
  }

  noteAnswer(tokens: number): void {
    const { answers } = this.#common
    answers.count += 1
    answers.tokens += tokens
  }

  /** What is neither spent nor held nor set aside; `undefined`: no cap. */
  left(dimension: Dimension): number | undefined {
    let left = Infinity
    let isGiven = false
    for (const account of this.#line) {
      const cap = account.#caps[dimension]
      if (cap !== undefined) left = Math.min(left, plus(dimension, cap, -account.#taken(dimension, isGiven)))
      isGiven ||= account.#isShareOf(dimension)
    }
    return left === Infinity ? undefined : Math.max(0, left)
  }

  /**
   * Holds what a call may take. Where calls in flight may leave too little, it waits for them; a call that is larger than
   * what is left begins when no other is in flight. Where calls in flight are as many as may be made, it is refused.
   * @param isPatient it waits for them as well: they may turn out to be none
   * @throws BudgetError at once, or rejects with it, when a cap is reached
   * @throws CancelledError at once, or rejects with it, when the signal aborts
   */
  hold(charge: Charge, signal: AbortSignal, isPatient = false): Hold | Promise<Hold> {
    if (signal.aborted) throw abortedBy(signal)
    if (!this.#admits({ charge, isPatient })) return this.#queue({ charge, isPatient }, signal)
    const hold = this.#begin(charge)
    this.#retry()
    return hold
  }

  /** Of a call that was not held: nobody knew that it would cost anything. */
  spend(used: Charge): void {
    for (const dimension of dimensions) this.#move('spent', dimension, used[dimension])
    this.#retry()
  }

  /**
   * Sets aside what is left, a share for each weight. Of what comes in whole numbers the first ones get the odd ones.
   * @returns as many accounts, each to be closed
   */
  divide(weights: readonly number[]): readonly Account[] {
    const sum = weights.reduce((total, weight) => total + weight, 0)
    const parts = weights.map(none)
    for (const dimension of dimensions) {
      const left = this.left(dimension) ?? Infinity
      let weight = 0
      let given = 0
      for (const [place, part] of parts.entries()) {
        weight += weights[place] ?? 0
        const upTo = left === Infinity ? Infinity : portion(dimension, left, weight / sum)
        part[dimension] = left === Infinity ? Infinity : plus(dimension, upTo, -given)
        given = upTo
      }
    }
    const shares = parts.map((part) => this.#share(capsOf(part)))
    this.#retry()
    return shares
  }

  /** Ends a share: what it has not used is its parent's again. What is in flight is settled as ever. */
  close(): void {
    if (!this.#isShare) return
    for (const dimension of dimensions) {
      if (!this.#parent || this.#caps[dimension] === undefined) continue
      // What shares of this one still have is set aside further up as well from now on.
      const change = plus(dimension, this.#setAside[dimension], -this.#unused(dimension))
      this.#parent.#reserve(dimension, change)
    }
    this.#isShare = false
    this.#retry()
  }

  /** Nothing is held, set aside or waited for. */
  get isSettled(): boolean {
    const isFree = dimensions.every((dimension) => this.#held[dimension] === 0 && this.#setAside[dimension] === 0)
    return isFree && this.#inFlight === 0 && this.#common.waiting.size === 0
  }

  /** What has been spent, here and below. */
  get spent(): Charge {
    return { ...this.#spent }
  }

  #share(caps: Caps): Account {
    const share = new Account(this, caps)
    share.#isShare = true
    for (const dimension of dimensions) this.#reserve(dimension, share.#unused(dimension))
    return share
  }

  /** Up to the share that it comes from, if it is within one. */
  #reserve(dimension: Dimension, amount: number): void {
    for (const account of this.#line) {
      account.#setAside[dimension] = plus(dimension, account.#setAside[dimension], amount)
      if (account.#isShareOf(dimension)) return
    }
  }

  /** `false`: it has to wait. */
  #admits(wish: Wish): boolean {
    let fits = true
    for (const dimension of dimensions) fits = this.#admitsIn(dimension, wish) && fits
    return fits
  }

  #admitsIn(dimension: Dimension, wish: Wish): boolean {
    let fits = true
    let isGiven = false
    for (const account of this.#line) {
      const cap = account.#caps[dimension]
      if (cap !== undefined) fits = account.#hasRoom(dimension, { ...wish, cap, isGiven }) && fits
      isGiven ||= account.#isShareOf(dimension)
    }
    return fits
  }

  /** @throws BudgetError when waiting would not help either */
  #hasRoom(
    dimension: Dimension,
    { charge, isPatient, cap, isGiven }: Wish & { cap: number; isGiven: boolean },
  ): boolean {
    const amount = charge[dimension]
    const held = isGiven ? 0 : this.#held[dimension]
    const gone = plus(dimension, this.#taken(dimension, isGiven), -held)
    if (dimension !== 'calls' && gone >= cap) throw new BudgetError(dimension, cap, gone)
    // A call is known beforehand to be one, and in flight it is as good as made.
    const made = gone + (isPatient ? 0 : held)
    if (dimension === 'calls' && made + amount > cap) throw new BudgetError(dimension, cap, made)
    return isGiven || this.#inFlight === 0 || gone + held + amount <= cap
  }

  /** Nobody else may have it. What is asked for may have been set aside already: then only what was spent is in its way. */
  #taken(dimension: Dimension, isGiven: boolean): number {
    const spent = this.#spent[dimension]
    if (isGiven) return spent
    return plus(dimension, plus(dimension, spent, this.#held[dimension]), this.#setAside[dimension])
  }

  #begin(charge: Charge): Hold {
    this.#count(1)
    for (const dimension of dimensions) this.#move('held', dimension, charge[dimension])
    let isOver = false
    return {
      settle: (used) => {
        if (isOver) return
        isOver = true
        this.#count(-1)
        for (const dimension of dimensions) {
          this.#move('held', dimension, -charge[dimension])
          this.#move('spent', dimension, used[dimension])
        }
        this.#retry()
      },
    }
  }

  #queue(wish: Wish, signal: AbortSignal): Promise<Hold> {
    const { waiting } = this.#common
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        waiting.delete(entry)
        reject(abortedBy(signal))
      }
      const stay = <T>(then: (value: T) => void): ((value: T) => void) => {
        return (value) => {
          waiting.delete(entry)
          signal.removeEventListener('abort', leave)
          then(value)
        }
      }
      const entry: Waiting = { ...wish, account: this, begin: stay(resolve), refuse: stay(reject) }
      waiting.add(entry)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  /** What begins may take what another one that waits would have needed. */
  #retry(): void {
    const { waiting } = this.#common
    let hasBegun = true
    while (hasBegun && waiting.size > 0) {
      hasBegun = false
      for (const wish of waiting) {
        const { account, charge, begin, refuse } = wish
        try {
          if (!account.#admits(wish)) continue
          begin(account.#begin(charge))
          hasBegun = true
        } catch (thrown) {
          refuse(thrown as BudgetError)
        }
      }
    }
  }

  #count(calls: number): void {
    for (const account of this.#line) account.#inFlight += calls
  }

  /** Here and in all accounts above; what a share takes is set aside no longer. */
  #move(kind: 'spent' | 'held', dimension: Dimension, amount: number): void {
    let setAside = 0
    for (const account of this.#line) {
      const sums = kind === 'spent' ? account.#spent : account.#held
      account.#setAside[dimension] = plus(dimension, account.#setAside[dimension], setAside)
      const before = account.#unused(dimension)
      sums[dimension] = plus(dimension, sums[dimension], amount)
      if (account.#isShareOf(dimension)) setAside = plus(dimension, account.#unused(dimension), -before)
    }
  }

  #isShareOf(dimension: Dimension): boolean {
    return this.#isShare && this.#caps[dimension] !== undefined
  }

  /** What is set aside for this share. */
  #unused(dimension: Dimension): number {
    const cap = this.#caps[dimension]
    if (!this.#isShare || cap === undefined) return 0
    const taken = plus(dimension, this.#spent[dimension], this.#held[dimension])
    return Math.max(0, plus(dimension, cap, -taken))
  }
}

const portion = (dimension: Dimension, left: number, fraction: number): number => {
  if (dimension === 'usd') return plus(dimension, left * fraction, 0)
  // Not one more for the crumbs of a fraction.
  return Math.min(left, Math.ceil(left * fraction - 1e-9))
}

const names: readonly string[] = [...dimensions, 'hops']

/**
 * What is wrong with a budget that somebody gave: a cap that is none, or one of what no budget knows.
 * @param where what it is the budget of, in words
 */
export const budgetFault = (budget: Budget, where: string): ConfigurationError | undefined => {
  for (const [name, cap] of Object.entries(budget) as [string, unknown][]) {
    if (!names.includes(name)) {
      const way = name === 'ms' || name === 'timeoutMs' ? '; time is capped by `timeoutMs` beside it' : ''
      return new ConfigurationError(`the budget of ${where} caps "${name}"; there are: ${names.join(', ')}${way}`)
    }
    if (cap === undefined || (typeof cap === 'number' && cap >= 0)) continue
    const given = typeof cap === 'number' ? String(cap) : JSON.stringify(cap)
    return new ConfigurationError(`\`budget.${name}\` of ${where} is a number from 0, not ${given}`)
  }
  return undefined
}
