/** Expenses: three agents of 800 ms side by side, and what becomes of an expense when one of them fails. */
import { agent, createSystem, type Agent, type RunEvent, type System } from 'troupe'
import { manualClock } from 'troupe/testing'
import { afterEach, expect, it } from 'vitest'
import team, { expenses, THINK_MS, type Expense } from '../../docs/examples/expense-processing/team.ts'
import { troupeRun } from './command.ts'

const train: Expense = { id: 'e', employee: 'ann', what: 'train to Hamburg', eur: 140 }

let system: System
afterEach(() => system.stop())

const work = async (input: Expense, on = team) => {
  const clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
  const run = system.submit(on, input)
  // Far more than it needs: what counts is when it ended.
  await clock.advance(10 * THINK_MS)
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  const began = events.flatMap((event) =>
    event.type === 'task.started' && event.agent !== 'expenses' ? [[event.agent, event.at]] : [],
  )
  return { outcome: await run.outcome, began, endedAt: events.at(-1)?.at }
}

it('takes as long as one of the three, not as all of them together', async () => {
  const { outcome, began, endedAt } = await work(train)
  expect(outcome).toEqual({
    status: 'completed',
    output: { category: 'travel', department: 'sales', next: 'book', doubts: [] },
  })
  expect(began).toEqual([
    ['category', 0],
    ['department', 0],
    ['anomaly', 0],
  ])
  expect(endedAt).toBe(800)
})

it('has a person look at an anomaly', async () => {
  const { outcome } = await work({ ...train, eur: 900 })
  expect(outcome).toMatchObject({ output: { next: 'review', doubts: ['900 EUR, where 600 are usual'] } })
})

it.each<[string, Partial<Expense>, Agent<Expense, string[]> | undefined, object]>([
  [
    'is refused',
    { employee: 'mallory' },
    undefined,
    { category: 'travel', next: 'review', doubts: ['no department: "mallory" is in no department'] },
  ],
  [
    'crashes',
    {},
    agent('anomaly', {
      run: ({ eur }: Expense): string[] => {
        throw new TypeError(`a bug at ${eur}`)
      },
    }),
    { category: 'travel', department: 'sales', next: 'review', doubts: ['no anomaly: a bug at 140'] },
  ],
  [
    'hangs',
    {},
    agent('anomaly', {
      timeoutMs: 1_000,
      run: async (_: Expense, { sleep }): Promise<string[]> => {
        await sleep(Infinity)
        return []
      },
    }),
    { next: 'review', doubts: ['no anomaly: "anomaly" took longer than 1000 ms'] },
  ],
])('keeps what the others say when one %s', async (_, change, anomaly, output) => {
  const { outcome } = await work({ ...train, ...change }, anomaly && expenses({ anomaly }))
  expect(outcome).toMatchObject({ status: 'completed', output })
})

it('runs from the command line', async () => {
  system = await createSystem()
  const { code, results } = await troupeRun('expense-processing')
  expect(code).toBe(0)
  expect(
    results.map(({ id, outcome }) => [id, 'output' in outcome && (outcome.output as { next: string }).next]),
  ).toEqual([
    ['e-1', 'book'],
    ['e-2', 'review'],
    ['e-3', 'book'],
    ['e-4', 'review'],
  ])
}, 60_000)
