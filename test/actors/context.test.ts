/** `ctx`: what `run` is given, and what it may do, also after its time is over. */
import { describe, expect, it } from 'vitest'
import { agent, CancelledError, type Ctx } from '../../src/index.ts'
import { codeOf, eventsOf, promised, rig } from './rig.ts'

const len = agent('len', { run: (text: string) => text.length })

it('says whose task it is', async () => {
  const { system } = await rig()
  const who = agent('who', {
    run: (_: string, { runId, taskId, attempt, key, now }) => ({ runId, taskId, attempt, key, at: now() }),
  })
  const told = await system.run(who, 'x', { id: 'run-1' })
  expect(told).toMatchObject({ runId: 'run-1', attempt: 1, key: `run-1/${told.taskId}`, at: 1_000 })
})

it('draws the same chance for the same seed', async () => {
  const chance = agent('chance', { run: (_: string, ctx) => ctx.random() })
  const [one, two] = [await rig(), await rig()]
  expect(await one.system.run(chance, 'x')).toBe(await two.system.run(chance, 'x'))
})

describe('asking', () => {
  it('works with the methods taken out of `ctx`', async () => {
    const { system } = await rig()
    const twice = agent('twice', { run: async (text: string, { ask }) => (await ask(len, text)) * 2 })
    expect(await system.run(twice, 'four')).toBe(8)
  })

  it('rejects with the error of the task below', async () => {
    const { system } = await rig()
    const strict = agent('strict', {
      run: (): string => {
        throw new RangeError('no')
      },
    })
    const caught = agent('caught', {
      run: (text: string, ctx) => ctx.ask(strict, text).catch((error: { code: string }) => error.code),
    })
    expect(await system.run(caught, 'x')).toBe('DEFECT')
  })

  it('takes a request back after its own limit', async () => {
    const { system, clock } = await rig()
    let signal: AbortSignal | undefined
    const hung = agent('hung', {
      run: (_: string, ctx) => ((signal = ctx.signal), new Promise<string>(() => {})),
    })
    const asking = agent('asking', {
      run: (text: string, ctx) =>
        ctx.ask(hung, text, { timeoutMs: 20 }).catch((error: { code: string }) => error.code),
    })
    const run = system.submit(asking, 'x')
    await clock.advance(20)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'TIMEOUT' })
    expect(signal?.aborted).toBe(true)
  })

  it('takes a request back when its signal aborts', async () => {
    const { system } = await rig()
    const aborter = new AbortController()
    const hung = agent('hung', { run: () => new Promise<string>(() => {}) })
    const asking = agent('asking', {
      run: (text: string, ctx) =>
        ctx.ask(hung, text, { signal: aborter.signal }).catch((error: { code: string }) => error.code),
    })
    const run = system.submit(asking, 'x')
    await system.settle()
    aborter.abort(new CancelledError('enough'))
    expect(await run.outcome).toEqual({ status: 'completed', output: 'CANCELLED' })
    await system.settle()
    expect(system.actor(hung).getSnapshot().context.running).toBe(0)
  })

  it('leaves nothing at work below a task that has ended', async () => {
    const { system } = await rig()
    const hung = agent('hung', { run: () => new Promise<string>(() => {}) })
    const hasty = agent('hasty', {
      run: async (text: string, { ask }) => {
        void ask(hung, text)
        return text
      },
    })
    expect(await system.run(hasty, 'x')).toBe('x')
    await system.settle()
    expect(system.actor(hung).getSnapshot().context.running).toBe(0)
  })
})

describe('sleeping', () => {
  it('lasts as long as it says', async () => {
    const { system, clock } = await rig()
    const sleepy = agent('sleepy', {
      run: async (_: string, { sleep, now }) => {
        await sleep(30)
        return now()
      },
    })
    const run = system.submit(sleepy, 'x')
    await clock.advance(30)
    expect(await run.outcome).toEqual({ status: 'completed', output: 1_030 })
  })

  it('ends at once when the task is cancelled', async () => {
    const { system } = await rig()
    let caught: unknown
    const sleepy = agent('sleepy', {
      run: (_: string, { sleep }) =>
        sleep(30).catch((error: unknown) => {
          caught = error
        }),
    })
    const run = system.submit(sleepy, 'x')
    await system.settle()
    run.cancel('enough')
    await system.settle()
    expect(caught).toEqual(new CancelledError('enough'))
  })
})

describe('steps', () => {
  it('are in the events of the run, and each time under a key of its own', async () => {
    const { system } = await rig()
    const stepping = agent('stepping', {
      run: async (_: string, { step }) => [
        await step('a', ({ key }) => key),
        await step('a', ({ key }) => key),
      ],
    })
    const run = system.submit(stepping, 'x', { id: 'r' })
    const outcome = await run.outcome
    const { taskId } = (await eventsOf(run))[0]!
    const keys = [`r/${taskId}/a#1`, `r/${taskId}/a#2`]
    expect(outcome).toEqual({ status: 'completed', output: keys })
    const ended = (await eventsOf(run)).filter(({ type }) => type === 'step.ended')
    expect(ended).toMatchObject(
      keys.map((key) => ({ name: 'a', key, outcome: { status: 'completed', output: key } })),
    )
  })

  it('that fail reject, and say so in the events', async () => {
    const { system } = await rig()
    const failing = agent('failing', {
      run: (_: string, { step }) =>
        step('a', () => {
          throw new Error('no')
        }),
    })
    const run = system.submit(failing, 'x')
    expect(codeOf(await run.outcome)).toBe('DEFECT')
    expect(await eventsOf(run)).toContainEqual(
      expect.objectContaining({
        type: 'step.ended',
        outcome: expect.objectContaining({ status: 'failed' }) as unknown,
      }),
    )
  })
})

it('tells the run what a function emits', async () => {
  const { system } = await rig()
  const chatty = agent('chatty', {
    run: (text: string, { emit }) => {
      emit('progress', { done: 1 })
      return text
    },
  })
  const run = system.submit(chatty, 'x')
  await run.outcome
  expect(await eventsOf(run)).toContainEqual(
    expect.objectContaining({ type: 'run.emitted', name: 'progress', data: { done: 1 } }),
  )
})

it('says what is left of the hops', async () => {
  const { system } = await rig()
  const left = agent('left', { run: (_: string, { budget }) => budget })
  expect(await system.run(left, 'x', { budget: { hops: 4, usd: 1 } })).toEqual({ hops: 4, usd: 1 })
})

it('finds no peer where nobody offers the capability', async () => {
  const { system } = await rig()
  const alone = agent('alone', { run: (text: string, { help }) => help('translate', text) })
  expect(codeOf(await system.submit(alone, 'x').outcome)).toBe('NO_PEER')
})

it('is told when its actor goes down, also while it starts, and what it then throws harms nobody', async () => {
  const { system, clock } = await rig()
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  system.events.subscribe((event) => {
    if (event.type !== 'task.started') return
    const actor = system.lookup('/fragile')
    if (actor) system.kill(actor)
  })
  const seen: unknown[] = []
  const fragile = agent('fragile', {
    run: async (_: string, { sleep, signal }) => {
      await Promise.resolve()
      await sleep(10).catch((error: { code: string }) => seen.push([error.code, signal.aborted]))
      throw new Error('too late')
    },
  })
  const run = system.submit(fragile, 'x')
  await clock.advance(100)
  expect(codeOf(await run.outcome)).toBe('DEFECT')
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
  expect(seen[0]).toEqual(['CANCELLED', true])
})

describe('after its task was cancelled', () => {
  it('refuses whatever it would send', async () => {
    const { system } = await rig()
    let ctx!: Ctx
    const door = promised<string>()
    const left = agent('left', { run: (_: string, given) => ((ctx = given), door.promise) })
    const run = system.submit(left, 'x')
    await system.settle()
    const { signal } = ctx
    run.cancel('enough')
    await system.settle()
    expect(signal.aborted).toBe(true)
    const { ask, step, sleep, help, publish, tell, emit } = ctx
    for (const refused of [ask(len, 'x'), step('a', () => 1), sleep(1), help('a', 1)]) {
      await expect(refused).rejects.toEqual(new CancelledError('enough'))
    }
    expect(() => publish('news', { type: 'x' })).toThrow(CancelledError)
    expect(() => tell(system.root as never, { type: 'x' })).toThrow(CancelledError)
    expect(() => emit('x')).toThrow(CancelledError)
  })

  it('refuses it also after the task has ended by itself', async () => {
    const { system } = await rig()
    let ctx!: Ctx
    const done = agent('done', { run: (text: string, given) => ((ctx = given), text) })
    await system.run(done, 'x')
    await expect(ctx.ask(len, 'x')).rejects.toBeInstanceOf(CancelledError)
    expect(ctx.signal.aborted).toBe(true)
  })
})
