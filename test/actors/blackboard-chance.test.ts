/** Blackboards of random sources: no contribution overwrites another, and quiescence is announced once. */
import { expect, it } from 'vitest'
import { blackboard, type Board, type Source } from '../../src/index.ts'
import { z } from 'zod'
import { chance, type Chance } from '../scenarios/simulation/chance.ts'
import { eventsOf, rig } from './rig.ts'

const names = ['a', 'b', 'c'] as const
type Name = (typeof names)[number]
const keys = { a: z.number(), b: z.number(), c: z.number() }
type Keys = typeof keys
type Values = Board<Keys>

interface AtWork {
  readonly source: string
  readonly priority: number
}

/** Counts one key up, as it has seen it, after a nap; now and then it crashes. */
const counter = (name: string, random: Chance, atWork: Set<AtWork>, faults: string[]): Source<Keys> => {
  const key = random.oneOf(names)
  const reads = random.often(0.3) ? undefined : names.filter(() => random.often(0.6))
  const priority = random.below(3)
  const limit = random.between(2, 6)
  const fails = random.often(0.3) ? 0.5 : 0
  return {
    priority,
    reads: reads?.length === 0 ? undefined : reads,
    ownWrites: random.often(0.3),
    when: (board: Values) => (board[key] ?? 0) < limit,
    retry: { attempts: 2, minMs: 5, jitter: false },
    run: async (board, ctx) => {
      const me = { source: name, priority }
      for (const other of atWork) if (other.source === name) faults.push(`${name} twice`)
      for (const other of atWork)
        if (other.priority > priority && ctx.attempt === 1) faults.push(`${name} beside ${other.source}`)
      atWork.add(me)
      const seen = board[key] ?? 0
      await ctx.sleep(random.below(20))
      atWork.delete(me)
      if (random.often(fails)) throw new Error('crash')
      return { [key]: seen + 1 } satisfies Partial<Record<Name, number>>
    },
  }
}

const seeds = Array.from({ length: 60 }, (_, n) => `blackboard-${n}`)
const seen = { conflicts: 0, quarantines: 0, contributions: 0 }

it.each(seeds)('loses nothing and is quiescent once (%s)', async (seed) => {
  const random = chance(seed)
  const { system, clock } = await rig()
  const atWork = new Set<AtWork>()
  const faults: string[] = []
  const sources = Object.fromEntries(
    Array.from({ length: random.between(1, 6) }, (_, n) => [
      `s${n}`,
      counter(`s${n}`, random, atWork, faults),
    ]),
  )
  const board = blackboard('board', {
    keys,
    start: () => ({ a: 1 }),
    sources,
    result: (values) => values,
    maxDepth: random.between(2, 20),
    maxActivations: random.between(2, 10),
  })
  const run = system.submit(board, undefined)
  await clock.advance(100_000)
  const outcome = await run.outcome
  const events = await eventsOf(run)

  const announced = events.filter((event) => event.type === 'board.quiescent')
  const values = outcome.status === 'completed' ? outcome.output : {}
  const sum = (values.a ?? 0) + (values.b ?? 0) + (values.c ?? 0)
  // Each revision counts one key up by one: had a contribution overwritten another, the sum would be less.
  expect(announced.map(({ revision }) => revision)).toEqual([sum])
  expect(faults).toEqual([])
  expect(atWork.size).toBe(0)
  for (const event of events) {
    if (event.type !== 'decision.made') continue
    if (event.kind === 'conflict') seen.conflicts += 1
    if (event.kind === 'guard') seen.quarantines += 1
  }
  seen.contributions += sum - 1
})

it('has met conflicts and quarantines on the way', () => {
  expect(Math.min(seen.conflicts, seen.quarantines, seen.contributions)).toBeGreaterThan(20)
})
