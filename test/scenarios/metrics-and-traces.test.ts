/** Figures per agent, and a run that is reconstructed from its events alone: spans, results, reasons, costs. */
import { createSystem, type RunEvent, type System } from 'troupe'
import { scripted } from 'troupe/models/scripted'
import { manualClock, type ManualClock } from 'troupe/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import team, { withModel } from '../../docs/examples/metrics-and-traces/team.ts'
import { figuresOf, linesOf, traceOf, type Trace } from '../../docs/examples/metrics-and-traces/trace.ts'
import { node } from '../tools.ts'
import { troupeRun } from './command.ts'

let system: System
let clock: ManualClock
beforeEach(async () => {
  clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
})
afterEach(() => system.stop())

/** As it would be after a way through a store or over a wire: nothing but data. */
const traced = async (id: string): Promise<Trace> => {
  const run = await system.runs.show(id)
  return traceOf(JSON.parse(JSON.stringify(run?.events)) as RunEvent[])
}
const handle = async (text: string, on = team): Promise<Trace> => {
  const run = system.submit(on, { id: 't', text }, { id: 't' })
  await clock.advance(5_000)
  await run.outcome
  return traced('t')
}
const shapeOf = ({ spans }: Trace): unknown[] =>
  spans.map(({ id, parent, kind, name, startedAt, endedAt, status }) => {
    const above = spans.find((span) => span.id === parent)?.name
    expect(id).not.toBe(parent)
    return [above, kind, name, startedAt, endedAt, status]
  })

describe('a trace', () => {
  it('has a span for each task, tool and step, with its parent, times, status and result', async () => {
    const trace = await handle('Is invoice i-70 paid?')
    expect(shapeOf(trace)).toEqual([
      [undefined, 'task', 'desk', 0, 65, 'completed'],
      ['desk', 'task', 'triage', 0, 5, 'completed'],
      ['desk', 'task', 'billing', 5, 65, 'completed'],
      ['billing', 'tool', 'invoice', 35, 35, 'completed'],
    ])
    expect(trace.spans.map(({ summary }) => summary)).toEqual([
      expect.stringContaining('We found'),
      expect.stringContaining('"billing"'),
      expect.stringContaining('We found'),
      '{"number":"i-70","eur":40,"isPaid":true}',
    ])
    expect(trace.input).toEqual({ id: 't', text: 'Is invoice i-70 paid?' })
    expect(trace.outcome).toEqual({ status: 'completed', output: expect.stringContaining('We found') as unknown })
  })

  it('has the tokens and the cost of each task, which add up to those of the run', async () => {
    const { spans } = await handle('Is invoice i-70 paid?')
    const used = spans.map(({ name, calls, usage }) => [name, calls, usage.inputTokens, usage.usd])
    const [one, two] = [(60 * 0.1 + 40 * 0.01 + 20 * 0.4) / 1e6, (2 * (60 * 2 + 40 * 0.2 + 20 * 8)) / 1e6]
    expect(used).toEqual([
      ['desk', 0, 0, 0],
      ['triage', 1, 100, expect.closeTo(one, 12)],
      ['billing', 2, 200, expect.closeTo(two, 12)],
      ['invoice', 0, 0, 0],
    ])
    const { info } = (await system.runs.show('t')) ?? {}
    expect(info?.usage).toMatchObject({ inputTokens: 300, cachedTokens: 120, outputTokens: 60 })
    expect(info?.usage.usd).toBeCloseTo(one + two, 12)
  })

  it.each([
    ['Is invoice i-70 paid?', ['route', 'billing', ['technical', 'otherwise'], 'it says "invoice"']],
    ['It is slow', ['route', 'technical', ['billing', 'otherwise'], 'it says "slow"']],
  ])('says why the route of "%s" was chosen, and instead of what', async (text, decision) => {
    const { decisions } = await handle(text)
    const made = decisions.map(({ kind, chosen, alternatives, reason }) => [kind, chosen, alternatives, reason])
    expect(made).toEqual([decision])
  })

  it('says why nobody was sure enough', async () => {
    const { decisions, outcome } = await handle('Good morning')
    const reason = 'its confidence is 0.3, less than 0.6: nothing in it is known'
    expect(decisions).toMatchObject([{ agent: 'desk', chosen: 'otherwise', reason }])
    expect(outcome).toMatchObject({ output: 'A colleague calls you.' })
  })

  it('shows tries that failed, and the fallback with its reason', async () => {
    const trace = await handle('Version 1.2 crashes')
    expect(shapeOf(trace)).toEqual([
      [undefined, 'task', 'desk', 0, 95, 'completed'],
      ['desk', 'task', 'triage', 0, 5, 'completed'],
      ['desk', 'task', 'technical', 5, 95, 'completed'],
      ['technical', 'step', 'read version', 5, 5, 'completed'],
      ['technical', 'task', 'manual', 95, 95, 'completed'],
    ])
    expect(trace.spans.find(({ name }) => name === 'technical')?.retries).toBe(1)
    expect(trace.decisions.at(-1)).toMatchObject({
      agent: 'technical',
      kind: 'fallback',
      chosen: 'manual',
      reason: 'the lab is busy',
    })
    expect(linesOf(trace).join('\n')).toMatch(/^ {6}task manual: completed in 0 ms/m)
  })

  it('names the error of a run that failed, and the task that it came from', async () => {
    const { spans, outcome } = await handle('anything', withModel(scripted([])))
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'BAD_REQUEST' } })
    expect(spans.map(({ name, status }) => [name, status])).toEqual([
      ['desk', 'failed'],
      ['triage', 'failed'],
    ])
  })

  it('shows what is still at work', async () => {
    system.submit(team, { id: 't', text: 'Is invoice i-70 paid?' }, { id: 't' })
    await clock.advance(35)
    const trace = await traced('t')
    expect(trace.outcome).toBeUndefined()
    expect(trace.spans.map(({ name, status }) => [name, status])).toEqual([
      ['desk', 'running'],
      ['triage', 'completed'],
      ['billing', 'running'],
      ['invoice', 'completed'],
    ])
    await clock.advance(5_000)
  })
})

it('the events of the runs alone give the figures of `system.metrics()`', async () => {
  const texts = ['Is invoice i-70 paid?', 'It is slow', 'It crashes', 'Good morning', 'I was charged twice']
  const ids = Array.from({ length: 40 }, (_, i) => `t-${i}`)
  for (const [i, id] of ids.entries()) {
    system.submit(team, { id, text: texts[i % texts.length] ?? '' }, { id })
    await clock.advance(7)
  }
  await clock.advance(5_000)
  const figures = figuresOf(await Promise.all(ids.map(traced)))
  const metrics = new Map(system.metrics().map(({ agent, ...rest }) => [agent, rest]))
  expect([...figures.keys()].toSorted()).toEqual([...metrics.keys()].toSorted())
  for (const [name, { averageMs, usage, ...rest }] of figures) {
    const measured = metrics.get(name)
    expect({ name, ...measured }).toMatchObject({ name, ...rest })
    expect(measured?.averageMs).toBeCloseTo(averageMs, 9)
    expect(measured?.usage).toMatchObject({ inputTokens: usage.inputTokens, outputTokens: usage.outputTokens })
    expect(measured?.usage.usd).toBeCloseTo(usage.usd ?? NaN, 12)
  }
  expect(figures.get('technical')).toMatchObject({ completed: 16, failed: 0, retried: 16, messagesOut: 8 })
})

it('runs from the command line', async () => {
  const { code, results } = await troupeRun('metrics-and-traces')
  expect(code).toBe(0)
  expect(results.map(({ id, path }) => [id, path.at(-1)])).toEqual([
    ['t-1', 'billing'],
    ['t-2', 'technical'],
    ['t-3', 'manual'],
    ['t-4', 'colleague'],
  ])
  const shown = await node(['--import', './test/use-sources.ts', 'docs/examples/metrics-and-traces/show.ts'])
  expect(shown.code).toBe(0)
  expect(shown.stdout).toMatch(/^t-2\n {2}task desk: completed/m)
  expect(shown.stdout).toContain('desk: route technical, not billing, otherwise: it says "slow"')
}, 60_000)
