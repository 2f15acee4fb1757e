/** A run that waits for people says so, for as long as it does. */
import { expect, it } from 'vitest'
import { z } from 'zod'
import { agent, human, parallel, tool, type System } from '../../src/index.ts'
import { scripted } from '../../src/models/scripted.ts'
import { rig } from './rig.ts'

const statusOf = async (system: System, id: string) => {
  await system.settle()
  return (await system.runs.show(id))?.info.status
}
const questions = async (system: System) => (await system.approvals.list()).map(({ id }) => id)

it('is `waiting` until the last of its questions is answered, then `running` again', async () => {
  const { system, clock } = await rig()
  const both = parallel('both', {
    branches: { ann: human('ann'), bob: human('bob') },
    join: (ended) => Object.keys(ended),
  })
  const boss = agent('boss', {
    run: async (text, { ask, sleep }) => {
      await ask(both, text)
      await sleep(100)
      return 'done'
    },
  })
  const run = system.submit(boss, 'x')
  expect(await statusOf(system, run.id)).toBe('waiting')
  expect((await system.runs.list({ status: 'waiting' })).map(({ id }) => id)).toEqual([run.id])
  const [first = '', second = ''] = await questions(system)
  await system.approvals.answer(first, { by: 'ann', output: 'yes' })
  expect(await statusOf(system, run.id)).toBe('waiting')
  await system.approvals.deny(second, { by: 'bob', reason: 'no' })
  expect(await statusOf(system, run.id)).toBe('running')
  await clock.advance(100)
  expect(await statusOf(system, run.id)).toBe('completed')
})

it('is `running` again once the time for an answer is over', async () => {
  const { system, clock } = await rig()
  const slow = agent('slow', { run: (_: unknown, { sleep }) => sleep(100).then(() => 'nobody was there') })
  const run = system.submit(human('desk', { timeoutMs: 50, otherwise: slow }), 'x')
  expect(await statusOf(system, run.id)).toBe('waiting')
  await clock.advance(50)
  expect(await statusOf(system, run.id)).toBe('running')
  await clock.advance(100)
  expect(await run.outcome).toEqual({ status: 'completed', output: 'nobody was there' })
})

it('is `waiting` while a tool has to be approved, also with edited arguments', async () => {
  const { system } = await rig()
  const pay = tool('pay', {
    input: z.object({ eur: z.number() }),
    approve: () => ({ by: ['ann', 'bob'], of: 2 }),
    run: ({ eur }) => `paid ${eur}`,
  })
  const model = scripted([{ calls: [{ name: 'pay', input: '{"eur":5}' }] }, { delayMs: 100, text: 'done' }])
  const run = system.submit(agent('clerk', { model, tools: [pay] }), 'x')
  expect(await statusOf(system, run.id)).toBe('waiting')
  const [shown = ''] = await questions(system)
  await system.approvals.edit(shown, { by: 'ann', input: { eur: 4 } })
  expect(await statusOf(system, run.id)).toBe('waiting')
  const [edited = ''] = await questions(system)
  await system.approvals.approve(edited, { by: 'bob' })
  expect(await statusOf(system, run.id)).toBe('running')
  run.cancel()
  expect(await statusOf(system, run.id)).toBe('cancelled')
})
