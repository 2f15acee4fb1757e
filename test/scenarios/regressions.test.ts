/** What the simulation of `conservation.test.ts` has found, each as a case of its own. */
import { beforeEach, describe, expect, it } from 'vitest'
import { fromBehavior, supervisor, type ActorRef, type Logic, type Restart, type SpawnOptions } from 'troupe'
import { cellLogic } from '../../actors/cell-logic.ts'
import { lab, type Lab } from '../kernel/system.ts'

interface Order {
  readonly type: 'crash' | 'exit' | 'quit' | 'pipe' | 'note'
}

let on: Lab
let told: string[]

beforeEach(async () => {
  on = await lab()
  told = []
  on.system.events.subscribe((event) => {
    if (event.type === 'actor.restarted' || event.type === 'actor.terminated') told.push(`${event.type} ${event.ref.path}`)
  })
})

const never = (): Promise<void> => new Promise(() => {})

/** Logic that does as it is told. */
const worker = (hook?: () => Promise<void>) =>
  fromBehavior<Order>((ctx) => {
    if (hook) ctx.onStop(hook)
    return ({ type }) => {
      if (type === 'crash') throw new Error('told to crash')
      if (type === 'exit') ctx.exit()
      if (type === 'quit') void ctx.stop(ctx.self)
      if (type === 'note') told.push(`note ${ctx.self.path}`)
      if (type === 'pipe') ctx.pipe(never(), () => ({ type: 'exit' }))
    }
  })

const spawn = (id: string, options: SpawnOptions & { hook?: () => Promise<void> } = {}): ActorRef<Order> => {
  const { hook, ...rest } = options
  return on.system.spawn(worker(hook), { id, ...rest } as never)
}

const order = async (ref: ActorRef<Order>, type: Order['type']): Promise<void> => {
  on.system.tell(ref, { type })
  await on.settle()
}

it('links nobody to an actor that was restarted after a normal end', async () => {
  const one = spawn('one', { restart: 'permanent' })
  const two = spawn('two')
  on.system.link(one, two)
  await order(one, 'exit')
  await order(one, 'crash')
  expect(told).toEqual(['actor.restarted /one', 'actor.restarted /one'])
})

it.each<[Restart, string]>([
  ['permanent', 'actor.restarted /a'],
  ['transient', 'actor.terminated /a'],
])('judges a %s actor that stops itself by its restart type, also one that is killed brutally', async (restart, end) => {
  const a = spawn('a', { restart, shutdownMs: 'brutal-kill' })
  await order(a, 'quit')
  expect(told).toEqual([end])
})

it('hurts nobody who is linked to an actor that stops itself, also one that is killed brutally', async () => {
  const a = spawn('a', { shutdownMs: 'brutal-kill' })
  on.system.link(a, spawn('other'))
  await order(a, 'quit')
  expect(told).toEqual(['actor.terminated /a'])
})

it('waits at a stop for no promise of an incarnation that has crashed', async () => {
  const a = spawn('a', { restart: 'permanent' })
  await order(a, 'pipe')
  await order(a, 'crash')
  void on.system.stop(a)
  await on.settle()
  expect(told).toEqual(['actor.restarted /a', 'actor.terminated /a'])
})

it('kills what is below an actor before that is restarted', async () => {
  const parent = spawn('parent', { restart: 'permanent' })
  spawn('child', { parent })
  on.system.kill(parent)
  await on.settle()
  expect(told).toEqual(['actor.terminated /parent/child', 'actor.restarted /parent'])
})

it('does not start a child once more that is killed and stopped at once', async () => {
  let hooks = 0
  const hook = async (): Promise<void> => void (hooks += 1)
  on.system.spawn(supervisor({ children: [{ id: 'a', logic: worker(hook) }] }), { id: 'crew' })
  const a = on.system.lookup<Order>('/crew/a')!
  on.system.kill(a)
  void on.system.stop(a)
  await on.settle()
  expect(told).toEqual(['actor.terminated /crew/a'])
  expect(hooks).toBe(0)
})

it('lets an actor that was restarted restart its children as often as a new one', async () => {
  const parent = spawn('parent', { restart: 'permanent' })
  const crashOfChild = async (): Promise<void> =>
    order(on.system.lookup<Order>('/parent/child') ?? spawn('child', { parent, restart: 'permanent' }), 'crash')
  for (let i = 0; i < 4; i += 1) await crashOfChild()
  expect(told.splice(0).slice(-2)).toEqual(['actor.terminated /parent/child', 'actor.restarted /parent'])
  await crashOfChild()
  expect(told).toEqual(['actor.restarted /parent/child'])
})

it('does not restart an actor that was about to stop itself, once somebody else stops it', async () => {
  const a = spawn('a', { restart: 'permanent' })
  await order(a, 'pipe')
  await order(a, 'quit')
  void on.system.stop(a)
  await on.clock.advance(5_000)
  expect(told).toEqual(['actor.terminated /a'])
})

describe('a sibling that is taken down with its group', () => {
  const crew = (hook?: () => Promise<void>): void => {
    const children = [
      { id: 'a', logic: worker() },
      { id: 'b', logic: worker(hook) },
    ]
    on.system.spawn(supervisor({ strategy: 'one-for-all', children }), { id: 'crew' })
  }
  const child = (id: string): ActorRef<Order> => on.system.lookup<Order>(`/crew/${id}`)!
  const slowly = async (): Promise<void> => new Promise((resolve) => void on.clock.setTimeout(resolve, 10))

  it('keeps what waits for it, and what comes meanwhile', async () => {
    crew(slowly)
    on.system.tell(child('a'), { type: 'crash' })
    // More than one turn's worth, so that some still wait when the group goes down.
    for (let i = 0; i < 30; i += 1) on.system.tell(child('b'), { type: 'note' })
    await on.settle()
    expect(told.length).toBeLessThan(30)
    on.system.tell(child('b'), { type: 'note' })
    await on.clock.advance(10)
    expect(on.dead).toEqual([])
    expect(told.filter((what) => what === 'note /crew/b')).toHaveLength(31)
  })

  it('ends when somebody else stops it meanwhile', async () => {
    crew(slowly)
    await order(child('a'), 'crash')
    void on.system.stop(child('b'))
    await on.clock.advance(20)
    expect(told.slice(-1)).toEqual(['actor.terminated /crew/b'])
  })

  it('goes on draining when it is up again', async () => {
    crew(slowly)
    await order(child('a'), 'crash')
    void on.system.drain(child('b'))
    await on.clock.advance(20)
    expect(told.slice(-1)).toEqual(['actor.terminated /crew/b'])
  })
})

it('tells nothing of a child that is down to an incarnation that has crashed meanwhile', async () => {
  const parent = cellLogic<Order>((scope) => {
    const child = scope.children.start(worker() as Logic, {})
    told.push('started')
    return {
      receive: () => {
        scope.children.stop(child, { suspend: true }, () => told.push('child is down'))
        throw new Error('told to crash')
      },
    }
  })
  const ref = on.system.spawn(parent, { id: 'parent', restart: 'permanent' })
  await order(ref, 'crash')
  expect(told.filter((what) => !what.startsWith('actor.terminated'))).toEqual([
    'started',
    'started',
    'actor.restarted /parent',
  ])
})

describe('a hook that never ends', () => {
  it('delays a restart no longer than a stop', async () => {
    const a = spawn('a', { restart: 'permanent', shutdownMs: 100, hook: never })
    await order(a, 'crash')
    await on.clock.advance(99)
    expect(told).toEqual([])
    await on.clock.advance(1)
    expect(told).toEqual(['actor.restarted /a'])
  })

  it('does not keep an actor that crashes while it is stopped', async () => {
    const other = spawn('other')
    const a = spawn('a', { shutdownMs: 100, hook: never })
    await order(a, 'pipe')
    on.system.link(a, other)
    void on.system.stop(a)
    await order(other, 'crash')
    await on.clock.advance(100)
    expect(told).toEqual(['actor.terminated /other', 'actor.terminated /a'])
  })
})
