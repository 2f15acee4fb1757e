/** Fairness: batches, slices and the event loop's turn, in real time where that is the point. */
import { createSystem, fromBehavior, type ActorRef } from 'troupe'
import { expect, it } from 'vitest'
import { diaryLogger, lab, type Say } from './system.ts'

it('runs nobody on the stack of who sends, however long the chain', async () => {
  const l = await lab()
  let last: ActorRef<Say> | undefined
  let arrived = 0
  for (let i = 0; i < 20_000; i += 1) {
    const next = last
    last = l.system.spawn(
      fromBehavior<Say>((ctx) => (message) => {
        if (next) ctx.tell(next, message)
        else arrived += 1
      }),
    )
  }
  l.system.tell(last!, { type: 'x' })
  await l.settle()
  expect(arrived).toBe(1)
})

it('gives others their turn after a batch of 20 messages', async () => {
  const l = await lab()
  const order: string[] = []
  const note = (name: string) => fromBehavior<Say>(() => () => void order.push(name))
  const [a, b] = [l.system.spawn(note('a')), l.system.spawn(note('b'))]
  for (let i = 0; i < 50; i += 1) l.system.tell(a, { type: 'x' })
  l.system.tell(b, { type: 'x' })
  await l.settle()
  expect(order.indexOf('b')).toBe(20)
})

it('starves neither timers nor third actors with endless ping-pong', async () => {
  const system = await createSystem({ logger: diaryLogger([]) })
  let hits = 0
  const player = fromBehavior<Say & { to?: ActorRef<Say> }>((ctx) => ({ to }) => {
    hits += 1
    ctx.tell(to!, { type: 'ball', to: ctx.self })
  })
  const [ping, pong] = [system.spawn(player), system.spawn(player)]
  system.tell(ping, { type: 'ball', to: pong })
  await new Promise((resolve) => void setTimeout(resolve, 5))
  const third = system.spawn(fromBehavior<Say>((ctx) => () => ctx.reply('here')))
  expect(await system.ask(third, { type: 'x' })).toBe('here')
  expect(hits).toBeGreaterThan(100)
  system.kill(ping)
  await system.stop()
})

it('does not wait for asynchronous work: other messages are handled meanwhile', async () => {
  const l = await lab()
  const heard: string[] = []
  const ref = l.system.spawn(
    fromBehavior<Say>((ctx) => ({ type }) => {
      heard.push(type)
      if (type === 'work') ctx.pipe(new Promise((resolve) => void setImmediate(resolve)), () => ({ type: 'done' }))
    }),
  )
  l.system.tell(ref, { type: 'work' })
  l.system.tell(ref, { type: 'other' })
  await l.settle()
  await l.settle()
  expect(heard).toEqual(['work', 'other', 'done'])
})

it('an actor whose handler throws does not stop the others that are ready', async () => {
  const l = await lab()
  const heard: string[] = []
  const crashing = l.system.spawn(
    fromBehavior<Say>(() => () => {
      throw new Error('no')
    }),
  )
  const fine = l.system.spawn(fromBehavior<Say>(() => ({ type }) => void heard.push(type)))
  l.system.tell(crashing, { type: 'x' })
  l.system.tell(fine, { type: 'y' })
  await l.settle()
  expect(heard).toEqual(['y'])
})

it('a thousand asks share one timer of the clock', async () => {
  const l = await lab()
  let armed = 0
  const set = l.clock.setTimeout
  l.clock.setTimeout = (fn, ms) => {
    armed += 1
    return set(fn, ms)
  }
  const ref = l.system.spawn(fromBehavior<Say>((ctx) => () => ctx.reply(1)))
  await Promise.all(Array.from({ length: 1_000 }, () => l.system.ask(ref, { type: 'x' })))
  expect(armed).toBe(1)
})
