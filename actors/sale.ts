/**
 * One announced task of an auctioneer: the machine of `machines/auction.ts`, its effects performed by
 * messages.
 */
import type { EventObject } from 'xstate'
import { auctionMachine, type AuctionEffect } from '../machines/auction.ts'
import type { Bid } from '../src/contracts/agents.ts'
import type { CellScope, Interpreter } from '../src/contracts/behavior.ts'
import {
  DefectError,
  DeliveryError,
  errorOf,
  toTroupeError,
  type TroupeError,
} from '../src/contracts/errors.ts'
import type { ActorRef, AgentMessage, AnyRef } from '../src/contracts/messages.ts'
import type { AuctioneerMessage, BidderMessage } from './auction-protocol.ts'
import { bindsUntil, checkedScore, isEligible, type AuctionTerms } from './bids.ts'
import { isAsked } from './sender.ts'

/** What a sale needs of its auctioneer. */
export interface House {
  readonly cell: CellScope<EventObject>
  readonly score: ((bid: Bid, bidder: AnyRef) => number) | undefined
  /** Who may bid at the moment. */
  bidders(): readonly ActorRef<BidderMessage>[]
  /** From now on messages that name this auction are the sale's. */
  opened(auction: string, sale: Sale): void
  /** It is told when the bidder is gone. */
  watch(bidder: ActorRef<BidderMessage>, sale: Sale): void
  /** It is over: nothing that names these auctions is its own any more. */
  closed(sale: Sale, auctions: readonly string[]): void
  arm(key: string, afterMs: number, due: () => void): void
  disarm(key: string): void
}

/** A task as it was announced. */
export type Announced = Extract<AuctioneerMessage, { type: 'auction.announce' }>['payload']

type Rejection = Extract<BidderMessage, { type: 'auction.rejected' }>['payload']['reason']
type TimerKey = Extract<AuctionEffect, { type: 'timer.arm' }>['key']
type Awarded = Extract<AuctionEffect, { type: 'award.make' }>
type Result = Extract<AuctioneerMessage, { type: 'auction.result' }>['payload']

/** One task from its announcement to its result. */
export class Sale {
  /** Of its announcement. */
  readonly id: string
  /** Uids of the bidders that it is told the end of. */
  readonly watched = new Set<string>()
  readonly #house: House
  readonly #announced: Announced
  readonly #terms: AuctionTerms
  readonly #envelope: AgentMessage
  readonly #flow: Interpreter<typeof auctionMachine>
  /** By path, all who were called in this round. */
  readonly #called = new Map<string, ActorRef<BidderMessage>>()
  /** The name of each round, the one in hand last. */
  readonly #auctions: string[] = []
  #deadline = Infinity
  #bidding = false

  constructor(house: House, announced: Announced, terms: AuctionTerms) {
    this.#house = house
    this.#announced = announced
    this.#terms = terms
    this.#envelope = house.cell.envelope
    this.id = this.#envelope.id
    this.#flow = house.cell.aside(auctionMachine, this)
  }

  begin(): void {
    const { deadline } = this.#envelope
    if (deadline !== undefined) {
      this.#house.arm(`${this.id} asker`, deadline - this.#now(), () => this.cancel())
    }
    this.#flow.start({ rounds: this.#terms.rounds })
  }

  bid(bidder: ActorRef, { auction, ...bid }: Bid & { readonly auction: string }): void {
    const at = this.#now()
    // The message may overtake the timer.
    if (at > this.#deadline) this.#flow.send({ type: 'bids.timer', at })
    if (!this.#bidding || !this.#isCalled(bidder, auction)) return this.#reject(bidder, auction, 'late')
    const eligible = isEligible(bid, this.#announced.capability)
    const score = eligible ? this.#scoreOf(bid, bidder) : Infinity
    if (score === undefined) return
    // What cannot win has expired when the others are compared.
    const until = eligible ? bindsUntil(bid, at) : -Infinity
    this.#flow.send({ type: 'bid.received', bid: { bidder: bidder.path, score, at, until }, at })
  }

  declined(bidder: ActorRef, auction: string): void {
    if (!this.#isCalled(bidder, auction)) return
    this.#flow.send({ type: 'bid.declined', bidder: bidder.path, at: this.#now() })
  }

  accepted(bidder: ActorRef, auction: string, epoch: number): void {
    if (!this.#isCalled(bidder, auction)) return this.#reject(bidder, auction, 'stale-epoch')
    this.#flow.send({ type: 'award.accepted', bidder: bidder.path, epoch, at: this.#now() })
  }

  settled(bidder: ActorRef, { auction, epoch, result }: Result): void {
    if (!this.#isCalled(bidder, auction)) return this.#reject(bidder, auction, 'stale-epoch')
    const award = { type: 'award.settled', bidder: bidder.path, epoch, at: this.#now() } as const
    if ('output' in result) {
      this.#flow.send({ ...award, outcome: { status: 'completed', output: result.output }, next: false })
    } else {
      const error = new DefectError(`"${bidder.path}" failed: ${result.error}`, undefined)
      this.#flow.send({ ...award, outcome: { status: 'failed', error }, next: true })
    }
  }

  gone(bidder: AnyRef): void {
    if (!this.#isCalled(bidder, this.#auction)) return
    this.#called.delete(bidder.path)
    this.#flow.send({ type: 'bidder.gone', bidder: bidder.path, at: this.#now() })
  }

  /** Nobody waits for it any more: who has bid is free. */
  cancel(): void {
    this.#flow.send({ type: 'auction.cancel', at: this.#now() })
    this.#close()
  }

  perform(effect: AuctionEffect): void {
    switch (effect.type) {
      case 'bids.call':
        return this.#call(effect.round)
      case 'bids.reject':
        for (const path of effect.bidders) this.#rejectBid(path, effect.reason)
        return
      case 'award.make':
        return this.#award(effect)
      case 'award.refuse':
        return this.#rejectBid(effect.bidder, 'stale-epoch')
      case 'timer.arm':
        return this.#arm(effect.key)
      case 'timer.cancel':
        return this.#disarm(effect.key)
      case 'work.done':
        if (effect.outcome.status === 'completed') return this.#answer(effect.outcome.output)
        return this.#fail(errorOf(effect.outcome))
      case 'auction.failed':
        return this.#fail(
          this.#noBidder(effect.last && 'error' in effect.last ? effect.last.error : undefined),
        )
    }
  }

  /** Names the round in hand. */
  get #auction(): string {
    return this.#auctions.at(-1) ?? ''
  }

  /** In the round in hand. Who is gone is not: a namesake of it was never called. */
  #isCalled({ path }: AnyRef, auction: string): boolean {
    return auction === this.#auction && this.#called.has(path)
  }

  #now(): number {
    return this.#house.cell.now()
  }

  #call(round: number): void {
    const { cell } = this.#house
    const at = this.#now()
    this.#auctions.push(`${this.id}#${String(round)}`)
    this.#deadline = at + this.#terms.bidTimeoutMs
    this.#called.clear()
    this.#house.opened(this.#auction, this)
    const { task, capability } = this.#announced
    const payload = {
      auction: this.#auction,
      auctioneer: cell.self,
      task,
      capability,
      deadline: this.#deadline,
    }
    for (const bidder of this.#house.bidders()) {
      if (this.#called.has(bidder.path)) continue
      // Whose mailbox is full cannot bid.
      if (cell.tell(bidder, { type: 'auction.call', payload }) === 'rejected') continue
      this.#called.set(bidder.path, bidder)
      this.#house.watch(bidder, this)
    }
    this.#flow.send({ type: 'bidders.called', bidders: [...this.#called.keys()], at })
  }

  #award({ bidder, epoch, score, round, others }: Awarded): void {
    const { cell } = this.#house
    const winner = this.#called.get(bidder)
    const alternatives = others.join(', ')
    cell.log.info(
      { auction: this.#auction, winner: bidder, score, round, alternatives },
      'a task was awarded',
    )
    const { task } = this.#announced
    const payload = { auction: this.#auction, epoch, auctioneer: cell.self, task }
    if (winner && cell.tell(winner, { type: 'auction.awarded', payload }) === 'accepted') return
    this.#flow.send({ type: 'bidder.gone', bidder, at: this.#now() })
  }

  /** A score that throws ends this auction, not the auctioneer. */
  #scoreOf(bid: Bid, bidder: ActorRef): number | undefined {
    try {
      return checkedScore(this.#house.score ? this.#house.score(bid, bidder) : bid.cost, bidder.path)
    } catch (thrown) {
      this.#reject(bidder, this.#auction, 'cancelled')
      this.#flow.send({ type: 'auction.cancel', at: this.#now() })
      this.#fail(toTroupeError(thrown))
      return undefined
    }
  }

  #rejectBid(path: string, reason: Rejection): void {
    const bidder = this.#called.get(path) ?? this.#house.cell.lookup(path)
    if (bidder) this.#reject(bidder, this.#auction, reason)
  }

  #reject(bidder: ActorRef<BidderMessage>, auction: string, reason: Rejection): void {
    this.#house.cell.tell(bidder, { type: 'auction.rejected', payload: { auction, reason } })
  }

  #arm(key: TimerKey): void {
    if (key === 'bids.timer') this.#bidding = true
    const { bidTimeoutMs, awardTimeoutMs } = this.#terms
    const afterMs = key === 'bids.timer' ? bidTimeoutMs : awardTimeoutMs
    this.#house.arm(`${this.id} ${key}`, afterMs, () => this.#flow.send({ type: key, at: this.#now() }))
  }

  #disarm(key: TimerKey): void {
    if (key === 'bids.timer') this.#bidding = false
    this.#house.disarm(`${this.id} ${key}`)
  }

  #answer(output: unknown): void {
    if (isAsked(this.#envelope)) this.#house.cell.reply(output, this.#envelope)
    this.#close()
  }

  #fail(error: TroupeError): void {
    const { cell } = this.#house
    if (isAsked(this.#envelope)) cell.replyError(error, this.#envelope)
    else cell.log.warn({ err: error, auction: this.id }, 'an auction that nobody waits for has failed')
    this.#close()
  }

  #close(): void {
    this.#house.disarm(`${this.id} asker`)
    this.#house.closed(this, this.#auctions)
  }

  #noBidder(last: TroupeError | undefined): DeliveryError {
    const { task, capability } = this.#announced
    const what = capability === undefined ? 'the task' : `the task that needs "${capability}"`
    const why = last ? `; the last winner: ${last.message}` : ''
    return new DeliveryError('NO_BIDDER', `no bid is left for ${what}${why}`, task)
  }
}
