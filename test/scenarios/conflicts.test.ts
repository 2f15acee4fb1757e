/** Two writers of one account: however the clash is resolved, none of the two is lost unseen. */
import { arbiter, createSystem, human, parallel, type Agent, type RunEvent, type System } from 'troupe'
import { manualClock } from 'troupe/testing'
import { afterEach, describe, expect, it } from 'vitest'
import team, {
  branches,
  byPriority,
  escalated,
  merged,
  rolledBack,
  type Booked,
  type Order,
} from '../../docs/examples/conflicts/team.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

let accounts = 0
const order = (): Order => ({
  id: 'o',
  account: `test ${(accounts += 1)}`,
  balance: 100,
  deposit: 50,
  fee: 10,
})

const start = async () => {
  const clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
  return clock
}
const work = async <O>(on: Agent<Order, O>, input = order()) => {
  const clock = await start()
  const run = system.submit(on, input)
  await clock.advance(1_000)
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  const begun = events.flatMap((event) =>
    event.type === 'task.started' && ['deposit', 'fee'].includes(event.agent)
      ? [[event.at, event.agent]]
      : [],
  )
  const decisions = events.flatMap((event) =>
    event.type === 'decision.made' ? [[event.kind, event.chosen, event.alternatives, event.reason]] : [],
  )
  return { outcome: await run.outcome, events, begun, decisions, account: input.account }
}
const ends = (output: Booked) => ({ status: 'completed', output })

it('side by side, one of the two would be lost', async () => {
  const careless = parallel('careless', {
    branches,
    join: ({ fee }) => (fee.status === 'completed' ? fee.output.wrote : NaN),
  })
  expect((await work(careless)).outcome).toEqual({ status: 'completed', output: 90 })
})

describe('two writers of one account', () => {
  it('go in turn', async () => {
    const { outcome, begun, decisions, account } = await work(team)
    expect(outcome).toEqual(ends({ balance: 140, refused: [] }))
    expect(begun).toEqual([
      [0, 'deposit'],
      [10, 'fee'],
    ])
    expect(decisions).toEqual([
      ['conflict', 'deposit', ['fee'], `both claim "account ${account}": "fee" goes later`],
    ])
  })

  it('are decided by priority', async () => {
    const { outcome, begun, events } = await work(byPriority)
    expect(outcome).toEqual(ends({ balance: 90, refused: ['deposit'] }))
    expect(begun).toEqual([[0, 'fee']])
    expect(events.some(({ agent }) => agent === 'rates')).toBe(true)
  })

  it('are merged', async () => {
    const { outcome, begun } = await work(merged)
    expect(outcome).toEqual(ends({ balance: 140, refused: [] }))
    expect(begun.map(([at]) => at)).toEqual([0, 0])
  })

  it('are escalated to somebody, who has the clash to decide on', async () => {
    const { outcome, events, decisions, account } = await work(escalated)
    expect(outcome).toEqual(ends({ balance: 150, refused: ['fee'] }))
    expect(decisions[0]?.slice(1)).toEqual([
      'deposit',
      ['fee'],
      `both claim "account ${account}": "desk" says so`,
    ])
    const asked = events.find((event) => event.type === 'task.started' && event.agent === 'desk')
    expect(asked).toMatchObject({ input: { resource: `account ${account}`, between: ['deposit', 'fee'] } })
  })

  it('are rolled back: the later one is undone, once, and runs again', async () => {
    const { outcome, begun, events } = await work(rolledBack)
    expect(outcome).toEqual(ends({ balance: 140, refused: [] }))
    expect(begun).toEqual([
      [0, 'deposit'],
      [0, 'fee'],
      [20, 'fee'],
    ])
    const undone = events.filter(({ type }) => type === 'step.ended')
    expect(undone).toMatchObject([{ name: 'undo fee', outcome: { status: 'completed' } }])
  })

  it('wait for a person who is really asked', async () => {
    const clock = await start()
    const claims = {
      deposit: () => [{ resource: 'account', mode: 'write' as const }],
      fee: () => [{ resource: 'account', mode: 'write' as const }],
    }
    const { deposit, fee } = branches
    const waiting = arbiter('waiting', {
      branches: { deposit, fee },
      claims,
      resolve: human('desk'),
      join: (results) => Object.values(results).map(({ status }) => status),
    })
    const run = system.submit(waiting, order())
    await clock.advance(60_000)
    const [question] = await system.approvals.list()
    await system.approvals.answer(question?.id ?? '', { by: 'ann', output: 'fee' })
    await clock.advance(100)
    expect(await run.outcome).toEqual({ status: 'completed', output: ['rejected', 'completed'] })
  })
})

it('runs from the command line', async () => {
  await start()
  const balances = async (...flags: string[]) => {
    const { code, results } = await troupeRun('conflicts', ...flags)
    expect(code).toBe(0)
    return results.map(({ outcome }) =>
      'output' in outcome ? (outcome.output as Booked).balance : undefined,
    )
  }
  expect(await balances()).toEqual([140, 3, 20])
  expect(await balances('--agent', 'escalated')).toEqual([150, 5, 21])
})
