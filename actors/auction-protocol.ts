/** What an auctioneer and its bidders tell each other: the types, and the protocol that checks them. */
import { z } from 'zod'
import type { Bid } from '../src/contracts/agents.ts'
import type { ActorRef, Message, Protocol } from '../src/contracts/messages.ts'
import { defineProtocol } from '../src/contracts/protocol.ts'

/** What an auctioneer takes. The announcement is to be asked, the rest comes from bidders. */
export type AuctioneerMessage =
  // Replies the winner's output, or rejects with DeliveryError `NO_BIDDER` when no bid is left.
  | Message<
      'auction.announce',
      {
        readonly task: unknown
        readonly capability?: string | undefined
        readonly bidTimeoutMs?: number | undefined
      }
    >
  // Before the deadline a second bid replaces the first.
  | Message<'auction.bid', Readonly<Bid> & { readonly auction: string }>
  | Message<'auction.decline', { readonly auction: string; readonly reason?: string | undefined }>
  | Message<'auction.accepted', Award>
  | Message<
      'auction.result',
      Award & { readonly result: { readonly output: unknown } | { readonly error: string } }
    >

/** What a bidder gets. Of each bid it hears once: awarded or rejected. */
export type BidderMessage =
  | Message<
      'auction.call',
      {
        readonly auction: string
        /** Whom to send the bid to. */
        readonly auctioneer: ActorRef<AuctioneerMessage>
        readonly task: unknown
        readonly capability?: string | undefined
        /** Absolute milliseconds; a later bid is rejected, `late`. */
        readonly deadline: number
      }
    >
  | Message<
      'auction.awarded',
      Award & { readonly auctioneer: ActorRef<AuctioneerMessage>; readonly task: unknown }
    >
  | Message<
      'auction.rejected',
      {
        readonly auction: string
        readonly reason: 'outbid' | 'late' | 'cancelled' | 'stale-epoch'
      }
    >

/** Names one award. The epoch rises with each: what comes under an old one is refused, `stale-epoch`. */
export interface Award {
  readonly auction: string
  readonly epoch: number
}

const ref = z.custom<ActorRef<AuctioneerMessage>>(
  (value) => typeof value === 'object' && value !== null && 'address' in value && 'uid' in value,
  'expected the ref of an actor',
)
const ms = z.number().nonnegative()
const auction = z.string()
const award = { auction, epoch: z.int().positive() }

/** Both sides of an auction: what the auctioneer takes, and what bidders get. */
export const auctionProtocol: {
  readonly auctioneer: Protocol<AuctioneerMessage>
  readonly bidder: Protocol<BidderMessage>
} = {
  auctioneer: defineProtocol({
    'auction.announce': z.object({
      task: z.unknown(),
      capability: z.string().optional(),
      bidTimeoutMs: ms.optional(),
    }),
    'auction.bid': z.object({
      auction,
      cost: z.number(),
      capability: z.string().optional(),
      timeMs: ms.optional(),
      validMs: ms.optional(),
    }),
    'auction.decline': z.object({ auction, reason: z.string().optional() }),
    'auction.accepted': z.object(award),
    'auction.result': z.object({
      ...award,
      result: z.union([z.object({ output: z.unknown() }), z.object({ error: z.string() })]),
    }),
  }),
  bidder: defineProtocol({
    'auction.call': z.object({
      auction,
      auctioneer: ref,
      task: z.unknown(),
      capability: z.string().optional(),
      deadline: z.number(),
    }),
    'auction.awarded': z.object({ ...award, auctioneer: ref, task: z.unknown() }),
    'auction.rejected': z.object({ auction, reason: z.enum(['outbid', 'late', 'cancelled', 'stale-epoch']) }),
  }),
}
