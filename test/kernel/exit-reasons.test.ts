/** The reasons of an end: who is told what, and what follows for those who are tied to it. */
import { fromBehavior, supervisor, type ActorRef, type ExitReason, type Logic, type SpawnOptions } from 'troupe'
import { describe, expect, it } from 'vitest'
import { createMachine, fromPromise } from 'xstate'
import { lab, listener, type Lab, type Say } from './system.ts'

const actor = fromBehavior<Say>((ctx) => ({ type }) => {
  if (type === 'exit') ctx.exit()
  if (type === 'quit') void ctx.stop(ctx.self)
  if (type === 'crash') throw new Error('no')
  if (type === 'hang') ctx.onStop(() => new Promise(() => {}))
})

interface Way {
  readonly logic?: Logic
  readonly options?: SpawnOptions<undefined>
  readonly end: (l: Lab, ref: ActorRef<Say>) => unknown
  readonly reason: object
  /** Whether those who are linked to it end too, and a transient one is started again. */
  readonly abnormal: boolean
  /** Whether somebody else wanted it: then nobody starts it again. */
  readonly stopped?: boolean
}

const say = (type: string) => ({ system }: Lab, ref: ActorRef<Say>): unknown => system.tell(ref, { type })

const finishing = createMachine({
  initial: 'open',
  states: {
    open: {
      on: {
        finish: 'over',
        fail: {
          actions: () => {
            throw new Error('no')
          },
        },
      },
    },
    over: { type: 'final' },
  },
})

const ways: Readonly<Record<string, Way>> = {
  'it exits': { end: say('exit'), reason: { type: 'normal' }, abnormal: false },
  'a machine is done': { logic: finishing, end: say('finish'), reason: { type: 'normal' }, abnormal: false },
  'a promise resolves': {
    logic: fromPromise(() => Promise.resolve('x')),
    end: () => {},
    reason: { type: 'normal' },
    abnormal: false,
  },
  'it stops itself': { end: say('quit'), reason: { type: 'shutdown' }, abnormal: false },
  'somebody stops it': {
    end: ({ system }, ref) => system.stop(ref, { info: 'enough' }),
    reason: { type: 'shutdown', info: 'enough' },
    abnormal: false,
    stopped: true,
  },
  'somebody drains it': {
    end: ({ system }, ref) => system.drain(ref),
    reason: { type: 'shutdown' },
    abnormal: false,
    stopped: true,
  },
  'it throws': { end: say('crash'), reason: { type: 'error', error: { code: 'DEFECT' } }, abnormal: true },
  'an action of a machine throws': {
    logic: finishing,
    end: say('fail'),
    reason: { type: 'error', error: { code: 'DEFECT' } },
    abnormal: true,
  },
  'a promise rejects': {
    logic: fromPromise(() => Promise.reject(new Error('no'))),
    end: () => {},
    reason: { type: 'error', error: { code: 'DEFECT' } },
    abnormal: true,
  },
  'somebody kills it': { end: ({ system }, ref) => system.kill(ref), reason: { type: 'killed' }, abnormal: true },
  'it takes too long to stop': {
    options: { shutdownMs: 10 },
    end: ({ system }, ref) => (system.tell(ref, { type: 'hang' }), system.settle().then(() => system.stop(ref))),
    reason: { type: 'killed' },
    abnormal: true,
    stopped: true,
  },
  'it is to be stopped brutally': {
    options: { shutdownMs: 'brutal-kill' },
    end: ({ system }, ref) => system.stop(ref),
    reason: { type: 'killed' },
    abnormal: true,
    stopped: true,
  },
}

const spawn = ({ system }: Lab, { logic = actor, options }: Way, restart: 'transient' | 'temporary' | 'permanent') =>
  system.spawn(logic as typeof actor, { ...options, id: 'a', restart })

const after = async (l: Lab, act: () => unknown): Promise<void> => {
  act()
  await l.settle()
  await l.clock.advance(10)
}

describe.each(Object.entries(ways))('%s', (_, way) => {
  it('is told to whoever watches', async () => {
    const l = await lab()
    const heard: unknown[] = []
    const ref = spawn(l, way, 'temporary')
    l.system.spawn(
      fromBehavior<Say>((ctx) => {
        ctx.watch(ref)
        return ({ type, reason }) => heard.push([type, reason])
      }),
    )
    await after(l, () => way.end(l, ref))
    expect(heard).toMatchObject([['actor.terminated', way.reason]])
  })

  it(`${way.abnormal ? 'ends' : 'does not end'} those who are linked to it`, async () => {
    const l = await lab()
    const ends: ExitReason[] = []
    const ref = spawn(l, way, 'temporary')
    const partner = l.system.spawn(listener([]))
    void l.system.watch(partner).then((reason) => ends.push(reason))
    l.system.link(ref, partner)
    await after(l, () => way.end(l, ref))
    expect(ends).toMatchObject(way.abnormal ? [way.reason] : [])
  })

  it.each(['permanent', 'transient', 'temporary'] as const)('is judged by its restart: %s', async (restart) => {
    const wanted = !way.stopped && (restart === 'permanent' || (restart === 'transient' && way.abnormal))
    const l = await lab()
    const ref = spawn(l, way, restart)
    await after(l, () => way.end(l, ref))
    expect(l.events.some(({ type }) => type === 'actor.restarted')).toBe(wanted)
  })

  it.each(['permanent', 'transient', 'temporary'] as const)('is judged alike by a supervisor: %s', async (restart) => {
    const wanted = !way.stopped && (restart === 'permanent' || (restart === 'transient' && way.abnormal))
    const l = await lab()
    const spec = { ...way.options, id: 'a', logic: way.logic ?? actor, restart }
    l.system.spawn(supervisor({ children: [spec] }), { id: 'crew' })
    const ref = l.system.lookup<Say>('/crew/a')!
    await after(l, () => way.end(l, ref))
    expect(l.events.some(({ type }) => type === 'actor.restarted')).toBe(wanted)
  })
})

it('the end of its parent is a shutdown', async () => {
  const l = await lab()
  const parent = l.system.spawn(actor)
  const reason = l.system.watch(l.system.spawn(actor, { parent }))
  await l.system.stop(parent, { info: 'of the parent' })
  expect(await reason).toEqual({ type: 'shutdown' })
})

it('the end of a linked actor is its own, and so judged by its restart', async () => {
  const l = await lab()
  const [a, b] = [l.system.spawn(actor), l.system.spawn(actor, { restart: 'transient' })]
  l.system.link(a, b)
  await after(l, () => l.system.tell(a, { type: 'crash' }))
  expect(l.events.filter(({ type }) => type === 'actor.restarted')).toMatchObject([{ ref: b }])
})

it('what is gone already, or never was, is no actor', async () => {
  const l = await lab()
  const ref = l.system.spawn(actor)
  await l.system.stop(ref)
  expect(await l.system.watch(ref)).toEqual({ type: 'no-actor' })
})
