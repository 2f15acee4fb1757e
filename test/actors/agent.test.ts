/** Agents at work: contracts, attempts, limits, fallbacks, and what an agent in its cell admits. */
import { describe, expect, it } from 'vitest'
import { createActor, fromPromise, setup, toPromise } from 'xstate'
import { z } from 'zod'
import { agent, CancelledError, ConfigurationError, DeniedError, ProviderError } from '../../src/index.ts'
import { codeOf, eventsOf, promised, rig, stateOf } from './rig.ts'

const unavailable = (retryAfterMs?: number) =>
  new ProviderError('down', { code: 'UNAVAILABLE', retryable: true, retryAfterMs })

describe('the contract of an agent', () => {
  const Ticket = z.object({ text: z.string(), lang: z.string().default('en') })

  it('hands the parsed input to `run` and the parsed output to the caller', async () => {
    const { system } = await rig()
    const greet = agent('greet', {
      input: Ticket,
      output: z.object({ said: z.string(), sure: z.boolean().default(true) }),
      run: ({ text, lang }) => ({ said: `${text} ${lang}` }),
    })
    expect(await system.run(greet, { text: 'hi' })).toEqual({ said: 'hi en', sure: true })
  })

  it('rejects input that does not fit, with the path of each fault, before any work', async () => {
    const { system } = await rig()
    let runs = 0
    const strict = agent('strict', { input: Ticket, run: () => (runs += 1) })
    const outcome = await system.submit(strict, { text: 3 } as never).outcome
    expect(outcome).toMatchObject({ status: 'rejected', error: { code: 'INVALID_INPUT', agent: 'strict' } })
    expect(outcome).toHaveProperty('error.faults.0.path', 'text')
    expect(runs).toBe(0)
    expect(stateOf(system, strict)).toBe('idle')
  })

  it('fails when the output does not fit, also when there is none', async () => {
    const { system } = await rig()
    const silent = agent('silent', { output: z.string(), run: (() => undefined) as unknown as () => string })
    const outcome = await system.submit(silent, 'x').outcome
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'INVALID_OUTPUT', agent: 'silent' } })
  })

  it('turns an exception that nobody expected into a defect of the task alone', async () => {
    const { system } = await rig()
    const boom = new Error('boom')
    const fragile = agent('fragile', {
      run: (text: string) => {
        if (text === 'bad') throw boom
        return text
      },
    })
    const outcome = await system.submit(fragile, 'bad').outcome
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'DEFECT', cause: boom } })
    expect(await system.run(fragile, 'good')).toBe('good')
  })

  it('keeps a TroupeError as it is', async () => {
    const { system } = await rig()
    const down = unavailable()
    const failing = agent('failing', { run: () => Promise.reject(down) })
    expect(await system.submit(failing, 'x').outcome).toEqual({ status: 'failed', error: down })
  })
})

describe('an agent of XState logic', () => {
  it('runs one machine per task', async () => {
    const { system } = await rig()
    const doubler = setup({
      types: { input: {} as { n: number }, output: {} as number, context: {} as { n: number } },
    }).createMachine({
      context: ({ input }) => ({ n: input.n }),
      output: ({ context }) => context.n * 2,
      initial: 'a',
      states: { a: { type: 'final' } },
    })
    expect(await system.run(agent('doubler', { machine: doubler }), { n: 4 })).toBe(8)
  })

  it('fails with what its logic throws', async () => {
    const { system } = await rig()
    const failing = fromPromise<number, string>(() => Promise.reject(unavailable()))
    expect(codeOf(await system.submit(agent('failing', { machine: failing }), 'x').outcome)).toBe('UNAVAILABLE')
  })
})

describe('retries', () => {
  const flaky = (failures: number, error = () => unavailable()) => {
    const attempts: number[] = []
    return {
      attempts,
      make: (options: object = {}) =>
        agent('flaky', {
          retry: { attempts: 3, minMs: 100, maxMs: 150, jitter: false },
          circuit: false,
          run: (text: string, { attempt, now }) => {
            attempts.push(now())
            if (attempt <= failures) throw error()
            return text
          },
          ...options,
        }),
    }
  }

  it('waits, then twice as long, up to the limit', async () => {
    const { system, clock } = await rig()
    const { make, attempts } = flaky(2)
    const run = system.submit(make(), 'x')
    await clock.advance(1_000)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'x' })
    expect(attempts).toEqual([1_000, 1_100, 1_250])
    const retried = (await eventsOf(run)).filter(({ type }) => type === 'task.retried')
    expect(retried).toMatchObject([{ delayMs: 100 }, { delayMs: 150 }])
    expect(system.metrics()).toMatchObject([{ agent: 'flaky', completed: 1, retried: 2 }])
  })

  it('waits out what the error demands, even past the limit', async () => {
    const { system, clock } = await rig()
    const { make, attempts } = flaky(1, () => unavailable(5_000))
    const run = system.submit(make(), 'x')
    await clock.advance(10_000)
    expect((await run.outcome).status).toBe('completed')
    expect(attempts).toEqual([1_000, 6_000])
  })

  it('tries an output again that does not fit', async () => {
    const { system, clock } = await rig()
    const picky = agent('picky', {
      output: z.number(),
      retry: { attempts: 2, minMs: 10, jitter: false },
      run: (_: string, { attempt }) => (attempt === 1 ? ('one' as unknown as number) : 2),
    })
    const run = system.submit(picky, 'x')
    await clock.advance(10)
    expect(await run.outcome).toEqual({ status: 'completed', output: 2 })
  })

  it('does not try again what is not retryable, unless `when` says so', async () => {
    const { system, clock } = await rig()
    const plain = () => new Error('boom') as never
    const once = flaky(1, plain)
    expect(codeOf(await system.submit(once.make(), 'x').outcome)).toBe('DEFECT')
    const twice = flaky(1, plain)
    const run = system.submit(twice.make({ retry: { attempts: 2, minMs: 1, when: () => true } }), 'x')
    await clock.advance(10)
    expect((await run.outcome).status).toBe('completed')
  })

  it('never repeats a step that an earlier attempt finished', async () => {
    const { system, clock } = await rig()
    const keys: string[] = []
    const stepping = agent('stepping', {
      retry: { attempts: 2, minMs: 1 },
      run: async (text: string, { step, attempt }) => {
        const paid = await step('pay', ({ key }) => keys.push(key))
        if (attempt === 1) throw unavailable()
        return `${text}${String(paid)}`
      },
    })
    const run = system.submit(stepping, 'x', { id: 'r1' })
    await clock.advance(10)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'x1' })
    expect(keys).toEqual([expect.stringMatching(/^r1\/.+\/pay#1$/)])
  })
})

describe('the time limit of an attempt', () => {
  it('ends it, aborts its signal, and is tried again', async () => {
    const { system, clock } = await rig()
    const signals: AbortSignal[] = []
    const slow = agent('slow', {
      timeoutMs: 50,
      retry: { attempts: 2, minMs: 10, jitter: false },
      run: async (text: string, { attempt, signal }) => {
        signals.push(signal)
        if (attempt === 1) await new Promise(() => {})
        return text
      },
    })
    const run = system.submit(slow, 'x')
    await clock.advance(49)
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    await clock.advance(11)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'x' })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
  })

  it('fails the task after the last attempt', async () => {
    const { system, clock } = await rig()
    const hung = agent('hung', { timeoutMs: 50, run: () => new Promise<string>(() => {}) })
    const run = system.submit(hung, 'x')
    await clock.advance(50)
    expect(await run.outcome).toMatchObject({ status: 'failed', error: { code: 'TIMEOUT', timeoutMs: 50 } })
    expect(stateOf(system, hung)).toBe('failed')
  })

  it('takes back what the attempt has asked for', async () => {
    const { system, clock } = await rig()
    const hung = agent('hung', { run: () => new Promise<string>(() => {}) })
    const asking = agent('asking', {
      timeoutMs: 50,
      retry: { attempts: 2, minMs: 1_000, jitter: false },
      run: (text: string, { ask }) => ask(hung, text),
    })
    system.submit(asking, 'x')
    await clock.advance(49)
    expect(system.actor(hung).getSnapshot().context.running).toBe(1)
    await clock.advance(1)
    expect(system.actor(hung).getSnapshot().context.running).toBe(0)
  })

  it('ignores what an attempt gives after its end', async () => {
    const { system, clock } = await rig()
    const first = promised<string>()
    const late = agent('late', {
      timeoutMs: 50,
      retry: { attempts: 2, minMs: 0 },
      run: (_: string, { attempt }) => (attempt === 1 ? first.promise : new Promise<string>(() => {})),
    })
    const run = system.submit(late, 'x')
    await clock.advance(60)
    first.resolve('too late')
    await clock.advance(50)
    expect(codeOf(await run.outcome)).toBe('TIMEOUT')
  })
})

describe('a fallback', () => {
  it('gets the same input when the last attempt has failed', async () => {
    const { system } = await rig()
    const backup = agent('backup', { run: (text: string) => `backup ${text}` })
    const failing = agent('failing', { run: (_: string): string => { throw unavailable() }, fallback: backup })
    const run = system.submit(failing, 'x')
    expect(await run.outcome).toEqual({ status: 'completed', output: 'backup x' })
    expect(await eventsOf(run)).toContainEqual(
      expect.objectContaining({ type: 'decision.made', kind: 'fallback', chosen: 'backup', reason: 'down' }),
    )
  })

  it('has its output checked too', async () => {
    const { system } = await rig()
    const backup = agent('backup', { run: (_: string) => 'no number' as unknown as number })
    const failing = agent('failing', { output: z.number(), run: (_: string): number => { throw unavailable() }, fallback: backup })
    expect(codeOf(await system.submit(failing, 'x').outcome)).toBe('INVALID_OUTPUT')
  })

  it('is not asked when a person has said no', async () => {
    const { system } = await rig()
    const backup = agent('backup', { run: (text: string) => `backup ${text}` })
    const asking = agent('asking', { run: (_: string): string => { throw new DeniedError('no') }, fallback: backup })
    expect(codeOf(await system.submit(asking, 'x').outcome)).toBe('DENIED')
  })

  it('is not asked when the task was cancelled', async () => {
    const { system } = await rig()
    const asked: string[] = []
    const backup = agent('backup', { run: (text: string) => { asked.push(text); return text } })
    const leaving = agent('leaving', { run: (_: string): string => { throw new CancelledError('enough') }, fallback: backup })
    expect(await system.submit(leaving, 'x').outcome).toEqual({ status: 'cancelled', reason: 'enough' })
    expect(asked).toEqual([])
  })
})

describe('concurrency', () => {
  it('lets so many in, the rest waits', async () => {
    const { system } = await rig()
    const doors = [promised<string>(), promised<string>(), promised<string>()]
    let started = 0
    const narrow = agent('narrow', { concurrency: 2, run: () => doors[(started += 1) - 1]!.promise })
    const runs = ['a', 'b', 'c'].map((text) => system.submit(narrow, text))
    await system.settle()
    expect(started).toBe(2)
    expect(system.actor(narrow).getSnapshot().context.running).toBe(2)
    doors[0]!.resolve('one')
    await system.settle()
    expect(started).toBe(3)
    doors[1]!.resolve('two')
    doors[2]!.resolve('three')
    expect(await Promise.all(runs.map(async ({ outcome }) => (await outcome).status))).toEqual(Array(3).fill('completed'))
    expect(stateOf(system, narrow)).toBe('idle')
  })

  it('lets an agent ask itself, and refuses it when it takes one task at a time', async () => {
    const { system } = await rig()
    const factorial = (concurrency: number) => {
      const self = agent('factorial', {
        concurrency,
        run: async (n: number, { ask }): Promise<number> => (n <= 1 ? 1 : n * (await ask(self, n - 1))),
      })
      return self
    }
    expect(await system.run(factorial(2), 4)).toBe(24)
    expect(codeOf(await system.submit(factorial(1), 4).outcome)).toBe('ASK_CYCLE')
  })
})

describe('the circuit', () => {
  const failing = (circuit: object, options: object = {}) =>
    agent('failing', {
      circuit,
      run: (text: string) => {
        if (text === 'bad') throw unavailable()
        return text
      },
      ...options,
    })

  it('opens after failures in a row, refuses, tries one again and closes', async () => {
    const { system, clock } = await rig()
    const fragile = failing({ failures: 2, openMs: 100 })
    await system.submit(fragile, 'bad').outcome
    await system.submit(fragile, 'bad').outcome
    expect(stateOf(system, fragile)).toEqual({ openCircuit: 'open' })
    expect(system.circuit(fragile).state).toBe('open')
    const refused = await system.submit(fragile, 'good').outcome
    expect(refused).toMatchObject({ status: 'rejected', error: { code: 'CIRCUIT_OPEN', retryAfterMs: 100 } })
    await clock.advance(100)
    expect(stateOf(system, fragile)).toEqual({ openCircuit: 'halfOpen' })
    expect(await system.run(fragile, 'good')).toBe('good')
    expect(stateOf(system, fragile)).toBe('idle')
  })

  it('stays open twice as long after a bad probe', async () => {
    const { system, clock } = await rig()
    const fragile = failing({ failures: 1, openMs: 100 })
    await system.submit(fragile, 'bad').outcome
    await clock.advance(100)
    await system.submit(fragile, 'bad').outcome
    expect(system.circuit(fragile).retryAfterMs).toBe(200)
  })

  it('does not count what is the fault of a task', async () => {
    const { system } = await rig()
    const picky = agent('picky', { output: z.number(), circuit: { failures: 1 }, run: (_: string) => 'x' as unknown as number })
    await system.submit(picky, 'x').outcome
    expect(stateOf(system, picky)).toBe('failed')
  })

  it('lets the fallback answer while it is open', async () => {
    const { system } = await rig()
    const backup = agent('backup', { run: (text: string) => `backup ${text}` })
    const fragile = failing({ failures: 1 }, { fallback: backup })
    expect(await system.run(fragile, 'bad')).toBe('backup bad')
    expect(await system.run(fragile, 'good')).toBe('backup good')
    expect(system.circuit(fragile).state).toBe('open')
  })

  it('ends a task that wants a further attempt when it has opened in between', async () => {
    const { system, clock } = await rig()
    const fragile = failing({ failures: 2 }, { retry: { attempts: 3, minMs: 10 } })
    const run = system.submit(fragile, 'bad')
    await clock.advance(1_000)
    expect(codeOf(await run.outcome)).toBe('CIRCUIT_OPEN')
  })

  it('gives a result of an earlier time no say', async () => {
    const { system, clock } = await rig()
    const old = promised<string>()
    const mixed = agent('mixed', {
      circuit: { failures: 1, openMs: 100 },
      run: (text: string) => {
        if (text === 'old') return old.promise
        if (text === 'bad') throw unavailable()
        return text
      },
    })
    const first = system.submit(mixed, 'old')
    await system.submit(mixed, 'bad').outcome
    await clock.advance(100)
    await system.run(mixed, 'good')
    expect(stateOf(system, mixed)).toBe('running')
    old.reject(unavailable())
    await first.outcome
    expect(stateOf(system, mixed)).toBe('failed')
    expect(system.circuit(mixed).state).toBe('closed')
  })

  it('does not let an old success make up for new failures', async () => {
    const { system, clock } = await rig()
    const old = promised<string>()
    const mixed = agent('mixed', {
      circuit: { failures: 2, openMs: 100 },
      run: (text: string) => {
        if (text === 'old') return old.promise
        if (text === 'bad') throw unavailable()
        return text
      },
    })
    const first = system.submit(mixed, 'old')
    for (const _ of [1, 2]) await system.submit(mixed, 'bad').outcome
    await clock.advance(100)
    await system.run(mixed, 'good')
    await system.submit(mixed, 'bad').outcome
    old.resolve('old')
    await first.outcome
    await system.submit(mixed, 'bad').outcome
    expect(system.circuit(mixed).state).toBe('open')
  })

  it('refuses what waits at once when it opens, though nobody has left', async () => {
    const { system } = await rig()
    const door = promised<string>()
    const narrow = agent('narrow', { concurrency: 1, run: () => door.promise })
    system.submit(narrow, 'first')
    const second = system.submit(narrow, 'second')
    await system.settle()
    system.circuit(narrow).set('isolated')
    expect(codeOf(await second.outcome)).toBe('CIRCUIT_OPEN')
  })

  it('opens by the rate of a window', async () => {
    const { system } = await rig()
    const window = { calls: 4, minCalls: 4, failureRate: 0.5 }
    const fragile = failing({ failures: 100, window })
    for (const text of ['bad', 'good', 'good', 'bad']) await system.submit(fragile, text).outcome
    expect(system.circuit(fragile).state).toBe('open')
  })

  it('can be set by hand', async () => {
    const { system } = await rig()
    const sound = failing({})
    await system.run(sound, 'good')
    system.circuit(sound).set('isolated')
    await system.settle()
    expect(codeOf(await system.submit(sound, 'good').outcome)).toBe('CIRCUIT_OPEN')
    system.circuit(sound).set('normal')
    await system.settle()
    expect(await system.run(sound, 'good')).toBe('good')
  })
})

it('finishes the tasks that it has before it stops', async () => {
  const { system } = await rig()
  const door = promised<string>()
  const ref = system.spawn(agent('last', { run: (_: string) => door.promise }))
  const answer = system.ask(ref, { type: 'task.request', payload: 'x' })
  await system.settle()
  let stopped = false
  const stopping = system.stop(ref).then(() => (stopped = true))
  await system.settle()
  expect(stopped).toBe(false)
  door.resolve('done')
  expect(await answer).toBe('done')
  await stopping
})

describe('messages that are no requests', () => {
  it('are tasks of an agent that listens, and nobody is answered', async () => {
    const { system } = await rig()
    const heard: unknown[] = []
    const listener = agent('listener', {
      run: (text: string) => text,
      listen: { topics: ['news'], handle: (message) => { heard.push([message.type, message.payload]) } },
    })
    await system.run(listener, 'x')
    system.publish('news', { type: 'news.flash', payload: 1 })
    system.publish('broadcast', { type: 'all.hands', payload: 2 })
    await system.settle()
    expect(heard).toEqual([['news.flash', 1], ['all.hands', 2]])
    expect(stateOf(system, listener)).toBe('idle')
  })
})

it('leaves a message unhandled that it knows nothing of', async () => {
  const { system } = await rig()
  const deaf = agent('deaf', { run: (text: string) => text })
  const unhandled: string[] = []
  system.unhandled.subscribe(({ message }) => unhandled.push(message.type))
  await system.run(deaf, 'x')
  system.publish('broadcast', { type: 'all.hands' })
  await system.settle()
  expect(unhandled).toEqual(['all.hands'])
})

describe('a definition that cannot work', () => {
  const run = (text: string) => text
  it.each<[string, () => unknown]>([
    ['no name', () => agent('', { run })],
    ['no way to work', () => agent('x', {} as never)],
    ['two ways', () => agent('x', { run, model: {} } as never)],
    ['a limit of nothing', () => agent('x', { run, timeoutMs: 0 })],
    ['no attempt', () => agent('x', { run, retry: { attempts: 0 } })],
    ['no task at a time', () => agent('x', { run, concurrency: Number.NaN })],
    ['no probe', () => agent('x', { run, circuit: { probes: 0 } })],
  ])('is refused: %s', (_, define) => {
    expect(define).toThrow(ConfigurationError)
  })
})

describe('the logic of an agent', () => {
  it('runs once under plain XState', async () => {
    const len = agent('len', { run: async (text: string) => text.length })
    expect(await toPromise(createActor(len.logic, { input: 'four' }).start())).toBe(4)
  })

  it('rejects with the error of the run', async () => {
    const strict = agent('strict', { input: z.number(), run: (n) => n })
    const actor = createActor(strict.logic, { input: 'x' as never })
    actor.subscribe({ error: () => {} })
    await expect(toPromise(actor.start())).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })
})

it('is a tool', () => {
  const len = agent('len', { description: 'Counts', run: (text: string) => text.length })
  expect(len.asTool()).toEqual({ name: 'len', description: 'Counts', effect: 'idempotent' })
  expect(len.asTool({ effect: 'once' }).effect).toBe('once')
})
