/**
 * Whether the kernel costs more with the number of siblings: `node test/bench/kernel-growth.ts [--json]`, after a build.
 * Medians of five. The ratios are what counts: figures of one machine say little about another.
 */
import { createSystem, fromBehavior, supervisor, type ActorRef, type Logger, type System } from 'troupe'

const FEW = 1_000
const MANY = 10_000
const RUNS = 5
const WARM_UPS = 3
const RESTARTS = 500

type Order = { readonly type: 'crash' }

/** What one run takes, in milliseconds. */
interface Growth {
  readonly supervisorStarts: number
  readonly supervisorStops: number
  readonly plainStarts: number
  readonly plainStops: number
}

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silent }

const worker = fromBehavior<Order>(() => () => {
  throw new Error('told to crash')
})

const milliseconds = async (act: () => unknown): Promise<number> => {
  const before = performance.now()
  await act()
  return performance.now() - before
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

const names = (n: number): string[] => Array.from({ length: n }, (_, i) => `w${i}`)

const withSystem = async <T>(use: (system: System) => Promise<T>): Promise<T> => {
  const system = await createSystem({ logger: silent })
  const result = await use(system)
  await system.stop()
  return result
}

/** Starts and stops of this many children, under a supervisor and under a plain actor. */
const growth = (n: number): Promise<Growth> =>
  withSystem(async (system) => {
    const children = names(n).map((id) => ({ id, logic: worker }))
    let crew: ActorRef<never>
    const supervisorStarts = await milliseconds(() => (crew = system.spawn(supervisor({ children })) as ActorRef<never>))
    const supervisorStops = await milliseconds(() => system.stop(crew))
    const parent = system.spawn(worker)
    const refs: ActorRef<Order>[] = []
    const plainStarts = await milliseconds(() => {
      for (let i = 0; i < n; i += 1) refs.push(system.spawn(worker, { parent }))
    })
    const plainStops = await milliseconds(() => Promise.all(refs.map((ref) => system.stop(ref))))
    return { supervisorStarts, supervisorStops, plainStarts, plainStops }
  })

/** Milliseconds per restart of one child among so many: the first, one in the middle and the last in turn. */
const restart = (siblings: number): Promise<number> =>
  withSystem(async (system) => {
    const children = names(siblings + 1).map((id) => ({ id, logic: worker }))
    system.spawn(supervisor({ intensity: Infinity, children }), { id: 'crew' })
    const victims = [0, siblings >> 1, siblings].map((i) => system.lookup<Order>(`/crew/w${i}`)!)
    const crash = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i += 1) {
        system.tell(victims[i % victims.length]!, { type: 'crash' })
        await system.settle()
      }
    }
    await crash(100)
    return (await milliseconds(() => crash(RESTARTS))) / RESTARTS
  })

/** Some runs of each before it is measured, then in turn, so that whatever else the machine does hits all alike. */
const inTurn = async <T>(acts: readonly (() => Promise<T>)[]): Promise<T[][]> => {
  const results = acts.map((): T[] => [])
  for (let run = -WARM_UPS; run < RUNS; run += 1) {
    for (const [i, act] of acts.entries()) {
      const result = await act()
      if (run >= 0) results[i]!.push(result)
    }
  }
  return results
}

/** The mean of so many small crews: they leave the collector as much to do as a large one. */
const small = async (): Promise<Growth> => {
  const all: Growth[] = []
  for (let i = 0; i < MANY / FEW; i += 1) all.push(await growth(FEW))
  const mean = (what: keyof Growth): number => all.reduce((sum, one) => sum + one[what], 0) / all.length
  return {
    supervisorStarts: mean('supervisorStarts'),
    supervisorStops: mean('supervisorStops'),
    plainStarts: mean('plainStarts'),
    plainStops: mean('plainStops'),
  }
}

const [few = [], many = []] = await inTurn([small, () => growth(MANY)])
const [alone = [], crowded = []] = await inTurn([() => restart(10), () => restart(MANY)])

const grown = (what: keyof Growth) => {
  const [of, to] = [median(few.map((run) => run[what])), median(many.map((run) => run[what]))]
  return { small: of, large: to, ratio: to / of }
}
const restarts = { small: median(alone), large: median(crowded), ratio: median(crowded) / median(alone) }
const rows = [
  { what: `supervisor starts, ${FEW} and ${MANY} children`, ...grown('supervisorStarts') },
  { what: `supervisor stops, ${FEW} and ${MANY} children`, ...grown('supervisorStops') },
  { what: `plain actor spawns ${FEW} and ${MANY}`, ...grown('plainStarts') },
  { what: `plain actor's ${FEW} and ${MANY} children are stopped one by one`, ...grown('plainStops') },
  { what: `one restart, with 10 and ${MANY} siblings`, ...restarts },
]

if (process.argv.includes('--json')) console.log(JSON.stringify({ unit: 'ms', runs: RUNS, rows }, undefined, 2))
else {
  for (const { what, small, large, ratio } of rows) {
    const figures = [small, large].map((ms) => ms.toFixed(3).padStart(9)).join(' ms ')
    console.log(`${what.padEnd(66)} ${figures} ms   x ${ratio.toFixed(2)}`)
  }
}
