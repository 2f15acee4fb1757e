/**
 * `auction`: agents bid for a task, and the best bid gets it. The plain actor that awards to peers outside of
 * runs is `auctioneer`.
 */
import type { AnyEventObject } from 'xstate'
import { auctionMachine, type AuctionEffect } from '../machines/auction.ts'
import type { Interpreter } from '../src/contracts/behavior.ts'
import type { Agent, AnyAgent, Bid, Common, Out } from '../src/contracts/agents.ts'
import { ConfigurationError, DeliveryError, outcomeOf, type Outcome } from '../src/contracts/errors.ts'
import type { MaybePromise } from '../src/contracts/schemas.ts'
import type { TaskScope, Work } from '../src/contracts/task-scope.ts'
import { bindsUntil, checkedScore, isEligible, termsOf, type AuctionTerms } from './bids.ts'
import { defineAgent, definitionOf, ofPatterns } from './definition.ts'
import { isForFallback } from './failure.ts'
import { partsOf, type Branches, type Shared } from './pattern.ts'

/**
 * Calls for bids and awards the task to the best one. Nobody bids: DeliveryError `NO_BIDDER`. A winner that
 * fails, dies or does not accept in time is followed by the next bid, then by another round; when none is
 * left, the auction ends as the last winner did.
 * @throws ConfigurationError without bidders, and for limits that are none
 */
export function auction<T extends Branches>(
  name: string,
  options: {
    bidders: T
    /** What a task needs; only agents with this capability are called. */
    capability?: ((task: Shared<T>) => string) | undefined
    /** The lowest score wins. Default: the cost. */
    score?: ((bid: Bid, bidder: keyof T & string) => number) | undefined
    /** Default 1_000. */
    bidTimeoutMs?: number | undefined
    /** How long the winner may take to accept. Default 1_000. */
    awardTimeoutMs?: number | undefined
    /** Auctions in all. Default 2. */
    rounds?: number | undefined
  } & Common<Shared<T>, Out<T[keyof T]>>,
): Agent<Shared<T>, Out<T[keyof T]>>
export function auction(name: string, given: object): AnyAgent {
  const options = given as Given
  const { bidders } = options
  if (Object.keys(bidders).length === 0) throw new ConfigurationError(`"${name}" needs at least one bidder`)
  const terms = termsOf(`"${name}"`, options)
  const work = (input: unknown, task: TaskScope): Work => new AuctionWork(task, input, options, terms)
  const takes = Object.values(bidders)
  const shape = { kind: 'auction', ...terms, byCapability: options.capability !== undefined } as const
  const parts = partsOf('bidder', bidders)
  return defineAgent<never, unknown>(name, options, { work, shape, parts, takes }, ofPatterns)
}

type Given = {
  bidders: Branches
  capability?: (task: unknown) => string
  score?: (bid: Bid, bidder: string) => number
  bidTimeoutMs?: number
  awardTimeoutMs?: number
  rounds?: number
} & Common<never, unknown>

type Awarded = Extract<AuctionEffect, { type: 'award.make' }>
type Asked = { readonly id: string; readonly bidder: string; readonly epoch: number }

class AuctionWork implements Work {
  readonly #task: TaskScope
  readonly #input: unknown
  readonly #options: Given
  readonly #terms: AuctionTerms
  readonly #capability: string | undefined
  readonly #flow: Interpreter<typeof auctionMachine>
  #round = 0
  /** The award that is live. */
  #asked: Asked | undefined

  constructor(task: TaskScope, input: unknown, options: Given, terms: AuctionTerms) {
    this.#task = task
    this.#input = input
    this.#options = options
    this.#terms = terms
    this.#capability = options.capability?.(input)
    this.#flow = task.cell.interpret(auctionMachine, this, task)
    this.#flow.start({ rounds: terms.rounds })
  }

  responded(id: string, outcome: Outcome): void {
    if (id !== this.#asked?.id) return
    const { bidder, epoch } = this.#asked
    // Whom somebody stopped has died; we have not been cancelled.
    const next = isForFallback(outcome) || outcome.status === 'cancelled'
    this.#flow.send({ type: 'award.settled', bidder, epoch, outcome, next, at: this.#now() })
  }

  receive(message: AnyEventObject): void {
    if (message['work'] !== this) return
    if (message.type === 'bid.made') {
      const { round, bidder, bid } = message as unknown as {
        round: number
        bidder: string
        bid: Bid | undefined
      }
      if (round === this.#round) this.#take(bidder, bid)
    } else if (message.type === 'bids.timer') this.#flow.send({ type: 'bids.timer', at: this.#now() })
    else if (message.type === 'award.timer') this.#awardIsDue()
  }

  perform(effect: AuctionEffect): void {
    switch (effect.type) {
      case 'bids.call':
        return this.#call(effect.round)
      case 'award.make':
        return this.#award(effect)
      case 'timer.arm': {
        const { bidTimeoutMs, awardTimeoutMs } = this.#terms
        const afterMs = effect.key === 'bids.timer' ? bidTimeoutMs : awardTimeoutMs
        return this.#task.cell.timers.start(effect.key, { type: effect.key, work: this }, { afterMs })
      }
      case 'timer.cancel':
        return this.#task.cell.timers.cancel(effect.key)
      case 'work.done':
        return this.#task.done(effect.outcome)
      case 'auction.failed':
        return this.#task.done(effect.last ?? outcomeOf(this.#nobody()))
      // An agent keeps nothing ready for its bid, and its late answers do not arrive.
      case 'bids.reject':
      case 'award.refuse':
    }
  }

  #now(): number {
    return this.#task.cell.now()
  }

  #call(round: number): void {
    this.#round = round
    const wanted = this.#capability
    const called = Object.entries(this.#options.bidders).filter(
      ([, agent]) => wanted === undefined || definitionOf(agent).capabilities.includes(wanted),
    )
    this.#flow.send({ type: 'bidders.called', bidders: called.map(([key]) => key), at: this.#now() })
    for (const [bidder, agent] of called) {
      const bid = this.#ask(bidder, agent)
      if (!(bid instanceof Promise)) this.#take(bidder, bid)
      else {
        this.#task.cell.pipe(bid, (made) => {
          if (made.status === 'failed') this.#noteFailure(bidder, made.error)
          return {
            type: 'bid.made',
            work: this,
            round,
            bidder,
            bid: made.status === 'completed' ? made.output : undefined,
          }
        })
      }
    }
  }

  /** A bid that throws is none. */
  #ask(bidder: string, agent: AnyAgent): MaybePromise<Bid | undefined> {
    const load = this.#task.cell.load(agent)
    const { bid } = definitionOf(agent)
    if (!bid) return { cost: load.running + load.queued }
    try {
      return bid(this.#input as never, load)
    } catch (thrown) {
      this.#noteFailure(bidder, thrown)
      return undefined
    }
  }

  #noteFailure(bidder: string, thrown: unknown): void {
    this.#task.cell.log.warn({ err: thrown, bidder }, 'a bid threw, and counts as declined')
  }

  #take(bidder: string, bid: Bid | undefined): void {
    const at = this.#now()
    if (!bid || !isEligible(bid, this.#capability))
      return this.#flow.send({ type: 'bid.declined', bidder, at })
    const score = checkedScore(this.#options.score ? this.#options.score(bid, bidder) : bid.cost, bidder)
    this.#flow.send({ type: 'bid.received', bid: { bidder, score, at, until: bindsUntil(bid, at) }, at })
  }

  #award({ bidder, epoch, score, round, others }: Awarded): void {
    const agent = this.#options.bidders[bidder]
    if (!agent) return
    this.#task.record({
      type: 'decision.made',
      kind: 'award',
      chosen: bidder,
      alternatives: others,
      reason: `the lowest score, ${String(score)}, in round ${String(round)}`,
    })
    const id = this.#task.delegate(agent, this.#input, { hops: 1, parsed: this.#task.meta.parsed })
    this.#asked = { id, bidder, epoch }
  }

  /** A winner has accepted when the task has left its mailbox. */
  #awardIsDue(): void {
    if (!this.#asked) return
    const { id, bidder, epoch } = this.#asked
    const at = this.#now()
    if (this.#task.cell.started(id)) return this.#flow.send({ type: 'award.accepted', bidder, epoch, at })
    this.#task.withdraw(id, 'it was not accepted in time')
    this.#asked = undefined
    this.#flow.send({ type: 'award.timer', at })
  }

  #nobody(): DeliveryError {
    const { name } = this.#task.definition
    const what = this.#capability === undefined ? 'a task' : `a task that needs "${this.#capability}"`
    return new DeliveryError('NO_BIDDER', `no bid is left for ${what} of "${name}"`, this.#input)
  }
}
