/**
 * Partners: 120 candidates, 50 of them, and mails behind an approval that waits, runs out after 300 s, is
 * denied with a reason, and outlives the actors around it.
 */
import { createSystem, type RunEvent, type System } from 'troupe'
import { scripted } from 'troupe/models/scripted'
import { manualClock } from 'troupe/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import team, { outbox, withModel, withPerson } from '../../docs/examples/partner-discovery/team.ts'
import { troupeRun } from './command.ts'

const offer = { id: 'o', text: 'Our meter shows what heating, solar and roofing save.' }
const mail = `We are looking for partners. ${offer.text} May we call you?`
const LIMIT_MS = 300_000

let system: System
beforeEach(() => outbox.clear())
afterEach(() => system.stop())

const begin = async (on = withPerson) => {
  const clock = manualClock()
  system = await createSystem({ agents: [on], clock, seed: 1 })
  const run = system.submit(on, offer, { id: 'partners-1' })
  await system.settle()
  return { clock, run }
}
const question = async () => {
  const [waiting] = await system.approvals.list()
  if (!waiting) throw new Error('nothing waits for an approval')
  return { ...waiting, input: waiting.input as { mail: string; to: string[] } }
}
const shown = async () => {
  const run = await system.runs.show('partners-1')
  if (!run) throw new Error('the run is not kept')
  return run
}
/** How often each agent began a task. */
const begun = (events: readonly RunEvent[]) => {
  const counts: Record<string, number> = {}
  for (const { type, agent } of events) if (type === 'task.started') counts[agent] = (counts[agent] ?? 0) + 1
  return counts
}
const once = {
  partners: 1,
  discovery: 1,
  profile: 1,
  qualification: 1,
  score: 120,
  outreach: 1,
  write: 1,
  approval: 1,
}

describe('the approval', () => {
  it('waits with the mail and the best 50 of 120 candidates, and nothing is sent before', async () => {
    const { run } = await begin()
    const { by, deadline, input } = await question()
    expect({ by, deadline, mail: input.mail, to: input.to.length }).toEqual({
      by: ['partnerships'],
      deadline: LIMIT_MS,
      mail,
      to: 50,
    })
    expect(outbox.size).toBe(0)
    const { info, events } = await shown()
    expect(info.status).toBe('waiting')
    expect(begun(events)).toEqual(once)
    const gave = events.flatMap((event) =>
      event.type === 'task.ended' && event.agent !== 'score' && event.outcome.status === 'completed'
        ? [[event.agent, event.outcome.output] as const]
        : [],
    )
    expect(gave.map(([name]) => name)).toEqual(['profile', 'discovery', 'qualification', 'write'])
    const { discovery, qualification } = Object.fromEntries(gave)
    expect((discovery as { candidates: unknown[] }).candidates).toHaveLength(120)
    const { partners } = qualification as { partners: { name: string; score: number }[] }
    expect(partners.map(({ name }) => name)).toEqual(input.to)
    const scores = partners.map(({ score }) => score)
    expect(scores).toEqual(scores.toSorted((a, b) => b - a))
    run.cancel()
  })

  it('lets the mails go to those whom the person in charge has left on the list', async () => {
    const { clock, run } = await begin()
    const { id, input } = await question()
    await clock.advance(LIMIT_MS - 1)
    expect(await system.approvals.answer(id, { by: 'sales', output: input.to })).toBe('not-allowed')
    const output = [...input.to.slice(0, 3), 'somebody else']
    expect(await system.approvals.answer(id, { by: 'partnerships', output })).toBe('recorded')
    expect(await run.outcome).toEqual({
      status: 'completed',
      output: { qualified: 50, sent: 3, first: input.to[0] },
    })
    const sent = input.to.slice(0, 3).map((to) => ({ to, mail, runId: 'partners-1' }))
    expect([...outbox.values()]).toEqual(sent)
    expect((await shown()).info.status).toBe('completed')
  })

  it('is denied with a reason, which is that of the run', async () => {
    const { run } = await begin()
    const { id } = await question()
    const denied = { by: 'partnerships', reason: 'not before the fair' }
    expect(await system.approvals.deny(id, denied)).toBe('recorded')
    expect(await run.outcome).toMatchObject({
      status: 'rejected',
      error: { code: 'DENIED', reason: 'not before the fair' },
    })
    const { events } = await shown()
    expect(events.find(({ type }) => type === 'approval.decided')).toMatchObject({
      request: { status: 'denied', decisions: [{ ...denied, verdict: 'denied' }] },
    })
    expect(outbox.size).toBe(0)
  })

  it('runs out after 300 seconds, and comes too late from then on', async () => {
    const { clock, run } = await begin()
    const { id, input } = await question()
    await clock.advance(LIMIT_MS - 1)
    expect((await shown()).info.status).toBe('waiting')
    await clock.advance(1)
    expect(await run.outcome).toMatchObject({ status: 'rejected', error: { code: 'UNDECIDED' } })
    expect((await shown()).info.endedAt).toBe(LIMIT_MS)
    const late = await system.approvals.answer(id, { by: 'partnerships', output: input.to })
    expect(late).toBe('expired')
    expect(outbox.size).toBe(0)
  })
})

describe('a restart while the approval waits', () => {
  const killed = async (path: string) => {
    const actor = system.lookup(path)
    if (!actor) throw new Error(`${path} is not at work`)
    system.kill(actor)
    await system.settle()
  }

  it('of whoever asks the person leaves the question as it is, and nothing is done twice', async () => {
    const { clock, run } = await begin()
    const before = await question()
    await clock.advance(100_000)
    await killed('/approval')
    const after = await question()
    expect(after).toEqual(before)
    await clock.advance(LIMIT_MS - 100_001)
    await system.approvals.answer(after.id, { by: 'partnerships', output: after.input.to })
    expect(await run.outcome).toMatchObject({ status: 'completed', output: { sent: 50 } })
    expect(begun((await shown()).events)).toEqual(once)
    expect(outbox.size).toBe(50)
  })

  it('of outreach asks anew; the stages before are not run again', async () => {
    const { clock, run } = await begin()
    const before = await question()
    await clock.advance(100_000)
    await killed('/outreach')
    const after = await question()
    expect(after.input).toEqual(before.input)
    expect(await system.approvals.answer(before.id, { by: 'partnerships', output: [] })).toBe('superseded')
    await system.approvals.answer(after.id, { by: 'partnerships', output: after.input.to })
    expect(await run.outcome).toMatchObject({ status: 'completed', output: { sent: 50 } })
    expect(begun((await shown()).events)).toEqual({ ...once, write: 2, approval: 2 })
    expect(outbox.size).toBe(50)
  })
})

it('has a model in each seat that takes judgement, and a tool for whom to look for', async () => {
  const model = scripted((request) => {
    const [instructions, , result] = request.messages
    if (instructions?.text.startsWith('Which fields')) {
      if (!result) return { calls: [{ name: 'count_companies', input: '{"field":"glazing"}' }] }
      return '{"fields":["glazing"]}'
    }
    if (!instructions?.text.startsWith('Score')) return 'Will you be our partner?'
    const named = Number(/glazing (\d+)/.exec(request.messages[1]?.text ?? '')?.[1])
    return JSON.stringify({ score: named, reason: 'a later one is better' })
  })
  const { run } = await begin(withModel(model))
  expect(await run.outcome).toEqual({
    status: 'completed',
    output: { qualified: 40, sent: 40, first: 'glazing 40' },
  })
  expect([...outbox.values()][0]).toMatchObject({ to: 'glazing 40', mail: 'Will you be our partner?' })
  // The profile in two turns, 40 scores, one mail.
  expect(model.requests).toHaveLength(43)
  expect(model.requests[1]?.messages.at(-1)).toMatchObject({ role: 'tool', text: '40' })
})

it('runs from the command line: two are written to, one is denied, one has nobody in question', async () => {
  system = await createSystem()
  const { code, results } = await troupeRun('partner-discovery')
  expect(code).toBe(1)
  const ends = results.map(({ outcome }) => ('error' in outcome ? outcome.error.code : outcome.status))
  expect(ends).toEqual(['completed', 'DENIED', 'completed', 'INVALID_OUTPUT'])
  expect(results[0]?.outcome).toMatchObject({ output: { qualified: 50, sent: 50 } })
  expect(results[1]?.outcome).toMatchObject({
    error: { message: 'a first mail promises nothing free of charge' },
  })
  expect(results[3]?.outcome).toMatchObject({
    error: { message: 'the output of "profile" does not fit its contract: fields: nobody is in question' },
  })
}, 60_000)

it('has the stand-in agree at once where there is no person', async () => {
  const { run } = await begin(team)
  expect(await run.outcome).toMatchObject({ status: 'completed', output: { sent: 50 } })
  expect(await system.approvals.list({ status: 'answered' })).toEqual([])
})
