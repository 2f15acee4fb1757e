/**
 * `auctioneer`: awards tasks to actors that bid for them, by the contract net protocol. The agent that does
 * the same within one run is `auction`.
 */
import type { EventObject } from 'xstate'
import type { Bid } from '../src/contracts/agents.ts'
import type { CellScope, Incarnation } from '../src/contracts/behavior.ts'
import { InvalidMessageError } from '../src/contracts/errors.ts'
import type { Behavior } from '../src/contracts/logic.ts'
import type { ActorRef, AnyRef, Service } from '../src/contracts/messages.ts'
import type { Options } from '../src/contracts/schemas.ts'
import type { AuctioneerMessage, BidderMessage } from './auction-protocol.ts'
import { termsOf, type AuctionTerms } from './bids.ts'
import { cellLogic } from './cell-logic.ts'
import { Sale, type Announced, type House } from './sale.ts'
import { isAsked, senderOf } from './sender.ts'

export { auctionProtocol } from './auction-protocol.ts'
export type { AuctioneerMessage, Award, BidderMessage } from './auction-protocol.ts'

/**
 * Awards tasks by the contract net protocol: calls for bids, decides at the deadline or once all have
 * answered, awards to the lowest score. A tie goes to the earliest bid, then by the bidder's path. A winner
 * that declines, dies, fails or does not accept in time is followed by the next valid bid, then by another
 * round. An auction ends with the ask that announced it: what comes later is refused, `stale-epoch`.
 * @throws ConfigurationError for limits that are none
 */
export function auctioneer(
  options: {
    /** Any actors that speak `auctionProtocol.bidder`, or the service they are registered for. */
    bidders: Service<BidderMessage> | readonly ActorRef<BidderMessage>[]
  } & Options<{
    /** The lowest one wins. Default: the cost. */
    score: (bid: Bid, bidder: AnyRef) => number
    /** How long bids are taken, unless the announcement says otherwise. Default 1_000. */
    bidTimeoutMs: number
    /** How long the winner may take to accept. Default 1_000. */
    awardTimeoutMs: number
    /** Auctions per task, in all. Default 2. */
    rounds: number
  }>,
): Behavior<AuctioneerMessage> {
  const terms = termsOf('an auctioneer', options)
  const start = (cell: unknown): Incarnation<EventObject> =>
    new Auctioneer(cell as CellScope<EventObject>, options, terms)
  return cellLogic<AuctioneerMessage>(start)
}

type Given = Parameters<typeof auctioneer>[0]

interface Watched {
  readonly bidder: ActorRef<BidderMessage>
  /** Says that it is gone. */
  readonly end: EventObject
  readonly sales: Set<Sale>
}

class Auctioneer implements Incarnation<EventObject>, House {
  readonly cell: CellScope<EventObject>
  readonly score: House['score']
  readonly #options: Given
  readonly #terms: AuctionTerms
  /** By what their messages name. */
  readonly #auctions = new Map<string, Sale>()
  readonly #sales = new Set<Sale>()
  /** By uid. */
  readonly #watched = new Map<string, Watched>()
  /** What it tells itself. Known by identity: nobody else can say so. */
  readonly #own = new Map<EventObject, () => void>()
  readonly #timers = new Map<string, EventObject>()

  constructor(cell: CellScope<EventObject>, options: Given, terms: AuctionTerms) {
    this.cell = cell
    this.score = options.score
    this.#options = options
    this.#terms = terms
    cell.onStop(() => {
      for (const sale of this.#sales) sale.cancel()
    })
  }

  receive(event: EventObject): void {
    const own = this.#own.get(event)
    if (own) return own()
    const message = event as AuctioneerMessage
    if (message.type === 'auction.announce') return this.#announce(message.payload)
    const bidder = senderOf(this.cell)
    if (bidder) this.#hear(bidder, message)
    else this.cell.unhandled()
  }

  bidders(): readonly ActorRef<BidderMessage>[] {
    const { bidders } = this.#options
    return 'service' in bidders ? this.cell.receptionist.find(bidders) : bidders
  }

  opened(auction: string, sale: Sale): void {
    this.#sales.add(sale)
    this.#auctions.set(auction, sale)
  }

  closed(sale: Sale, auctions: readonly string[]): void {
    this.#sales.delete(sale)
    for (const auction of auctions) this.#auctions.delete(auction)
    for (const uid of sale.watched) {
      const watched = this.#watched.get(uid)
      if (watched?.sales.delete(sale) && watched.sales.size === 0) this.#unwatch(watched)
    }
  }

  watch(bidder: ActorRef<BidderMessage>, sale: Sale): void {
    let watched = this.#watched.get(bidder.uid)
    if (!watched) {
      const gone: Watched = { bidder, end: { type: 'auction.bidder-gone' }, sales: new Set() }
      watched = gone
      this.#watched.set(bidder.uid, gone)
      this.#own.set(gone.end, () => this.#gone(gone))
      this.cell.watch(bidder, gone.end)
    }
    watched.sales.add(sale)
    sale.watched.add(bidder.uid)
  }

  arm(key: string, afterMs: number, due: () => void): void {
    this.disarm(key)
    const message = { type: 'auction.timer' }
    this.#timers.set(key, message)
    this.#own.set(message, () => {
      this.#forget(key, message)
      due()
    })
    this.cell.timers.start(key, message, { afterMs })
  }

  disarm(key: string): void {
    const message = this.#timers.get(key)
    if (!message) return
    this.#forget(key, message)
    this.cell.timers.cancel(key)
  }

  #announce(announced: Announced): void {
    const { bidTimeoutMs = this.#terms.bidTimeoutMs } = announced
    if (bidTimeoutMs >= 0 && bidTimeoutMs < Infinity) {
      return new Sale(this, announced, { ...this.#terms, bidTimeoutMs }).begin()
    }
    const text = `\`bidTimeoutMs\` is a number of milliseconds, not ${String(bidTimeoutMs)}`
    const faults = [{ path: 'payload.bidTimeoutMs', message: 'expected a number of milliseconds' }]
    const error = new InvalidMessageError(text, { code: 'INVALID_MESSAGE', faults })
    if (isAsked(this.cell.envelope)) this.cell.replyError(error)
    else this.cell.log.warn({ err: error, from: this.cell.envelope.from }, 'an announcement was refused')
  }

  #hear(bidder: ActorRef, message: Exclude<AuctioneerMessage, { type: 'auction.announce' }>): void {
    switch (message.type) {
      case 'auction.bid': {
        const sale = this.#auctions.get(message.payload.auction)
        return sale
          ? sale.bid(bidder, message.payload)
          : this.#refuse(bidder, message.payload.auction, 'late')
      }
      case 'auction.decline':
        return this.#auctions.get(message.payload.auction)?.declined(bidder, message.payload.auction)
      case 'auction.accepted': {
        const { auction, epoch } = message.payload
        const sale = this.#auctions.get(auction)
        return sale ? sale.accepted(bidder, auction, epoch) : this.#refuse(bidder, auction, 'stale-epoch')
      }
      case 'auction.result': {
        const sale = this.#auctions.get(message.payload.auction)
        return sale
          ? sale.settled(bidder, message.payload)
          : this.#refuse(bidder, message.payload.auction, 'stale-epoch')
      }
      default:
        this.cell.unhandled()
    }
  }

  #refuse(bidder: ActorRef<BidderMessage>, auction: string, reason: 'late' | 'stale-epoch'): void {
    this.cell.tell(bidder, { type: 'auction.rejected', payload: { auction, reason } })
  }

  #gone(watched: Watched): void {
    const sales = [...watched.sales]
    this.#unwatch(watched)
    for (const sale of sales) sale.gone(watched.bidder)
  }

  #unwatch({ bidder, end }: Watched): void {
    this.#watched.delete(bidder.uid)
    this.#own.delete(end)
    this.cell.unwatch(bidder)
  }

  #forget(key: string, message: EventObject): void {
    this.#timers.delete(key)
    this.#own.delete(message)
  }
}
