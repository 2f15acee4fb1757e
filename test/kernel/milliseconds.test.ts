/** Times that are no numbers: refused where they are given, before they could stop the timers of everybody else. */
import { agent, createSystem, fromBehavior, type ActorRef, type System } from 'troupe'
import { describe, expect, it } from 'vitest'
import { setup } from 'xstate'
import { failure, lab, listener, type Say } from './system.ts'

const refused = { name: 'ConfigurationError', message: expect.stringMatching(/is a number of milliseconds, not/) }
const wrong = [NaN, '10', {}] as unknown as number[]

const verbs: Record<string, (system: System, ref: ActorRef<Say>, ms: number) => Promise<unknown>> = {
  ask: (system, ref, timeoutMs) => system.ask(ref, { type: 'x' }, { timeoutMs }),
  send: (system, ref, timeoutMs) => system.send(ref, { type: 'x' }, { timeoutMs }),
  stop: (system, ref, timeoutMs) => system.stop(ref, { timeoutMs }),
  drain: (system, ref, timeoutMs) => system.drain(ref, { timeoutMs }),
  run: (system, _, timeoutMs) => system.run(agent('a', { run: (text: string) => text }), 'x', { timeoutMs }),
  'a sleep of a task': (system, _, ms) => system.run(agent('a', { run: (__: string, ctx) => ctx.sleep(ms) }), 'x'),
  createSystem: (_, __, timeoutMs) => createSystem({ timeoutMs }),
}

describe.each(Object.entries(verbs))('%s', (_, act) => {
  it.each(wrong)('refuses %s, and leaves nothing behind', async (ms) => {
    const l = await lab()
    const ref = l.system.spawn(listener([]), { id: 'there' })
    expect(await failure(act(l.system, ref, ms))).toMatchObject(refused)
    await l.settle()
    expect(l.system.stats()).toMatchObject({ queued: 0, runs: 0 })
    expect(l.system.lookup('/there')).toBeDefined()
    await l.system.stop(ref)
  })
})

const inActors: Record<string, (ctx: Parameters<Parameters<typeof fromBehavior<Say>>[0]>[0], ms: number) => void> = {
  'a timer': (ctx, afterMs) => ctx.timers.start('key', { type: 'tick' }, { afterMs }),
  'a timer that repeats': (ctx, everyMs) => ctx.timers.start('key', { type: 'tick' }, { everyMs }),
  'a receive timeout': (ctx, ms) => ctx.receiveTimeout(ms),
}

it.each(Object.entries(inActors))('%s crashes the actor that asks for it, and nobody else loses a timer', async (_, act) => {
  const l = await lab()
  const heard: string[] = []
  l.system.spawn(
    fromBehavior<Say>((ctx) => {
      for (const ms of [50, 40, 30, 20, 10]) ctx.timers.start(`${ms}`, { type: `${ms}` }, { afterMs: ms })
      return ({ type }) => void heard.push(type)
    }),
  )
  const ref = l.system.spawn(fromBehavior<Say>((ctx) => () => act(ctx, NaN)))
  const reason = l.system.watch(ref)
  l.system.tell(ref, { type: 'now' })
  await l.clock.advance(50)
  expect(await reason).toMatchObject({ type: 'error', error: refused })
  expect(heard).toEqual(['10', '20', '30', '40', '50'])
})

it('`send` says that it needs a timeout when it is given none', async () => {
  const { system } = await lab()
  const send = system.send as unknown as (ref: ActorRef<Say>, message: Say) => Promise<void>
  expect(await failure(send(system.spawn(listener([])), { type: 'x' }))).toMatchObject(refused)
})

it.each([{ restart: 'always' }, { shutdownMs: NaN }, { shutdownMs: 'soon' }])('spawn refuses %j', async (options) => {
  const { system } = await lab()
  const spawn = (): unknown => system.spawn(listener([]), { id: 'a', ...(options as object) })
  expect(spawn).toThrow(expect.objectContaining({ name: 'ConfigurationError' }))
  expect(system.stats().actors).toBe(0)
})

it('a delay of a machine that is no number crashes that machine, and nobody else loses a timer', async () => {
  const l = await lab()
  const heard: string[] = []
  l.system.spawn(
    fromBehavior<Say>((ctx) => {
      for (const ms of [30, 20, 10]) ctx.timers.start(`${ms}`, { type: `${ms}` }, { afterMs: ms })
      return ({ type }) => void heard.push(type)
    }),
  )
  const machine = setup({ types: { events: {} as Say }, delays: { odd: () => NaN } }).createMachine({
    initial: 'idle',
    states: { idle: { on: { go: 'waiting' } }, waiting: { after: { odd: 'idle' } } },
  })
  const ref = l.system.spawn(machine)
  const reason = l.system.watch(ref)
  l.system.tell(ref, { type: 'go' })
  await l.clock.advance(30)
  expect(await reason).toMatchObject({ type: 'error', error: refused })
  expect(heard).toEqual(['10', '20', '30'])
})
