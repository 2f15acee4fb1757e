/** How the root of a system, and any actor that is no supervisor, restarts its children: one by one, within a budget. */
import { agent, fromBehavior, RestartLimitError, type ActorRef } from 'troupe'
import { expect, it } from 'vitest'
import { failure, lab, type Lab, type Say } from '../kernel/system.ts'

/** Notes when it starts, and crashes when it is told anything. */
const fragile = (l: Lab, starts: number[]) =>
  fromBehavior<Say>(() => {
    starts.push(l.clock.now())
    return () => {
      throw new Error('told to crash')
    }
  })

const crash = async (l: Lab, ref: ActorRef<Say>): Promise<void> => {
  l.system.tell(ref, { type: 'crash' })
  await l.settle()
}

it('agents do not use up its restarts: each has a budget of its own', async () => {
  const l = await lab({ supervision: { intensity: 0 } })
  const names = ['ann', 'bob', 'eve']
  const agents = names.map((name) => agent(name, { run: (text: string) => text }))
  for (const each of agents) await l.system.run(each, 'x')
  for (let times = 0; times < 3; times += 1) {
    for (const name of names) l.system.kill(l.system.lookup(`/${name}`)!)
    await l.settle()
  }
  expect(await l.system.run(agents[0]!, 'x')).toBe('x')
  l.system.kill(l.system.lookup('/bob')!)
  await l.settle()
  expect(l.system.lookup('/bob')).toBeUndefined()
  expect(await l.system.run(agents[2]!, 'x')).toBe('x')
})

it('starts nobody on the stack of whoever killed them', async () => {
  const l = await lab()
  const told: string[] = []
  const victim = l.system.spawn(
    fromBehavior<Say>(() => {
      told.push('starts')
      return () => {}
    }),
    { restart: 'permanent' },
  )
  const killer = l.system.spawn(
    fromBehavior<Say>((ctx) => () => {
      ctx.kill(victim)
      told.push('goes on')
    }),
  )
  l.system.tell(killer, { type: 'now' })
  await l.settle()
  expect(told).toEqual(['starts', 'goes on', 'starts'])
})

const backoff = { minMs: 100, maxMs: 1_000, jitter: 0, resetMs: 500 }

it('waits anew as long as at first after a while without a failure', async () => {
  const l = await lab({ supervision: { intensity: 100, backoff } })
  const starts: number[] = []
  const ref = l.system.spawn(fragile(l, starts), { restart: 'permanent' })
  await crash(l, ref)
  await l.clock.advance(100)
  await crash(l, ref)
  await l.clock.advance(200)
  // 499 ms after the last failure, then 500.
  await l.clock.advance(299)
  await crash(l, ref)
  await l.clock.advance(500)
  await crash(l, ref)
  await l.clock.advance(100)
  expect(starts).toEqual([0, 100, 300, 999, 1_199])
})

it.each(['stop', 'kill'] as const)('a wait for a restart ends with who waits: %s', async (how) => {
  const l = await lab({ supervision: { backoff } })
  const starts: number[] = []
  const ref = l.system.spawn(fragile(l, starts), { restart: 'permanent' })
  await crash(l, ref)
  if (how === 'stop') await l.system.stop(ref)
  else l.system.kill(ref)
  await l.clock.advance(10_000)
  expect(starts).toEqual(how === 'stop' ? [0] : [0, 100])
  expect(l.system.stats().actors).toBe(how === 'stop' ? 0 : 1)
})

it('tries again and again to start who does not, and counts each time', async () => {
  const l = await lab()
  let starts = 0
  const ref = l.system.spawn(
    fromBehavior<Say>(() => {
      starts += 1
      if (starts > 1) throw new Error('no start')
      return () => {
        throw new Error('told to crash')
      }
    }),
    { restart: 'permanent' },
  )
  const ended = failure(l.system.terminated)
  await crash(l, ref)
  expect(starts).toBe(4)
  await l.clock.advance(60_000)
  expect(await ended).toBeInstanceOf(RestartLimitError)
})

it('an actor whose children fail too often ends as well, and its parent judges', async () => {
  const l = await lab()
  const starts: number[] = []
  let child: ActorRef<Say> | undefined
  const parent = l.system.spawn(
    fromBehavior<Say>((ctx) => {
      child = ctx.spawn(fragile(l, starts), { restart: 'permanent' })
      return () => {}
    }),
    { restart: 'permanent', id: 'parent' },
  )
  for (let times = 0; times < 4; times += 1) await crash(l, child!)
  // Three restarts, then one with a parent that has started anew, and with all its restarts.
  expect(starts).toHaveLength(5)
  const ends = l.events.flatMap((event) => (event.type === 'supervisor.gave-up' ? [event.ref.path] : []))
  expect(ends).toEqual(['/parent'])
  for (let times = 0; times < 3; times += 1) await crash(l, child!)
  expect(starts).toHaveLength(8)
  expect(l.system.lookup('/parent')).toMatchObject({ uid: parent.uid })
})
