/** Questions to people. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { agent, ConfigurationError, human, type System } from '../../src/index.ts'
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
