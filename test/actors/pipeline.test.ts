/** Pipelines at work. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { agent, ConfigurationError, parallel, pipeline, router, stage } from '../../src/index.ts'
import { codeOf, eventsOf, rig } from './rig.ts'

const upper = agent('upper', { run: (text: string) => text.toUpperCase() })
const len = agent('len', { run: (text: string) => text.length })
const increment = agent('increment', { run: (n: number) => n + 1 })

it('hands what a stage gives to the next one', async () => {
  const { system } = await rig()
  expect(await system.run(pipeline('p', [upper, len, increment]), 'four')).toBe(5)
})

it('stops at the first stage that fails its contract', async () => {
  const { system } = await rig()
  const ran: string[] = []
  const broken = agent('broken', { output: z.number(), run: () => 'x' as unknown as number })
  const last = agent('last', {
    run: (n: number) => {
      ran.push('last')
      return n
    },
  })
  const outcome = await system.submit(pipeline('p', [upper, broken, last]), 'x').outcome
  expect(outcome).toMatchObject({ status: 'failed', error: { code: 'INVALID_OUTPUT', agent: 'broken' } })
  expect(ran).toEqual([])
})

it('parses once where two stages share a schema', async () => {
  const { system } = await rig()
  let parses = 0
  const Shared = z.object({ n: z.number().refine(() => (parses += 1) > 0) })
  const make = agent('make', { output: Shared, run: (text: string) => ({ n: text.length }) })
  const take = agent('take', { input: Shared, run: ({ n }) => n })
  expect(await system.run(pipeline('p', [make, take]), 'four')).toBe(4)
  expect(parses).toBe(1)
})

describe('a gate', () => {
  const drafts = (goodOnes: number) =>
    agent('draft', {
      run: (topic: string, { revision }) => {
        const round = revision?.round ?? 0
        return round >= goodOnes ? `good ${topic}` : `bad ${topic} ${String(round)}`
      },
    })
  const isGood = (text: string) => text.startsWith('good') || [`"${text}" is bad`]

  it('sends the work back with the faults until it is good', async () => {
    const { system } = await rig()
    const seen: unknown[] = []
    const draft = agent('draft', {
      run: (topic: string, { revision }) => {
        seen.push(revision)
        return revision ? `good ${topic}` : `bad ${topic}`
      },
    })
    const check = stage(upper, {
      validate: (text) => text.startsWith('GOOD') || 'not good',
      revise: { to: 'draft' },
    })
    const run = system.submit(pipeline('p', [draft, check]), 'tea')
    expect(await run.outcome).toEqual({ status: 'completed', output: 'GOOD TEA' })
    expect(seen).toEqual([undefined, { round: 1, previous: 'bad tea', faults: ['not good'] }])
    expect(await eventsOf(run)).toContainEqual(
      expect.objectContaining({
        type: 'decision.made',
        kind: 'revision',
        chosen: 'draft',
        reason: 'not good',
      }),
    )
  })

  it('gives up after as many revisions as it may, naming the stage', async () => {
    const { system } = await rig()
    const gated = pipeline('p', [stage(drafts(3), { validate: isGood, revise: { to: 'draft', max: 2 } })])
    const outcome = await system.submit(gated, 'tea').outcome
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'INVALID_OUTPUT', agent: 'draft' } })
    const patient = pipeline('p', [stage(drafts(3), { validate: isGood, revise: { to: 'draft', max: 3 } })])
    expect(await system.run(patient, 'tea')).toBe('good tea')
  })

  it('tries a fallback, whose output has to be good too', async () => {
    const { system } = await rig()
    const gated = (fallback: ReturnType<typeof drafts>) =>
      pipeline('p', [stage(drafts(9), { validate: isGood, fallback })])
    expect(await system.run(gated(agent('spare', { run: (topic: string) => `good ${topic}` })), 'tea')).toBe(
      'good tea',
    )
    expect(codeOf(await system.submit(gated(drafts(9)), 'tea').outcome)).toBe('INVALID_OUTPUT')
  })

  it('lets the fallback step in for a stage that failed', async () => {
    const { system } = await rig()
    const broken = agent('broken', {
      run: (): string => {
        throw new Error('no')
      },
    })
    expect(await system.run(pipeline('p', [stage(broken, { fallback: upper }), len]), 'four')).toBe(4)
  })

  it('that throws is a defect of its task', async () => {
    const { system } = await rig()
    const gated = pipeline('p', [
      stage(upper, {
        validate: () => {
          throw new Error('no')
        },
      }),
    ])
    expect(codeOf(await system.submit(gated, 'x').outcome)).toBe('DEFECT')
  })
})

it('is refused when `revise` leads nowhere before it', () => {
  const revising = (to: string) => stage(upper, { validate: () => true, revise: { to } })
  expect(() => pipeline('p', [revising('increment'), len, increment])).toThrow(ConfigurationError)
  expect(() => pipeline('p', [revising('upper'), len])).not.toThrow()
  expect(() => stage(upper, { revise: { to: 'upper' } })).toThrow(ConfigurationError)
  expect(() => pipeline('p', [] as never)).toThrow(ConfigurationError)
})

it('nests: a router whose target is a pipeline whose stage is a parallel', async () => {
  const { system } = await rig()
  const both = parallel('both', {
    branches: { len, upper },
    join: ({ len: n, upper: text }) => [
      n.status === 'completed' && n.output,
      text.status === 'completed' && text.output,
    ],
  })
  const deep = router('deep', {
    by: agent('by', { run: (text: string) => (text ? 'both' : 'none') }),
    to: { both: pipeline('p', [upper, both]), none: len },
  })
  expect(await system.run(deep, 'four')).toEqual([4, 'FOUR'])
})

it('has a defect when a `validate` gives no verdict, and lets nothing pass', async () => {
  const { system } = await rig()
  const validate = (() => Promise.resolve(false)) as never
  const line = pipeline('line', [stage(agent('write', { run: () => 'text' }), { validate })])
  expect(codeOf(await system.submit(line, 'x').outcome)).toBe('DEFECT')
})
