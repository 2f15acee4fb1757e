/** Moves that start and end actors. */
import type { SupervisorRef } from 'troupe'
import { anyNode, anyPuppet, anySupervisor, describe, made, newSpec, puppetRef, traits } from './casting.ts'
import { attempt, note, tell, type Maker } from './orders.ts'
import type { Puppet } from './puppet.ts'

const MOST_ACTORS = 25

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

/** Moves that start and end actors, by name. */
export const life = { crash, leave, quit, kill, stop, drain, spawn, startChild, manageChild, failToStart, ghost }
