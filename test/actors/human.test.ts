/** Questions to people. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { agent, ConfigurationError, human, parallel, ProviderError, type System } from '../../src/index.ts'
import { codeOf, eventsOf, rig } from './rig.ts'

const waiting = async (system: System) => {
  await system.settle()
  return (await system.approvals.list())[0]!
}

it('waits in the inbox until somebody answers', async () => {
  const { system } = await rig()
  const desk = human('desk', { by: ['ann', 'bob'] })
  const run = system.submit(desk, { text: 'help' })
  const question = await waiting(system)
  expect(question).toMatchObject({
    agent: 'desk',
    kind: 'question',
    input: { text: 'help' },
    by: ['ann', 'bob'],
    of: 1,
    deadline: 1_000 + 86_400_000,
    runId: run.id,
  })
  expect(await system.approvals.answer(question.id, { by: 'eve', output: 'no' })).toBe('not-allowed')
  expect(await system.approvals.answer(question.id, { by: 'ann', output: 'yes' })).toBe('recorded')
  expect(await system.approvals.answer(question.id, { by: 'bob', output: 'no' })).toBe('already-decided')
  expect(await run.outcome).toEqual({ status: 'completed', output: 'yes' })
  expect(await eventsOf(run)).toContainEqual(expect.objectContaining({ type: 'approval.requested' }))
})

it('takes only answers that fit, and parses them once', async () => {
  const { system } = await rig()
  const desk = human('desk', { output: z.string().transform((text) => text.length) })
  const run = system.submit(desk, 'x')
  const { id } = await waiting(system)
  await expect(system.approvals.answer(id, { by: 'ann', output: 3 })).rejects.toMatchObject({
    code: 'INVALID_OUTPUT',
  })
  await system.approvals.answer(id, { by: 'ann', output: 'four' })
  expect(await run.outcome).toEqual({ status: 'completed', output: 4 })
})

it('takes nothing but text where nothing else is said', async () => {
  const { system } = await rig()
  system.submit(human('desk'), 'x')
  const { id } = await waiting(system)
  await expect(system.approvals.answer(id, { by: 'ann', output: 3 })).rejects.toMatchObject({
    code: 'INVALID_OUTPUT',
  })
})

it('is rejected when somebody denies', async () => {
  const { system } = await rig()
  const run = system.submit(human('desk'), 'x')
  await system.approvals.deny((await waiting(system)).id, { by: 'ann', reason: 'not today' })
  expect(await run.outcome).toMatchObject({
    status: 'rejected',
    error: { code: 'DENIED', reason: 'not today' },
  })
})

describe('when nobody decides in time', () => {
  it('is rejected, undecided', async () => {
    const { system, clock } = await rig()
    const run = system.submit(human('desk', { timeoutMs: 100 }), 'x')
    await clock.advance(100)
    expect(codeOf(await run.outcome)).toBe('UNDECIDED')
    expect(await system.approvals.list()).toEqual([])
  })

  it('turns to another agent, and takes its question back', async () => {
    const { system, clock } = await rig()
    const spare = agent('spare', { run: (text: unknown) => `spare ${String(text)}` })
    const run = system.submit(human('desk', { timeoutMs: 100, otherwise: spare }), 'x')
    const { id } = await waiting(system)
    await clock.advance(100)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'spare x' })
    expect(await system.approvals.answer(id, { by: 'ann', output: 'late' })).toBe('expired')
  })
})

it('is asked again with the same deadline when its agent is restarted', async () => {
  const { system, clock } = await rig()
  const run = system.submit(human('desk', { timeoutMs: 100 }), 'x')
  const before = await waiting(system)
  await clock.advance(60)
  system.kill(system.lookup('/desk')!)
  expect(await waiting(system)).toEqual(before)
  await clock.advance(39)
  expect(await system.approvals.list()).toHaveLength(1)
  await clock.advance(1)
  expect(codeOf(await run.outcome)).toBe('UNDECIDED')
})

it('takes its question back when its task is cancelled', async () => {
  const { system } = await rig()
  const run = system.submit(human('desk'), 'x')
  const { id } = await waiting(system)
  run.cancel()
  await system.settle()
  expect(await system.approvals.answer(id, { by: 'ann', output: 'late' })).toBe('superseded')
})

it('does not use up the time limits of the tasks above while it waits', async () => {
  const { system, clock } = await rig()
  const desk = human('desk')
  const boss = agent('boss', {
    timeoutMs: 50,
    run: (text: string, { ask }) => ask(desk, text, { timeoutMs: 30 }),
  })
  const run = system.submit(boss, 'x')
  const { id } = await waiting(system)
  await clock.advance(10_000)
  await system.approvals.answer(id, { by: 'ann', output: 'yes' })
  expect(await run.outcome).toEqual({ status: 'completed', output: 'yes' })
})

it('goes on with the time that was left once somebody has answered', async () => {
  const { system, clock } = await rig()
  const desk = human('desk')
  const boss = agent('boss', {
    timeoutMs: 50,
    run: async (text: string, { ask, sleep }) => {
      await sleep(20)
      await ask(desk, text)
      await sleep(40)
    },
  })
  const run = system.submit(boss, 'x')
  await clock.advance(5_000)
  await system.approvals.answer((await waiting(system)).id, { by: 'ann', output: 'yes' })
  await clock.advance(29)
  expect(run).not.toHaveProperty('result.status')
  await clock.advance(1)
  expect(codeOf(await run.outcome)).toBe('TIMEOUT')
})

it('uses up the time of its run, which counts everything', async () => {
  const { system, clock } = await rig()
  const boss = agent('boss', { timeoutMs: 50, run: (text: string, { ask }) => ask(human('desk'), text) })
  const run = system.submit(boss, 'x', { timeoutMs: 1_000 })
  const { id } = await waiting(system)
  await clock.advance(999)
  expect(run).not.toHaveProperty('result.status')
  await clock.advance(1)
  expect(await run.outcome).toEqual({ status: 'exhausted', what: 'timeoutMs', cap: 1_000, spent: 1_000 })
  await system.settle()
  expect(await system.approvals.answer(id, { by: 'ann', output: 'late' })).toBe('superseded')
})

it('stops no clock for good when its task is withdrawn in the moment in which it asks', async () => {
  const { system, clock } = await rig()
  let tries = 0
  // Answers before the people have been asked, so that those are not needed any more.
  const quick = agent('quick', { timeoutMs: Infinity, run: () => ((tries += 1) === 1 ? 'x' : new Promise<string>(() => {})) })
  const either = parallel('either', {
    branches: { quick, desk: human('desk') },
    need: 'any',
    timeoutMs: 50,
    retry: { attempts: 2, minMs: 10, jitter: false },
    join: (): string => {
      throw new ProviderError('not now', { code: 'UNAVAILABLE', retryable: true })
    },
  })
  const run = system.submit(either, 'x')
  await clock.advance(10)
  expect(tries).toBe(2)
  await system.approvals.deny((await waiting(system)).id, { by: 'ann', reason: 'no' })
  await clock.advance(49)
  expect(run).not.toHaveProperty('result.status')
  await clock.advance(1)
  expect(codeOf(await run.outcome)).toBe('TIMEOUT')
})

it('stops the clock of a fallback as well, and of whoever waits for that', async () => {
  const { system, clock } = await rig()
  const failing = agent('failing', {
    fallback: human('desk'),
    run: (): string => {
      throw new ProviderError('not now', { code: 'UNAVAILABLE', retryable: false })
    },
  })
  const boss = agent('boss', { timeoutMs: 50, run: (text: string, { ask }) => ask(failing, text) })
  const run = system.submit(boss, 'x')
  await clock.advance(1_000)
  await system.approvals.answer((await waiting(system)).id, { by: 'ann', output: 'yes' })
  expect(await run.outcome).toEqual({ status: 'completed', output: 'yes' })
})

it('stops no clock any more once an agent in between has restarted and asks nobody', async () => {
  const { system, clock } = await rig()
  const desk = human('desk')
  let tries = 0
  const middle = agent('middle', {
    timeoutMs: Infinity,
    run: (text: string, { ask }) => ((tries += 1) === 1 ? ask(desk, text) : new Promise<string>(() => {})),
  })
  const boss = agent('boss', { timeoutMs: 50, run: (text: string, { ask }) => ask(middle, text) })
  const run = system.submit(boss, 'x')
  await clock.advance(1_000)
  system.kill(system.lookup('/middle')!)
  await clock.advance(49)
  expect([tries, (await system.approvals.list()).length]).toEqual([2, 0])
  expect(run).not.toHaveProperty('result.status')
  await clock.advance(1)
  expect(codeOf(await run.outcome)).toBe('TIMEOUT')
})

describe('an agent that ends for good while it waits for people', () => {
  const ways: Record<string, (system: System, path: string) => void> = {
    'is stopped': (system, path) => void system.stop(system.lookup(path)),
    'is stopped at once': (system, path) => void system.stop(system.lookup(path), { timeoutMs: 0 }),
  }

  it.each(Object.entries(ways))('answers who waits in its queue at once, and the others by its limit: it %s', async (_, end) => {
    const { system, clock } = await rig()
    const desk = human('desk')
    const narrow = agent('narrow', { concurrency: 1, run: (text: string, { ask }) => ask(desk, text) })
    const [first, ...queued] = ['a', 'b', 'c'].map((text) => system.submit(narrow, text))
    const { id } = await waiting(system)
    end(system, '/narrow')
    await system.settle()
    for (const run of queued) expect(codeOf(await run.outcome)).toBe('ACTOR_TERMINATED')
    await clock.advance(5_000)
    expect(codeOf(await first!.outcome)).toBe('ACTOR_CRASHED')
    expect(await system.approvals.answer(id, { by: 'ann', output: 'late' })).toBe('superseded')
    expect(system.stats()).toMatchObject({ queued: 0, runs: 0, actors: 1 })
  })

  it('that gave up rejects what it had and what it would have taken up again', async () => {
    const { system } = await rig()
    const desk = human('desk')
    const narrow = agent('narrow', { concurrency: 1, run: (text: string, { ask }) => ask(desk, text) })
    const runs = Array.from({ length: 8 }, (_, i) => system.submit(narrow, `${i}`))
    const asked = new Set<string>()
    // Three restarts are allowed; each task is taken up again once.
    for (let i = 0; i < 4; i += 1) {
      asked.add((await waiting(system)).id)
      system.kill(system.lookup('/narrow')!)
    }
    await system.settle()
    const codes = await Promise.all(runs.map(async ({ outcome }) => codeOf(await outcome)))
    expect(codes).toEqual(['ACTOR_CRASHED', 'ACTOR_CRASHED', ...Array<string>(6).fill('ACTOR_TERMINATED')])
    for (const id of asked) expect(await system.approvals.deny(id, { by: 'ann', reason: 'late' })).toBe('superseded')
    expect(await system.approvals.list()).toEqual([])
    expect(codeOf(await system.submit(narrow, 'x').outcome)).toBe('ACTOR_TERMINATED')
    expect(system.stats()).toMatchObject({ queued: 0, runs: 0, actors: 1 })
  })
})

describe('a function that stands in for people', () => {
  it('settles at once', async () => {
    const { system } = await rig()
    const desk = human('desk', {
      input: z.object({ q: z.string() }),
      output: z.number(),
      answer: ({ q }) => q.length,
    })
    expect(await system.run(desk, { q: 'four' })).toBe(4)
    expect(await system.approvals.list()).toEqual([])
  })

  it('may take its time, has its answer checked, and may fail', async () => {
    const { system } = await rig()
    expect(await system.run(human('later', { answer: async () => 'yes' }), 'x')).toBe('yes')
    const wrong = human('wrong', { output: z.number(), answer: () => 'x' as unknown as number })
    expect(codeOf(await system.submit(wrong, 'x').outcome)).toBe('INVALID_OUTPUT')
    const failing = human('failing', {
      answer: () => {
        throw new Error('no')
      },
    })
    expect(codeOf(await system.submit(failing, 'x').outcome)).toBe('DEFECT')
  })
})

it('is refused when more have to answer than may', () => {
  expect(() => human('desk', { by: ['ann'], of: 2 })).toThrow(ConfigurationError)
})

it.each([
  ['the same one twice', { by: ['ann', 'ann'], of: 2 }],
  ['a part of somebody', { of: 1.5 }],
  ['everybody there will ever be', { of: Infinity }],
  ['no time that could pass', { timeoutMs: NaN }],
  ['a time before it began', { timeoutMs: -1 }],
])('is refused when it asks for %s', (_, options) => {
  expect(() => human('desk', options)).toThrow(ConfigurationError)
})
