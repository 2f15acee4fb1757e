/** How a pool chooses among its routees. One entry of the table per strategy. */
import type { EventObject } from 'xstate'
import type { AnyRef } from '../src/contracts/messages.ts'
import { hashRing, type HashRing } from './hash-ring.ts'

/** The strategies by name. */
export type RoutingStrategy = 'round-robin' | 'random' | 'least-loaded' | 'consistent-hash' | 'broadcast'

/** Chooses for one pool. */
export interface Routing {
  /** @param routees at least one; the same array while they stay the same */
  choose(routees: readonly AnyRef[], message: EventObject): readonly AnyRef[]
  /** The routee at this place of the array is gone; those after it move up. */
  left?(index: number): void
}

/** What choosing takes from outside. */
export interface Chances {
  /** From 0 to 1. */
  random(): number
  /** How much work a routee has that it has not finished. */
  load(routee: AnyRef): number
  /** The key of a message. */
  hash(message: EventObject): string
}

/** Each strategy, to be made once per pool. */
export const routings: Readonly<Record<RoutingStrategy, (chances: Chances) => Routing>> = {
  'round-robin': () => {
    let turn = 0
    return {
      choose: (routees) => {
        const index = turn % routees.length
        turn = index + 1
        return at(routees, index)
      },
      // Without this the one after it would miss its turn.
      left: (index) => {
        if (index < turn) turn -= 1
      },
    }
  },

  random: ({ random }) => ({ choose: (routees) => at(routees, Math.floor(random() * routees.length)) }),

  'least-loaded': ({ load }) => {
    let last = -1
    return {
      choose: (routees) => {
        let least = Infinity
        let chosen = 0
        // From the one after the last: those with nothing to do take turns.
        for (let step = 1; step <= routees.length; step += 1) {
          const index = (last + step) % routees.length
          const [routee] = at(routees, index)
          const loaded = routee ? load(routee) : Infinity
          if (loaded < least) [least, chosen] = [loaded, index]
        }
        last = chosen
        return at(routees, chosen)
      },
    }
  },

  'consistent-hash': ({ hash }) => {
    let known: readonly AnyRef[] | undefined
    let ring: HashRing<AnyRef> | undefined
    return {
      choose: (routees, message) => {
        if (!ring || known !== routees) {
          ring = hashRing(routees, ({ address }) => address)
          known = routees
        }
        const chosen = ring(hash(message))
        return chosen ? [chosen] : []
      },
    }
  },

  broadcast: () => ({ choose: (routees) => routees }),
}

const at = (routees: readonly AnyRef[], index: number): readonly AnyRef[] => {
  const routee = routees[index]
  return routee ? [routee] : []
}
