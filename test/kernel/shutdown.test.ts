/** Coordinated shutdown: phases in order, each and all of them bounded in time, once. */
import { agent, fromBehavior, type SystemOptions } from 'troupe'
import { expect, it } from 'vitest'
import { diaryLogger, failure, lab, later, listener, standing, type Lab, type Say } from './system.ts'

const PHASES = ['unready', 'stop-intake', 'drain', 'hand-off', 'flush', 'stop-actors', 'disconnect', 'close']

/** A system with a task in each phase that writes it down. */
const planned = async (options: SystemOptions = {}, phases: readonly string[] = PHASES) => {
  const l = await lab(options)
  const diary: string[] = []
  for (const phase of phases) l.system.onShutdown(phase, 'note', () => void diary.push(phase))
  return { ...l, diary }
}

const phasesOf = (l: Lab): string[] =>
  l.events.flatMap((event) => (event.type === 'shutdown.phase' ? [`${event.phase} ${event.status}`] : []))

it('goes through its phases in order, once', async () => {
  const l = await planned()
  await Promise.all([l.system.stop(), l.system.stop()])
  await l.system.terminated
  expect(l.diary).toEqual(PHASES)
  expect(phasesOf(l)).toEqual(PHASES.map((phase) => `${phase} completed`))
  await l.system.stop()
  expect(l.diary).toEqual(PHASES)
})

it('puts phases of its own where they say', async () => {
  const shutdown = { phases: { backup: { after: ['flush'] }, goodbye: { after: ['backup', 'stop-actors'] } } }
  const l = await planned({ shutdown }, [...PHASES, 'backup', 'goodbye'])
  await l.system.stop()
  const at = (phase: string): number => l.diary.indexOf(phase)
  expect(at('backup')).toBeGreaterThan(at('flush'))
  expect(at('goodbye')).toBeGreaterThan(at('backup'))
  expect(at('goodbye')).toBeGreaterThan(at('stop-actors'))
  expect(l.diary.filter((phase) => PHASES.includes(phase))).toEqual(PHASES)
})

it('puts each of them right after what it waits for, also before phases of ours, whatever their order in the options', async () => {
  const phases = {
    last: { after: ['close'] },
    first: { after: [] },
    b: { after: ['a'] },
    a: { after: ['unready'] },
    flush: { after: ['b', 'backup'] },
    backup: { after: ['drain'] },
  }
  const l = await planned({ shutdown: { phases } }, [...PHASES, 'last', 'first', 'b', 'a', 'backup'])
  await l.system.stop()
  const order = ['first', 'unready', 'a', 'b', 'stop-intake', 'drain', 'backup', ...PHASES.slice(3), 'last']
  expect(l.diary).toEqual(order)
  expect(phasesOf(l)).toEqual(order.map((phase) => `${phase} completed`))
})

it('refuses phases that wait for each other, and those that are not there', async () => {
  const circle = { phases: { a: { after: ['b'] }, b: { after: ['a'] } } }
  expect(await failure(lab({ shutdown: circle }))).toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringContaining('a after b after a') as string,
  })
  const ours = { phases: { drain: { after: ['flush'] } } }
  expect(await failure(lab({ shutdown: ours }))).toMatchObject({
    message: expect.stringContaining('drain after flush after hand-off after drain') as string,
  })
  expect(await failure(lab({ shutdown: { phases: { a: { after: ['nowhere'] } } } }))).toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringContaining('"nowhere", which is not there: unready') as string,
  })
  const l = await lab()
  expect(() => l.system.onShutdown('nowhere', 'x', () => {})).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }))
})

it.each([
  [{ timeoutMs: -1 }, 'shutdown.timeoutMs'],
  [{ phaseTimeoutMs: Number.NaN }, 'shutdown.phaseTimeoutMs'],
  [{ phases: { a: { after: [], timeoutMs: -5 } } }, 'shutdown.phases.a.timeoutMs'],
])('refuses a limit that is no time: %j', async (shutdown, name) => {
  expect(await failure(lab({ shutdown }))).toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringContaining(name) as string,
  })
})

it('runs the tasks of a phase at the same time', async () => {
  const l = await lab()
  const order: string[] = []
  for (const name of ['a', 'b']) {
    l.system.onShutdown('flush', name, async () => {
      order.push(`${name} begins`)
      await Promise.resolve()
      order.push(`${name} ends`)
    })
  }
  await l.system.stop()
  expect(order).toEqual(['a begins', 'b begins', 'a ends', 'b ends'])
})

it('logs a task that fails and goes on', async () => {
  const l = await planned()
  l.system.onShutdown('flush', 'failing', () => {
    throw new Error('disk full')
  })
  await l.system.stop()
  expect(l.diary).toEqual(PHASES)
  expect(phasesOf(l)).toContain('flush failed')
  expect(l.logged).toContain('error a shutdown task failed')
})

it('lets the tasks beside one that fails come to their end', async () => {
  const l = await planned()
  const beside = later()
  l.system.onShutdown('flush', 'failing', () => Promise.reject(new Error('disk full')))
  l.system.onShutdown('flush', 'beside', () => beside.promise)
  const stopped = l.system.stop()
  await l.settle()
  expect(l.diary.at(-1)).toBe('flush')
  beside.resolve()
  await stopped
  expect(l.diary).toEqual(PHASES)
  expect(phasesOf(l)).toContain('flush failed')
})

it('gives a phase 5 seconds unless told otherwise, aborts its signal and goes on', async () => {
  const l = await planned()
  let aborted = false
  l.system.onShutdown('flush', 'hanging', (signal) => {
    signal.addEventListener('abort', () => (aborted = true))
    return new Promise(() => {})
  })
  const stopped = l.system.stop()
  await l.clock.advance(4_999)
  expect(aborted).toBe(false)
  await l.clock.advance(1)
  await stopped
  expect(aborted).toBe(true)
  expect(l.diary).toEqual(PHASES)
  expect(phasesOf(l)).toContain('flush timed-out')
  expect(l.logged).toContain('error a shutdown phase took too long')
})

it('names the tasks that took too long', async () => {
  const late: unknown[] = []
  const logger = { ...diaryLogger([]), error: (fields: object) => void late.push(fields) }
  const l = await lab({ logger })
  l.system.onShutdown('flush', 'quick', () => {})
  l.system.onShutdown('flush', 'hanging', () => new Promise(() => {}))
  const stopped = l.system.stop()
  await l.clock.advance(5_000)
  await stopped
  expect(late).toEqual([{ phase: 'flush', limitMs: 5_000, tasks: ['hanging'] }])
})

it('bounds its last phase, and those that come after it', async () => {
  const l = await planned({ shutdown: { phases: { last: { after: ['close'] } } } })
  for (const phase of ['close', 'last']) l.system.onShutdown(phase, 'hanging', () => new Promise(() => {}))
  const stopped = l.system.stop()
  await l.clock.advance(5_000)
  expect(await standing(stopped)).toBe('open')
  await l.clock.advance(5_000)
  expect(await standing(stopped)).toEqual({ value: undefined })
  expect(phasesOf(l).slice(-2)).toEqual(['close timed-out', 'last timed-out'])
})

it('gives each phase the limit of its own', async () => {
  const shutdown = { phaseTimeoutMs: 100, phases: { slow: { after: ['flush'], timeoutMs: 1_000 } } }
  const l = await planned({ shutdown })
  const hang = (): Promise<void> => new Promise(() => {})
  l.system.onShutdown('unready', 'x', hang)
  l.system.onShutdown('slow', 'y', hang)
  const stopped = l.system.stop()
  await l.clock.advance(100)
  await l.clock.advance(999)
  expect(await standing(stopped)).toBe('open')
  await l.clock.advance(1)
  await stopped
})

it('gives a phase of ours the limit that the options name', async () => {
  const phases = { drain: { after: [], timeoutMs: 50 }, flush: { after: [], timeoutMs: 7_000 } }
  const l = await planned({ shutdown: { phases } })
  const hang = (): Promise<void> => new Promise(() => {})
  l.system.onShutdown('drain', 'x', hang)
  l.system.onShutdown('flush', 'y', hang)
  const stopped = l.system.stop()
  await l.clock.advance(50)
  expect(l.diary.at(-1)).toBe('flush')
  await l.clock.advance(6_999)
  expect(await standing(stopped)).toBe('open')
  await l.clock.advance(1)
  await stopped
  expect(phasesOf(l).filter((phase) => phase.endsWith('timed-out'))).toEqual(['drain timed-out', 'flush timed-out'])
})

it('leaves the phases behind a run that hangs their time', async () => {
  const l = await lab()
  const diary: string[] = []
  const note = (what: string): void => void diary.push(`${what} ${l.clock.now() - begin}`)
  const hanging = agent('hanging', {
    timeoutMs: Infinity,
    run: (_: string, { signal }) =>
      new Promise<string>(() => signal.addEventListener('abort', () => note('run cancelled'))),
  })
  l.system.spawn(
    fromBehavior<Say>((ctx) => {
      ctx.onStop(() => new Promise<void>((resolve) => void l.clock.setTimeout(() => (note('actor stopped'), resolve()), 1_000)))
      return () => {}
    }),
  )
  const begin = l.clock.now()
  const run = l.system.submit(hanging, 'x')
  l.system.onShutdown('flush', 'journal', async () => note(`flushed ${(await l.system.runs.show(run.id))?.info.status}`))
  await l.settle()
  const stopped = l.system.stop()
  await l.clock.advance(30_000)
  await stopped
  // 30 seconds in all, of which flush, stop-actors and disconnect are kept 3 each.
  expect(diary.toSorted()).toEqual(['actor stopped 22000', 'flushed cancelled 21000', 'run cancelled 21000'])
  expect(await run.outcome).toMatchObject({ status: 'cancelled', reason: 'the system is stopping' })
  expect(phasesOf(l)).toContain('drain timed-out')
  expect(phasesOf(l)).toContain('stop-actors completed')
})

it('is bounded as a whole', async () => {
  const l = await lab({ shutdown: { timeoutMs: 100 } })
  const hang = (): Promise<void> => new Promise(() => {})
  for (const phase of ['unready', 'drain', 'flush']) l.system.onShutdown(phase, 'x', hang)
  const stopped = l.system.stop()
  await l.clock.advance(100)
  await stopped
  expect(phasesOf(l).filter((phase) => phase.endsWith('timed-out'))).toContain('unready timed-out')
})

it('takes no longer than its 30 seconds, even if everything hangs', async () => {
  const l = await lab()
  for (const phase of PHASES) l.system.onShutdown(phase, 'x', () => new Promise(() => {}))
  const stopped = l.system.stop()
  await l.clock.advance(29_999)
  expect(await standing(stopped)).toBe('open')
  await l.clock.advance(1)
  await stopped
  expect(phasesOf(l)).toEqual(PHASES.map((phase) => `${phase} timed-out`))
})

it('takes tasks back, and takes new ones for later phases while it runs', async () => {
  const l = await planned()
  const back = l.system.onShutdown('flush', 'taken back', () => void l.diary.push('never'))
  l.system.onShutdown('unready', 'adds', () => {
    back()
    l.system.onShutdown('close', 'late', () => void l.diary.push('late'))
    expect(() => l.system.onShutdown('unready', 'too late', () => {})).toThrow(
      expect.objectContaining({ code: 'CONFIGURATION', message: expect.stringContaining('"unready" has begun') as string }),
    )
  })
  await l.system.stop()
  expect(l.diary).toEqual([...PHASES, 'late'])
  expect(phasesOf(l)).toContain('unready completed')
})

it('does not start what another task of the same phase took back', async () => {
  const l = await planned()
  l.system.onShutdown('flush', 'takes back', () => back())
  const back = l.system.onShutdown('flush', 'taken back', () => void l.diary.push('never'))
  await l.system.stop()
  expect(l.diary).toEqual(PHASES)
})

it('stops the actors by their own limits, last started first, and waits as long as they take', async () => {
  const l = await lab()
  const diary: string[] = []
  for (const name of ['a', 'b']) {
    l.system.spawn(
      fromBehavior<Say>((ctx) => {
        ctx.onStop(() => new Promise<void>((resolve) => void l.clock.setTimeout(() => (diary.push(name), resolve()), 6_000)))
        return () => {}
      }),
      { shutdownMs: 10_000 },
    )
  }
  const stopped = l.system.stop()
  await l.clock.advance(6_000)
  await stopped
  expect(diary).toEqual(['b', 'a'])
  expect(phasesOf(l)).toContain('stop-actors completed')
})

it('kills what is left when its time is over', async () => {
  const l = await lab({ shutdown: { timeoutMs: 1_000 } })
  let signal: AbortSignal | undefined
  const ref = l.system.spawn(
    fromBehavior<Say>((ctx) => {
      signal = ctx.signal
      ctx.onStop(() => new Promise(() => {}))
      return () => {}
    }),
    { shutdownMs: 'infinity' },
  )
  const reason = l.system.watch(ref)
  const stopped = l.system.stop()
  await l.clock.advance(1_000)
  await stopped
  expect(await standing(reason)).toEqual({ value: { type: 'killed' } })
  expect(signal?.aborted).toBe(true)
})

it('takes no new runs, and lets those in flight end', async () => {
  const l = await lab()
  const slow = agent('slow', {
    run: async (text: string, ctx) => {
      await ctx.sleep(100)
      return text
    },
  })
  const run = l.system.run(slow, 'in flight')
  await l.settle()
  const stopped = l.system.stop()
  await l.settle()
  const late = failure(l.system.run(slow, 'too late'))
  await l.clock.advance(100)
  await stopped
  expect(await run).toBe('in flight')
  expect(await late).toBeInstanceOf(Error)
})

it('leaves nothing that still takes messages', async () => {
  const l = await lab()
  const heard: string[] = []
  const ref = l.system.spawn(listener(heard))
  await l.system.stop()
  expect(l.system.tell(ref, { type: 'x' })).toBe('rejected')
  expect(await failure(l.system.ask(ref, { type: 'x' }))).toMatchObject({ code: 'ACTOR_TERMINATED' })
  expect(() => l.system.spawn(listener([]))).toThrow(expect.objectContaining({ code: 'START_FAILED' }))
  expect(l.system.stats().actors).toBe(0)
  await l.clock.advance(100_000)
})

it('ends the streams of the system with its last phase', async () => {
  const l = await lab({ shutdown: { phases: { last: { after: ['close'] } } } })
  const told: string[] = []
  const all = (async () => {
    for await (const event of l.system.events) told.push(event.type === 'shutdown.phase' ? event.phase : event.type)
  })()
  await l.settle()
  await l.system.stop()
  await all
  expect(told.at(-1)).toBe('last')
})

it('comes when the root gives up, and whoever waits is told why', async () => {
  const l = await planned({ supervision: { intensity: 0 } })
  const ref = l.system.spawn(listener([]), { restart: 'permanent' })
  l.system.kill(ref)
  expect(await failure(l.system.terminated)).toMatchObject({ code: 'RESTART_LIMIT' })
  expect(l.diary).toEqual(PHASES)
})

it('is what `await using` does at the end of its block', async () => {
  const l = await planned()
  await l.system[Symbol.asyncDispose]()
  expect(l.diary).toEqual(PHASES)
})
