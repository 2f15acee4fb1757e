/** Pools: who gets which message, and what happens when routees come and go. */
import { beforeEach, describe, expect, it } from 'vitest'
import {
  createSystem,
  defineProtocol,
  fromBehavior,
  pool,
  type ActorRef,
  type Logger,
  type MessageOf,
  type System,
} from 'troupe'
import { manualClock, type ManualClock } from 'troupe/testing'
import { z } from 'zod'

const Work = defineProtocol({
  job: z.object({ key: z.string() }),
  who: { payload: z.object({}), reply: z.string() },
  hold: z.object({}),
  crash: z.object({}),
})
type Job = MessageOf<typeof Work>

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silent }

let system: System
let clock: ManualClock
/** Names of routees, one for each job, in order. */
let done: string[]
let dead: string[]

const nameOf = (path: string): string => path.split('/').at(-1) ?? ''

/** Does each job at once. */
const worker = fromBehavior<Job>((ctx) => (message) => {
  if (message.type === 'crash') throw new Error('crashed')
  if (message.type === 'who') ctx.reply(nameOf(ctx.self.path))
  if (message.type === 'job') done.push(nameOf(ctx.self.path))
})

const workers = (...names: string[]): ActorRef<Job>[] => names.map((id) => system.spawn(worker, { id }))

const jobs = async (to: ActorRef<Job>, ...keys: string[]): Promise<string[]> => {
  for (const key of keys) {
    system.tell(to, { type: 'job', payload: { key } })
    await system.settle()
  }
  return done.splice(0)
}

const burst = async (to: ActorRef<Job>, ...keys: string[]): Promise<string[]> => {
  for (const key of keys) system.tell(to, { type: 'job', payload: { key } })
  await system.settle()
  return done.splice(0)
}

const many = (count: number): string[] => Array.from({ length: count }, (_, n) => `key-${n}`)

const share = (names: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

beforeEach(async () => {
  clock = manualClock()
  system = await createSystem({ clock, seed: 1, logger: silent })
  done = []
  dead = []
  system.deadLetters.subscribe(({ message, reason }) => dead.push(`${message.type}: ${reason}`))
})

describe('round-robin', () => {
  it('gives each in turn, and is what a pool does unless told otherwise', async () => {
    const all = system.spawn(pool({ routees: workers('a', 'b', 'c') }))
    expect(await jobs(all, ...many(7))).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a'])
  })

  it('does not skip anybody when one before is gone', async () => {
    const routees = workers('a', 'b', 'c')
    const all = system.spawn(pool({ routees }))
    expect(await jobs(all, ...many(2))).toEqual(['a', 'b'])
    await system.stop(routees[0])
    expect(await jobs(all, ...many(3))).toEqual(['c', 'b', 'c'])
  })

  it('begins anew when the last one was next and is gone', async () => {
    const routees = workers('a', 'b', 'c')
    const all = system.spawn(pool({ routees }))
    expect(await jobs(all, ...many(2))).toEqual(['a', 'b'])
    await system.stop(routees[2])
    expect(await jobs(all, ...many(2))).toEqual(['a', 'b'])
  })
})

describe('random', () => {
  it('gives each about the same, in no order', async () => {
    const all = system.spawn(pool({ routees: workers('a', 'b', 'c'), strategy: 'random' }))
    const order = await jobs(all, ...many(300))
    for (const count of Object.values(share(order))) expect(Math.abs(count - 100)).toBeLessThan(35)
    expect(order.join('')).not.toContain('abcabcabcabc')
  })

  it('follows from the seed', async () => {
    const orders: string[][] = []
    for (const seed of [7, 7, 8]) {
      system = await createSystem({ clock, seed, logger: silent })
      orders.push(await jobs(system.spawn(pool({ routees: workers('a', 'b', 'c'), strategy: 'random' })), ...many(20)))
    }
    expect(orders[0]).toEqual(orders[1])
    expect(orders[0]).not.toEqual(orders[2])
  })
})

describe('least-loaded', () => {
  it('gives to the one with the fewest messages waiting', async () => {
    const [a, b] = workers('a', 'b')
    const all = system.spawn(pool({ routees: [a!, b!], strategy: 'least-loaded' }))
    for (const to of [all, all]) system.tell(to, { type: 'job', payload: { key: '' } })
    // The pool has its turn before these two: what waits for them counts.
    for (let count = 0; count < 3; count += 1) system.tell(a!, { type: 'hold', payload: {} })
    await system.settle()
    expect(done).toEqual(['b', 'b'])
  })

  it('lets those with nothing to do take turns', async () => {
    const all = system.spawn(pool({ routees: workers('a', 'b', 'c'), strategy: 'least-loaded' }))
    expect(await jobs(all, ...many(6))).toEqual(['a', 'b', 'c', 'a', 'b', 'c'])
  })

  it('spreads a burst evenly', async () => {
    const all = system.spawn(pool({ routees: workers('a', 'b', 'c'), strategy: 'least-loaded' }))
    expect(share(await burst(all, ...many(30)))).toEqual({ a: 10, b: 10, c: 10 })
  })
})

describe('consistent-hash', () => {
  const byKey = (routees: readonly ActorRef<Job>[]) =>
    system.spawn(
      pool({
        routees,
        strategy: 'consistent-hash',
        hash: (message) => (message.type === 'job' ? message.payload.key : ''),
      }),
    )

  const placesOf = async (all: ActorRef<Job>, keys: readonly string[]): Promise<Map<string, string>> => {
    const places = new Map<string, string>()
    for (const key of keys) places.set(key, (await jobs(all, key))[0] ?? '')
    return places
  }

  it('gives equal keys to the same one', async () => {
    const all = byKey(workers('a', 'b', 'c'))
    const first = await placesOf(all, many(50))
    expect(await placesOf(all, many(50))).toEqual(first)
    expect(new Set(first.values()).size).toBe(3)
  })

  it('gives each about the same share', async () => {
    const shares = share(await jobs(byKey(workers('a', 'b', 'c', 'd')), ...many(4_000)))
    expect(Object.keys(shares).toSorted()).toEqual(['a', 'b', 'c', 'd'])
    for (const count of Object.values(shares)) expect(Math.abs(count - 1_000)).toBeLessThan(350)
    expect(Object.values(shares).reduce((sum, count) => sum + count)).toBe(4_000)
  })

  it('moves only the keys of one that is gone', async () => {
    const routees = workers('a', 'b', 'c', 'd')
    const all = byKey(routees)
    const before = await placesOf(all, many(200))
    await system.stop(routees[1])
    for (const [key, place] of await placesOf(all, many(200))) {
      if (before.get(key) === 'b') expect(['a', 'c', 'd']).toContain(place)
      else expect(place).toBe(before.get(key))
    }
  })

  it('does not care in which order routees are listed', async () => {
    const routees = workers('a', 'b', 'c')
    const one = await placesOf(byKey(routees), many(50))
    expect(await placesOf(byKey(routees.toReversed()), many(50))).toEqual(one)
  })

  it('is refused without a hash', () => {
    const define = () => pool({ routees: [], strategy: 'consistent-hash' })
    expect(define).toThrow(expect.objectContaining({ name: 'ConfigurationError' }))
  })
})

describe('broadcast', () => {
  it('gives every message to all', async () => {
    const all = system.spawn(pool({ routees: workers('a', 'b', 'c'), strategy: 'broadcast' }))
    expect(await jobs(all, 'x', 'y')).toEqual(['a', 'b', 'c', 'a', 'b', 'c'])
  })

  it('gives an asker the first reply', async () => {
    const all = system.spawn(pool({ routees: workers('a', 'b'), strategy: 'broadcast' }))
    expect(await system.ask(all, { type: 'who', payload: {} })).toBe('a')
  })
})

describe('what is handed on', () => {
  it('is answered by the routee, to whoever asked the pool', async () => {
    const all = system.spawn(pool({ routees: workers('a', 'b') }))
    const answers = [1, 2, 3].map(() => system.ask(all, { type: 'who', payload: {} }))
    expect(await Promise.all(answers)).toEqual(['a', 'b', 'a'])
  })

  it('keeps its envelope: id and sender', async () => {
    const seen: { id: string; from: string }[] = []
    const reader = system.spawn(fromBehavior<Job>((ctx) => () => void seen.push(ctx.envelope)))
    const all = system.spawn(pool({ routees: [reader] }))
    const sender = system.spawn(
      fromBehavior<Job>((ctx) => (message) => void ctx.tell(all, message)),
      { id: 'sender' },
    )
    await jobs(sender, 'x')
    expect(seen[0]?.from).toMatch(/\/sender$/)
  })

  it('fails its asker at once when the routee crashes over it', async () => {
    const all = system.spawn(pool({ routees: { logic: worker, size: 1 } }))
    const asked = system.ask(all, { type: 'crash', payload: {} })
    await expect(asked).rejects.toMatchObject({ code: 'ACTOR_CRASHED' })
  })
})

describe('routees of its own', () => {
  it('are started with it and restarted when they crash', async () => {
    const all = system.spawn(pool({ routees: { logic: worker, size: 2 } }), { id: 'all' })
    expect(share(await jobs(all, ...many(4)))).toEqual({ 'routee-1': 2, 'routee-2': 2 })
    system.tell(all, { type: 'crash', payload: {} })
    await system.settle()
    expect(share(await jobs(all, ...many(4)))).toEqual({ 'routee-1': 2, 'routee-2': 2 })
  })

  it('stop with it', async () => {
    const all = system.spawn(pool({ routees: { logic: worker, size: 2 } }), { id: 'all' })
    const routee = system.lookup('/all/routee-1')!
    const gone = system.watch(routee)
    await system.stop(all)
    expect((await gone).type).toBe('shutdown')
  })

  it.each(['crash', 'kill'] as const)('are new ones after a restart of the pool, who hear nothing of the old ones: %s', async (how) => {
    const hash = (message: Job): string => {
      if (message.type === 'crash') throw new Error('no key')
      return 'key'
    }
    const told: string[] = []
    const routee = fromBehavior<Job>((ctx) => (message) => void told.push(`${nameOf(ctx.self.path)} ${message.type}`))
    const all = system.spawn(pool({ routees: { logic: routee, size: 1 }, strategy: 'consistent-hash', hash }), { restart: 'permanent' })
    if (how === 'kill') system.kill(all)
    else system.tell(all, { type: 'crash', payload: {} })
    await jobs(all, 'x')
    expect([told, dead]).toEqual([['routee-1 job'], []])
  })

  it('have to be a number of actors', () => {
    for (const size of [-1, 1.5, NaN]) {
      const define = () => pool({ routees: { logic: worker, size } })
      expect(define).toThrow(expect.objectContaining({ name: 'ConfigurationError' }))
    }
  })
})

describe('routees that were given', () => {
  it('leave it when they are gone for good', async () => {
    const [a, b] = workers('a', 'b')
    const all = system.spawn(pool({ routees: [a!, b!] }))
    await system.stop(a)
    expect(await jobs(all, ...many(3))).toEqual(['b', 'b', 'b'])
    expect(dead).toEqual([])
  })

  it('end it with the last of them', async () => {
    const [a, b] = workers('a', 'b')
    const all = system.spawn(pool({ routees: [a!, b!] }))
    const end = system.watch(all)
    await system.stop(a)
    await system.stop(b)
    expect(await end).toEqual({ type: 'normal' })
  })

  it('may be given twice, for twice the share', async () => {
    const [a, b] = workers('a', 'b')
    const all = system.spawn(pool({ routees: [a!, b!, a!] }))
    expect(await jobs(all, ...many(4))).toEqual(['a', 'b', 'a', 'a'])
    await system.stop(a)
    expect(await jobs(all, ...many(2))).toEqual(['b', 'b'])
  })

  it('stay while they are restarted', async () => {
    const a = system.spawn(worker, { id: 'a', restart: 'permanent' })
    const all = system.spawn(pool({ routees: [a] }))
    system.tell(a, { type: 'crash', payload: {} })
    await system.settle()
    expect(await jobs(all, 'x')).toEqual(['a'])
  })

  it('leave it also when they are gone in the moment in which it restarts', async () => {
    const [a, b] = workers('a', 'b')
    const all = system.spawn(pool({ routees: [a!, b!] }), { restart: 'permanent' })
    system.kill(a!)
    system.kill(all)
    await system.settle()
    expect(await jobs(all, ...many(2))).toEqual(['b', 'b'])
    expect(dead).toEqual([])
  })

  it('may be none: what comes is a dead letter, and its asker is told', async () => {
    const all = system.spawn(pool<ActorRef<Job>[]>({ routees: [] }))
    await jobs(all, 'x')
    expect(dead).toEqual(['job: no-routee'])
    await expect(system.ask(all, { type: 'who', payload: {} })).rejects.toMatchObject({ code: 'NO_ROUTE' })
  })
})

describe('routees that are found by their service', () => {
  const service = Work.service('workers')

  it('are those that are registered at the time', async () => {
    const [a, b] = workers('a', 'b')
    const all = system.spawn(pool({ routees: service }))
    await jobs(all, 'x')
    expect(dead).toEqual(['job: no-routee'])
    for (const ref of [a!, b!]) system.receptionist.register(service, ref)
    expect(await jobs(all, ...many(3))).toEqual(['a', 'b', 'a'])
    system.receptionist.deregister(service, a!)
    expect(await jobs(all, ...many(2))).toEqual(['b', 'b'])
  })

  it('leave it when they stop, and it waits for others', async () => {
    const [a] = workers('a')
    system.receptionist.register(service, a!)
    const all = system.spawn(pool({ routees: service }))
    await system.stop(a)
    await jobs(all, 'x')
    expect(dead).toEqual(['job: no-routee'])
    system.receptionist.register(service, workers('b')[0]!)
    expect(await jobs(all, 'x')).toEqual(['b'])
  })
})

it('does not take a message of its users for news of its routees', async () => {
  const all = system.spawn(pool({ routees: workers('a') }))
  system.tell(all, { type: 'pool.routee-ended' } as never)
  await system.settle()
  expect(await jobs(all, 'x')).toEqual(['a'])
})
