/** The circuit of an agent at work. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { agent, ProviderError } from '../../src/index.ts'
import { codeOf, promised, rig, stateOf } from './rig.ts'

const unavailable = (retryAfterMs?: number) =>
  new ProviderError('down', { code: 'UNAVAILABLE', retryable: true, retryAfterMs })

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
    const picky = agent('picky', {
      output: z.number(),
      circuit: { failures: 1 },
      run: () => 'x' as unknown as number,
    })
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

  it('forgets the calls of its window when it closes', async () => {
    const { system, clock } = await rig()
    const window = { calls: 10, minCalls: 2, failureRate: 0.5 }
    const fragile = failing({ failures: 100, openMs: 100, window })
    for (const text of ['bad', 'bad']) await system.submit(fragile, text).outcome
    expect(system.circuit(fragile).state).toBe('open')
    await clock.advance(100)
    expect(await system.run(fragile, 'good')).toBe('good')
    await system.submit(fragile, 'bad').outcome
    expect(system.circuit(fragile).state).toBe('closed')
    await system.submit(fragile, 'bad').outcome
    expect(system.circuit(fragile).state).toBe('open')
  })

  it('counts neither in a row nor in its window what began before it had opened', async () => {
    const { system, clock } = await rig()
    const old = promised<string>()
    const fragile = agent('fragile', {
      circuit: { failures: 2, openMs: 100, window: { calls: 10, minCalls: 2, failureRate: 0.5 } },
      run: (text: string) => {
        if (text === 'bad') throw unavailable()
        return text === 'old' ? old.promise : text
      },
    })
    const late = system.submit(fragile, 'old')
    for (const text of ['bad', 'bad']) await system.submit(fragile, text).outcome
    await clock.advance(100)
    expect(await system.run(fragile, 'good')).toBe('good')
    old.reject(unavailable())
    expect(codeOf(await late.outcome)).toBe('UNAVAILABLE')
    expect(await system.run(fragile, 'good')).toBe('good')
    await system.submit(fragile, 'good').outcome
    expect(system.circuit(fragile).state).toBe('closed')
  })

  it('counts in a row only what it answers for', async () => {
    const { system, clock } = await rig()
    const old = promised<string>()
    const fragile = agent('fragile', {
      circuit: { failures: 2, openMs: 100 },
      run: (text: string) => {
        if (text === 'bad') throw unavailable()
        return text === 'old' ? old.promise : text
      },
    })
    const late = system.submit(fragile, 'old')
    for (const text of ['bad', 'bad']) await system.submit(fragile, text).outcome
    await clock.advance(100)
    expect(await system.run(fragile, 'good')).toBe('good')
    old.reject(unavailable())
    await late.outcome
    await system.submit(fragile, 'bad').outcome
    expect(system.circuit(fragile).state).toBe('closed')
    await system.submit(fragile, 'bad').outcome
    expect(system.circuit(fragile).state).toBe('open')
  })

  it('leaves out of its window what does not count', async () => {
    const { system } = await rig()
    const window = { calls: 10, minCalls: 2, failureRate: 0.5 }
    const fragile = failing({ failures: 100, window, counts: () => false })
    for (const text of ['bad', 'bad', 'bad']) await system.submit(fragile, text).outcome
    expect(system.circuit(fragile).state).toBe('closed')
  })

  it('opens though the fallback answers each time', async () => {
    const { system } = await rig()
    const spare = agent('spare', { run: (text: string) => `spare ${text}` })
    const fragile = failing({ failures: 2 }, { fallback: spare })
    for (let times = 0; times < 2; times += 1) expect(await system.run(fragile, 'bad')).toBe('spare bad')
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

  it('is as open as before when its agent restarts', async () => {
    const { system, clock } = await rig()
    const fragile = failing({ failures: 1, openMs: 100 })
    await system.submit(fragile, 'bad').outcome
    system.kill(system.lookup('/failing')!)
    await system.settle()
    expect(stateOf(system, fragile)).toEqual({ openCircuit: 'open' })
    await clock.advance(100)
    expect(await system.run(fragile, 'good')).toBe('good')
    expect(stateOf(system, fragile)).toBe('idle')
  })

  it('tries one again, and one only, when its agent restarts in the middle of a probe', async () => {
    const { system, clock } = await rig()
    const fragile = failing({ failures: 1, openMs: 100 })
    await system.submit(fragile, 'bad').outcome
    await clock.advance(100)
    expect(system.circuit(fragile).state).toBe('half-open')
    system.kill(system.lookup('/failing')!)
    await system.settle()
    const both = [system.submit(fragile, 'bad'), system.submit(fragile, 'good')]
    const codes = await Promise.all(both.map(async ({ outcome }) => codeOf(await outcome)))
    expect(codes).toEqual(['UNAVAILABLE', 'CIRCUIT_OPEN'])
    // Twice as long as the first time.
    await clock.advance(199)
    expect(system.circuit(fragile).state).toBe('open')
    await clock.advance(1)
    expect(await system.run(fragile, 'good')).toBe('good')
  })

  it('counts on over a restart of its agent', async () => {
    const { system } = await rig()
    const fragile = failing({ failures: 2, openMs: 100 })
    await system.submit(fragile, 'bad').outcome
    system.kill(system.lookup('/failing')!)
    await system.settle()
    await system.submit(fragile, 'bad').outcome
    expect(system.circuit(fragile).state).toBe('open')
  })

  it.each(['isolated', 'disabled', 'metrics-only'] as const)('stays as it was set by hand over a restart: %s', async (mode) => {
    const { system } = await rig()
    const fragile = failing({ failures: 1 })
    await system.run(fragile, 'good')
    system.circuit(fragile).set(mode)
    await system.settle()
    system.kill(system.lookup('/failing')!)
    await system.settle()
    expect(system.circuit(fragile).state).toBe(mode)
    const wanted = mode === 'isolated' ? 'CIRCUIT_OPEN' : 'UNAVAILABLE'
    for (let times = 0; times < 3; times += 1) {
      expect(codeOf(await system.submit(fragile, 'bad').outcome)).toBe(wanted)
    }
    expect(system.circuit(fragile).state).toBe(mode)
  })

  it('counts a task whose cell was killed, and its agent goes on', async () => {
    const { system } = await rig()
    const hung = agent('hung', { circuit: { failures: 1 }, run: () => new Promise<string>(() => {}) })
    const run = system.submit(hung, 'x')
    await system.settle()
    const [started] = (await system.runs.show(run.id))!.events
    system.kill(system.lookup(`/hung/t-${started!.taskId}`)!)
    expect(codeOf(await run.outcome)).toBe('ACTOR_CRASHED')
    await system.settle()
    expect(system.circuit(hung).state).toBe('open')
    expect(system.actor(hung).getSnapshot().context.running).toBe(0)
  })
})
