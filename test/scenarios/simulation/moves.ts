/** What can happen in a simulation: each move is made up from chance, for the actors that are there. */
import { supervisor, type Restart, type SpawnOptions, type SupervisorRef } from 'troupe'
import type { Manner, Order, Puppet, PuppetRef, Traits } from './puppet.ts'
import { type Node, type Plan, type Spec } from './tree.ts'
import { Fault } from './witness.ts'
import type { Move, World } from './world.ts'

/** @param isMixed whether it happens together with others */
type Maker = (world: World, isMixed?: boolean) => Move | undefined

const FEWEST_ACTORS = 8
const MOST_ACTORS = 25
const RESTARTS: readonly Restart[] = ['permanent', 'transient', 'temporary']
const MANNERS: readonly Manner[] = ['reply', 'reply', 'reply twice', 'never', 'later', 'crash']
const TOPICS = ['weather', 'sports']

// Who.

const anyNode = ({ tree, chance }: World): Node | undefined => (tree.size > 0 ? chance.oneOf(tree.all) : undefined)

const anyPuppet = ({ tree, chance }: World): Node | undefined => {
  const all = tree.all.filter((node) => !node.plan)
  return all.length > 0 ? chance.oneOf(all) : undefined
}

const anySupervisor = ({ tree, chance }: World): Node | undefined => {
  const all = tree.all.filter((node) => node.plan)
  return all.length > 0 ? chance.oneOf(all) : undefined
}

const puppetRef = ({ ref }: Node): PuppetRef => ref as PuppetRef

/** Also one that is gone. */
const someRef = (world: World): PuppetRef | undefined => {
  const ghost = world.chance.often(0.1) && world.ghosts.length > 0
  const node = ghost ? undefined : anyPuppet(world)
  return ghost ? world.chance.oneOf(world.ghosts).ctx.self : node && puppetRef(node)
}

// What they are made from.

const traits = ({ chance }: World, stash = 100): Traits => {
  const odd = chance.often(0.04) ? ('never' as const) : chance.between(1, 40)
  const hook = chance.often(0.12) ? odd : chance.oneOf(['none', 'sync', 'sync', 'micro'] as const)
  return { hook, looksAtSignal: chance.often(0.3), stash }
}

const settings = (world: World): Pick<SpawnOptions, 'mailbox' | 'shutdownMs' | 'trapExit' | 'stopChildren'> => {
  const { chance } = world
  return {
    ...(chance.often(0.4) && {
      mailbox: {
        capacity: chance.between(1, 6),
        overflow: chance.oneOf(['reject', 'drop-oldest', 'drop-new', 'backpressure', 'unbounded'] as const),
        stash: chance.between(1, 4),
        restartStash: chance.between(0, 3),
        redeliver: chance.often(0.3) ? 1 : 0,
      },
    }),
    ...(chance.often(0.3) && { shutdownMs: chance.oneOf([5, 20, 100, 'brutal-kill'] as const) }),
    ...(chance.often(0.1) && { trapExit: true }),
  }
}

const made = (world: World, spec: Spec): { logic: never; id: string; restart: Restart; input: Traits } => {
  const { id, restart, plan } = spec
  if (plan) return { logic: supervisorOf(world, plan), id, restart } as never
  const set = settings(world)
  const input = traits(world, set.mailbox?.stash)
  // Seldom as long as by default: what waits cannot be foreseen.
  const shutdownMs = input.hook === 'never' && world.chance.often(0.9) ? 10 : set.shutdownMs
  return { ...set, shutdownMs, logic: world.puppet, input, id, restart } as never
}

const supervisorOf = (world: World, plan: Plan): object => {
  const { strategy, intensity, periodMs, backs } = plan
  const limits = { intensity, periodMs, ...(backs && { backoff: { minMs: 10, maxMs: 60 } }) }
  const { logic, restart, input, ...rest } = made(world, { id: 'template', restart: plan.template, plan: undefined })
  const { id: _, ...child } = { ...rest, logic, restart, input }
  const options =
    strategy === 'dynamic'
      ? { ...limits, strategy, child }
      : { ...limits, strategy, children: plan.children.map((each) => made(world, each)) }
  const whole = supervisor(options as never)
  world.plans.set(whole, plan)
  return whole
}

const newSpec = (world: World, depth = 0): Spec => {
  const { chance } = world
  const id = `${chance.oneOf('abcdef'.split(''))}${(world.ids += 1)}`
  const plan = chance.often(depth === 0 ? 0.35 : depth === 1 ? 0.2 : 0) ? newPlan(world, depth + 1) : undefined
  return { id, restart: chance.oneOf(RESTARTS), plan }
}

const newPlan = (world: World, depth: number): Plan => {
  const { chance } = world
  const strategy = chance.oneOf(['one-for-one', 'one-for-all', 'rest-for-one', 'dynamic'] as const)
  const count = strategy === 'dynamic' ? 0 : chance.between(0, 4)
  return {
    strategy,
    intensity: chance.between(0, 4),
    periodMs: chance.between(10, 2_000),
    backs: chance.often(0.2),
    template: chance.oneOf(RESTARTS),
    children: Array.from({ length: count }, () => newSpec(world, depth)),
  }
}

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

const tell = (world: World, node: Node, act: (me: Puppet) => void): void =>
  void world.system.tell(puppetRef(node), order(act))

/** Something that an actor does, which changes nobody's life. */
const does =
  (text: string, prepare: (other: PuppetRef, world: World) => (me: Puppet) => void): Maker =>
  (world) => {
    const node = anyPuppet(world)
    const other = someRef(world)
    if (!node || !other) return undefined
    const act = prepare(other, world)
    return { text: `${node.ref.path} ${text} ${other.path}`, run: () => tell(world, node, act) }
  }

const note = (world: World, to: PuppetRef, reckless = false): 'accepted' | 'rejected' => {
  const id = world.witness.newNote(to.path)
  const answer = world.system.tell(to, { type: 'note', payload: { id, by: 'outside', reckless } })
  world.witness.sent(id, answer)
  return answer
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

// The moves.

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

const fatal =
  (text: string, how: { abnormal: boolean; waits?: boolean }, act: (me: Puppet) => void): Maker =>
  (world) => {
    const node = anyPuppet(world)
    if (!node) return undefined
    return {
      text: `${node.ref.path} ${text}`,
      touches: [node],
      foresee: (forecast) => forecast.ends(node, { ...how, hooks: !how.waits || node.cell.options.shutdownMs !== 'brutal-kill' }),
      run: () => tell(world, node, act),
    }
  }

const crash = fatal('crashes', { abnormal: true }, () => {
  throw new Error('told to crash')
})
const leave = fatal('exits', { abnormal: false }, (me) => me.ctx.exit())
const quit = fatal('stops itself', { abnormal: false, waits: true }, (me) => void me.ctx.stop(me.ctx.self))

const kill: Maker = (world) => {
  const node = anyNode(world)
  const byActor = world.chance.often(0.3) ? anyPuppet(world) : undefined
  if (!node) return undefined
  return {
    text: `${byActor?.ref.path ?? 'outside'} kills ${node.ref.path}`,
    touches: [node],
    foresee: (forecast) => forecast.ends(node, { abnormal: true, hooks: false }),
    run: () => {
      if (byActor) tell(world, byActor, (me) => me.ctx.kill(node.ref))
      else world.system.kill(node.ref)
    },
  }
}

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

const stop: Maker = (world) => {
  const node = anyNode(world)
  const byActor = world.chance.often(0.3) ? anyPuppet(world) : undefined
  const options: { timeoutMs?: number } = world.chance.often(0.3) ? { timeoutMs: world.chance.between(0, 50) } : {}
  if (!node || byActor === node) return undefined
  return {
    text: `${byActor?.ref.path ?? 'outside'} stops ${node.ref.path} ${JSON.stringify(options)}`,
    touches: [node],
    foresee: (forecast) => forecast.stops(node, options.timeoutMs),
    run: () => {
      if (byActor) tell(world, byActor, (me) => void me.ctx.stop(node.ref, options))
      else void world.system.stop(node.ref, options)
    },
  }
}

const drain: Maker = (world) => {
  const node = anyPuppet(world)
  if (!node) return undefined
  return {
    text: `${node.ref.path} is drained`,
    touches: [node],
    foresee: (forecast) => forecast.stops(node),
    run: () => {
      note(world, puppetRef(node))
      void world.system.drain(node.ref, { timeoutMs: 100 })
      note(world, puppetRef(node))
    },
  }
}

const spawn: Maker = (world) => {
  if (world.tree.size >= MOST_ACTORS) return undefined
  const parent = world.chance.often(0.5) ? anyPuppet(world) : undefined
  const spec = newSpec(world)
  const { logic, ...options } = made(world, spec)
  const byActor = parent && world.chance.often(0.5)
  return {
    text: `${parent?.ref.path ?? ''}/${spec.id} is spawned, ${describe(spec)} ${JSON.stringify(options)}`,
    touches: [],
    foresee: (forecast) => forecast.starts(parent ?? world.tree.root, spec),
    run: () => {
      world.concern(`${parent?.ref.path ?? ''}/${spec.id}`)
      if (byActor) tell(world, parent, (me) => void me.ctx.spawn(logic, options as never))
      else attempt(() => world.system.spawn(logic, { ...options, ...(parent && { parent: parent.ref }) } as never))
    },
  }
}

const describe = ({ restart, plan }: Spec): string =>
  plan ? `${restart} ${plan.strategy} ${plan.intensity}/${plan.periodMs}${plan.backs ? ' backs off' : ''} [${plan.children.map((c) => `${c.id} ${describe(c)}`).join(', ')}]` : restart

const attempt = (act: () => unknown): void => {
  try {
    act()
  } catch {
    // Refused, which is an answer.
  }
}

const startChild: Maker = (world) => {
  const node = anySupervisor(world)
  if (!node?.plan || world.tree.size >= MOST_ACTORS) return undefined
  const isDynamic = node.plan.strategy === 'dynamic'
  const fresh = newSpec(world, 2)
  const spec = isDynamic ? { ...fresh, restart: node.plan.template } : fresh
  return {
    text: `${node.ref.path} starts ${spec.id}, ${describe(spec)}`,
    touches: [],
    foresee: (forecast) => {
      forecast.starts(node, spec)
      forecast.after.push(() => node.specs.push(spec))
    },
    run: () => {
      world.concern(`${node.ref.path}/${spec.id}`)
      node.known.set(spec.id, spec)
      const child = isDynamic ? { id: spec.id, input: traits(world, 1) } : made(world, spec)
      world.system.startChild(node.ref as SupervisorRef, child as never).catch(() => {})
    },
  }
}

const manageChild: Maker = (world) => {
  const node = anySupervisor(world)
  if (!node?.plan || node.specs.length === 0) return undefined
  const { id } = world.chance.oneOf(node.specs)
  const child = node.children.find(({ cell }) => cell.name === id)
  const verb = world.chance.oneOf(['terminateChild', 'restartChild', 'deleteChild'] as const)
  const spec = node.specs.find((each) => each.id === id)!
  return {
    text: `${verb} ${node.ref.path}/${id}`,
    touches: child ? [child] : [],
    foresee: (forecast) => {
      if (verb === 'terminateChild' && child) forecast.stops(child)
      if (verb === 'restartChild' && !child) forecast.starts(node, spec)
      if (verb === 'deleteChild' && !child) forecast.after.push(() => (node.specs = node.specs.filter((each) => each.id !== id)))
    },
    run: () => {
      world.concern(`${node.ref.path}/${id}`)
      world.system[verb](node.ref as SupervisorRef, id).catch(() => {})
    },
  }
}

const failToStart: Maker = (world) => {
  const node = anyPuppet(world)
  if (!node) return undefined
  const times = world.chance.between(1, 5)
  return {
    text: `${node.ref.path} crashes and fails to start ${times} times`,
    touches: [node],
    run: () => {
      world.witness.failing.set(node.ref.path, times)
      tell(world, node, () => {
        throw new Error('told to crash')
      })
    },
  }
}

const advance: Maker = (world) => {
  const ms = world.chance.often(0.1) ? world.chance.between(100, 2_000) : world.chance.between(1, 60)
  return { text: `${ms} ms pass`, run: () => world.clock.advance(ms) }
}

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

const ghost: Maker = (world) => {
  if (world.ghosts.length === 0) return undefined
  const { ctx } = world.chance.oneOf(world.ghosts)
  const node = anyPuppet(world)
  if (!node) return undefined
  return {
    text: `what is left of ${ctx.self.path} acts`,
    run: () => {
      if (ctx.tell(puppetRef(node), { type: 'act', act: () => world.witness.object('a ghost was heard') }) !== 'rejected') {
        world.witness.object('a ghost was taken for an actor')
      }
      ctx.publish('weather', { type: 'act', act: () => world.witness.object('a ghost was heard') })
      ctx.kill(node.ref)
      void ctx.stop(node.ref)
      ctx.exit()
      let spawned = true
      try {
        ctx.spawn(world.puppet, { input: { hook: 'none', looksAtSignal: false, stash: 1 } })
      } catch {
        spawned = false
      }
      if (spawned) world.witness.object('a ghost has a child')
    },
  }
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
const watches = does('watches', (other) => (me) => me.watch(other))
const unwatches = does('unwatches', (other) => (me) => me.unwatch(other))
const bothWays = does('watches and unwatches', (other) => (me) => {
  me.watch(other)
  me.unwatch(other)
})
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
const answers = does('answers, not', () => (me) => me.answerAll())
const releases = does('releases, not', () => (me) => me.release())

/** How often each, in relation. */
type Table = readonly (readonly [number, Maker])[]

const SUDDEN: Table = [
  [20, notes],
  [10, questions],
  [10, tells],
  [5, crash],
  [3, leave],
  [2, quit],
  [5, kill],
  [5, stop],
  [2, drain],
  [2, spawn],
  [3, startChild],
  [4, manageChild],
  [2, failToStart],
  [3, publishes],
  [5, watches],
  [3, unwatches],
  [1, bothWays],
  [1, killUnwatched],
  [3, links],
  [3, timer],
  [3, pipe],
  [3, sendWithRoom],
  [3, overfill],
  [2, releases],
]

const MOVES: Table = [
  ...SUDDEN,
  [6, spawn],
  [8, advance],
  [3, subscribes],
  [2, receiveTimeout],
  [2, answers],
  [1, linkToAnyone],
  [2, ghost],
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
  if (world.tree.size < FEWEST_ACTORS) return spawn(world)!
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
