/** The auctioneer as an actor: calls, bids, awards, and what each bidder hears. */
import { describe, expect, it } from 'vitest'
import {
  auctioneer,
  auctionProtocol,
  ConfigurationError,
  DeliveryError,
  fromBehavior,
  tell,
  type ActorRef,
  type AuctioneerMessage,
  type Bid,
  type BidderMessage,
  type MessageOf,
  type Restart,
  type SystemOptions,
} from 'troupe'
import { manualClock } from 'troupe/testing'
import { setup } from 'xstate'
import { failure, lab, standing, type Lab } from '../kernel/system.ts'

type House = ActorRef<AuctioneerMessage>
type Options = Parameters<typeof auctioneer>[0]

/** What a bidder does when it is called; and when it is awarded, by default the work, at once. */
interface Manner {
  readonly bid?: Partial<Bid> | 'decline' | 'nothing'
  readonly awarded?: 'work' | 'decline' | 'nothing' | 'accept' | 'fail'
}

/** A bidder that can also be told what to send. */
type Order = { readonly type: 'send'; readonly message: AuctioneerMessage }

interface Hall extends Lab {
  /** What bidders have heard, as `name type ...`. */
  readonly heard: string[]
  /** Which auctions they were rejected in. */
  readonly rejected: string[]
  bidder(id: string, manner?: Manner): ActorRef<BidderMessage | Order>
  open(options: Options, restart?: Restart): House
  announce(house: House, rest?: object): Promise<unknown>
  /** From a bidder to the house. */
  send(from: ActorRef<BidderMessage | Order>, message: AuctioneerMessage): Promise<void>
  /** The name that the last call gave to its auction. */
  auction(): string
}

const hall = async (options?: SystemOptions): Promise<Hall> => {
  const on = await lab(options)
  const heard: string[] = []
  const rejected: string[] = []
  let house: House | undefined
  let auction = ''
  const behave = (name: string, { bid = {}, awarded = 'work' }: Manner) =>
    fromBehavior<BidderMessage | Order>((ctx) => (message) => {
      if (message.type === 'send') return void (house && ctx.tell(house, message.message))
      heard.push(inShort(name, message))
      if (message.type === 'auction.rejected') rejected.push(message.payload.auction)
      if (message.type === 'auction.call') {
        auction = message.payload.auction
        const { auctioneer: to } = message.payload
        if (bid === 'nothing') return
        if (bid === 'decline') ctx.tell(to, { type: 'auction.decline', payload: { auction } })
        else ctx.tell(to, { type: 'auction.bid', payload: { auction, cost: 1, ...bid } })
      } else if (message.type === 'auction.awarded') {
        const { epoch, auctioneer: to, task } = message.payload
        const award = { auction: message.payload.auction, epoch }
        if (awarded === 'nothing') return
        if (awarded === 'decline') return void ctx.tell(to, { type: 'auction.decline', payload: award })
        ctx.tell(to, { type: 'auction.accepted', payload: award })
        if (awarded === 'accept') return
        const result =
          awarded === 'fail' ? { error: 'broken' } : { output: `${name} did ${JSON.stringify(task)}` }
        ctx.tell(to, { type: 'auction.result', payload: { ...award, result } })
      }
    })
  return {
    ...on,
    heard,
    rejected,
    bidder: (id, manner = {}) => on.system.spawn(behave(id, manner), { id }),
    open: (options, restart) => (house = on.system.spawn(auctioneer(options), { id: 'house', restart })),
    announce: (to, rest = {}) =>
      on.system.ask(to, { type: 'auction.announce', payload: { task: 'x', ...rest } }, { timeoutMs: 60_000 }),
    send: async (from, message) => {
      on.system.tell(from, { type: 'send', message })
      await on.settle()
    },
    auction: () => auction,
  }
}

const inShort = (name: string, message: BidderMessage): string => {
  if (message.type === 'auction.rejected') return `${name} rejected ${message.payload.reason}`
  if (message.type === 'auction.awarded') return `${name} awarded ${message.payload.epoch}`
  return `${name} called`
}

describe('an auction', () => {
  it('calls all, awards to the lowest cost, and replies the output', async () => {
    const { bidder, open, announce, heard } = await hall()
    const bidders = [bidder('dear', { bid: { cost: 3 } }), bidder('cheap', { bid: { cost: 1 } })]
    expect(await announce(open({ bidders }))).toBe('cheap did "x"')
    expect(heard).toEqual(['dear called', 'cheap called', 'cheap awarded 1', 'dear rejected outbid'])
  })

  it('tells its bidders the task, what it needs and until when', async () => {
    const { system, open, announce, clock, settle } = await hall()
    const calls: unknown[] = []
    const curious = system.spawn(
      fromBehavior<BidderMessage>(
        () =>
          ({ payload }) =>
            void calls.push(payload),
      ),
    )
    const house = open({ bidders: [curious], bidTimeoutMs: 500 })
    void announce(house, { task: { parcel: 7 }, capability: 'deliver' }).catch(() => {})
    void announce(house, { bidTimeoutMs: 20 }).catch(() => {})
    await settle()
    expect(calls).toMatchObject([
      { auctioneer: house, task: { parcel: 7 }, capability: 'deliver', deadline: clock.now() + 500 },
      { auctioneer: house, task: 'x', deadline: clock.now() + 20 },
    ])
  })

  it('goes by score where there is one', async () => {
    const { bidder, open, announce } = await hall()
    const bidders = [bidder('a', { bid: { timeMs: 90 } }), bidder('b', { bid: { timeMs: 10 } })]
    const score = (bid: Bid, ref: { path: string }): number => (ref.path === '/b' ? 1_000 : (bid.timeMs ?? 0))
    expect(await announce(open({ bidders, score }))).toBe('a did "x"')
  })

  it('goes to the earliest of equal bids, then by the path', async () => {
    const { bidder, open, announce, send, auction, clock, settle } = await hall()
    const [b, a] = [bidder('b', { bid: 'nothing' }), bidder('a', { bid: 'nothing' })]
    const house = open({ bidders: [b, a] })
    const bid = (from: typeof a) =>
      send(from, { type: 'auction.bid', payload: { auction: auction(), cost: 1 } })
    const first = announce(house)
    await settle()
    await bid(b)
    await clock.advance(10)
    await bid(a)
    expect(await first).toBe('b did "x"')
    const second = announce(house)
    await settle()
    await bid(b)
    await bid(a)
    expect(await second).toBe('a did "x"')
  })

  it('finds its bidders by service, anew for each call', async () => {
    const { system, bidder, open, announce, heard } = await hall()
    const service = auctionProtocol.bidder.service('couriers')
    const house = open({ bidders: service })
    expect(await failure(announce(house))).toMatchObject({ code: 'NO_BIDDER' })
    system.receptionist.register(service, bidder('a'))
    expect(await announce(house)).toBe('a did "x"')
    expect(heard).toEqual(['a called', 'a awarded 1'])
  })

  it('goes on beside others of the same auctioneer', async () => {
    const { bidder, open, announce } = await hall()
    const house = open({ bidders: [bidder('a')] })
    const all = ['x', 'y', 'z'].map((task) => announce(house, { task }))
    expect(await Promise.all(all)).toEqual(['a did "x"', 'a did "y"', 'a did "z"'])
  })

  it('may have machines among its bidders', async () => {
    const { system, open, announce } = await hall()
    const machine = setup({
      types: { events: {} as MessageOf<typeof auctionProtocol.bidder> },
    }).createMachine({
      on: {
        'auction.call': {
          actions: tell(
            ({ event }) => event.payload.auctioneer,
            ({ event }) => ({ type: 'auction.bid', payload: { auction: event.payload.auction, cost: 2 } }),
          ),
        },
        'auction.awarded': {
          actions: tell(
            ({ event }) => event.payload.auctioneer,
            ({ event: { payload } }) => ({
              type: 'auction.result',
              payload: { auction: payload.auction, epoch: payload.epoch, result: { output: 'by machine' } },
            }),
          ),
        },
      },
    })
    expect(await announce(open({ bidders: [system.spawn(machine)] }))).toBe('by machine')
  })
})

describe('its bids', () => {
  it('are decided on as soon as all who were called have bid or declined', async () => {
    const { bidder, open, announce, clock } = await hall()
    const bidders = [bidder('a', { bid: 'decline' }), bidder('b', { bid: { cost: 9 } })]
    expect(await announce(open({ bidders }))).toBe('b did "x"')
    expect(clock.now()).toBe(0)
  })

  it('are decided on at the deadline', async () => {
    const { bidder, open, announce, clock } = await hall()
    const bidders = [bidder('a', { bid: 'nothing' }), bidder('b')]
    const answer = announce(open({ bidders, bidTimeoutMs: 50 }))
    await clock.advance(49)
    expect(await standing(answer)).toBe('open')
    await clock.advance(1)
    expect(await answer).toBe('b did "x"')
  })

  it('are rejected when they come late: in the auction, after it, and for one that nobody knows', async () => {
    const { bidder, open, announce, send, auction, clock, heard } = await hall()
    const late = bidder('late', { bid: 'nothing' })
    const winner = bidder('winner', { awarded: 'accept' })
    const answer = announce(open({ bidders: [late, winner], bidTimeoutMs: 50 }))
    await clock.advance(50)
    heard.length = 0
    const bid = (name: string) => send(late, { type: 'auction.bid', payload: { auction: name, cost: 0 } })
    await bid(auction())
    await send(winner, {
      type: 'auction.result',
      payload: { auction: auction(), epoch: 1, result: { output: 'done' } },
    })
    expect(await answer).toBe('done')
    await bid(auction())
    await bid('unknown')
    expect(heard).toEqual(['late rejected late', 'late rejected late', 'late rejected late'])
  })

  it('are replaced by a second one before the deadline', async () => {
    const { bidder, open, announce, send, auction, clock, heard } = await hall()
    const fickle = bidder('fickle', { bid: 'nothing' })
    const silent = bidder('silent', { bid: 'nothing' })
    const answer = announce(
      open({ bidders: [fickle, bidder('b', { bid: { cost: 2 } }), silent], bidTimeoutMs: 50 }),
    )
    await clock.advance(1)
    await send(fickle, { type: 'auction.bid', payload: { auction: auction(), cost: 1 } })
    await send(fickle, { type: 'auction.bid', payload: { auction: auction(), cost: 3 } })
    await clock.advance(50)
    expect(await answer).toBe('b did "x"')
    expect(heard.filter((text) => text.includes('rejected'))).toEqual(['fickle rejected outbid'])
  })

  it('are rejected of who was not called', async () => {
    const { bidder, open, announce, send, auction, clock, heard, settle } = await hall()
    const stranger = bidder('stranger')
    const silent = bidder('silent', { bid: 'nothing' })
    const score = (): number => {
      throw new Error('it was scored')
    }
    const answer = failure(announce(open({ bidders: [silent], rounds: 1, score })))
    await settle()
    await send(stranger, { type: 'auction.bid', payload: { auction: auction(), cost: 0 } })
    expect(heard).toEqual(['silent called', 'stranger rejected late'])
    await clock.advance(1_000)
    expect(await answer).toMatchObject({ code: 'NO_BIDDER' })
  })

  it('cannot win with a cost that is no number, or for another capability', async () => {
    const { bidder, open, announce, heard } = await hall()
    const bidders = [
      bidder('nan', { bid: { cost: Number.NaN } }),
      bidder('cook', { bid: { cost: 0, capability: 'cook' } }),
      bidder('painter', { bid: { cost: 9, capability: 'paint' } }),
    ]
    expect(await announce(open({ bidders }), { capability: 'paint' })).toBe('painter did "x"')
    expect(heard.slice(3).toSorted()).toEqual([
      'cook rejected outbid',
      'nan rejected outbid',
      'painter awarded 1',
    ])
  })

  it('cannot win with such either where there is no other', async () => {
    const { bidder, open, announce, heard } = await hall()
    const house = open({ bidders: [bidder('nan', { bid: { cost: Number.NaN } })], rounds: 1 })
    expect(await failure(announce(house))).toMatchObject({ code: 'NO_BIDDER' })
    expect(heard).toEqual(['nan called', 'nan rejected outbid'])
  })

  it('are for one call: one for the call before is late', async () => {
    const { bidder, open, announce, send, auction, clock, heard } = await hall()
    const slow = bidder('slow', { bid: 'nothing' })
    const answer = failure(announce(open({ bidders: [slow], bidTimeoutMs: 50 })))
    await clock.advance(10)
    const first = auction()
    await clock.advance(45)
    await send(slow, { type: 'auction.bid', payload: { auction: first, cost: 1 } })
    expect(heard).toEqual(['slow called', 'slow called', 'slow rejected late'])
    await clock.advance(50)
    expect(await answer).toMatchObject({ code: 'NO_BIDDER' })
  })

  it('are late also when they overtake the timer of the deadline', async () => {
    const clock = manualClock()
    let stalledMs = 0
    const stalled = { ...clock, now: () => clock.now() + stalledMs }
    const { bidder, open, announce, send, auction, heard, settle } = await hall({ clock: stalled })
    const slow = bidder('slow', { bid: 'nothing' })
    const answer = announce(open({ bidders: [slow, bidder('b')], bidTimeoutMs: 50 }))
    await settle()
    stalledMs = 51
    await send(slow, { type: 'auction.bid', payload: { auction: auction(), cost: 0 } })
    expect(await answer).toBe('b did "x"')
    expect(heard).toContain('slow rejected late')
  })

  it('bind as long as they say', async () => {
    const { bidder, open, announce, clock, heard } = await hall()
    const bidders = [
      bidder('hasty', { bid: { cost: 1, validMs: 40 } }),
      bidder('steady', { bid: { cost: 2, validMs: 50 } }),
      bidder('silent', { bid: 'nothing' }),
    ]
    const answer = announce(open({ bidders, bidTimeoutMs: 50 }))
    await clock.advance(50)
    expect(await answer).toBe('steady did "x"')
    expect(heard).toContain('hasty rejected outbid')
  })

  it('are taken back when their bidder declines or dies', async () => {
    const { system, bidder, open, announce, send, auction, clock, heard } = await hall()
    const [one, two] = [bidder('one'), bidder('two')]
    const bidders = [one, two, bidder('three', { bid: { cost: 5 } }), bidder('silent', { bid: 'nothing' })]
    const answer = announce(open({ bidders, bidTimeoutMs: 50 }))
    await clock.advance(10)
    await send(one, { type: 'auction.decline', payload: { auction: auction() } })
    await system.stop(two)
    await clock.advance(40)
    expect(await answer).toBe('three did "x"')
    expect(heard.filter((text) => !text.endsWith('called'))).toEqual(['three awarded 1'])
  })

  it('are not waited for of who cannot be told', async () => {
    const { system, bidder, open, announce } = await hall()
    const gone = bidder('gone')
    await system.stop(gone)
    const full = system.spawn(
      fromBehavior<BidderMessage>(() => () => {}),
      { mailbox: { capacity: 0 } },
    )
    expect(await announce(open({ bidders: [gone, full, bidder('b')] }))).toBe('b did "x"')
  })
})

describe('a winner', () => {
  const both = (first: NonNullable<Manner['awarded']>) => ({
    best: { bid: { cost: 1 }, awarded: first },
    next: { bid: { cost: 2 } },
  })

  it.each(['decline', 'fail'] as const)('that does %s is followed by the next valid bid', async (awarded) => {
    const { bidder, open, announce, heard } = await hall()
    const { best, next } = both(awarded)
    expect(await announce(open({ bidders: [bidder('best', best), bidder('next', next)] }))).toBe(
      'next did "x"',
    )
    expect(heard.slice(2)).toEqual(['best awarded 1', 'next awarded 2'])
  })

  it('that does not accept in time is followed by the next, and its work is refused', async () => {
    const { bidder, open, announce, send, auction, clock, heard } = await hall()
    const best = bidder('best', both('nothing').best)
    const next = bidder('next', { bid: { cost: 2 }, awarded: 'accept' })
    const answer = announce(open({ bidders: [best, next], awardTimeoutMs: 30 }))
    await clock.advance(29)
    expect(heard.at(-1)).toBe('best awarded 1')
    await clock.advance(1)
    expect(heard.at(-1)).toBe('next awarded 2')
    await send(best, { type: 'auction.accepted', payload: { auction: auction(), epoch: 1 } })
    await send(best, {
      type: 'auction.result',
      payload: { auction: auction(), epoch: 1, result: { output: 'late' } },
    })
    // Nor may it take the award of another.
    await send(best, {
      type: 'auction.result',
      payload: { auction: auction(), epoch: 2, result: { output: 'forged' } },
    })
    expect(heard.slice(-3)).toEqual(Array.from({ length: 3 }, () => 'best rejected stale-epoch'))
    expect(await standing(answer)).toBe('open')
    await send(next, {
      type: 'auction.result',
      payload: { auction: auction(), epoch: 2, result: { output: 'right' } },
    })
    expect(await answer).toBe('right')
  })

  it('that has accepted may take its time', async () => {
    const { bidder, open, announce, send, auction, clock } = await hall()
    const best = bidder('best', both('accept').best)
    const answer = announce(open({ bidders: [best, bidder('next', both('work').next)] }))
    await clock.advance(50_000)
    expect(await standing(answer)).toBe('open')
    await send(best, { type: 'auction.accepted', payload: { auction: auction(), epoch: 1 } })
    await send(best, {
      type: 'auction.result',
      payload: { auction: auction(), epoch: 1, result: { output: 'done' } },
    })
    expect(await answer).toBe('done')
  })

  it.each(['nothing', 'accept'] as const)(
    'that dies when it has said %s is followed by the next',
    async (awarded) => {
      const { system, bidder, open, announce, clock, settle } = await hall()
      const best = bidder('best', both(awarded).best)
      const answer = announce(open({ bidders: [best, bidder('next', both('work').next)] }))
      await settle()
      await system.stop(best)
      expect(await answer).toBe('next did "x"')
      expect(clock.now()).toBe(0)
    },
  )

  it('that is followed by nobody leads to another round, and then to NO_BIDDER', async () => {
    const { bidder, open, announce, heard } = await hall()
    const error = await failure(announce(open({ bidders: [bidder('a', { awarded: 'fail' })] })))
    expect(heard).toEqual(['a called', 'a awarded 1', 'a called', 'a awarded 2'])
    expect(error).toBeInstanceOf(DeliveryError)
    expect(error).toMatchObject({
      code: 'NO_BIDDER',
      undelivered: 'x',
      message: expect.stringContaining('broken'),
    })
  })

  it('of an earlier round is refused, by the name that it used', async () => {
    const { bidder, open, announce, send, auction, clock, heard, rejected, settle } = await hall()
    const slow = bidder('slow', { awarded: 'nothing' })
    const answer = announce(open({ bidders: [slow], awardTimeoutMs: 30 }))
    await settle()
    const first = auction()
    await clock.advance(30)
    expect(auction()).not.toBe(first)
    await send(slow, { type: 'auction.bid', payload: { auction: first, cost: 0 } })
    await send(slow, { type: 'auction.accepted', payload: { auction: first, epoch: 1 } })
    await send(slow, {
      type: 'auction.result',
      payload: { auction: first, epoch: 1, result: { output: 'old' } },
    })
    expect(heard.slice(-3)).toEqual([
      'slow rejected late',
      'slow rejected stale-epoch',
      'slow rejected stale-epoch',
    ])
    expect(rejected.slice(-3)).toEqual([first, first, first])
    await send(slow, {
      type: 'auction.result',
      payload: { auction: auction(), epoch: 2, result: { output: 'new' } },
    })
    expect(await answer).toBe('new')
  })

  it('is refused when the auction is over', async () => {
    const { bidder, open, announce, send, auction, heard } = await hall()
    const a = bidder('a')
    await announce(open({ bidders: [a] }))
    await send(a, {
      type: 'auction.result',
      payload: { auction: auction(), epoch: 1, result: { output: 'again' } },
    })
    await send(a, { type: 'auction.accepted', payload: { auction: auction(), epoch: 1 } })
    expect(heard.slice(-2)).toEqual(['a rejected stale-epoch', 'a rejected stale-epoch'])
  })
})

describe('the end', () => {
  it('of the ask frees who has bid, and what the winner gives is refused', async () => {
    const { system, bidder, open, send, auction, clock, heard } = await hall()
    const best = bidder('best', { awarded: 'accept' })
    const house = open({ bidders: [best, bidder('next', { bid: { cost: 2 } })] })
    const announcement = { type: 'auction.announce', payload: { task: 'x' } } as const
    const answer = failure(system.ask(house, announcement, { timeoutMs: 100 }))
    await clock.advance(100)
    expect(await answer).toMatchObject({ code: 'TIMEOUT' })
    await send(best, {
      type: 'auction.result',
      payload: { auction: auction(), epoch: 1, result: { output: 'late' } },
    })
    expect(heard.slice(3)).toEqual(['next rejected cancelled', 'best rejected stale-epoch'])
  })

  it('of the auctioneer frees who has bid', async () => {
    const { system, bidder, open, announce, heard, settle } = await hall()
    const house = open({ bidders: [bidder('a'), bidder('b', { bid: 'nothing' })] })
    const answer = failure(announce(house))
    await settle()
    await system.stop(house)
    await settle()
    expect(await answer).toMatchObject({ code: 'ACTOR_TERMINATED' })
    expect(heard).toEqual(['a called', 'b called', 'a rejected cancelled'])
  })

  it('of its incarnation ends its auctions: no award of before is live', async () => {
    const { system, bidder, open, announce, send, auction, heard, settle } = await hall()
    const a = bidder('a', { awarded: 'accept' })
    const house = open({ bidders: [a] }, 'permanent')
    const answer = failure(announce(house))
    await settle()
    const before = auction()
    system.kill(house)
    await settle()
    expect(await answer).toMatchObject({ code: 'ACTOR_TERMINATED' })
    await send(a, {
      type: 'auction.result',
      payload: { auction: before, epoch: 1, result: { output: 'old' } },
    })
    expect(heard).toEqual(['a called', 'a awarded 1', 'a rejected stale-epoch'])
    const next = announce(house)
    await settle()
    await send(a, {
      type: 'auction.result',
      payload: { auction: auction(), epoch: 1, result: { output: 'new' } },
    })
    expect(await next).toBe('new')
  })

  it('of an auction leaves nothing behind: no timer, no watch', async () => {
    const { system, bidder, open, announce, clock } = await hall()
    const [a, b] = [bidder('a', { awarded: 'fail' }), bidder('b', { bid: { cost: 2 } })]
    await announce(open({ bidders: [a, b] }))
    const { sent } = system.stats()
    await clock.advance(100_000)
    await system.stop(a)
    await system.stop(b)
    // Neither a timer nor the end of a bidder is a message to the house any more.
    expect(system.stats().sent).toBe(sent)
  })
})

describe('an auctioneer', () => {
  it('whose score throws ends that auction with a defect, and goes on', async () => {
    const { bidder, open, announce, heard, clock } = await hall()
    let broken = true
    const score = (bid: Bid, ref: { path: string }): number => {
      if (broken && ref.path === '/b') throw new Error('no score')
      return bid.cost
    }
    const house = open({
      bidders: [bidder('a'), bidder('b'), bidder('c', { bid: 'nothing' })],
      score,
      bidTimeoutMs: 10,
    })
    expect(await failure(announce(house))).toMatchObject({ code: 'DEFECT', message: 'no score' })
    expect(heard.slice(3).toSorted()).toEqual(['a rejected cancelled', 'b rejected cancelled'])
    broken = false
    const answer = announce(house)
    await clock.advance(10)
    expect(await answer).toBe('a did "x"')
  })

  it('asks for no score of a bid that is late', async () => {
    const { bidder, open, announce, send, auction, settle } = await hall()
    const a = bidder('a', { awarded: 'accept' })
    const scored: number[] = []
    const score = ({ cost }: Bid): number => (scored.push(cost), cost)
    const answer = announce(open({ bidders: [a], score }))
    await settle()
    await send(a, { type: 'auction.bid', payload: { auction: auction(), cost: 7 } })
    await send(a, {
      type: 'auction.result',
      payload: { auction: auction(), epoch: 1, result: { output: 'x' } },
    })
    expect(await answer).toBe('x')
    expect(scored).toEqual([1])
  })

  it('takes nobody for a namesake that is gone', async () => {
    const { system, bidder, open, announce, send, auction, heard, settle } = await hall()
    const first = bidder('a', { bid: 'nothing' })
    const answer = failure(announce(open({ bidders: [first, bidder('b', { bid: 'nothing' })], rounds: 1 })))
    await settle()
    await system.stop(first)
    const second = bidder('a')
    await send(second, { type: 'auction.bid', payload: { auction: auction(), cost: 1 } })
    expect(heard.at(-1)).toBe('a rejected late')
    await send(second, {
      type: 'auction.result',
      payload: { auction: auction(), epoch: 1, result: { output: 1 } },
    })
    expect(heard.at(-1)).toBe('a rejected stale-epoch')
    expect(await standing(answer)).toBe('open')
  })

  it('awards also what was told, not asked', async () => {
    const { system, bidder, open, heard, settle, buried, logged } = await hall()
    const house = open({ bidders: [bidder('a')] })
    system.tell(house, { type: 'auction.announce', payload: { task: 'x' } })
    await settle()
    expect(heard).toEqual(['a called', 'a awarded 1'])
    system.tell(house, { type: 'auction.announce', payload: { task: 'x', bidTimeoutMs: -1 } })
    await settle()
    expect(buried()).toEqual([])
    expect(logged).toEqual(['info a task was awarded', 'warn an announcement was refused'])
  })

  it('refuses a time that is none', async () => {
    const { open, announce } = await hall()
    expect(await failure(announce(open({ bidders: [] }), { bidTimeoutMs: Number.NaN }))).toMatchObject({
      code: 'INVALID_MESSAGE',
      faults: [{ path: 'payload.bidTimeoutMs' }],
    })
    expect(() => auctioneer({ bidders: [], rounds: 0 })).toThrow(ConfigurationError)
    expect(() => auctioneer({ bidders: [], awardTimeoutMs: -1 })).toThrow('an auctioneer: `awardTimeoutMs`')
  })

  it('checks what comes from outside where it is asked to', async () => {
    const { system } = await hall()
    const house = system.spawn(auctioneer({ bidders: [] }), { protocol: auctionProtocol.auctioneer })
    const wrong = { type: 'auction.announce', payload: { capability: 7, task: 'x' } } as never
    expect(await failure(system.ask(house, wrong))).toMatchObject({
      faults: [{ path: 'payload.capability' }],
    })
  })

  it('does not handle what it does not know, nor bids from outside', async () => {
    const { system, open, settle, events } = await hall()
    const house = open({ bidders: [] })
    system.tell(house, { type: 'auction.burn' } as never)
    system.tell(house, { type: 'auction.bid', payload: { auction: 'a', cost: 1 } })
    await settle()
    expect(events.filter(({ type }) => type === 'message.unhandled')).toHaveLength(2)
  })
})
