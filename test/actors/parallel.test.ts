/** Parallels at work. */
import { describe, expect, it } from 'vitest'
import { agent, ConfigurationError, parallel, quorum, type Need, type Outcome } from '../../src/index.ts'
import { codeOf, rig } from './rig.ts'

const slow = (name: string, ms: number) =>
  agent(name, {
    run: async (_: string, { sleep, now }) => {
      await sleep(ms)
      return now()
    },
  })
const broken = (name: string, ms = 0) =>
  agent(name, {
    run: async (_: string, { sleep }): Promise<number> => {
      await sleep(ms)
      throw new Error(name)
    },
  })
const statuses = (results: Readonly<Record<string, Outcome>>) =>
  Object.fromEntries(Object.entries(results).map(([key, { status }]) => [key, status]))

it('takes as long as its slowest branch, and keeps results in the order of declaration', async () => {
  const { system, clock } = await rig()
  const both = parallel('both', {
    branches: { late: slow('late', 30), early: slow('early', 10) },
    join: (results) => results,
  })
  const run = system.submit(both, 'x')
  await clock.advance(30)
  const outcome = await run.outcome
  expect(outcome).toEqual({
    status: 'completed',
    output: { late: { status: 'completed', output: 1_030 }, early: { status: 'completed', output: 1_010 } },
  })
  expect(outcome.status === 'completed' && Object.keys(outcome.output)).toEqual(['late', 'early'])
})

it('gives a failed branch to `join` as an outcome like any other', async () => {
  const { system, clock } = await rig()
  const mixed = parallel('mixed', { branches: { good: slow('good', 5), bad: broken('bad') }, join: statuses })
  const run = system.submit(mixed, 'x')
  await clock.advance(10)
  expect(await run.outcome).toEqual({ status: 'completed', output: { good: 'completed', bad: 'failed' } })
})

describe('what is needed', () => {
  const racing = (need: Need) =>
    parallel('race', {
      branches: { first: slow('first', 10), bad: broken('bad', 20), last: slow('last', 30) },
      need,
      join: statuses,
    })

  it.each<[Need, number, Record<string, string>]>([
    ['any', 10, { first: 'completed', bad: 'cancelled', last: 'cancelled' }],
    [quorum(2), 30, { first: 'completed', bad: 'failed', last: 'completed' }],
    ['settled', 30, { first: 'completed', bad: 'failed', last: 'completed' }],
  ])('%j is met after %i ms', async (need, ms, output) => {
    const { system, clock } = await rig()
    const run = system.submit(racing(need), 'x')
    await clock.advance(ms)
    expect(await run.outcome).toEqual({ status: 'completed', output })
  })

  it('ends as the first failed branch as soon as it cannot be met', async () => {
    const { system, clock } = await rig()
    const run = system.submit(racing('all'), 'x')
    await clock.advance(20)
    expect(codeOf(await run.outcome)).toBe('DEFECT')
  })

  it('cancels the branches that are not needed any more', async () => {
    const { system, clock } = await rig()
    const last = agent('last', { run: () => new Promise<number>(() => {}) })
    const race = parallel('race', {
      branches: { first: slow('first', 10), last },
      need: 'any',
      join: statuses,
    })
    const run = system.submit(race, 'x')
    await clock.advance(10)
    await run.outcome
    expect(system.actor(last).getSnapshot().context.running).toBe(0)
  })
})

it('ends early when it has enough', async () => {
  const { system, clock } = await rig()
  const enough = parallel('enough', {
    branches: { first: slow('first', 10), last: slow('last', 30) },
    until: ({ first }) => first?.status === 'completed',
    join: statuses,
  })
  const run = system.submit(enough, 'x')
  await clock.advance(10)
  expect(await run.outcome).toEqual({
    status: 'completed',
    output: { first: 'completed', last: 'cancelled' },
  })
})

it.each(['join', 'until'])('whose `%s` throws has a defect', async (name) => {
  const { system, clock } = await rig()
  const fail = () => {
    throw new Error('no')
  }
  const run = system.submit(
    parallel('p', { branches: { a: slow('a', 1) }, join: () => 1, [name]: fail }),
    'x',
  )
  await clock.advance(1)
  expect(codeOf(await run.outcome)).toBe('DEFECT')
})

it('is refused when it needs more than it has', () => {
  const branches = { a: slow('a', 1) }
  expect(() => parallel('p', { branches, need: quorum(2), join: () => 1 })).toThrow(ConfigurationError)
  expect(() => parallel('p', { branches, need: quorum(0), join: () => 1 })).toThrow(ConfigurationError)
  expect(() => parallel('p', { branches: {}, join: () => 1 })).toThrow(ConfigurationError)
})
