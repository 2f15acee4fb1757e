/** A date that is set anew: no time has passed by that, and none is to come. */
import { agent, fromBehavior, supervisor, type ActorContext, type System } from 'troupe'
import { manualClock } from 'troupe/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createMachine } from 'xstate'
import { realClock } from '../../src/contracts/clock.ts'
import { Time } from '../../src/system/time.ts'
import { settableClock } from './settable-clock.ts'
import { failure, lab, listener, standing, type Lab, type Say } from './system.ts'

const HOUR_MS = 3_600_000

interface SettableLab extends Lab {
  setDate(byMs: number): void
  /** Milliseconds since the start. */
  passed(): number
}

/** A system on a clock whose date can be set. */
const newLab = async (options: Parameters<typeof lab>[0] = {}): Promise<SettableLab> => {
  const clock = settableClock()
  return { ...(await lab({ ...options, clock })), setDate: clock.setDate, passed: clock.monotonic }
}

const fragile = fromBehavior<Say>(() => ({ type }) => {
  if (type === 'crash') throw new Error('no')
})

const crash = async ({ system, settle }: Lab, path: string): Promise<void> => {
  const ref = system.lookup<Say>(path)
  if (ref) system.tell(ref, { type: 'crash' })
  await settle()
}

const gaveUp = ({ events }: Lab): boolean => events.some(({ type }) => type === 'supervisor.gave-up')

/** Every budget of restarts: one restart in 100 ms, and the next one is too many. */
const budgets = {
  'a supervisor': (system: System) => {
    const crew = supervisor({ intensity: 1, periodMs: 100, children: [{ id: 'a', logic: fragile }] })
    system.spawn(crew, { id: 'crew' })
    return '/crew/a'
  },
  'a child of a supervisor': (system: System) => {
    const perChild = { intensity: 1, periodMs: 100 }
    system.spawn(supervisor({ intensity: 100, perChild, children: [{ id: 'a', logic: fragile }] }), { id: 'crew' })
    return '/crew/a'
  },
  'the root': (system: System) => system.spawn(fragile, { id: 'a', restart: 'permanent' }).path,
} as const

describe.each(Object.entries(budgets))('the budget of %s', (_, start) => {
  const options = { supervision: { intensity: 1, periodMs: 100 } }

  it('is not freed by a date that leaps forward', async () => {
    const l = await newLab(options)
    const path = start(l.system)
    await crash(l, path)
    l.setDate(HOUR_MS)
    await l.clock.advance(1)
    await crash(l, path)
    expect(gaveUp(l)).toBe(true)
  })

  it('is not used up by a date that goes back', async () => {
    const l = await newLab(options)
    const path = start(l.system)
    await crash(l, path)
    await l.clock.advance(101)
    l.setDate(-HOUR_MS)
    await crash(l, path)
    expect(gaveUp(l)).toBe(false)
  })
})

describe('waits before a restart', () => {
  const backoff = { minMs: 10, maxMs: 1_000, jitter: 0, resetMs: 500 }
  const waits = {
    'of a supervisor': (system: System) => {
      const crew = supervisor({ intensity: 100, backoff, children: [{ id: 'a', logic: fragile }] })
      system.spawn(crew, { id: 'crew' })
      return '/crew/a'
    },
    'of the root': (system: System) => system.spawn(fragile, { id: 'a', restart: 'permanent' }).path,
  } as const

  const restarts = ({ events }: Lab): number => events.filter(({ type }) => type === 'actor.restarted').length

  it.each(Object.entries(waits))('%s are as long as they are, and grow on', async (_, start) => {
    const l = await newLab({ supervision: { intensity: 100, backoff } })
    const path = start(l.system)
    await crash(l, path)
    l.setDate(HOUR_MS)
    await l.clock.advance(9)
    expect(restarts(l)).toBe(0)
    await l.clock.advance(1)
    expect(restarts(l)).toBe(1)
    // Neither an hour without a failure, nor a failure in the future.
    l.setDate(HOUR_MS)
    await crash(l, path)
    l.setDate(-3 * HOUR_MS)
    await l.clock.advance(19)
    expect(restarts(l)).toBe(1)
    await l.clock.advance(1)
    expect(restarts(l)).toBe(2)
  })
})

describe.each([
  ['forward', HOUR_MS],
  ['back', -HOUR_MS],
])('a date that leaps %s', (_, byMs) => {
  /** It has done so once, and will again. */
  const settableLab = async (): Promise<SettableLab> => {
    const l = await newLab()
    l.setDate(byMs)
    await l.clock.advance(1)
    return l
  }

  const actor = (l: SettableLab, heard: string[]): ActorContext<Say> => {
    let ctx!: ActorContext<Say>
    l.system.spawn(
      fromBehavior<Say>((own) => {
        ctx = own
        return ({ type }) => void heard.push(`${type} ${l.passed() - 1}`)
      }),
    )
    return ctx
  }

  it('makes no timer of an actor early or late, not even one that repeats', async () => {
    const l = await settableLab()
    const heard: string[] = []
    const ctx = actor(l, heard)
    ctx.timers.start('once', { type: 'once' }, { afterMs: 10 })
    ctx.timers.start('every', { type: 'every' }, { everyMs: 4 })
    await l.clock.advance(5)
    l.setDate(byMs)
    await l.clock.advance(8)
    expect(heard).toEqual(['every 4', 'every 8', 'once 10', 'every 12'])
  })

  it('makes no receive timeout early or late', async () => {
    const l = await settableLab()
    const heard: string[] = []
    actor(l, heard).receiveTimeout(10)
    await l.clock.advance(5)
    l.setDate(byMs)
    await l.clock.advance(6)
    expect(heard).toEqual(['receive.timeout 10'])
  })

  it('leaves an ask its time, and no more', async () => {
    const l = await settableLab()
    const asked = l.system.ask(l.system.spawn(listener([])), { type: 'question' }, { timeoutMs: 100 })
    const failed = failure(asked)
    await l.clock.advance(50)
    l.setDate(byMs)
    await l.clock.advance(49)
    expect(await standing(failed)).toBe('open')
    await l.clock.advance(1)
    expect(await failed).toMatchObject({ code: 'TIMEOUT' })
  })

  it('does not change when a delayed transition comes', async () => {
    const l = await settableLab()
    const ref = l.system.spawn(createMachine({ initial: 'a', states: { a: { after: { 100: 'b' } }, b: {} } }))
    const value = (): unknown => l.system.actor(ref).getSnapshot().value
    l.setDate(byMs)
    await l.clock.advance(99)
    expect(value()).toBe('a')
    await l.clock.advance(1)
    expect(value()).toBe('b')
  })

  it('leaves an actor its time to stop', async () => {
    const l = await settableLab()
    const hang = fromBehavior<Say>((ctx) => (ctx.onStop(() => new Promise(() => {})), () => {}))
    const stopped = l.system.stop(l.system.spawn(hang, { shutdownMs: 100 }))
    await l.clock.advance(50)
    l.setDate(byMs)
    await l.clock.advance(49)
    expect(await standing(stopped)).toBe('open')
    await l.clock.advance(1)
    await stopped
  })

  it('leaves a run its time', async () => {
    const l = await settableLab()
    const slow = agent('slow', { run: (_: string, ctx) => ctx.sleep(60_000) })
    const { outcome } = l.system.submit(slow, 'x', { timeoutMs: 100 })
    await l.clock.advance(50)
    l.setDate(byMs)
    await l.clock.advance(49)
    expect(await standing(outcome)).toBe('open')
    await l.clock.advance(1)
    expect(await outcome).toMatchObject({ status: 'exhausted', what: 'timeoutMs' })
  })

  it('leaves each phase of a shutdown its time', async () => {
    const l = await settableLab()
    const waits = (ms: number) => () => new Promise<void>((done) => void l.clock.setTimeout(done, ms))
    l.system.onShutdown('unready', 'first', waits(10))
    l.system.onShutdown('flush', 'second', waits(20))
    const stopped = l.system.stop()
    await l.clock.advance(5)
    l.setDate(byMs)
    await l.clock.advance(100)
    await stopped
    const phases = l.events.filter((event) => event.type === 'shutdown.phase')
    expect(phases.filter(({ status }) => status !== 'completed')).toEqual([])
  })

  it('leaves the circuit of an agent open as long as it is to be', async () => {
    const l = await settableLab()
    const fragile = agent('fragile', {
      circuit: { failures: 1, openMs: 100, counts: () => true },
      run: (text: string) => {
        if (text === 'bad') throw new Error('no')
        return text
      },
    })
    const circuit = l.system.circuit(fragile)
    await l.system.submit(fragile, 'bad').outcome
    l.setDate(byMs)
    await l.clock.advance(99)
    expect([circuit.state, circuit.retryAfterMs]).toEqual(['open', 1])
    expect(await l.system.submit(fragile, 'good').outcome).toMatchObject({ status: 'rejected' })
    await l.clock.advance(1)
    expect(circuit.state).toBe('half-open')
    expect(await l.system.run(fragile, 'good')).toBe('good')
  })

  it('does not make a question expire that waits its turn', async () => {
    const l = await settableLab()
    const asked = fromBehavior<Say>((ctx) => {
      let open = false
      ctx.timers.start('open', { type: 'open' }, { afterMs: 50 })
      return ({ type }) => {
        if (type !== 'open') return open ? ctx.reply('yes') : ctx.stash()
        open = true
        ctx.unstashAll()
      }
    })
    const answer = l.system.ask(l.system.spawn(asked), { type: 'question' }, { timeoutMs: 100 })
    await l.clock.advance(10)
    l.setDate(byMs)
    await l.clock.advance(40)
    expect(await standing(answer)).toEqual({ value: 'yes' })
    expect(l.dead).toEqual([])
  })

  it('is the date of what happens from then on', async () => {
    const l = await settableLab()
    await l.clock.advance(5)
    l.setDate(byMs)
    await l.clock.advance(1)
    l.system.spawn(listener([]), { id: 'a' })
    expect(l.events).toMatchObject([{ type: 'actor.started', at: 2 * byMs + 7 }])
    expect(l.system.clock.now()).toBe(2 * byMs + 7)
  })
})

describe('a clock that has a date only', () => {
  /** A clock of a user's, whose date is set back in the middle of a wait. */
  const setBack = () => {
    const clock = manualClock(10 * HOUR_MS)
    let byMs = 0
    return { ...clock, now: () => clock.now() + byMs, setDate: (more: number) => void (byMs += more) }
  }

  it('makes waits no longer when that is set back', async () => {
    const clock = setBack()
    const l = await lab({ clock })
    const ref = l.system.spawn(listener([]))
    const failed = failure(l.system.ask(ref, { type: 'question' }, { timeoutMs: 100 }))
    await l.clock.advance(50)
    // Looks at the clock: what has passed since it was last read is all that can be lost.
    l.system.tell(ref, { type: 'x' })
    await l.settle()
    clock.setDate(-HOUR_MS)
    const next = failure(l.system.ask(ref, { type: 'question' }, { timeoutMs: 100 }))
    await l.clock.advance(50)
    expect(await failed).toMatchObject({ code: 'TIMEOUT' })
    await l.clock.advance(49)
    expect(await standing(next)).toBe('open')
    await l.clock.advance(1)
    expect(await next).toMatchObject({ code: 'TIMEOUT' })
  })
})

/** Nobody sleeps: what is tested is that time passes by itself. */
const spend = (ms: number): void => {
  const until = performance.now() + ms
  while (performance.now() < until);
}

describe('real time', () => {
  afterEach(() => void vi.useRealTimers())

  it('passes whatever the date is, and its date is the date', () => {
    const time = new Time(realClock)
    const before = time.steady()
    vi.useFakeTimers({ toFake: ['Date'], now: 0 })
    spend(2)
    expect(time.steady() - before).toBeLessThan(60_000)
    expect(time.steady()).toBeGreaterThan(before)
    expect(time.now()).toBe(0)
  })

  it('goes on where the date stands still', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 0 })
    const time = new Time(realClock)
    spend(3)
    // A wait of 10 ms begins now, and not when that date began.
    expect(time.steadily(time.now() + 10) - time.steady()).toBeGreaterThan(8)
  })
})
