/** Models that fail: what is tried again, how often, after how long, and what it costs. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  agent,
  createSystem,
  ProviderError,
  tool,
  type ModelEvent,
  type TroupeError,
  type Usage,
} from '../../src/index.ts'
import { asCached } from '../../src/contracts/model-notes.ts'
import { scripted, type Turn } from '../../src/models/scripted.ts'
import { manualClock } from '../../src/testing.ts'
import { diaryLogger } from '../kernel/system.ts'
import { end, handmade, mute } from './models.ts'
import { codeOf, eventsOf, rig, stateOf } from './rig.ts'

const failing = (code: ProviderError['code'], retryable: boolean, retryAfterMs?: number): ProviderError =>
  new ProviderError('no', { code, retryable, retryAfterMs })
const busy = failing('RATE_LIMITED', true)
const down = failing('UNAVAILABLE', true)

const steady = { minMs: 100, maxMs: 150, jitter: false }

/** Asks a model with this script, on a clock that is moved on. */
const asked = async (turns: readonly Turn[], options: object = {}) => {
  const { system, clock } = await rig()
  const at: number[] = []
  const script = [...turns]
  const model = scripted(() => {
    at.push(clock.now() - 1_000)
    return script.shift() ?? { error: failing('BAD_REQUEST', false) }
  })
  const asker = agent('asker', { model, retry: steady, ...options })
  const run = system.submit(asker, 'x')
  await clock.advance(1_000_000)
  return { system, asker, run, outcome: await run.outcome, at }
}

describe('a call that failed', () => {
  it.each([
    ['busy', busy],
    ['down', down],
  ])(
    'is made again when the provider is %s: after a wait, then one twice as long, up to the limit',
    async (_, error) => {
      const { outcome, at, run, system } = await asked([{ error }, { error }, 'yes'])
      expect(outcome).toEqual({ status: 'completed', output: 'yes' })
      expect(at).toEqual([0, 100, 250])
      const retried = (await eventsOf(run)).filter(({ type }) => type === 'task.retried')
      expect(retried).toMatchObject([{ delayMs: 100 }, { delayMs: 150 }])
      expect(system.metrics()).toMatchObject([{ agent: 'asker', completed: 1, retried: 2 }])
    },
  )

  it('waits out what the error demands, even past the limit of waits', async () => {
    const { outcome, at } = await asked([{ error: failing('RATE_LIMITED', true, 5_000) }, 'yes'])
    expect([outcome.status, at]).toEqual(['completed', [0, 5_000]])
  })

  it('waits it out past the time limit of the attempt as well, in the next one', async () => {
    const { outcome, at } = await asked([{ error: failing('RATE_LIMITED', true, 90_000) }, 'yes'])
    expect([outcome.status, at]).toEqual(['completed', [0, 90_000]])
  })

  it.each<[string, TroupeError]>([
    ['UNAUTHORIZED', failing('UNAUTHORIZED', false)],
    ['BAD_REQUEST', failing('BAD_REQUEST', false)],
    ['RATE_LIMITED for good', failing('RATE_LIMITED', false)],
  ])('is not made again when nothing would change: %s', async (_, error) => {
    const { outcome, at } = await asked([{ error }, 'yes'])
    expect(outcome).toEqual({ status: 'failed', error })
    expect(at).toEqual([0])
  })

  it('is made no more often than `attempts`, on whichever level', async () => {
    const { outcome, at, system, asker } = await asked([
      { error: down },
      { error: down },
      { error: down },
      'late',
    ])
    expect(outcome).toEqual({ status: 'failed', error: down })
    expect(at).toHaveLength(3)
    expect(stateOf(system, asker)).toBe('failed')
  })

  it('is made no more often when its waits are too long for an attempt', async () => {
    const slow = failing('RATE_LIMITED', true, 70_000)
    const { outcome, at } = await asked([{ error: down }, { error: slow }, { error: down }, 'late'])
    expect(outcome.status).toBe('failed')
    expect(at).toEqual([0, 100, 70_100])
  })

  it('is judged by the `when` of the agent', async () => {
    const { at } = await asked([{ error: busy }, 'yes'], { retry: { ...steady, when: () => false } })
    expect(at).toEqual([0])
  })

  it('counts once for the circuit, however often it was tried', async () => {
    const { system, asker } = await asked([{ error: down }, { error: down }, { error: down }], {
      circuit: { failures: 2 },
    })
    expect(system.circuit(asker).state).toBe('closed')
  })

  it('has all its tries again in the next turn, and no tool is run twice', async () => {
    const ran: string[] = []
    const touch = tool('touch', { input: z.object({}), run: (_, { key }) => ran.push(key) })
    const call = { calls: [{ name: 'touch', input: '{}' }] }
    const { outcome, at } = await asked(
      [{ error: down }, { error: down }, call, { error: down }, { error: down }, 'yes'],
      { tools: [touch] },
    )
    expect(outcome.status).toBe('completed')
    expect([at.length, ran.length]).toEqual([6, 1])
  })
})

describe('a stream', () => {
  const streamed = async (events: (nth: number) => AsyncIterable<ModelEvent>, options: object = {}) => {
    const { system, clock } = await rig()
    let nth = 0
    const model = handmade(() => events((nth += 1)))
    const run = system.submit(agent('asker', { model, retry: steady, ...options }), 'x')
    await clock.advance(1_000_000)
    return { outcome: await run.outcome, model }
  }

  it('that ends before its end is tried again', async () => {
    const { outcome } = await streamed(async function* (nth) {
      yield { type: 'text', text: 'half' }
      if (nth > 1) yield end({ text: 'half and half' })
    })
    expect(outcome).toEqual({ status: 'completed', output: 'half and half' })
  })

  it('that always ends before its end is a failure, never half an answer', async () => {
    const { outcome, model } = await streamed(async function* () {
      yield { type: 'text', text: 'half' }
    })
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'UNAVAILABLE' } })
    expect(model.requests).toHaveLength(3)
  })

  it('that breaks with an exception of the adapter is a failure that is not tried again', async () => {
    const broken = new TypeError('terminated')
    const { outcome, model } = await streamed(async function* () {
      yield { type: 'text', text: 'half' }
      throw broken
    })
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { code: 'UNAVAILABLE', retryable: false, cause: broken },
    })
    expect(model.requests).toHaveLength(1)
  })

  it.each<[string, object]>([
    ['no calls', { text: 'yes' }],
    ['a text that is none', { text: 5, calls: [] }],
    ['nothing', {}],
  ])('that ends with %s is a failure of the provider, not a defect', async (_, result) => {
    const { outcome } = await streamed(async function* () {
      yield { type: 'end', result: { finish: 'stop', ...result } } as unknown as ModelEvent
    })
    expect(outcome).toMatchObject({ status: 'failed', error: { name: 'ProviderError', code: 'UNAVAILABLE' } })
  })

  it('that has told its answer need not be waited for while it tidies up, and cannot fail any more', async () => {
    for (const tidyUp of [() => new Promise<void>(() => {}), () => Promise.reject(new Error('too late'))]) {
      const { outcome } = await streamed(async function* () {
        try {
          yield end({ text: 'yes' })
        } finally {
          await tidyUp()
        }
      })
      expect(outcome).toEqual({ status: 'completed', output: 'yes' })
    }
  })

  it('is read no further than its end', async () => {
    const { outcome } = await streamed(async function* () {
      yield end({ text: 'yes' })
      throw new Error('too far')
    })
    expect(outcome).toEqual({ status: 'completed', output: 'yes' })
  })

  it('that says nothing is aborted at the time limit, tried again, and fails in the end', async () => {
    const { system, clock } = await rig()
    const model = mute()
    const run = system.submit(agent('asker', { model, timeoutMs: 50, retry: steady }), 'x')
    await clock.advance(50)
    expect(model.signals.map(({ aborted }) => aborted)).toEqual([true])
    await clock.advance(10_000)
    expect(codeOf(await run.outcome)).toBe('TIMEOUT')
    expect(model.requests).toHaveLength(3)
    expect(new Set(model.requests.map(({ key }) => key)).size).toBe(1)
  })
})

describe('what calls have used', () => {
  const price = { input: 2, cachedInput: 1, output: 10 }
  const tokens = { inputTokens: 1_000_000, cachedTokens: 500_000, outputTokens: 100_000 }
  const spent: Usage = { ...tokens, usd: 1 + 0.5 + 1 }

  it('is counted for the call, the run and the agent', async () => {
    const { system } = await rig()
    const model = scripted(
      [
        { text: 'prose', usage: tokens },
        { text: '{"value":1}', usage: tokens },
      ],
      { price },
    )
    const run = system.submit(agent('asker', { model, output: z.number() }), 'x')
    const ended = (await eventsOf(run)).filter(({ type }) => type === 'model.ended')
    expect(ended).toMatchObject([{ usage: spent }, { usage: spent }])
    const twice = { inputTokens: 2_000_000, cachedTokens: 1_000_000, outputTokens: 200_000, usd: 5 }
    expect((await system.runs.show(run.id))?.info.usage).toEqual(twice)
    expect(system.metrics()).toMatchObject([{ agent: 'asker', usage: twice }])
  })

  it.each<[string, Turn]>([
    ['was cut', { text: 'half', finish: 'length', usage: tokens }],
    ['was a refusal', { text: 'no', finish: 'refusal', usage: tokens }],
    [
      'failed, and the provider has said what it used',
      { error: failing('BAD_REQUEST', false), usage: tokens },
    ],
  ])('is counted when the answer %s', async (_, turn) => {
    const { system } = await rig()
    const run = system.submit(agent('asker', { model: scripted([turn], { price }) }), 'x')
    expect((await run.outcome).status).toBe('failed')
    expect((await system.runs.show(run.id))?.info.usage).toEqual(spent)
  })

  it('is counted when nobody waits for the answer any more', async () => {
    const { system, clock } = await rig()
    const go = Promise.withResolvers<void>()
    const model = handmade(
      async function* () {
        await go.promise
        yield end({ text: 'late', usage: tokens })
      },
      { price },
    )
    const run = system.submit(agent('asker', { model, timeoutMs: 50, retry: { attempts: 1 } }), 'x')
    await clock.advance(50)
    await run.outcome
    go.resolve()
    await system.settle()
    expect((await system.runs.show(run.id))?.info.usage).toEqual(spent)
  })

  it('costs nothing when the answer came from a cache', async () => {
    const { system } = await rig()
    const model = handmade(
      async function* () {
        yield { type: 'end', result: asCached({ text: 'yes', calls: [], finish: 'stop', usage: tokens }) }
      },
      { price },
    )
    const run = system.submit(agent('asker', { model }), 'x')
    const ended = (await eventsOf(run)).find(({ type }) => type === 'model.ended')
    expect(ended).toMatchObject({ cached: true, usage: { inputTokens: 0, usd: 0 } })
  })

  const quiet = async () => {
    const logged: string[] = []
    const clock = manualClock()
    const system = await createSystem({ clock, seed: 1, logger: diaryLogger(logged) })
    return { system, logged }
  }

  it('has an unknown cost without a price, never 0, and that is said once', async () => {
    const { system, logged } = await quiet()
    const model = handmade(
      async function* () {
        yield end({ text: 'yes', usage: tokens })
      },
      { price: undefined },
    )
    const asker = agent('asker', { model })
    await system.run(asker, 'x')
    await system.run(asker, 'y')
    expect(logged).toEqual(['warn the model has no price: its cost is not known'])
    const [metrics] = system.metrics()
    expect(metrics?.usage.inputTokens).toBe(2_000_000)
    expect(metrics?.usage.usd).toBeUndefined()
    await system.stop()
  })

  it('has an unknown cost when the provider does not count', async () => {
    const { system, logged } = await quiet()
    const model = handmade(
      async function* () {
        yield end({ text: 'yes', usage: undefined })
      },
      { price },
    )
    await system.run(agent('asker', { model }), 'x')
    expect(logged).toEqual(['warn the model does not say what it uses: its cost is not known'])
    expect(system.metrics()[0]?.usage.usd).toBeUndefined()
    await system.stop()
  })
})

it('says in the log why a call is repeated', async () => {
  const logged: string[] = []
  const clock = manualClock()
  const system = await createSystem({ clock, seed: 1, logger: diaryLogger(logged) })
  const model = scripted([{ error: busy }, { error: down }, 'yes'])
  const run = system.submit(agent('asker', { model, retry: steady }), 'x')
  await clock.advance(1_000)
  await run.outcome
  expect(logged).toEqual([
    'info asked again: it was turned away',
    'info asked again: it may have been taken, but asking changes nothing',
  ])
  await system.stop()
})
