/** Orchestrators at work: leads that are functions, and leads that are models. */
import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import {
  agent,
  ConfigurationError,
  orchestrator,
  ProviderError,
  tool,
  type Agent,
  type HandoffContext,
  type LeadCtx,
  type TaskOptions,
} from '../../src/index.ts'
import { scripted, type Turn } from '../../src/models/scripted.ts'
import { same } from '../api/tests/same.ts'
import { end, handmade } from './models.ts'
import { codeOf, eventsOf, rig } from './rig.ts'

const shout = agent('shouter', { run: (text: string) => text.toUpperCase() })
const count = agent('counter', { run: (text: string) => text.length })
/** Takes its time. */
const slow = (name: string, ms: number) =>
  agent(name, {
    run: async (text: string, { sleep }) => {
      await sleep(ms)
      return `${text} by ${name}`
    },
  })
const failing = (name: string, ms = 0): Agent<string, string> =>
  agent(name, {
    run: async (_: string, { sleep }) => {
      if (ms > 0) await sleep(ms)
      throw new ProviderError(`${name} is down`, { code: 'UNAVAILABLE', retryable: false })
    },
  })

const routesOf = async (run: Parameters<typeof eventsOf>[0]): Promise<unknown[]> =>
  (await eventsOf(run)).flatMap((event): unknown[] => {
    if (event.type === 'handoff.made') return [[event.to, event.hops]]
    return event.type === 'decision.made' ? [[event.kind, event.chosen, event.alternatives, event.reason]] : []
  })

describe('a lead that is a function', () => {
  it('hands work to its delegates by their keys, typed, and gives what it makes of it', async () => {
    const { system } = await rig()
    const lead = orchestrator('lead', {
      delegates: { loud: shout, long: count },
      run: async (text, { delegate: { loud, long } }) => (await loud(text)).repeat(await long(text)),
    })
    same<typeof lead, Agent<string, string>>()
    type Long = LeadCtx<{ long: typeof count }>['delegate']['long']
    same<Long, (input: string, options?: TaskOptions) => Promise<number>>()
    expect(await system.run(lead, 'ab')).toBe('ABAB')
  })

  it('has each delegation in the events: who, instead of whom, and what had come of the one before', async () => {
    const { system } = await rig()
    const lead = orchestrator('lead', {
      delegates: { loud: shout, broken: failing('breaker') },
      run: async (text, { delegate }) => {
        await delegate.broken(text).catch(() => {})
        await delegate.loud(text)
        return delegate.loud('again')
      },
    })
    expect(await routesOf(system.submit(lead, 'x'))).toEqual([
      ['route', 'broken', ['loud'], undefined],
      ['breaker', 1],
      ['route', 'loud', ['broken'], '"broken" ended failed: breaker is down'],
      ['shouter', 1],
      ['route', 'loud', ['broken'], '"loud" completed'],
      ['shouter', 1],
    ])
  })

  it('hands over who asks, what for, and what has come of it so far', async () => {
    const { system } = await rig()
    const seen: (HandoffContext | undefined)[] = []
    const reader = agent('reader', {
      run: (text: string, { handoff }) => {
        seen.push(handoff)
        return text
      },
    })
    const lead = orchestrator('lead', {
      delegates: { loud: shout, reader, broken: failing('breaker') },
      run: async (text, { delegate, ask }) => {
        await delegate.broken(text).catch(() => {})
        await delegate.reader(await delegate.loud(text))
        return ask(reader, 'without a handoff')
      },
    })
    await system.submit(lead, 'x', { session: 's' }).outcome
    expect(seen).toEqual([
      {
        from: 'lead',
        to: 'reader',
        request: 'X',
        results: [
          { agent: 'breaker', outcome: expect.objectContaining({ status: 'failed' }) as unknown },
          { agent: 'shouter', outcome: { status: 'completed', output: 'X' } },
        ],
        history: [],
        session: 's',
        at: 1_000,
      },
      undefined,
    ])
  })

  it('rejects with the failure of a delegate, which the lead may reassign', async () => {
    const { system } = await rig()
    const lead = orchestrator('lead', {
      delegates: { first: failing('first'), second: shout },
      run: async (text, { delegate }) => {
        try {
          return await delegate.first(text)
        } catch (error) {
          return `${(error as Error).message}, so ${await delegate.second(text)}`
        }
      },
    })
    expect(await system.run(lead, 'x')).toBe('first is down, so X')
  })

  it('has the fallback of a delegate as its backup', async () => {
    const { system, clock } = await rig()
    let tries = 0
    const flaky: Agent<string, string> = agent('flaky', {
      retry: { attempts: 2, minMs: 10, jitter: false },
      fallback: shout,
      run: (): string => {
        tries += 1
        throw new ProviderError('down', { code: 'UNAVAILABLE', retryable: true })
      },
    })
    const lead = orchestrator('lead', { delegates: { flaky }, run: (text, { delegate }) => delegate.flaky(text) })
    const run = system.submit(lead, 'x')
    await clock.advance(100)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'X' })
    expect(tries).toBe(2)
    expect((await routesOf(run)).at(-1)).toEqual(['fallback', 'shouter', [], 'down'])
  })

  it('is given the limits of a delegation: a time', async () => {
    const { system, clock } = await rig()
    const lead = orchestrator('lead', {
      delegates: { slow: slow('slow', 100) },
      run: (text, { delegate }) => delegate.slow(text, { timeoutMs: 10 }),
    })
    const run = system.submit(lead, 'x')
    await clock.advance(10)
    expect(codeOf(await run.outcome)).toBe('TIMEOUT')
  })

  it('calls a delegation back by its signal, and that is no failure', async () => {
    const { system, clock } = await rig()
    const sleeper = slow('slow', 1e6)
    const lead = orchestrator('lead', {
      delegates: { sleeper },
      run: async (text, { delegate, sleep }) => {
        const aborter = new AbortController()
        void delegate.sleeper(text, { signal: aborter.signal })
        await sleep(10)
        aborter.abort()
        return 'without'
      },
    })
    const run = system.submit(lead, 'x')
    await clock.advance(10)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'without' })
    expect(system.actor(sleeper).getSnapshot().context.running).toBe(0)
  })

  it('opens nothing by a signal that is aborted already, and what it asks after that is no delegation', async () => {
    const { system } = await rig()
    const lead = orchestrator('lead', {
      delegates: { shout },
      run: async (text, { delegate, ask }) => {
        const refused = await delegate.shout(text, { signal: AbortSignal.abort() }).catch(() => 'refused')
        return `${refused}, then ${await ask(shout, text)}`
      },
    })
    const run = system.submit(lead, 'x')
    expect(await run.outcome).toEqual({ status: 'completed', output: 'refused, then X' })
    expect(await routesOf(run)).toEqual([])
  })

  it('does not take a refused delegation for the one before it', async () => {
    const { system, clock } = await rig()
    const lead = orchestrator('lead', {
      delegates: { shout, broken: failing('breaker', 20) },
      run: async (text, { delegate }) => {
        void delegate.broken(text)
        return delegate.shout(text, { signal: AbortSignal.abort() }).catch(() => 'refused')
      },
    })
    const run = system.submit(lead, 'x')
    await clock.advance(20)
    expect(await run.outcome).toMatchObject({ status: 'failed', error: { message: 'breaker is down' } })
  })

  it('costs a hop for each delegation, in depth', async () => {
    const { system } = await rig()
    const inner = orchestrator('inner', { delegates: { shout }, run: (text, { delegate }) => delegate.shout(text) })
    const outer = orchestrator('outer', {
      delegates: { inner },
      run: async (text, { delegate }) => (await delegate.inner(text)) + (await delegate.inner(text)),
    })
    expect(await system.submit(outer, 'x', { budget: { hops: 2 } }).outcome).toMatchObject({ output: 'XX' })
    expect(await system.submit(outer, 'x', { budget: { hops: 1 } }).outcome).toEqual({
      status: 'exhausted',
      what: 'hops',
      cap: 1,
      spent: 2,
    })
  })

  it('has its contract on both sides, and its guard', async () => {
    const { system } = await rig()
    const lead = orchestrator('lead', {
      delegates: { shout },
      input: z.object({ text: z.string().default('hi') }),
      output: z.string().min(3),
      guard: { output: (text) => (text === 'BAD' ? { refuse: 'not this' } : undefined) },
      run: ({ text }, { delegate }) => delegate.shout(text),
    })
    expect(codeOf(await system.submit(lead, {}).outcome)).toBe('INVALID_OUTPUT')
    expect(codeOf(await system.submit(lead, { text: 1 } as never).outcome)).toBe('INVALID_INPUT')
    expect(codeOf(await system.submit(lead, { text: 'bad' }).outcome)).toBe('DENIED')
    expect(await system.run(lead, { text: 'good' })).toBe('GOOD')
  })

  it('starts again as its `retry` says, with nothing of the attempt before left open', async () => {
    const { system, clock } = await rig()
    const sleeper = slow('slow', 1e6)
    const lead = orchestrator('lead', {
      delegates: { sleeper, shout },
      retry: { attempts: 2, minMs: 10, jitter: false },
      run: async (text, { delegate, attempt }) => {
        if (attempt === 2) return delegate.shout(text)
        void delegate.sleeper(text)
        throw new ProviderError('not yet', { code: 'UNAVAILABLE', retryable: true })
      },
    })
    const run = system.submit(lead, 'x')
    await clock.advance(1)
    expect(system.actor(sleeper).getSnapshot().context.running).toBe(0)
    await clock.advance(10)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'X' })
  })

  it('that is cancelled cancels what is open, while it works and while it waits', async () => {
    for (const awaits of [true, false]) {
      const { system, clock } = await rig()
      const sleeper = slow('slow', 1e6)
      const lead = orchestrator('lead', {
        delegates: { sleeper },
        run: async (text, { delegate, signal }) => {
          signal.addEventListener('abort', () => aborted())
          const answer = delegate.sleeper(text)
          return awaits ? answer : 'early'
        },
      })
      const aborted = vi.fn<() => void>()
      const run = system.submit(lead, 'x')
      await clock.advance(1)
      expect(aborted).not.toHaveBeenCalled()
      run.cancel('enough')
      await clock.advance(1)
      expect(await run.outcome).toEqual({ status: 'cancelled', reason: 'enough' })
      expect(aborted).toHaveBeenCalledOnce()
      expect(system.actor(sleeper).getSnapshot().context.running).toBe(0)
    }
  })
})

describe('a lead that returns while a delegation is open', () => {
  it('waits for it, and then ends with what it returned', async () => {
    const { system, clock } = await rig()
    const lead = orchestrator('lead', {
      delegates: { a: slow('a', 20), b: slow('b', 30) },
      run: (text, { delegate }) => {
        void delegate.a(text)
        void delegate.b(text)
        return 'early'
      },
    })
    const run = system.submit(lead, 'x')
    await clock.advance(29)
    expect((await system.runs.show(run.id))?.info.status).toBe('running')
    await clock.advance(1)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'early' })
    const states = (await eventsOf(run)).flatMap((event) =>
      event.type === 'state.changed' && event.agent === 'lead' ? [[event.from, event.to]] : [],
    )
    expect(states).toEqual([['leading', 'waiting']])
  })

  it('waits for what it delegates further meanwhile', async () => {
    const { system, clock } = await rig()
    const done: string[] = []
    const lead = orchestrator('lead', {
      delegates: { a: slow('a', 20), b: slow('b', 30) },
      run: (text, { delegate }) => {
        const first = async (): Promise<string> => delegate.a(text)
        const chain = async (): Promise<void> => {
          done.push(await delegate.b(await first()))
        }
        void chain()
        return 'early'
      },
    })
    const run = system.submit(lead, 'x')
    await clock.advance(49)
    expect(done).toEqual([])
    await clock.advance(1)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'early' })
    expect(done).toEqual(['x by a by b'])
  })

  it.each([
    ['while it waits', 20],
    ['before', 0],
  ])('ends as one that failed %s and that it never looked at, and calls back the rest', async (_, ms) => {
    const { system, clock } = await rig()
    const sleeper = slow('slow', 1e6)
    const lead = orchestrator('lead', {
      delegates: { broken: failing('breaker', ms), sleeper },
      run: async (text, { delegate, sleep }) => {
        void delegate.broken(text)
        void delegate.sleeper(text)
        await sleep(10)
        return 'early'
      },
    })
    const run = system.submit(lead, 'x')
    await clock.advance(20)
    expect(await run.outcome).toMatchObject({ status: 'failed', error: { message: 'breaker is down' } })
    expect(system.actor(sleeper).getSnapshot().context.running).toBe(0)
  })

  it.each<[string, (answer: Promise<string>) => unknown]>([
    ['`catch`', (answer) => answer.catch(() => {})],
    ['`Promise.race`', (answer) => Promise.race([answer, Promise.resolve('x')])],
    ['`Promise.allSettled`', (answer) => Promise.allSettled([answer])],
    ['`await` in a `try`', async (answer) => {
      try {
        await answer
      } catch {
        // It does not matter.
      }
    }],
  ])('leaves a failure to the lead that has looked at it, by %s', async (_, look) => {
    const { system, clock } = await rig()
    const lead = orchestrator('lead', {
      delegates: { broken: failing('breaker', 20) },
      run: (text, { delegate }) => {
        void look(delegate.broken(text))
        return 'fine without'
      },
    })
    const run = system.submit(lead, 'x')
    await clock.advance(20)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'fine without' })
  })

  it('does not bring the process down by failures that nobody handles', async () => {
    const unhandled = vi.fn<() => void>()
    process.on('unhandledRejection', unhandled)
    const { system, clock } = await rig()
    const lead = orchestrator('lead', {
      delegates: { broken: failing('breaker', 20), sleeper: slow('slow', 1e6) },
      run: (text, { delegate, signal }) => {
        void delegate.broken(text)
        void delegate.sleeper(text)
        void delegate.sleeper(text, { signal })
        return 'early'
      },
    })
    const run = system.submit(lead, 'x')
    await clock.advance(20)
    expect((await run.outcome).status).toBe('failed')
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })
})

describe('a lead that is a model', () => {
  const calls = (text: string, ...made: [name: string, input: unknown][]): Turn => ({
    text,
    calls: made.map(([name, input]) => ({ name, input: JSON.stringify(input) })),
  })

  it('has its delegates as tools, under their keys, and says why it calls them', async () => {
    const { system } = await rig()
    const model = scripted([
      calls('It has to be loud.', ['loud', { text: 'ab' }], ['long', { text: 'ab' }]),
      'AB, 2',
    ])
    const lead = orchestrator('lead', { delegates: { loud: shout, long: count }, model })
    same<typeof lead, Agent<string, string>>()
    const run = system.submit(lead, 'go')
    expect(await run.outcome).toEqual({ status: 'completed', output: 'AB, 2' })
    expect(model.requests[0]?.tools.map(({ name }) => name)).toEqual(['loud', 'long'])
    expect(await routesOf(run)).toEqual([
      ['route', 'loud', ['long'], 'It has to be loud.'],
      ['shouter', 1],
      ['route', 'long', ['loud'], 'It has to be loud.'],
      ['counter', 1],
    ])
  })

  it('reads of a failure, and reassigns', async () => {
    const { system } = await rig()
    const seen: unknown[] = []
    const reader = agent('reader', {
      run: (text: string, { handoff }) => {
        seen.push(handoff?.results.map(({ agent: name, outcome }) => [name, outcome.status]))
        return text
      },
    })
    const model = scripted([
      calls('', ['broken', { text: 'a' }]),
      calls('', ['reader', { text: 'b' }]),
      'done',
    ])
    const lead = orchestrator('lead', { delegates: { broken: failing('breaker'), reader }, model })
    const run = system.submit(lead, 'go')
    expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
    expect(seen).toEqual([[['breaker', 'failed']]])
    expect((await routesOf(run)).filter((route) => (route as unknown[])[0] === 'route')).toEqual([
      ['route', 'broken', ['reader'], undefined],
      ['route', 'reader', ['broken'], '"broken" ended failed: breaker is down'],
    ])
  })

  it('may have other tools, which are no delegations', async () => {
    const { system } = await rig()
    const add = tool('add', { input: z.object({ a: z.number() }), effect: 'idempotent', run: ({ a }) => a + 1 })
    const model = scripted([calls('', ['add', { a: 1 }], ['counter', { text: 'x' }]), 'done'])
    const lead = orchestrator('lead', { delegates: { loud: shout }, model, tools: [add, count] })
    const run = system.submit(lead, 'go')
    expect((await run.outcome).status).toBe('completed')
    expect(await routesOf(run)).toEqual([])
  })

  it('gives what its output says', async () => {
    const { system } = await rig()
    const lead = orchestrator('lead', {
      delegates: { shout },
      model: scripted(['{"answer":"x"}']),
      output: z.object({ answer: z.string(), confidence: z.number().default(1) }),
    })
    expect(await system.run(lead, 'go')).toEqual({ answer: 'x', confidence: 1 })
  })

  it('asks its model again when that was down, without limits of time of its own', async () => {
    const { system, clock } = await rig()
    const down = new ProviderError('down', { code: 'UNAVAILABLE', retryable: true })
    const lead = orchestrator('lead', {
      delegates: { slow: slow('slow', 59_000) },
      model: scripted([{ error: down }, calls('', ['slow', { text: 'a' }]), calls('', ['slow', { text: 'b' }]), 'ok']),
    })
    const run = system.submit(lead, 'go')
    await clock.advance(200_000)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'ok' })
  })

  it('says why in the words of the turn that was heard to its end', async () => {
    const { system, clock } = await rig()
    let turn = 0
    const model = handmade(async function* () {
      turn += 1
      yield { type: 'text', text: turn === 1 ? 'Let me' : 'It is loud.' }
      if (turn === 1) throw new ProviderError('cut off', { code: 'UNAVAILABLE', retryable: true })
      if (turn === 2) yield end({ calls: [{ id: 'c', name: 'loud', input: '{"text":"x"}' }] })
      yield end({ text: 'done' })
    })
    const run = system.submit(orchestrator('lead', { delegates: { loud: shout }, model }), 'go')
    await clock.advance(10_000)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
    expect((await routesOf(run))[0]).toEqual(['route', 'loud', [], 'It is loud.'])
  })

  it('is bounded by its turns', async () => {
    const { system, clock } = await rig()
    const model = scripted(() => calls('', ['loud', { text: 'again' }]))
    const lead = orchestrator('lead', { delegates: { loud: shout }, model, maxTurns: 3, retry: { attempts: 1 } })
    const run = system.submit(lead, 'go')
    await clock.advance(100_000)
    expect(codeOf(await run.outcome)).toBe('TRUNCATED')
    expect(model.requests).toHaveLength(3)
  })

  it('that is cancelled cancels what is open', async () => {
    const { system, clock } = await rig()
    const sleeper = slow('sleeper', 1e6)
    const lead = orchestrator('lead', {
      delegates: { sleeper },
      model: scripted([calls('', ['sleeper', { text: 'x' }])]),
    })
    const run = system.submit(lead, 'go')
    await clock.advance(1)
    expect(system.actor(sleeper).getSnapshot().context.running).toBe(1)
    run.cancel('enough')
    await clock.advance(1)
    expect(await run.outcome).toEqual({ status: 'cancelled', reason: 'enough' })
    expect(system.actor(sleeper).getSnapshot().context.running).toBe(0)
  })
})

it('is refused when it cannot work', () => {
  const model = scripted([])
  const run = (text: string) => text
  expect(() => orchestrator('o', { delegates: {}, run })).toThrow(ConfigurationError)
  expect(() => orchestrator('o', { run } as never)).toThrow(ConfigurationError)
  expect(() => orchestrator('o', { delegates: { shout } } as never)).toThrow(ConfigurationError)
  expect(() => orchestrator('o', { delegates: { shout }, run, model } as never)).toThrow(ConfigurationError)
  expect(() => orchestrator('o', { delegates: { 'a b': shout }, model })).toThrow(/"a b" cannot name/)
  expect(() => orchestrator('o', { delegates: { counter: shout }, model, tools: [count] })).toThrow(
    /a delegate and a tool named "counter"/,
  )
})
