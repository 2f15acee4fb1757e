/** Tools that a model calls: their arguments, their results, their failures, and how often they run. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  agent,
  createSystem,
  DeniedError,
  parallel,
  pipeline,
  ProviderError,
  router,
  tool,
  type AnyAgent,
  type AnyTool,
  type ModelMessage,
} from '../../src/index.ts'
import { scripted, type ScriptedModel, type Turn } from '../../src/models/scripted.ts'
import { manualClock } from '../../src/testing.ts'
import { diaryLogger } from '../kernel/system.ts'
import { end, handmade, mute } from './models.ts'
import { codeOf, eventsOf, promised, rig } from './rig.ts'

const call = (name: string, input: unknown = {}): { name: string; input: string } => ({
  name,
  input: typeof input === 'string' ? input : JSON.stringify(input),
})

const calls = (...made: { name: string; input: string }[]): Turn => ({ calls: made })

/** What the model was told of its calls, in its second turn. */
const told = (model: ScriptedModel): string[] => toldIn(model.requests[1]?.messages ?? [])

const toldIn = (messages: readonly ModelMessage[]): string[] =>
  messages.flatMap((message) =>
    message.role === 'tool' ? [`${message.failed ? 'failed: ' : ''}${message.text}`] : [],
  )

/** One task of an agent with these tools, whose model says this. */
const task = async (tools: readonly (AnyTool | AnyAgent)[], turns: readonly Turn[], options: object = {}) => {
  const { system, clock } = await rig()
  const model = scripted(turns)
  const worker = agent('worker', { model, tools, retry: { minMs: 10, jitter: false }, ...options })
  const run = system.submit(worker, 'go', { id: 'r1' })
  await clock.advance(1_000)
  return { system, clock, model, run }
}

const add = tool('add', {
  description: 'Adds numbers',
  input: z.object({ a: z.number(), b: z.number().default(1) }),
  effect: 'idempotent',
  run: ({ a, b }) => a + b,
})

describe('a tool', () => {
  it('is offered with its description and the JSON Schema of what may be written', async () => {
    const { model } = await task([add], ['done'])
    expect(model.requests[0]?.tools).toEqual([
      {
        name: 'add',
        description: 'Adds numbers',
        input: {
          type: 'object',
          properties: { a: { type: 'number' }, b: { type: 'number', default: 1 } },
          required: ['a'],
        },
      },
    ])
  })

  it('is given its arguments parsed, and its result goes to the model', async () => {
    const { model, run } = await task([add], [calls(call('add', { a: 2 })), 'three'])
    expect(await run.outcome).toEqual({ status: 'completed', output: 'three' })
    expect(told(model)).toEqual(['3'])
    const events = (await eventsOf(run)).filter(({ type }) => type.startsWith('tool.'))
    expect(events).toMatchObject([
      { type: 'tool.started', name: 'add', input: { a: 2, b: 1 } },
      { type: 'tool.ended', name: 'add', outcome: { status: 'completed', output: 3 } },
    ])
  })

  it('is given a key of its own, a signal, the run and a log', async () => {
    const given: unknown[] = []
    const look = tool('look', {
      input: z.object({}),
      run: (_, { key, runId, signal, log }) =>
        given.push({ key, runId, aborted: signal.aborted, log: typeof log.info }),
    })
    await task([look], [calls(call('look'), call('look')), calls(call('look')), 'done'])
    expect(given).toEqual(
      [1, 2, 3].map((n) => ({
        key: expect.stringMatching(new RegExp(`^r1/.+/look#${String(n)}$`)) as string,
        runId: 'r1',
        aborted: false,
        log: 'function',
      })),
    )
  })

  it.each<[string, z.core.$ZodType, unknown, unknown]>([
    ['no object', z.array(z.number()), { value: [1, 2] }, [1, 2]],
    ['a text', z.string(), { value: 'hi' }, 'hi'],
    ['nothing', z.object({}), '', {}],
  ])('may take %s', async (_, input, written, expected) => {
    const given: unknown[] = []
    const take = tool('take', { input, run: (value) => given.push(value) })
    await task([take], [calls(call('take', written)), 'done'])
    expect(given).toEqual([expected])
  })
})

describe('several calls in one turn', () => {
  it('run side by side, and the model reads their results in its own order', async () => {
    const { system, clock } = await rig()
    const slow = promised<string>()
    const one = tool('one', { input: z.object({}), run: () => slow.promise })
    const two = tool('two', { input: z.object({}), run: () => 'second' })
    const model = scripted([calls(call('one'), call('two')), 'done'])
    const run = system.submit(agent('worker', { model, tools: [one, two] }), 'go')
    await clock.advance(0)
    expect(model.requests).toHaveLength(1)
    slow.resolve('first')
    await run.outcome
    expect(told(model)).toEqual(['first', 'second'])
  })

  it('are each told their own end when one of them fails', async () => {
    const bad = tool('bad', {
      input: z.object({}),
      run: () => {
        throw new ProviderError('no route', { code: 'UNAVAILABLE', retryable: true })
      },
    })
    const { model, run } = await task([add, bad], [calls(call('bad'), call('add', { a: 1 })), 'done'])
    expect((await run.outcome).status).toBe('completed')
    expect(told(model)).toEqual(['failed: no route', '2'])
  })

  it('have ids of their own, also when the provider gave none or the same one twice', async () => {
    const { system } = await rig()
    let turn = 0
    const model = handmade(async function* () {
      turn += 1
      const made = ['', 'x', 'x'].map((id) => ({ id, ...call('add', { a: turn }) }))
      yield end(turn < 3 ? { calls: made, finish: 'calls' } : { text: 'done' })
    })
    await system.run(agent('worker', { model, tools: [add] }), 'go')
    const ids = (model.requests[2]?.messages ?? []).flatMap((message) => {
      if (message.role === 'tool') return [message.callId]
      return message.role === 'assistant' ? message.calls.map(({ id }) => id) : []
    })
    expect(new Set(ids).size).toBe(6)
    expect(ids).toHaveLength(12)
    expect(ids).not.toContain('')
  })
})

describe('a call that cannot be run', () => {
  it.each([
    [
      'has arguments that do not fit',
      call('add', { a: 'one' }),
      /^failed: the arguments do not fit: a: .*number/,
    ],
    [
      'has arguments that are no JSON',
      call('add', '{"a": 1'),
      /^failed: the arguments do not fit: expected JSON/,
    ],
    [
      'names a tool that there is not',
      call('sub', { a: 1 }),
      /^failed: there is no tool "sub": you have add$/,
    ],
  ])('since it %s is told so, and mended', async (_, wrong, text) => {
    const { model, run } = await task([add], [calls(wrong), calls(call('add', { a: 1 })), 'done'])
    expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
    expect(told(model)).toEqual([expect.stringMatching(text)])
  })

  it('does not keep the others in its turn from being run', async () => {
    const { model } = await task([add], [calls(call('sub'), call('add', { a: 4 })), 'done'])
    expect(told(model)).toEqual([expect.stringMatching('no tool "sub"'), '5'])
  })

  it('is a named failure when the model does not mend it, and nothing of that turn is run', async () => {
    const ran: string[] = []
    const touch = tool('touch', { input: z.object({}), effect: 'idempotent', run: () => ran.push('touch') })
    const wrong = calls(call('sub'), call('touch'))
    const { run } = await task([touch], [calls(call('sub')), wrong], { retry: { attempts: 1 } })
    expect(await run.outcome).toMatchObject({
      status: 'failed',
      error: { code: 'INVALID_OUTPUT', message: expect.stringContaining('no tool "sub"') as string },
    })
    expect(ran).toEqual([])
  })

  it('costs a repair in each faulty turn, but a good turn gives them back', async () => {
    const bad = calls(call('sub'))
    const good = calls(call('add', { a: 1 }))
    const { run } = await task([add], [bad, good, bad, good, bad, 'done'], { retry: { attempts: 1 } })
    expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
  })
})

describe('a result', () => {
  it.each<[string, unknown, string]>([
    ['a text as it is', 'plain', 'plain'],
    ['anything else as JSON', { a: [1] }, '{"a":[1]}'],
    ['nothing', undefined, 'done'],
    ['what cannot be written', 10n, '"give" was done, but what it gave cannot be shown'],
  ])('is %s', async (_, output, text) => {
    const give = tool('give', { input: z.object({}), run: () => output })
    const { model } = await task([give], [calls(call('give')), 'done'])
    expect(told(model)).toEqual([text])
  })

  it('is cut where it is too long, with a note', async () => {
    const give = tool('give', { input: z.object({}), maxResultChars: 5, run: () => 'x'.repeat(50) })
    const { model } = await task([give], [calls(call('give')), 'done'])
    expect(told(model)).toEqual(['xxxxx\n[cut: the first 5 of 50 characters]'])
  })

  it('is cut at 20,000 characters by default', async () => {
    const give = tool('give', { input: z.object({}), run: () => 'x'.repeat(20_001) })
    const { model } = await task([give], [calls(call('give')), 'done'])
    expect(told(model)[0]).toMatch(/^x{20000}\n\[cut/)
  })

  it('is parsed by the output of its tool', async () => {
    const give = tool('give', {
      input: z.object({}),
      output: z.object({ n: z.number(), unit: z.string().default('eur') }),
      run: () => ({ n: 1 }),
    })
    const { model } = await task([give], [calls(call('give')), 'done'])
    expect(told(model)).toEqual(['{"n":1,"unit":"eur"}'])
  })
})

describe('an error of a tool', () => {
  const broken = (error: unknown, onError?: 'tell-model' | 'fail') =>
    tool('broken', {
      input: z.object({}),
      onError,
      run: () => {
        throw error
      },
    })

  it('is told to the model', async () => {
    const { model, run } = await task([broken(new DeniedError('not you'))], [calls(call('broken')), 'done'])
    expect((await run.outcome).status).toBe('completed')
    expect(told(model)).toEqual(['failed: not you'])
    expect(await eventsOf(run)).toContainEqual(
      expect.objectContaining({
        type: 'tool.ended',
        outcome: expect.objectContaining({ status: 'rejected' }) as unknown,
      }),
    )
  })

  it('that nobody expected is told to the model, and logged', async () => {
    const logged: string[] = []
    const system = await createSystem({ clock: manualClock(), seed: 1, logger: diaryLogger(logged) })
    const model = scripted([calls(call('broken')), 'done'])
    await system.run(agent('worker', { model, tools: [broken(new TypeError('x is undefined'))] }), 'go')
    expect(told(model)).toEqual(['failed: x is undefined'])
    expect(logged).toEqual(['warn a tool threw, and the model was told'])
    await system.stop()
  })

  it.each([
    ['fails the task', new TypeError('boom'), 'failed', 'DEFECT'],
    ['rejects the task', new DeniedError('no'), 'rejected', 'DENIED'],
  ])('%s where the tool says so', async (_, error, status, code) => {
    const { run, model } = await task([broken(error, 'fail')], [calls(call('broken')), 'never'])
    expect(await run.outcome).toMatchObject({ status, error: { code } })
    expect(model.requests).toHaveLength(1)
  })

  it('that may go better next time is tried again by the next attempt, under the same key, without the model', async () => {
    const keys: string[] = []
    const flaky = tool('flaky', {
      input: z.object({}),
      onError: 'fail',
      run: (_, { key }) => {
        keys.push(key)
        if (keys.length === 1) throw new ProviderError('down', { code: 'UNAVAILABLE', retryable: true })
        return 'ok'
      },
    })
    const { run, model } = await task([flaky], [calls(call('flaky')), 'done'])
    expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
    expect([keys.length, new Set(keys).size, model.requests.length]).toEqual([2, 1, 2])
    expect(told(model)).toEqual(['ok'])
  })

  it('waits for the tools beside it, whose results are kept', async () => {
    const { system, clock } = await rig()
    const ran: string[] = []
    const slow = promised<string>()
    const pay = tool('pay', {
      input: z.object({}),
      run: () => {
        ran.push('pay')
        return slow.promise
      },
    })
    const flaky = tool('flaky', {
      input: z.object({}),
      onError: 'fail',
      run: () => {
        ran.push('flaky')
        if (ran.filter((name) => name === 'flaky').length > 1) return 'ok'
        throw new ProviderError('down', { code: 'UNAVAILABLE', retryable: true })
      },
    })
    const model = scripted([calls(call('pay'), call('flaky')), 'done'])
    const run = system.submit(
      agent('worker', { model, tools: [pay, flaky], retry: { minMs: 10, jitter: false } }),
      'go',
    )
    await clock.advance(5_000)
    expect(ran).toEqual(['pay', 'flaky'])
    slow.resolve('paid')
    await clock.advance(100)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
    expect(ran).toEqual(['pay', 'flaky', 'flaky'])
    expect(told(model)).toEqual(['paid', 'ok'])
  })

  it('is one when what it gave does not fit its output, and it is not run again', async () => {
    const ran: number[] = []
    const give = tool('give', {
      input: z.object({}),
      output: z.number(),
      onError: 'fail',
      run: () => {
        ran.push(1)
        return 'x' as unknown as number
      },
    })
    const { run } = await task([give], [calls(call('give')), 'never'])
    expect(codeOf(await run.outcome)).toBe('DEFECT')
    expect(ran).toHaveLength(1)
  })
})

describe('a tool that takes too long', () => {
  const hanging = (onError?: 'tell-model' | 'fail') => {
    const signals: AbortSignal[] = []
    const made = tool('hang', {
      input: z.object({}),
      timeoutMs: 200,
      onError,
      run: (_, { signal }) => {
        signals.push(signal)
        return new Promise(() => {})
      },
    })
    return { made, signals }
  }

  it('is aborted, and the model is told that nobody knows whether it was done', async () => {
    const { made, signals } = hanging()
    const { model, run } = await task([made], [calls(call('hang')), 'done'])
    expect((await run.outcome).status).toBe('completed')
    expect(told(model)).toEqual(['failed: "hang" took longer than 200 ms; whether it was done is not known'])
    expect(signals.map(({ aborted, reason }) => [aborted, (reason as Error).name])).toEqual([
      [true, 'TimeoutError'],
    ])
  })

  it('has 30 seconds by default', async () => {
    const hang = tool('hang', { input: z.object({}), run: () => new Promise(() => {}) })
    const { model, clock } = await task([hang], [calls(call('hang')), 'done'])
    await clock.advance(28_999)
    expect(model.requests).toHaveLength(1)
    await clock.advance(1)
    expect(model.requests).toHaveLength(2)
  })

  it('ends the task where it says so; the effect is unknown, and it is not run again', async () => {
    const { made, signals } = hanging('fail')
    const { run } = await task([made], [calls(call('hang')), 'never'])
    expect(await run.outcome).toMatchObject({ status: 'unknown', effect: { name: 'hang' } })
    expect(signals).toHaveLength(1)
  })
})

describe('an attempt that ends while a tool is at work', () => {
  const interrupted = async (
    effect: 'once' | 'keyed' | undefined,
    settle: (nth: number) => Promise<string>,
  ) => {
    const { system, clock } = await rig()
    const keys: string[] = []
    const pay = tool('pay', {
      input: z.object({}),
      effect,
      run: (_, { key }) => settle(keys.push(key)),
    })
    const model = scripted([calls(call('pay')), 'done'])
    const worker = agent('worker', {
      model,
      tools: [pay],
      timeoutMs: 100,
      retry: { minMs: 50, jitter: false },
    })
    const run = system.submit(worker, 'go')
    return { run, clock, keys, model }
  }

  it('leaves an effect that may be done once only unknown', async () => {
    const { run, clock, keys } = await interrupted(undefined, () => new Promise(() => {}))
    await clock.advance(1_000)
    expect(await run.outcome).toMatchObject({
      status: 'unknown',
      effect: { name: 'pay', key: expect.stringMatching(/pay#1$/) as string },
    })
    expect(keys).toHaveLength(1)
  })

  it('keeps a result that comes before the next attempt', async () => {
    const late = promised<string>()
    const { run, clock, keys, model } = await interrupted('once', () => late.promise)
    await clock.advance(100)
    late.resolve('paid')
    await clock.advance(1_000)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
    expect(keys).toHaveLength(1)
    expect(told(model)).toEqual(['paid'])
  })

  it('runs what has a key again, under the same key, without asking the model again', async () => {
    const { run, clock, keys, model } = await interrupted('keyed', (nth) =>
      nth === 1 ? new Promise(() => {}) : Promise.resolve('paid'),
    )
    await clock.advance(1_000)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
    expect(keys).toHaveLength(2)
    expect(new Set(keys).size).toBe(1)
    expect(model.requests).toHaveLength(2)
  })

  it('never repeats a call that has a result', async () => {
    const { system, clock } = await rig()
    const ran: string[] = []
    const touch = tool('touch', { input: z.object({}), run: () => ran.push('touch') })
    const model = scripted([calls(call('touch')), { delayMs: 500, text: 'too late' }, 'done'])
    const worker = agent('worker', { model, tools: [touch], timeoutMs: 100, retry: { minMs: 10 } })
    const run = system.submit(worker, 'go')
    await clock.advance(1_000)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
    expect(ran).toHaveLength(1)
    expect(toldIn(model.requests[2]?.messages ?? [])).toEqual(['1'])
  })

  it('goes on where it was when its agent was restarted', async () => {
    const { system, clock } = await rig()
    const ran: string[] = []
    const touch = tool('touch', { input: z.object({}), run: (_, { key }) => ran.push(key) })
    const model = scripted([calls(call('touch')), { delayMs: 500, text: 'lost' }, 'done'])
    const run = system.submit(agent('worker', { model, tools: [touch] }), 'go')
    await clock.advance(100)
    expect(model.requests).toHaveLength(2)
    const worker = system.lookup('/worker')
    if (worker) system.kill(worker)
    await clock.advance(1_000)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
    expect(ran).toHaveLength(1)
    expect(model.requests[2]?.key).toBe(model.requests[1]?.key)
    expect(toldIn(model.requests[2]?.messages ?? [])).toEqual(['1'])
  })

  it('aborts model, tools and guards, and takes questions back, when its agent goes down for good', async () => {
    const { system, clock } = await rig()
    const signals: AbortSignal[] = []
    const hang = (_: unknown, { signal }: { signal: AbortSignal }): Promise<undefined> => {
      signals.push(signal)
      return new Promise(() => {})
    }
    const tools = [
      tool('hang', { input: z.object({}), run: hang }),
      tool('ask', { input: z.object({}), approve: () => ({ by: 'ann' }), run: () => 1 }),
    ]
    const silent = mute()
    const agents = [
      agent('calling', { model: scripted([calls(call('hang'), call('ask'))]), tools }),
      agent('asking', { model: silent }),
      agent('guarded', { model: silent, guard: { input: hang } }),
      agent('running', { run: hang as never }),
    ]
    const runs = agents.map((one) => system.submit(one as never, 'go'))
    for (let time = 0; time < 2; time += 1) {
      await clock.advance(10)
      for (const { name } of agents) {
        const ref = system.lookup(`/${name}`)
        if (ref) system.kill(ref)
      }
    }
    await clock.advance(10)
    for (const run of runs) expect((await run.outcome).status).not.toBe('completed')
    const all = [...signals, ...silent.signals]
    expect(all.length).toBeGreaterThan(6)
    expect(all.filter(({ aborted }) => !aborted)).toEqual([])
    expect(await system.approvals.list()).toEqual([])
  })

  it('aborts nothing of a task that has ended well', async () => {
    const { system, clock } = await rig()
    const signals: AbortSignal[] = []
    const take = (_: unknown, { signal }: { signal: AbortSignal }): undefined => void signals.push(signal)
    const model = handmade(async function* ({ messages }) {
      const made = messages.length > 1 ? [] : [{ id: '1', ...call('take') }]
      yield end({ text: made.length > 0 ? '' : 'done', calls: made })
    })
    const tools = [tool('take', { input: z.object({}), run: take })]
    await system.run(
      agent('calling', { model, tools, guard: { input: take, output: take, tool: take } }),
      'go',
    )
    await system.run(agent('running', { run: (text: string, ctx) => (take(text, ctx), text) }), 'go')
    await clock.advance(1_000)
    const all = [...signals, ...model.signals]
    expect(all).toHaveLength(7)
    expect(all.filter(({ aborted }) => aborted)).toEqual([])
  })

  it('aborts the tool when the run is cancelled', async () => {
    const { system } = await rig()
    const signals: AbortSignal[] = []
    const hang = tool('hang', {
      input: z.object({}),
      run: (_, { signal }) => {
        signals.push(signal)
        return new Promise(() => {})
      },
    })
    const run = system.submit(
      agent('worker', { model: scripted([calls(call('hang'))]), tools: [hang] }),
      'go',
    )
    await system.settle()
    run.cancel('enough')
    await system.settle()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  })
})

describe('an agent as a tool', () => {
  const Ticket = z.object({ text: z.string(), lang: z.string().default('en') })
  const translate = agent('translate', {
    description: 'Translates',
    input: Ticket,
    output: z.object({ text: z.string() }),
    run: ({ text, lang }) => ({ text: `${text} (${lang})` }),
  })

  it('takes and gives what its contract says', async () => {
    const { model, run } = await task([translate], [calls(call('translate', { text: 'hola' })), 'done'])
    expect((await run.outcome).status).toBe('completed')
    expect(model.requests[0]?.tools).toMatchObject([{ name: 'translate', description: 'Translates' }])
    expect(told(model)).toEqual(['{"text":"hola (en)"}'])
    const events = await eventsOf(run)
    const [above, below] = events.filter(({ type }) => type === 'task.started')
    expect(below).toMatchObject({
      agent: 'translate',
      parentTaskId: above?.taskId,
      input: { text: 'hola', lang: 'en' },
    })
  })

  it('is offered a text when it takes text', async () => {
    const shout = agent('shout', { run: (text) => text.toUpperCase() })
    const { model } = await task([shout], [calls(call('shout', { text: 'hi' })), 'done'])
    expect(model.requests[0]?.tools[0]?.input).toMatchObject({ required: ['text'] })
    expect(told(model)).toEqual(['HI'])
  })

  it('may be described for this use', async () => {
    const described = translate.asTool({ description: 'Into English only', effect: 'once' })
    expect(described).toMatchObject({ name: 'translate', description: 'Into English only', effect: 'once' })
    const { model } = await task([described], [calls(call('translate', { text: 'hola' })), 'done'])
    expect(model.requests[0]?.tools).toMatchObject([{ description: 'Into English only' }])
    expect(told(model)).toEqual(['{"text":"hola (en)"}'])
  })

  it.each<[string, AnyAgent]>([
    [
      'parallel',
      parallel('both', { branches: { a: translate }, join: ({ a }) => a.status === 'completed' && a.output }),
    ],
    ['a pipeline', pipeline('both', [translate])],
    [
      'a router',
      router('both', { by: agent('by', { input: Ticket, run: () => 'a' as const }), to: { a: translate } }),
    ],
  ])('may be %s, and takes what its parts take', async (_, both) => {
    const { model, run } = await task(
      [both],
      [calls(call('both', { text: 3 })), calls(call('both', { text: 'hola' })), 'done'],
    )
    expect((await run.outcome).status).toBe('completed')
    expect(model.requests[0]?.tools[0]?.input).toMatchObject({ required: ['text'] })
    const [faults, result] = toldIn(model.requests[2]?.messages ?? [])
    expect(faults).toContain('failed: the arguments do not fit: text:')
    expect(result).toBe('{"text":"hola (en)"}')
  })

  it('has its failure told to the model', async () => {
    const broken = agent('broken', {
      run: (): string => {
        throw new ProviderError('the library is shut', { code: 'UNAVAILABLE', retryable: true })
      },
    })
    const { model, run } = await task([broken], [calls(call('broken', { text: 'x' })), 'done'])
    expect((await run.outcome).status).toBe('completed')
    expect(told(model)).toEqual(['failed: the library is shut'])
  })

  it('counts a hop, and the run ends when they are spent', async () => {
    const { system } = await rig()
    const lead: AnyAgent = agent('lead', {
      model: scripted(() => calls(call('again', { text: 'x' }))),
      tools: [
        agent('again', {
          run: (text: string, { ask }) => ask(lead as never, text as never, { timeoutMs: 1_000 }),
        }),
      ],
      concurrency: 100,
    })
    const run = system.submit(lead as never, 'go', { budget: { hops: 3 } })
    expect(await run.outcome).toMatchObject({ status: 'exhausted', what: 'hops', cap: 3 })
  })

  it('has each part of a pattern parse for itself', async () => {
    const Long = z.object({ text: z.string().transform((text) => text.length) })
    const count = agent('count', { input: Long, run: ({ text }) => text })
    const both = parallel('both', { branches: { count }, join: (results) => results.count })
    const { model } = await task([both], [calls(call('both', { text: 'hola' })), 'done'])
    expect(told(model)).toEqual(['{"status":"completed","output":4}'])
  })

  it('is one hop deeper', async () => {
    const { system } = await rig()
    const inner = agent('inner', { run: () => 'x' })
    const model = scripted([calls(call('inner', { text: 'x' })), 'done'])
    const run = system.submit(agent('worker', { model, tools: [inner] }), 'go', { budget: { hops: 0 } })
    expect(await run.outcome).toMatchObject({ status: 'exhausted', what: 'hops', cap: 0, spent: 1 })
  })

  it('is cancelled with the task that called it', async () => {
    const { system } = await rig()
    const hung = agent('hung', { run: () => new Promise<string>(() => {}) })
    const model = scripted([calls(call('hung', { text: 'x' }))])
    const run = system.submit(agent('worker', { model, tools: [hung] }), 'go')
    await system.settle()
    expect(system.actor(hung).getSnapshot().value).toBe('running')
    run.cancel()
    await system.settle()
    expect(system.actor(hung).getSnapshot().value).toBe('idle')
  })
})

it('warns about more than 8 tools for one agent, and about no fewer', async () => {
  const logged: string[] = []
  const system = await createSystem({ clock: manualClock(), seed: 1, logger: diaryLogger(logged) })
  const tools = (n: number) =>
    Array.from({ length: n }, (_, i) => tool(`t${String(i)}`, { input: z.object({}), run: () => i }))
  await system.run(agent('few', { model: scripted(['x']), tools: tools(8) }), 'go')
  expect(logged).toEqual([])
  const many = agent('many', { model: scripted(['x', 'y']), tools: tools(9) })
  await system.run(many, 'go')
  await system.run(many, 'go')
  expect(logged).toEqual([expect.stringContaining('warn models choose badly')])
  await system.stop()
})

describe('a tool that answers after its time', () => {
  it.each(['with a result', 'with an error', 'in the very moment'])('has ended once, %s', async (how) => {
    const { system, clock } = await rig()
    const late = promised<string>()
    const slow = tool('slow', { input: z.object({}), timeoutMs: 100, run: () => late.promise })
    const model = scripted([calls(call('slow')), { text: 'done', delayMs: 1_000 }])
    const run = system.submit(agent('worker', { model, tools: [slow] }), 'go')
    const events = eventsOf(run)
    if (how === 'in the very moment') clock.setTimeout(() => late.resolve('late'), 100)
    await clock.advance(150)
    if (how === 'with an error') late.reject(new Error('late'))
    else late.resolve('late')
    await clock.advance(2_000)
    expect(await run.outcome).toMatchObject({ status: 'completed' })
    const ends = (await events).filter(({ type }) => type === 'tool.ended')
    expect(ends).toHaveLength(1)
    // In the same moment either may come first, but all are told the same.
    const isLate = told(model)[0] !== 'late'
    if (how !== 'in the very moment') expect(isLate).toBe(true)
    expect(ends).toMatchObject([{ outcome: { status: isLate ? 'failed' : 'completed' } }])
  })
})

it('never cuts a result through a character', async () => {
  const smile = tool('smile', { input: z.object({}), maxResultChars: 4, run: () => 'abc\u{1F600}def' })
  const { model } = await task([smile], [calls(call('smile')), 'done'])
  expect(told(model)).toEqual(['abc\n[cut: the first 4 of 8 characters]'])
})
