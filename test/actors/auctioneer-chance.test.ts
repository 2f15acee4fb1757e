/** An auctioneer under bidders that do as they like: one live award at a time, and each hears once of its bid. */
import { expect, it } from 'vitest'
import {
  auctioneer,
  fromBehavior,
  type ActorRef,
  type AuctioneerMessage,
  type Award,
  type BidderMessage,
} from 'troupe'
import { lab, type Lab } from '../kernel/system.ts'
import { chance, type Chance } from '../scenarios/simulation/chance.ts'

const BID_MS = 100
const AWARD_MS = 50

/** What one bidder has done and heard in one round. */
interface Part {
  readonly bidsAt: number[]
  readonly heard: string[]
  readonly deadline: number
  readonly task: Task | undefined
  declined: boolean
}

/** What became of one task. */
interface Task {
  epoch: number
  /** Who was awarded last, and has accepted in time and is still at work. */
  holder: string | undefined
  isWorking: boolean
  /** When it was answered, or nobody waited for it any more. */
  overAt: number
}

interface Ledger {
  readonly parts: Map<string, Part>
  readonly tasks: Map<string, Task>
  readonly gone: Set<string>
  readonly faults: string[]
}

type House = ActorRef<AuctioneerMessage>
type Later = { readonly type: 'later'; readonly act: () => void }

/** One that bids, bids again, declines, comes late, lies about its award, or dies. */
const wayward = (name: string, { clock }: Lab, ledger: Ledger, by: Chance) =>
  fromBehavior<BidderMessage | Later>((ctx) => {
    let timers = 0
    // Odd, so that nothing comes in the very moment of a deadline.
    const after = (mostMs: number, act: () => void): void =>
      ctx.timers.start(`t${(timers += 1)}`, { type: 'later', act }, { afterMs: by.below(mostMs / 2) * 2 + 1 })
    const partIn = (auction: string): Part | undefined => ledger.parts.get(`${name} in ${auction}`)

    const bid = (auction: string, house: House): void => {
      partIn(auction)?.bidsAt.push(clock.now())
      const validMs = by.often(0.2) ? by.between(1, 200) : undefined
      ctx.tell(house, { type: 'auction.bid', payload: { auction, cost: by.between(1, 5), validMs } })
    }
    const decline = (auction: string, house: House): void => {
      const part = partIn(auction)
      if (part) part.declined = true
      ctx.tell(house, { type: 'auction.decline', payload: { auction } })
    }
    const die = (): void => {
      ledger.gone.add(name)
      for (const task of ledger.tasks.values()) if (task.holder === name) task.isWorking = false
      void ctx.stop(ctx.self)
    }
    const work = (award: Award, house: House, taskId: string, awardedAt: number): void => {
      const task = ledger.tasks.get(taskId)
      const isLive = (): boolean => task?.holder === name && task.epoch === award.epoch
      const release = (): void => {
        if (task && isLive()) task.isWorking = false
      }
      if (by.often(0.2)) {
        const stale = { ...award, epoch: award.epoch - 1, result: { output: 'stale' } }
        ctx.tell(house, { type: 'auction.result', payload: stale })
      }
      if (by.often(0.1)) return
      after(AWARD_MS * 1.4, () => {
        if (by.often(0.15)) return (release(), decline(award.auction, house))
        if (by.often(0.1)) return die()
        ctx.tell(house, { type: 'auction.accepted', payload: award })
        if (task && isLive() && clock.now() < awardedAt + AWARD_MS) task.isWorking = true
        after(300, () => {
          release()
          const result = by.often(0.3) ? { error: 'broken' } : { output: `${name} ${award.epoch}` }
          ctx.tell(house, { type: 'auction.result', payload: { ...award, result } })
        })
      })
    }

    return (message) => {
      if (message.type === 'later') return message.act()
      const { auction } = message.payload
      if (message.type === 'auction.call') {
        const { auctioneer: house, deadline } = message.payload
        const task = ledger.tasks.get(String(message.payload.task))
        ledger.parts.set(`${name} in ${auction}`, { bidsAt: [], heard: [], deadline, task, declined: false })
        if (by.often(0.1)) return
        if (by.often(0.1)) return after(BID_MS, () => decline(auction, house))
        after(BID_MS * 1.3, () => bid(auction, house))
        if (by.often(0.3)) after(BID_MS * 1.3, () => bid(auction, house))
      } else if (message.type === 'auction.awarded') {
        partIn(auction)?.heard.push('awarded')
        const { epoch, auctioneer: house } = message.payload
        const taskId = String(message.payload.task)
        const task = ledger.tasks.get(taskId)
        if (!task) return
        if (task.isWorking) ledger.faults.push(`${taskId}: ${name} is awarded while ${task.holder} works`)
        if (epoch <= task.epoch) ledger.faults.push(`${taskId}: epoch ${epoch} after ${task.epoch}`)
        Object.assign(task, { epoch, holder: name, isWorking: false })
        work({ auction, epoch }, house, taskId, clock.now())
      } else partIn(auction)?.heard.push(message.payload.reason)
    }
  })

/** In how many ways what one bidder heard in one round is wrong. */
const faultsOf = ({ bidsAt, heard, deadline, task, declined }: Part): readonly string[] => {
  const ends = heard.filter((one) => one === 'awarded' || one === 'outbid' || one === 'cancelled')
  const lates = heard.filter((one) => one === 'late').length
  const all = heard.join(', ')
  const [first] = bidsAt
  if (first === undefined) return heard.some((one) => one !== 'late') ? [`heard ${all} without a bid`] : []
  const isOver = task !== undefined && first >= task.overAt
  if (first > deadline || isOver) return ends.length > (isOver ? 1 : 0) ? [`bid too late, and heard ${all}`] : []
  if (declined ? ends.length > 1 : ends.length !== 1) return [`bid in time, and heard ${all}`]
  return lates >= bidsAt.length ? [`${bidsAt.length} bids, of which ${lates} were late`] : []
}

const trial = async (seed: string): Promise<readonly string[]> => {
  const by = chance(seed)
  const on = await lab()
  const { system, clock } = on
  const ledger: Ledger = { parts: new Map(), tasks: new Map(), gone: new Set(), faults: [] }
  const bidders = Array.from({ length: by.between(1, 4) }, (_, n) => {
    const name = `b${n}`
    return system.spawn(wayward(name, on, ledger, by), { id: name })
  })
  const options = { bidders, bidTimeoutMs: BID_MS, awardTimeoutMs: AWARD_MS, rounds: by.between(1, 3) }
  const house = system.spawn(auctioneer(options), { id: 'house' })
  const asks = Array.from({ length: by.between(1, 3) }, async (_, n) => {
    const id = `task${n}`
    ledger.tasks.set(id, { epoch: 0, holder: undefined, isWorking: false, overAt: Infinity })
    const timeoutMs = by.often(0.2) ? by.below(200) * 2 + 1 : 60_000
    const announce = { type: 'auction.announce', payload: { task: id } } as const
    const answer = await system.ask(house, announce, { timeoutMs }).catch(() => undefined)
    const task = ledger.tasks.get(id)
    if (task) task.overAt = clock.now()
    const { holder, epoch } = task ?? {}
    if (answer !== undefined && answer !== `${holder} ${epoch}`) {
      ledger.faults.push(`${id}: ${JSON.stringify(answer)} is not of the last award, ${holder} ${epoch}`)
    }
  })
  await clock.advance(61_000)
  await Promise.all(asks)
  for (const [who, part] of ledger.parts) {
    const [name = ''] = who.split(' ')
    // The dead hear nothing more.
    if (!ledger.gone.has(name)) ledger.faults.push(...faultsOf(part).map((fault) => `${who}: ${fault}`))
  }
  await system.stop()
  return ledger.faults
}

it('in 300 random auctions one award is live at a time, and who has bid in time hears of it once', async () => {
  for (let n = 1; n <= 300; n += 1) {
    const seed = `auctioneer-${n}`
    expect(await trial(seed), `seed ${seed}`).toEqual([])
  }
})
