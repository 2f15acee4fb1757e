/** Who takes part in a simulation, and what new actors are like: all of it left to chance. */
import { supervisor, type Restart, type SpawnOptions } from 'troupe'
import type { PuppetRef, Traits } from './puppet.ts'
import type { Node, Plan, Spec } from './tree.ts'
import type { World } from './world.ts'

const RESTARTS: readonly Restart[] = ['permanent', 'transient', 'temporary']

/** Any actor. */
export const anyNode = ({ tree, chance }: World): Node | undefined => (tree.size > 0 ? chance.oneOf(tree.all) : undefined)

/** Any but supervisors. */
export const anyPuppet = ({ tree, chance }: World): Node | undefined => {
  const all = tree.all.filter((node) => !node.plan)
  return all.length > 0 ? chance.oneOf(all) : undefined
}

/** Any supervisor. */
export const anySupervisor = ({ tree, chance }: World): Node | undefined => {
  const all = tree.all.filter((node) => node.plan)
  return all.length > 0 ? chance.oneOf(all) : undefined
}

/** Its ref, to send to. */
export const puppetRef = ({ ref }: Node): PuppetRef => ref as PuppetRef

/** Also one that is gone. */
export const someRef = (world: World): PuppetRef | undefined => {
  const ghost = world.chance.often(0.1) && world.ghosts.length > 0
  const node = ghost ? undefined : anyPuppet(world)
  return ghost ? world.chance.oneOf(world.ghosts).ctx.self : node && puppetRef(node)
}

/** What a new puppet is like. @param stash how many notes it can keep */
export const traits = ({ chance }: World, stash = 100): Traits => {
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

/** What it takes to start such an actor. */
export const made = (world: World, spec: Spec): { logic: never; id: string; restart: Restart; input: Traits } => {
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

/** A child to be. @param depth below supervisors of this plan */
export const newSpec = (world: World, depth = 0): Spec => {
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

/** For the log. */
export const describe = ({ restart, plan }: Spec): string =>
  plan ? `${restart} ${plan.strategy} ${plan.intensity}/${plan.periodMs}${plan.backs ? ' backs off' : ''} [${plan.children.map((c) => `${c.id} ${describe(c)}`).join(', ')}]` : restart
