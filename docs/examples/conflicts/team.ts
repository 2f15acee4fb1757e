/**
 * Conflicts: a deposit and a fee both write the balance of an account. Each reads it, thinks, and writes what it made of
 * it, so that side by side one of the two would be lost. An arbiter sees from their claims that they clash, and resolves
 * it: in turn, by priority, by merging, by a person, or by rolling one back.
 */
import { agent, arbiter, human, type Agent, type Claim, type Clash, type Model, type Outcome } from 'troupe'
import { z } from 'zod'

/** What is to be done to an account. */
export const Order = z.object({
  id: z.string(),
  account: z.string(),
  /** Of an account that is new here. */
  balance: z.number(),
  deposit: z.number(),
  fee: z.number(),
})
/** What is to be done to an account. */
export type Order = z.output<typeof Order>

/** What an action has read, and what it has written over what. */
type Entry = { account: string; read: number; wrote: number; over: number; at: number }

/** What became of an order. */
export type Booked = { balance: number; refused: string[] }

const ledger = new Map<string, number>()

const action = (name: string, thinkMs: number, change: (order: Order) => number): Agent<Order, Entry> =>
  agent(name, {
    input: Order,
    run: async (order, { sleep, now }) => {
      const { account, balance } = order
      const read = ledger.get(account) ?? balance
      await sleep(thinkMs)
      const over = ledger.get(account) ?? balance
      const wrote = read + change(order)
      ledger.set(account, wrote)
      return { account, read, wrote, over, at: now() }
    },
  })

/** What two actions do to one account; parts of every team below. */
export const branches = {
  deposit: action('deposit', 10, ({ deposit }) => deposit),
  fee: action('fee', 20, ({ fee }) => -fee),
  rates: agent('rates', { input: Order, run: () => 'the rates of today' }),
}

const writes = ({ account }: Order): Claim => ({ resource: `account ${account}`, mode: 'write' })
const rates: Claim = { resource: 'rates', mode: 'read' }
const claims = {
  deposit: (order: Order) => [writes(order)],
  // Two that only read do not clash.
  fee: (order: Order) => [writes(order), rates],
  rates: () => [rates],
}

type Results = Readonly<Record<'deposit' | 'fee', Outcome<Entry>>>

const entriesOf = ({ deposit, fee }: Results): Entry[] =>
  [deposit, fee].flatMap((outcome) => (outcome.status === 'completed' ? [outcome.output] : []))

const refusedIn = ({ deposit, fee }: Results): string[] =>
  Object.entries({ deposit, fee }).flatMap(([name, { status }]) => (status === 'rejected' ? [name] : []))

/** The balance as the last of them has left it. */
const booked = (results: Results): Booked => {
  const last = entriesOf(results)
    .toSorted((a, b) => a.at - b.at)
    .at(-1)
  return { balance: last?.wrote ?? NaN, refused: refusedIn(results) }
}

export default arbiter('in-turn', { branches, claims, join: booked })

/** The fee matters more: the deposit is refused. */
export const byPriority = arbiter('by-priority', {
  branches,
  claims,
  resolve: 'priority',
  priority: { fee: 1 },
  join: booked,
})

/** Both at once, and what each has changed is added up. */
export const merged = arbiter('merged', {
  branches,
  claims,
  resolve: 'merge',
  join: (results) => {
    const entries = entriesOf(results)
    const changes = entries.map(({ read, wrote }) => wrote - read)
    const balance = changes.reduce((sum, change) => sum + change, entries[0]?.read ?? NaN)
    return { balance, refused: refusedIn(results) }
  },
})

/** A person says who goes; offline a stand-in, who is for the deposit. */
const desk = human('desk', { output: z.string(), answer: () => 'deposit' })

const escalatedTo = (judge: Agent<Clash<string>, string>) =>
  arbiter('escalated', { branches, claims, resolve: judge, join: booked })

/** The clash is escalated. */
export const escalated = escalatedTo(desk)

/** The same with a model that says who goes. */
export const withModel = (model: Model) =>
  escalatedTo(
    agent('judge', {
      model,
      instructions: 'Two bookings would write one account. Name the one that goes; the other is refused.',
      input: z.object({ resource: z.string(), between: z.array(z.string()).readonly() }),
      output: z.enum(['deposit', 'fee']),
    }),
  )

/** Both at once; the one that wrote later is undone and runs again by itself. */
export const rolledBack = arbiter('rolled-back', {
  branches,
  claims,
  resolve: 'roll-back',
  undo: {
    deposit: ({ account, over }) => void ledger.set(account, over),
    fee: ({ account, over }) => void ledger.set(account, over),
  },
  join: booked,
})
