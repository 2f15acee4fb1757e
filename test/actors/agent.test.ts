/** Agents at work: contracts, logic of XState, and what an agent in its cell admits. */
import { describe, expect, it } from 'vitest'
import { createActor, fromPromise, setup, toPromise } from 'xstate'
import { z } from 'zod'
import { agent, ConfigurationError, contextOf, fromBehavior, ProviderError } from '../../src/index.ts'
import { codeOf, promised, rig, stateOf } from './rig.ts'

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

  it('does what it does as part of the run, also after an await', async () => {
    const { system } = await rig()
    const heard: (string | undefined)[] = []
    const ear = fromBehavior((ctx) => {
      ctx.subscribe('news')
      return () => heard.push(ctx.envelope.correlationId)
    })
    system.spawn(ear)
    await system.settle()
    const crier = fromPromise<string, string>(async (scope) => {
      const ctx = contextOf(scope as never)
      ctx.publish('news', { type: 'at.once' })
      await Promise.resolve()
      ctx.publish('news', { type: 'later' })
      return 'cried'
    })
    await system.run(agent('crier', { machine: crier }), 'x', { id: 'run-1' })
    await system.settle()
    expect(heard).toEqual(['run-1', 'run-1'])
  })

  it('fails with what its logic throws', async () => {
    const { system } = await rig()
    const failing = fromPromise<number, string>(() => Promise.reject(unavailable()))
    expect(codeOf(await system.submit(agent('failing', { machine: failing }), 'x').outcome)).toBe(
      'UNAVAILABLE',
    )
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
    expect(await Promise.all(runs.map(async ({ outcome }) => (await outcome).status))).toEqual(
      Array(3).fill('completed'),
    )
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

it('finishes the tasks that it has before it stops', async () => {
  const { system } = await rig()
  const door = promised<string>()
  const ref = system.spawn(agent('last', { run: () => door.promise }))
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
      listen: {
        topics: ['news'],
        handle: (message) => {
          heard.push([message.type, message.payload])
        },
      },
    })
    await system.run(listener, 'x')
    system.publish('news', { type: 'news.flash', payload: 1 })
    system.publish('broadcast', { type: 'all.hands', payload: 2 })
    await system.settle()
    expect(heard).toEqual([
      ['news.flash', 1],
      ['all.hands', 2],
    ])
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
    ['a name that is a path', () => agent('a/b', { run })],
    ['no way to work', () => agent('x', {} as never)],
    ['two ways', () => agent('x', { run, model: {} } as never)],
    ['a limit of nothing', () => agent('x', { run, timeoutMs: 0 })],
    ['no attempt', () => agent('x', { run, retry: { attempts: 0 } })],
    ['no task at a time', () => agent('x', { run, concurrency: Number.NaN })],
    ['half a task at a time', () => agent('x', { run, concurrency: 1.5 })],
    ['a rate of nothing', () => agent('x', { run, circuit: { window: { failureRate: 0 } } })],
    ['a rate that is no number', () => agent('x', { run, circuit: { window: { slowRate: Number.NaN } } })],
    ['a mailbox of less than nothing', () => agent('x', { run, mailbox: { capacity: -1 } })],
    ['a mailbox that overflows in no known way', () => agent('x', { run, mailbox: { overflow: 'spill' as never } })],
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

  it('calls its work back when the actor is stopped', async () => {
    const started = promised<AbortSignal>()
    const endless = agent('endless', {
      run: (_: string, { signal }) => {
        started.resolve(signal)
        return new Promise<string>(() => {})
      },
    })
    const actor = createActor(endless.logic, { input: 'x' }).start()
    const signal = await started.promise
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve))
    actor.stop()
    await aborted
    expect(signal.reason).toMatchObject({ reason: 'the actor was stopped' })
  })

  it('never begins when the actor is stopped before', async () => {
    let runs = 0
    const eager = agent('eager', { run: () => (runs += 1) })
    const actor = createActor(eager.logic, { input: 'x' }).start()
    actor.stop()
    await new Promise((resolve) => setImmediate(resolve))
    expect(runs).toBe(0)
  })
})

it('is a tool', () => {
  const len = agent('len', { description: 'Counts', run: (text: string) => text.length })
  expect(len.asTool()).toEqual({ name: 'len', description: 'Counts', effect: 'idempotent' })
  expect(len.asTool({ effect: 'once' }).effect).toBe('once')
})
