/** Moves that tie actors to each other, to time and to promises: watches, links, timers, pipes. */
import { anyPuppet, puppetRef, someRef } from './casting.ts'
import { attempt, does, tell, type Maker } from './orders.ts'
import type { Node } from './tree.ts'

const watches = does('watches', (other) => (me) => me.watch(other))

const unwatches = does('unwatches', (other) => (me) => me.unwatch(other))

const bothWays = does('watches and unwatches', (other) => (me) => {
  me.watch(other)
  me.unwatch(other)
})

/** A `Terminated` that is queued already must not arrive. */
const killUnwatched: Maker = (world) => {
  const node = anyPuppet(world)
  const other = anyPuppet(world)
  if (!node || !other || isBelow(node, other)) return undefined
  return {
    text: `${node.ref.path} watches ${other.ref.path}, kills it and watches it no more`,
    touches: [other],
    foresee: (forecast) => forecast.ends(other, { abnormal: true, hooks: false }),
    run: () =>
      tell(world, node, (me) => {
        me.watch(puppetRef(other))
        me.ctx.kill(other.ref)
        me.unwatch(puppetRef(other))
      }),
  }
}

const isBelow = (node: Node | undefined, above: Node): boolean =>
  node !== undefined && (node === above || isBelow(node.parent, above))

const links: Maker = (world, isMixed = false) => {
  const [one, two] = [anyPuppet(world), anyPuppet(world)]
  if (!one || !two || one === two) return undefined
  const undo = world.chance.often(0.3)
  return {
    text: `${undo ? 'unlink' : 'link'} ${one.ref.path} ${two.ref.path}`,
    touches: [one, two],
    foresee: () => {},
    run: () => {
      if (undo) {
        if (world.quiet && !isMixed) world.links.remove(one.uid, two.uid)
        world.system.unlink(one.ref, two.ref)
      } else {
        world.links.add(one.uid, two.uid, !world.quiet || isMixed)
        attempt(() => world.system.link(one.ref, two.ref))
      }
    },
  }
}

const linkToAnyone: Maker = (world) => {
  const node = anyPuppet(world)
  const other = someRef(world)
  if (!node || !other || other.uid === node.uid) return undefined
  return {
    text: `${node.ref.path} links to ${other.path}`,
    touches: [node, world.tree.find(other)].filter((each) => each !== undefined),
    run: () => {
      world.links.add(node.uid, other.uid, true)
      tell(world, node, (me) => me.ctx.link(other))
    },
  }
}

const timer = does('starts or cancels a timer, not of', (_, { chance }) => {
  const key = chance.oneOf(['x', 'y'])
  if (chance.often(0.3)) return (me) => me.cancelTimer(key)
  const when = chance.often(0.15) ? { everyMs: chance.between(200, 2_000) } : { afterMs: chance.between(0, 60) }
  return (me) => me.startTimer(key, when)
})

const receiveTimeout = does('sets its receive timeout, not of', (_, { chance }) => {
  const timeoutMs = chance.often(0.6) ? undefined : chance.between(100, 3_000)
  return (me) => me.receiveTimeout(timeoutMs)
})

const pipe = does('pipes, not from', (_, { chance, witness }) => {
  const ms = chance.often(0.5) ? chance.between(1, 30) : 0
  const fails = chance.often(0.3)
  return (me) => {
    const work = ms > 0 ? witness.after(ms) : Promise.resolve()
    me.pipe(fails ? work.then(() => Promise.reject(new Error('failed'))) : work)
  }
})

/** Moves that tie, by name. */
export const ties = { watches, unwatches, bothWays, killUnwatched, links, linkToAnyone, timer, receiveTimeout, pipe }
