/**
 * A task auction. Whoever can do a task bids for it: what it costs, which depends on the size of the task and
 * on what the bidder has to do already, and how long it takes. The lowest cost among those who are able wins;
 * when the winner falls out, the next best does the work; and what nobody can do is `NO_BIDDER`.
 */
import { agent, auction, type Agent } from 'troupe'
import { z } from 'zod'

/** A task: what it takes, and how large it is. */
export const Task = z.object({ id: z.string(), needs: z.string(), size: z.int().min(1) })
/** A task. */
export type Task = z.output<typeof Task>

/** Who did it, and what was to be paid. */
export const Done = z.object({ by: z.string(), cost: z.number() })
/** Who did it. */
export type Done = z.output<typeof Done>

/** What somebody can do, for how much a piece, and how long a piece takes. */
interface Skills {
  readonly capabilities: readonly string[]
  readonly rate: number
  readonly pieceMs: number
}

/** Each task that waits makes the next one dearer. */
const DEARER = 0.5

const worker = (name: string, { capabilities, rate, pieceMs }: Skills, fails = false): Agent<Task, Done> =>
  agent(name, {
    capabilities,
    input: Task,
    output: Done,
    bid: ({ size }, { running, queued }) => ({
      cost: size * rate * (1 + DEARER * (running + queued)),
      timeMs: size * pieceMs,
    }),
    run: async ({ size }, { sleep }) => {
      await sleep(size * pieceMs)
      if (fails) throw new Error(`${name} has dropped everything`)
      return { by: name, cost: size * rate }
    },
  })

const skills = {
  anna: { capabilities: ['translate'], rate: 3, pieceMs: 2 },
  ben: { capabilities: ['translate', 'draw'], rate: 2, pieceMs: 4 },
  cleo: { capabilities: ['draw'], rate: 5, pieceMs: 1 },
} satisfies Record<string, Skills>

const house = (name: string, ben: Agent<Task, Done>): Agent<Task, Done> =>
  auction(name, {
    bidders: { anna: worker('anna', skills.anna), ben, cleo: worker('cleo', skills.cleo) },
    capability: ({ needs }) => needs,
  })

export default house('house', worker('ben', skills.ben))

/** The one who is cheapest fails at everything: the next best does it. */
export const faults = house('house', worker('ben', skills.ben, true))

/** The same, but who is quickest wins. */
export const quickest = auction('quickest', {
  bidders: {
    anna: worker('quick-anna', skills.anna),
    ben: worker('quick-ben', skills.ben),
    cleo: worker('quick-cleo', skills.cleo),
  },
  capability: ({ needs }) => needs,
  score: ({ timeMs = Infinity }) => timeMs,
})
