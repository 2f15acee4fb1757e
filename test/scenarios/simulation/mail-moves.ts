/** Moves that send: notes, questions, news, with patience or past what a mailbox holds. */
import { anyPuppet, puppetRef, someRef } from './casting.ts'
import { does, note, tell, type Maker } from './orders.ts'
import type { Manner, PuppetRef } from './puppet.ts'
import type { Node } from './tree.ts'
import type { Move, World } from './world.ts'

const MANNERS: readonly Manner[] = ['reply', 'reply', 'reply twice', 'never', 'later', 'crash']
const TOPICS = ['weather', 'sports']

const notes: Maker = (world) => {
  const to = someRef(world)
  const count = world.chance.often(0.3) ? world.chance.between(2, 12) : 1
  if (!to) return undefined
  return {
    text: `${count} notes to ${to.path}`,
    run: () => {
      for (let i = 0; i < count; i += 1) note(world, to)
    },
  }
}

const ask = (world: World, target: PuppetRef, manner: Manner, timeoutMs: number): void => {
  const id = world.witness.newId()
  const answer = world.system.ask(target, { type: 'question', id, manner }, { timeoutMs })
  world.witness.asked(id, { asker: undefined, target, deadline: world.clock.now() + timeoutMs, answer })
}

// A message that cannot be handled crashes its actor as often as it comes.
const crashes = (world: World, node: Node) =>
  isRedelivered(node) ? undefined : { foresee: (f: Parameters<NonNullable<Move['foresee']>>[0]) => f.ends(node, { abnormal: true, hooks: true }) }

const isRedelivered = ({ cell }: Node): boolean => (cell.options.mailbox?.redeliver ?? 0) > 0

const questions: Maker = (world) => {
  const target = anyPuppet(world)
  const asker = world.chance.often(0.6) ? anyPuppet(world) : undefined
  const manner = world.chance.oneOf(MANNERS)
  const timeoutMs = world.chance.between(1, 200)
  if (!target) return undefined
  const isFatal = manner === 'crash'
  return {
    text: `${asker?.ref.path ?? 'outside'} asks ${target.ref.path}: ${manner}, ${timeoutMs} ms`,
    touches: isFatal ? [target] : [],
    ...(isFatal && asker !== target && crashes(world, target)),
    run: () => {
      if (asker) tell(world, asker, (me) => me.ask(puppetRef(target), { manner, timeoutMs }))
      else ask(world, puppetRef(target), manner, timeoutMs)
    },
  }
}

const sendWithRoom: Maker = (world) => {
  const node = anyPuppet(world)
  if (!node) return undefined
  const timeoutMs = world.chance.between(1, 50)
  const count = world.chance.between(1, 10)
  return {
    text: `${count} sends to ${node.ref.path}, ${timeoutMs} ms`,
    run: () => {
      for (let i = 0; i < count; i += 1) {
        const id = world.witness.newNote(`${node.ref.path}, with patience`)
        const payload = { id, by: 'sender' }
        world.system.send(puppetRef(node), { type: 'note', payload }, { timeoutMs }).catch(() => world.witness.notSent(id))
      }
    },
  }
}

const overfill: Maker = (world) => {
  const node = anyPuppet(world)
  if (!node) return undefined
  const count = world.chance.between(1, 8)
  const releases = world.chance.often(0.5)
  return {
    text: `${node.ref.path} holds ${count} notes`,
    touches: [node],
    run: () => {
      tell(world, node, (me) => (me.holds = true))
      for (let i = 0; i < count; i += 1) note(world, puppetRef(node), true)
      if (releases) tell(world, node, (me) => me.release())
    },
  }
}

const tells = does('tells', (other, { chance }) => {
  const count = chance.between(1, 5)
  return (me) => {
    for (let i = 0; i < count; i += 1) me.tell(other)
  }
})

const publishes = does('publishes, not to', (_, { chance }) => {
  const topic = chance.oneOf(TOPICS)
  return (me) => me.publish(topic)
})

const subscribes = does('subscribes or no more, not to', (_, { chance }) => {
  const topic = chance.oneOf(TOPICS)
  return (me) => {
    const unsubscribe = me.topics.get(topic)
    if (!unsubscribe) return void me.topics.set(topic, me.ctx.subscribe(topic))
    me.topics.delete(topic)
    unsubscribe()
  }
})

const answers = does('answers, not', () => (me) => me.answerAll())

const releases = does('releases, not', () => (me) => me.release())

/** Moves that send, by name. */
export const mail = { notes, questions, sendWithRoom, overfill, tells, publishes, subscribes, answers, releases }
