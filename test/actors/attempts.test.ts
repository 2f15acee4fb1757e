/** Attempts of a task: retries, the time limit of each, and the fallback after the last. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { agent, CancelledError, DeniedError, ProviderError } from '../../src/index.ts'
import { codeOf, eventsOf, promised, rig, stateOf } from './rig.ts'

const unavailable = (retryAfterMs?: number) =>
  new ProviderError('down', { code: 'UNAVAILABLE', retryable: true, retryAfterMs })

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

it('waits between attempts are a share of what they could be, by chance', async () => {
  const { system, clock } = await rig()
  const failing = agent('failing', {
    retry: { attempts: 5, minMs: 1_000, maxMs: 1_000 },
    circuit: false,
    run: (): string => {
      throw new ProviderError('down', { code: 'UNAVAILABLE', retryable: true })
    },
  })
  const run = system.submit(failing, 'x')
  await clock.advance(4_000)
  const waits = (await eventsOf(run)).flatMap((event) => (event.type === 'task.retried' ? [event.delayMs] : []))
  expect(new Set(waits).size).toBe(4)
  expect(waits.every((ms) => ms >= 0 && ms < 1_000)).toBe(true)
})

describe('a fallback', () => {
  it('gets what was asked, not what its agent has read in it', async () => {
    const { system } = await rig()
    const spare = agent('spare', { input: z.string(), run: (text) => `spare ${text}` })
    const failing = agent('failing', {
      input: z.string().transform((text) => text.length),
      fallback: spare,
      run: (): string => {
        throw new ProviderError('down', { code: 'UNAVAILABLE', retryable: false })
      },
    })
    expect(await system.run(failing, 'four')).toBe('spare four')
  })

  it('is called back when the task is cancelled while it works', async () => {
    const { system } = await rig()
    let aborted = false
    const spare = agent('spare', {
      run: (_: string, { signal }) => {
        signal.addEventListener('abort', () => (aborted = true))
        return new Promise<string>(() => {})
      },
    })
    const failing = agent('failing', {
      fallback: spare,
      run: (): string => {
        throw new ProviderError('down', { code: 'UNAVAILABLE', retryable: false })
      },
    })
    const run = system.submit(failing, 'x')
    await system.settle()
    run.cancel('enough')
    await system.settle()
    expect(aborted).toBe(true)
    expect(system.actor(spare).getSnapshot().context.running).toBe(0)
  })

  it('is not asked for a message that nobody awaits the answer to', async () => {
    const { system } = await rig()
    let asked = 0
    const spare = agent('spare', { run: () => String((asked += 1)) })
    const failing = agent('failing', {
      fallback: spare,
      run: (text: string) => text,
      listen: {
        topics: ['news'],
        handle: () => {
          throw new Error('no')
        },
      },
    })
    await system.run(failing, 'x')
    system.publish('news', { type: 'news.came' })
    await system.settle()
    expect(asked).toBe(0)
  })

  it('gets the same input when the last attempt has failed', async () => {
    const { system } = await rig()
    const backup = agent('backup', { run: (text: string) => `backup ${text}` })
    const failing = agent('failing', {
      run: (): string => {
        throw unavailable()
      },
      fallback: backup,
    })
    const run = system.submit(failing, 'x')
    expect(await run.outcome).toEqual({ status: 'completed', output: 'backup x' })
    expect(await eventsOf(run)).toContainEqual(
      expect.objectContaining({ type: 'decision.made', kind: 'fallback', chosen: 'backup', reason: 'down' }),
    )
  })

  it('has its output checked too', async () => {
    const { system } = await rig()
    const backup = agent('backup', { run: () => 'no number' as unknown as number })
    const failing = agent('failing', {
      output: z.number(),
      run: (): number => {
        throw unavailable()
      },
      fallback: backup,
    })
    expect(codeOf(await system.submit(failing, 'x').outcome)).toBe('INVALID_OUTPUT')
  })

  it('is not asked when a person has said no', async () => {
    const { system } = await rig()
    const backup = agent('backup', { run: (text: string) => `backup ${text}` })
    const asking = agent('asking', {
      run: (): string => {
        throw new DeniedError('no')
      },
      fallback: backup,
    })
    expect(codeOf(await system.submit(asking, 'x').outcome)).toBe('DENIED')
  })

  it('is not asked when the task was cancelled', async () => {
    const { system } = await rig()
    const asked: string[] = []
    const backup = agent('backup', {
      run: (text: string) => {
        asked.push(text)
        return text
      },
    })
    const leaving = agent('leaving', {
      run: (): string => {
        throw new CancelledError('enough')
      },
      fallback: backup,
    })
    expect(await system.submit(leaving, 'x').outcome).toEqual({ status: 'cancelled', reason: 'enough' })
    expect(asked).toEqual([])
  })
})
