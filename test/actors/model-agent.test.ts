/** Agents with a model: what it is asked, what becomes of its answers. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import * as mini from 'zod/mini'
import {
  agent,
  ConfigurationError,
  pipeline,
  stage,
  tool,
  type ModelMessage,
  type ModelResult,
  type RunEvent,
} from '../../src/index.ts'
import { scripted } from '../../src/models/scripted.ts'
import { end, handmade } from './models.ts'
import { codeOf, eventsOf, rig } from './rig.ts'

const Answer = z.object({ answer: z.string(), confidence: z.number().min(0).max(1) })

describe('what the model is asked', () => {
  it('is the instructions and the text of the task', async () => {
    const { system } = await rig()
    const model = scripted(['four'])
    const sums = agent('sums', { model, instructions: 'Be brief.', settings: { temperature: 0 } })
    expect(await system.run(sums, 'two and two')).toBe('four')
    expect(model.requests).toMatchObject([
      {
        messages: [
          { role: 'system', text: 'Be brief.' },
          { role: 'user', text: 'two and two' },
        ],
        tools: [],
        settings: { temperature: 0 },
      },
    ])
    expect(model.requests[0]?.output).toBeUndefined()
  })

  it('is JSON for an input that is no text', async () => {
    const { system } = await rig()
    const model = scripted(['ok'])
    await system.run(agent('sums', { model, input: z.object({ n: z.number() }) }), { n: 3 })
    expect(model.requests[0]?.messages).toEqual([{ role: 'user', text: '{"n":3}' }])
  })

  it('is what `instructions` and `prompt` make of the parsed input', async () => {
    const { system } = await rig()
    const model = scripted(['ok'])
    const sums = agent('sums', {
      model,
      input: z.object({ n: z.number().default(7) }),
      instructions: ({ n }) => `about ${String(n)}`,
      prompt: ({ n }) => `n is ${String(n)}`,
    })
    await system.run(sums, {})
    expect(model.requests[0]?.messages).toEqual([
      { role: 'system', text: 'about 7' },
      { role: 'user', text: 'n is 7' },
    ])
  })

  it('has a key that is the same on every try and another one in each turn', async () => {
    const { system } = await rig()
    const model = scripted(['prose', '{"answer":"a","confidence":1}'])
    await system.run(agent('sums', { model, output: Answer }), 'x', { id: 'r1' })
    const keys = model.requests.map(({ key }) => key)
    expect(keys).toEqual([expect.stringMatching(/^r1\/.+\/model\.call#1$/), expect.stringMatching(/#2$/)])
  })

  it('tells of faults that a later stage has found', async () => {
    const { system } = await rig()
    const model = scripted(['a long text', 'short'])
    const write = agent('write', { model })
    const gate = stage(agent('gate', { run: (text: string) => text }), {
      validate: (text) => text.length < 8 || 'it is too long',
      revise: { to: 'write', max: 1 },
    })
    expect(await system.run(pipeline('press', [write, gate]), 'a theme')).toBe('short')
    expect(model.requests[1]?.messages).toMatchObject([
      { role: 'user', text: 'a theme' },
      { role: 'assistant', text: 'a long text' },
      { role: 'user', text: expect.stringContaining('it is too long') as string },
    ])
  })
})

describe('the events of a run', () => {
  it('tell the text as it comes, the end of each call, and the states it goes through', async () => {
    const { system } = await rig()
    const run = system.submit(agent('poet', { model: scripted(['roses are red']) }), 'go')
    const events = await eventsOf(run)
    const deltas = events.flatMap((event) => (event.type === 'text.delta' ? [event.text] : []))
    expect(deltas.length).toBeGreaterThan(1)
    expect(deltas.join('')).toBe('roses are red')
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'model.ended', model: 'scripted', finish: 'stop', cached: false }),
    )
    const states = events.flatMap((event) => (event.type === 'state.changed' ? [event.to] : []))
    expect(states).toEqual(['asking'])
  })

  it('tell nothing of what comes after an attempt is over', async () => {
    const { system, clock } = await rig()
    const go = Promise.withResolvers<void>()
    let nth = 0
    const model = handmade(async function* () {
      nth += 1
      if (nth === 1) await go.promise
      yield { type: 'text', text: `try ${String(nth)}` }
      await new Promise(() => {})
    })
    const run = system.submit(
      agent('poet', { model, timeoutMs: 50, retry: { attempts: 2, minMs: 10 } }),
      'go',
    )
    await clock.advance(60)
    nth = 7
    go.resolve()
    await clock.advance(1_000)
    const texts = (await eventsOf(run)).flatMap((event) => (event.type === 'text.delta' ? [event.text] : []))
    expect(texts).toEqual(['try 2'])
  })

  it('tell nothing of what comes after a run was cancelled', async () => {
    const { system } = await rig()
    const go = Promise.withResolvers<void>()
    const model = handmade(async function* () {
      yield { type: 'text', text: 'one' }
      await go.promise
      yield { type: 'text', text: 'two' }
      yield end({ text: 'one two' })
    })
    const all: string[] = []
    system.events.subscribe((event) => {
      if (event.type === 'text.delta') all.push((event as RunEvent & { text: string }).text)
    })
    const run = system.submit(agent('poet', { model }), 'go')
    await system.settle()
    run.cancel('enough')
    expect(await run.outcome).toEqual({ status: 'cancelled', reason: 'enough' })
    expect(model.signals[0]?.aborted).toBe(true)
    go.resolve()
    await system.settle()
    expect(all).toEqual(['one'])
  })
})

describe('an answer that a schema asks for', () => {
  const answers = async (output: z.core.$ZodType, ...turns: string[]) => {
    const { system, clock } = await rig()
    const model = scripted(turns)
    const run = system.submit(agent('sums', { model, output, retry: { attempts: 1 } }), 'x')
    await clock.advance(1_000)
    return { outcome: await run.outcome, model }
  }

  it('is parsed', async () => {
    const { outcome, model } = await answers(
      Answer.extend({ lang: z.string().default('en') }),
      '{"answer":"yes","confidence":0.5}',
    )
    expect(outcome).toEqual({ status: 'completed', output: { answer: 'yes', confidence: 0.5, lang: 'en' } })
    expect(model.requests[0]?.output).toMatchObject({ type: 'object', required: ['answer', 'confidence'] })
  })

  it.each(['```json\n{"n":1}\n```', '```\n{"n":1}```', '  {"n":1}\n'])(
    'may stand in a code fence: %j',
    async (text) => {
      expect((await answers(z.object({ n: z.number() }), text)).outcome).toEqual({
        status: 'completed',
        output: { n: 1 },
      })
    },
  )

  it('is asked for as an object when it is none', async () => {
    const { outcome, model } = await answers(z.enum(['yes', 'no']), '{"value":"no"}')
    expect(outcome).toEqual({ status: 'completed', output: 'no' })
    expect(model.requests[0]?.output).toMatchObject({ type: 'object', required: ['value'] })
  })

  it.each<[string, z.core.$ZodType, string, unknown]>([
    ['a text', z.string().min(1), '{"value":"a"}', 'a'],
    ['a list', z.array(z.number()), '{"value":[1,2]}', [1, 2]],
    [
      'a choice of objects',
      z.union([z.object({ a: z.string() }), z.object({ b: z.string() })]),
      '{"value":{"b":"x"}}',
      { b: 'x' },
    ],
    ['zod/mini', mini.object({ a: mini.number() }), '{"a":1}', { a: 1 }],
    ['what is transformed', z.string().transform((text) => text.length), '{"value":"four"}', 4],
  ])('may be %s', async (_, output, text, expected) => {
    expect((await answers(output, text)).outcome).toEqual({ status: 'completed', output: expected })
  })

  it('is mended by one more turn that names its faults', async () => {
    const { outcome, model } = await answers(
      Answer,
      '{"answer":"yes","confidence":7}',
      '{"answer":"yes","confidence":0.7}',
    )
    expect(outcome).toEqual({ status: 'completed', output: { answer: 'yes', confidence: 0.7 } })
    const [, second] = model.requests
    expect(second?.messages.slice(1)).toEqual([
      { role: 'assistant', text: '{"answer":"yes","confidence":7}', calls: [] },
      { role: 'user', text: expect.stringMatching(/confidence: .+\n.*JSON Schema: \{/) as string },
    ])
  })

  it.each([
    ['prose', 'I would say yes.'],
    ['a list', '[]'],
    ['broken JSON', '{"answer":"yes"'],
  ])('is a named failure when it stays %s', async (_, text) => {
    const { outcome, model } = await answers(Answer, text, text)
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'INVALID_OUTPUT', agent: 'sums' } })
    model.assertConsumed()
  })

  it('is asked for again by each further attempt, which goes on from the transcript', async () => {
    const { system, clock } = await rig()
    const model = scripted(['a', 'b', 'c', '{"answer":"yes","confidence":1}'])
    const run = system.submit(agent('sums', { model, output: Answer, retry: { minMs: 10 } }), 'x')
    await clock.advance(1_000)
    expect((await run.outcome).status).toBe('completed')
    const said = model.requests[3]?.messages.map(({ role, text }) => (role === 'assistant' ? text : role))
    expect(said).toEqual(['user', 'a', 'user', 'b', 'user', 'c', 'user'])
  })

  it('is asked for no more than repairs and attempts allow', async () => {
    const { system, clock } = await rig()
    const model = scripted(() => 'prose')
    const sums = agent('sums', { model, output: Answer, repairs: 0, retry: { attempts: 2, minMs: 10 } })
    const run = system.submit(sums, 'x')
    await clock.advance(1_000)
    expect(codeOf(await run.outcome)).toBe('INVALID_OUTPUT')
    expect(model.requests).toHaveLength(2)
  })
})

describe('an answer that is none', () => {
  const ended = async (result: Partial<ModelResult>) => {
    const { system, clock } = await rig()
    const ran: string[] = []
    const touch = tool('touch', { input: z.object({}), run: () => ran.push('touch') })
    const model = handmade(async function* () {
      yield end(result)
    })
    const run = system.submit(agent('sums', { model, tools: [touch], retry: { minMs: 10 } }), 'x')
    await clock.advance(10_000)
    return { outcome: await run.outcome, calls: model.requests.length, ran }
  }

  it('is a failure when the model refuses, whatever else it says', async () => {
    const calls = [{ id: '1', name: 'touch', input: '{}' }]
    const { outcome, calls: asked, ran } = await ended({ finish: 'refusal', text: 'I will not.', calls })
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'REFUSED', retryable: false } })
    expect(outcome).toMatchObject({ error: { message: expect.stringContaining('I will not.') as string } })
    expect([asked, ran]).toEqual([1, []])
  })

  it('is a failure when it was cut, and no tool is run', async () => {
    const calls = [{ id: '1', name: 'touch', input: '{}' }]
    const { outcome, calls: asked, ran } = await ended({ finish: 'length', text: 'half of', calls })
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'TRUNCATED', retryable: false } })
    expect([asked, ran]).toEqual([1, []])
  })

  it('is a failure when it stays empty, after a turn that says so and further attempts', async () => {
    const { outcome, calls } = await ended({ text: ' \n' })
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'EMPTY', retryable: true } })
    expect(calls).toBe(6)
  })

  it('may be mended when it was empty', async () => {
    const { system } = await rig()
    const model = scripted(['', 'here'])
    expect(await system.run(agent('sums', { model }), 'x')).toBe('here')
    // Providers refuse messages without content.
    expect(model.requests[1]?.messages.map(({ role }) => role)).toEqual(['user', 'user'])
  })
})

describe('turns', () => {
  const look = tool('look', { input: z.object({}), effect: 'idempotent', run: () => 'nothing' })

  it('are bounded: 10, then it is truncated, and the tools of the last turn are not run', async () => {
    const { system } = await rig()
    const ran: number[] = []
    const again = tool('again', { input: z.object({}), run: () => ran.push(1) })
    const model = scripted(() => ({ calls: [{ name: 'again', input: '{}' }] }))
    const run = system.submit(agent('sums', { model, tools: [again] }), 'x')
    expect(await run.outcome).toMatchObject({ status: 'failed', error: { code: 'TRUNCATED' } })
    expect([model.requests.length, ran.length]).toEqual([10, 9])
  })

  it('count over all attempts', async () => {
    const { system, clock } = await rig()
    const model = scripted(() => 'prose')
    const run = system.submit(
      agent('sums', { model, output: Answer, maxTurns: 3, repairs: 1, retry: { minMs: 10 } }),
      'x',
    )
    await clock.advance(1_000)
    expect(codeOf(await run.outcome)).toBe('TRUNCATED')
    expect(model.requests).toHaveLength(3)
  })

  it('leave the choice to the model once it has called a tool, where it was made to', async () => {
    const { system } = await rig()
    const model = scripted([{ calls: [{ name: 'look', input: '{}' }] }, 'done'])
    await system.run(agent('sums', { model, tools: [look], settings: { toolChoice: 'required' } }), 'x')
    expect(model.requests.map(({ settings }) => settings.toolChoice)).toEqual(['required', 'auto'])
  })
})

describe('is refused when it is defined:', () => {
  const model = scripted([])
  const look = tool('look', { input: z.object({}), run: () => 1 })
  const cases: [string, () => unknown, RegExp][] = [
    ['no way to work', () => agent('a', {} as never), /exactly one of/],
    ['two ways to work', () => agent('a', { model, run: (t: string) => t } as never), /exactly one of/],
    ['a model that is none', () => agent('a', { model: 'gpt-5' as never }), /`model` is no model/],
    [
      'an output that JSON cannot express',
      () => agent('a', { model, output: z.object({ at: z.date() }) }),
      /the output of "a".+Date/,
    ],
    ['maxTurns 0', () => agent('a', { model, maxTurns: 0 }), /maxTurns is at least 1/],
    ['repairs below 0', () => agent('a', { model, repairs: -1 }), /repairs is at least 0/],
    ['two tools of one name', () => agent('a', { model, tools: [look, look] }), /two tools named "look"/],
    ['a tool that is none', () => agent('a', { model, tools: [{ name: 'x' } as never] }), /made by `tool/],
    [
      'an agent that no model can name',
      () => agent('a', { model, tools: [agent('front desk', { model })] }),
      /"front desk" cannot name/,
    ],
    [
      'a tool that no model can name',
      () => tool('a b', { input: z.object({}), run: () => 1 }),
      /"a b" cannot name/,
    ],
    [
      'arguments that JSON cannot express',
      () => tool('t', { input: z.object({ at: z.date() }), run: () => 1 }),
      /input of the tool "t".+Date/,
    ],
    [
      'a tool without time',
      () => tool('t', { input: z.object({}), run: () => 1, timeoutMs: 0 }),
      /timeoutMs is at least 1/,
    ],
  ]

  it.each(cases)('%s', (_, define, message) => {
    expect(define).toThrow(ConfigurationError)
    expect(define).toThrow(message)
  })
})

it('keeps requests as they were', async () => {
  const { system } = await rig()
  const seen: (readonly ModelMessage[])[] = []
  const model = scripted((request) => {
    seen.push(request.messages)
    return seen.length === 1 ? 'prose' : '{"answer":"a","confidence":1}'
  })
  await system.run(agent('sums', { model, output: Answer }), 'x')
  expect(seen.map(({ length }) => length)).toEqual([1, 3])
})
