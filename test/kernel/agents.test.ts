/** What the kernel owes to agents and supervisors: circles end, finished steps stay done, nobody's throw spreads. */
import { agent, createSystem, defineProtocol, fromBehavior, type Agent, type Behavior } from 'troupe'
import { manualClock } from 'troupe/testing'
import { expect, it, onTestFinished } from 'vitest'
import type { AnyEventObject } from 'xstate'
import { z } from 'zod'
import { incarnate, type CellLogic } from '../../src/contracts/behavior.ts'
import { diaryLogger } from './system.ts'

const start = async (options: Parameters<typeof createSystem>[0] = {}) => {
  const clock = manualClock()
  const system = await createSystem({ clock, seed: 1, logger: diaryLogger([]), ...options })
  onTestFinished(async () => {
    const stopping = system.stop()
    await clock.advance(60_000)
    await stopping
  })
  return { clock, system }
}

it('an agent that asks itself for ever is ended by hops', async () => {
  const { system } = await start()
  let depth = 0
  const round: Agent<string, string> = agent('round', {
    run: (text: string, ctx): Promise<string> => {
      depth += 1
      return ctx.ask(round, text)
    },
  })
  const outcome = await system.submit(round, 'x', { budget: { hops: 5 } }).outcome
  expect(outcome).toEqual({ status: 'exhausted', what: 'hops', cap: 5, spent: 6 })
  expect(depth).toBe(6)
})

it('a task that is taken up again by a restarted agent does not repeat its finished steps', async () => {
  const { system, clock } = await start()
  let steps = 0
  let starts = 0
  const worker = agent('worker', {
    run: async (text: string, ctx) => {
      starts += 1
      const paid = await ctx.step('pay', () => {
        steps += 1
        return `paid ${text}`
      })
      await ctx.sleep(1_000)
      return paid
    },
  })
  const run = system.submit(worker, 'x')
  await clock.advance(10)
  const ref = system.lookup('/worker')
  if (ref) system.kill(ref)
  await clock.advance(2_000)
  expect(await run.outcome).toEqual({ status: 'completed', output: 'paid x' })
  expect([starts, steps]).toEqual([2, 1])
  const events = (await system.runs.show(run.id))?.events ?? []
  expect(events.filter(({ type }) => type === 'task.started')).toHaveLength(1)
})

it('a task is taken up again once only', async () => {
  const { system, clock } = await start()
  const worker = agent('worker', { run: (_: string, ctx) => ctx.sleep(60_000) })
  const run = system.submit(worker, 'x')
  for (let i = 0; i < 2; i += 1) {
    await clock.advance(10)
    const ref = system.lookup('/worker')
    if (ref) system.kill(ref)
  }
  await clock.advance(10)
  expect(await run.outcome).toMatchObject({ status: 'failed', error: { code: 'ACTOR_CRASHED' } })
  const events = (await system.runs.show(run.id))?.events ?? []
  expect(events.map(({ type }) => type)).toEqual(['run.started', 'task.started', 'task.ended', 'run.ended'])
})

it('the end of a system refuses runs that still wait, and lets those in flight complete', async () => {
  const { system, clock } = await start()
  const one = agent('one', { run: async (text: string, ctx) => (await ctx.sleep(1_000), text), concurrency: 1 })
  const [first, second] = [system.submit(one, 'a'), system.submit(one, 'b')]
  await clock.advance(10)
  const stopped = system.stop()
  await clock.advance(5_000)
  await stopped
  expect(await first.outcome).toEqual({ status: 'completed', output: 'a' })
  expect(await second.outcome).toMatchObject({ status: 'rejected', error: { code: 'ACTOR_TERMINATED' } })
})

it('what needs a durable store says that there is none', async () => {
  const { system } = await start()
  const logic = fromBehavior(() => () => {})
  expect(() => system.spawn(logic, { persist: true })).toThrow(expect.objectContaining({ code: 'NOT_PROVIDED' }))
})

it('what an actor throws outside of its messages crashes that actor alone', async () => {
  const { system, clock } = await start()
  const parent: CellLogic = {
    [incarnate]: (scope) => {
      scope.spawn(fromBehavior(() => () => {}), { id: 'child' })
      return {
        receive: () => {},
        childExited: () => {
          throw new Error('boom')
        },
      }
    },
  }
  const ref = system.spawn(parent as unknown as Behavior<AnyEventObject>, { id: 'parent' })
  const end = system.watch(ref)
  const child = system.lookup('/parent/child')
  if (child) system.kill(child)
  await clock.advance(1)
  expect(await end).toMatchObject({ type: 'error', error: { message: 'boom' } })
})

it('send rejects what does not fit its contract with the faults', async () => {
  const { system } = await start()
  const Shop = defineProtocol({ 'order.placed': z.object({ n: z.number() }) })
  const ref = system.spawn(fromBehavior(() => () => {}), { protocol: Shop })
  const sent = system.send(ref, { type: 'order.placed', payload: { n: 'x' } }, { timeoutMs: 10 })
  await expect(sent).rejects.toMatchObject({ code: 'INVALID_MESSAGE', faults: [{ path: 'payload.n' }] })
})

it('the root waits before a restart when it is told to', async () => {
  const { system, clock } = await start({ supervision: { backoff: { minMs: 100, maxMs: 400, jitter: 0 } } })
  const starts: number[] = []
  const ref = system.spawn(
    fromBehavior(() => {
      starts.push(clock.now())
      return () => {
        throw new Error('boom')
      }
    }),
    { restart: 'permanent' },
  )
  for (let i = 0; i < 2; i += 1) {
    system.tell(ref, { type: 'x' })
    await clock.advance(200)
  }
  expect(starts).toEqual([0, 100, 400])
})

it('a limit for each child stops that child alone', async () => {
  const { system, clock } = await start({
    supervision: { intensity: 10, perChild: { intensity: 1, periodMs: 1_000 } },
  })
  const bad = system.spawn(
    fromBehavior(() => () => {
      throw new Error('boom')
    }),
    { restart: 'permanent' },
  )
  const good = system.spawn(fromBehavior((ctx) => () => ctx.reply('fine')), { restart: 'permanent' })
  const end = system.watch(bad)
  for (let i = 0; i < 3; i += 1) {
    system.tell(bad, { type: 'x' })
    await clock.advance(1)
  }
  expect(await end).toMatchObject({ type: 'error', error: { code: 'RESTART_LIMIT' } })
  expect(await system.ask(good, { type: 'x' })).toBe('fine')
})

it('a stop of an agent waits for its tasks, with their next attempts, their sleeps and their time limits', async () => {
  const { system, clock } = await start()
  const worker = agent('worker', {
    retry: { attempts: 2, minMs: 1_000, jitter: false },
    timeoutMs: 500,
    circuit: false,
    run: async (text: string, ctx) => {
      // The first attempt takes longer than it may.
      await ctx.sleep(ctx.attempt === 1 ? 10_000 : 300)
      return text
    },
  })
  const run = system.submit(worker, 'x')
  await clock.advance(10)
  const ref = system.lookup('/worker')!
  const reason = system.watch(ref)
  void system.stop(ref)
  await clock.advance(1_789)
  expect(system.stats().runs).toBe(1)
  await clock.advance(1)
  expect(await run.outcome).toEqual({ status: 'completed', output: 'x' })
  expect(await reason).toEqual({ type: 'shutdown' })
})

it('a stop of an agent that waits for a retry longer than it may kills it', async () => {
  const { system, clock } = await start()
  const worker = agent('worker', {
    retry: { attempts: 2, minMs: 60_000, maxMs: 60_000, jitter: false },
    circuit: false,
    timeoutMs: 10,
    run: (_: string, ctx) => ctx.sleep(100),
  })
  const run = system.submit(worker, 'x')
  await clock.advance(20)
  const ref = system.lookup('/worker')!
  const reason = system.watch(ref)
  void system.stop(ref)
  await clock.advance(5_000)
  expect(await reason).toEqual({ type: 'killed' })
  expect(await run.outcome).toMatchObject({ status: 'failed', error: { code: 'ACTOR_CRASHED' } })
})

it('a stop of an agent leaves it the timers of its circuit, for the tasks that it waits for', async () => {
  const { system, clock } = await start()
  const worker = agent('worker', {
    circuit: { failures: 1, openMs: 100, probeTimeoutMs: 50, counts: () => true },
    run: async (text: string, ctx) => {
      if (text === 'bad') throw new Error('no')
      await ctx.sleep(1_000)
      return text
    },
  })
  const changes: string[] = []
  system.events.subscribe((event) => event.type === 'circuit.changed' && changes.push(`${event.from} ${event.to}`))
  await system.submit(worker, 'bad').outcome
  await clock.advance(100)
  const probe = system.submit(worker, 'good')
  await clock.advance(10)
  const ref = system.lookup('/worker')
  void system.stop(ref)
  await clock.advance(50)
  expect(changes).toEqual(['closed open', 'open half-open', 'half-open open'])
  await clock.advance(1_000)
  expect(await probe.outcome).toMatchObject({ status: 'completed' })
})
