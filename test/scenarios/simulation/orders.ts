/** What the moves of a simulation are made from: how actors are told what to do. */
import { anyPuppet, puppetRef, someRef } from './casting.ts'
import type { Order, Puppet, PuppetRef } from './puppet.ts'
import type { Node } from './tree.ts'
import type { Move, World } from './world.ts'

/** Makes up a move; `undefined` when there is nobody for it. @param isMixed whether it happens together with others */
export type Maker = (world: World, isMixed?: boolean) => Move | undefined

// An order is carried out once, also when its message comes again.
const order = (act: (me: Puppet) => void): Order => {
  let done = false
  return {
    type: 'act',
    act: (me) => {
      if (done) return
      done = true
      act(me)
    },
  }
}

/** Tells it what to do, from outside. */
export const tell = (world: World, node: Node, act: (me: Puppet) => void): void =>
  void world.system.tell(puppetRef(node), order(act))

/** Something that an actor does, which changes nobody's life. */
export const does =
  (text: string, prepare: (other: PuppetRef, world: World) => (me: Puppet) => void): Maker =>
  (world) => {
    const node = anyPuppet(world)
    const other = someRef(world)
    if (!node || !other) return undefined
    const act = prepare(other, world)
    return { text: `${node.ref.path} ${text} ${other.path}`, run: () => tell(world, node, act) }
  }

/** Sends a note from outside. @param reckless is stashed also when the stash is full */
export const note = (world: World, to: PuppetRef, reckless = false): 'accepted' | 'rejected' => {
  const id = world.witness.newNote(to.path)
  const answer = world.system.tell(to, { type: 'note', payload: { id, by: 'outside', reckless } })
  world.witness.sent(id, answer)
  return answer
}

/** Does it, unless it is refused. */
export const attempt = (act: () => unknown): void => {
  try {
    act()
  } catch {
    // Refused, which is an answer.
  }
}
