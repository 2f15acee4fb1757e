/** What can happen in a simulation, and how often: each move is made up from chance, for the actors that are there. */
import { life } from './life-moves.ts'
import { mail } from './mail-moves.ts'
import type { Maker } from './orders.ts'
import { ties } from './tie-moves.ts'
import { Fault } from './witness.ts'
import type { Move, World } from './world.ts'

const FEWEST_ACTORS = 8

/** How often each, in relation. */
type Table = readonly (readonly [number, Maker])[]

const SUDDEN: Table = [
  [20, mail.notes],
  [10, mail.questions],
  [10, mail.tells],
  [5, life.crash],
  [3, life.leave],
  [2, life.quit],
  [5, life.kill],
  [5, life.stop],
  [2, life.drain],
  [2, life.spawn],
  [3, life.startChild],
  [4, life.manageChild],
  [2, life.failToStart],
  [3, mail.publishes],
  [5, ties.watches],
  [3, ties.unwatches],
  [1, ties.bothWays],
  [1, ties.killUnwatched],
  [3, ties.links],
  [3, ties.timer],
  [3, ties.pipe],
  [3, mail.sendWithRoom],
  [3, mail.overfill],
  [2, mail.releases],
]

const advance: Maker = (world) => {
  const ms = world.chance.often(0.1) ? world.chance.between(100, 2_000) : world.chance.between(1, 60)
  return { text: `${ms} ms pass`, run: () => world.clock.advance(ms) }
}

/** Several at the same time, without a pause in between. */
const together: Maker = (world) => {
  const moves = Array.from({ length: world.chance.between(2, 4) }, () => pick(world, SUDDEN, true)).filter((move) => move !== undefined)
  if (moves.length === 0) return undefined
  return {
    text: moves.map(({ text }) => text).join(' + '),
    touches: moves.flatMap(({ touches = [] }) => touches),
    run: () => {
      for (const move of moves) void move.run()
    },
    isMixed: true,
  }
}

const MOVES: Table = [
  ...SUDDEN,
  [6, life.spawn],
  [8, advance],
  [3, mail.subscribes],
  [2, ties.receiveTimeout],
  [2, mail.answers],
  [1, ties.linkToAnyone],
  [2, life.ghost],
  [8, together],
]

const pick = (world: World, table: Table, isMixed = false): Move | undefined => {
  let at = world.chance.below(table.reduce((sum, [weight]) => sum + weight, 0))
  for (const [weight, maker] of table) {
    at -= weight
    if (at < 0) return maker(world, isMixed)
  }
  return undefined
}

/** The next thing to happen. */
export const nextMove = (world: World): Move => {
  if (world.unquietSteps > 15) return silence(world)
  if (world.tree.size < FEWEST_ACTORS) return life.spawn(world)!
  // What is on its way needs time.
  if (!world.quiet && world.chance.often(0.2)) return advance(world)!
  for (;;) {
    const move = pick(world, MOVES)
    if (move) return move
  }
}

/** Long enough for everything that was begun to end. */
export const silence = ({ clock, tree }: World): Move => ({
  text: 'a long silence',
  run: async () => {
    for (let ms = 100; ms < 200_000 && !tree.isQuiet(); ms *= 2) await clock.advance(ms)
    if (!tree.isQuiet()) throw new Fault('it never comes to rest')
  },
})
