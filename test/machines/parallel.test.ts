/** One task of a parallel, explored completely. */
import { describe, expect, it } from 'vitest'
import { parallelMachine, type ParallelEvent, type ParallelInput } from '../../machines/parallel.ts'
import { explore, statesWithoutDescription } from './explore.ts'

const branches = ['a', 'b', 'c']
const good = { status: 'completed', output: 1 } as const
const lost = (branch: string) => ({ status: 'cancelled', reason: `${branch} was lost` }) as const

const events: ParallelEvent[] = [...branches, 'unknown'].flatMap((branch) =>
  [good, lost(branch)].flatMap((outcome) =>
    [true, false].map((enough): ParallelEvent => ({ type: 'branch.settled', branch, outcome, enough })),
  ),
)

const needs: ParallelInput['need'][] = ['settled', 'all', 'any', { quorum: 2 }]
const exploreWith = (need: ParallelInput['need']) =>
  explore(parallelMachine, { input: { branches, need }, events })
const least = new Map<unknown, number>([
  ['settled', 0],
  ['all', 3],
  ['any', 1],
])

describe.each(needs)('when %j is needed', (need) => {
  const { nodes, edges } = exploreWith(need)
  const needed = least.get(need) ?? 2
  const done = edges.filter(({ from, to }) => from.status === 'active' && to.status === 'done')

  it('joins once, or ends with a failed branch', () => {
    for (const { to, effects } of edges) {
      const ends = effects.filter(({ type }) => type === 'work.done' || type === 'results.join')
      expect(ends).toHaveLength(to.status === 'done' ? 1 : 0)
    }
  })

  it('joins only what is enough', () => {
    for (const { event, to, effects } of done) {
      const joined = effects.find(({ type }) => type === 'results.join')
      const completed = Object.values(to.context.results).filter(
        ({ status }) => status === 'completed',
      ).length
      expect(joined !== undefined).toBe(event.enough || completed >= needed)
    }
  })

  it('does not wait once that is there, or cannot come any more', () => {
    for (const { status, context } of nodes) {
      if (status !== 'active') continue
      const settled = Object.values(context.results)
      const completed = settled.filter((outcome) => outcome.status === 'completed').length
      expect(settled.length).toBeLessThan(branches.length)
      expect(needed === 0 || completed < needed).toBe(true)
      expect(completed + branches.length - settled.length).toBeGreaterThanOrEqual(needed)
    }
  })

  it('keeps the results of all branches in their order', () => {
    for (const { effects } of done) {
      for (const effect of effects) {
        if (effect.type !== 'results.join') continue
        expect(Object.keys((effect as unknown as { results: object }).results)).toEqual(branches)
      }
    }
  })

  it('withdraws what is still at work, and nothing else', () => {
    for (const { to, effects } of done) {
      const open = branches.filter((branch) => !(branch in to.context.results))
      expect(effects).toContainEqual({ type: 'branches.withdraw', branches: open })
    }
  })

  it('takes no second result of a branch, nor one of a branch that it does not have', () => {
    for (const { event, from, to } of edges) {
      if (event.branch === 'unknown' || event.branch in from.context.results)
        expect(to.context).toEqual(from.context)
    }
  })
})

it('ends as the first failed branch in the order of declaration, whichever failed first', () => {
  const failures = exploreWith('any').edges.flatMap(({ effects }) =>
    effects.filter(({ type }) => type === 'work.done'),
  )
  expect(failures.length).toBeGreaterThan(1)
  for (const failure of failures) expect(failure).toEqual({ type: 'work.done', outcome: lost('a') })
})

it('reaches every state, takes every transition and describes each state', () => {
  const all = needs.map(exploreWith)
  expect(all[1]?.unreached).toEqual([])
  expect(all[1]?.untaken).toEqual([])
  expect(statesWithoutDescription(parallelMachine)).toEqual([])
})
