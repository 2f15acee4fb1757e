/**
 * Lets chance run systems on a manual clock, one after the other, and checks each after every step. A fault names the seed
 * of its world: with that in TROUPE_SEED the same world runs again, alone.
 */
import { nextMove, silence } from './moves.ts'
import { World } from './world.ts'
import { Fault } from './witness.ts'

const STEPS_PER_WORLD = 2_000

/** What was simulated. */
export interface Simulated {
  readonly steps: number
  /** Of these, how many could be foreseen exactly. */
  readonly foreseen: number
}

/** @param seed of all worlds, or `seed:world` of one */
export const simulate = async (seed: string, steps: number): Promise<Simulated> => {
  const { stackTraceLimit } = Error
  // Actors crash a few hundred thousand times here, and where in the code says nothing.
  Error.stackTraceLimit = 0
  try {
    if (seed.includes(':')) return await runWorld(seed, STEPS_PER_WORLD)
    let foreseen = 0
    for (let done = 0, i = 0; done < steps; done += STEPS_PER_WORLD, i += 1) {
      foreseen += (await runWorld(`${seed}:${i}`, Math.min(STEPS_PER_WORLD, steps - done))).foreseen
    }
    return { steps, foreseen }
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

const runWorld = async (seed: string, steps: number): Promise<Simulated> => {
  const world = new World(seed)
  await world.open()
  try {
    for (let i = 0; i < steps; i += 1) await world.step(nextMove(world))
    await end(world)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    throw new Fault(`${error.message}\n${world.report()}\nRun it again with TROUPE_SEED=${seed}`)
  }
  return { steps, foreseen: world.foreseen }
}

/** With the last actor gone, nothing is left of all that was sent, asked and armed. */
const end = async (world: World): Promise<void> => {
  const { system, tree, witness } = world
  const kills = world.chance.often(0.5)
  await world.step({
    text: kills ? 'all are killed' : 'all are stopped',
    touches: tree.root.children,
    isMixed: true,
    run: () => {
      for (const { ref } of tree.root.children) {
        if (kills) system.kill(ref)
        void system.stop(ref)
      }
    },
  })
  await world.step(silence(world))
  // The waits for hooks that a kill has overtaken.
  await world.clock.advance(5_000)
  if (tree.size > 0) throw new Fault(`${tree.size} actors do not end: ${tree.all.map(({ ref }) => ref.path).join(', ')}`)
  if (system.stats().queued > 0) throw new Fault(`${system.stats().queued} messages are queued for nobody`)
  if (witness.openNotes.length > 0) throw new Fault(`notes vanished: ${witness.openNotes.join(', ')}`)
  if (witness.asks.size > 0) throw new Fault(`${witness.asks.size} questions are open for ever`)
  if (world.timers > 0) throw new Fault(`${world.timers} timers of nobody`)
  await system.stop()
}
