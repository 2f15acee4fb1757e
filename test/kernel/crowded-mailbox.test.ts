/** Mailboxes in which many messages wait: nothing of a message is lost, whoever sent it and whatever becomes of it. */
import { createSystem, fromBehavior, type ActorRef, type AgentMessage } from 'troupe'
import { manualClock } from 'troupe/testing'
import { expect, it } from 'vitest'
import { balanced, lab, listener, type Lab, type Say } from './system.ts'

const MANY = 1_000
const numbered = Array.from({ length: MANY }, (_, i) => `m${i}`)

/** Tells `to` all of them from within a handler of its own. */
const chatter = (l: Lab, to: ActorRef<Say>, types: readonly string[]): ActorRef<Say> =>
  l.system.spawn(fromBehavior<Say>((ctx) => () => types.forEach((type) => ctx.tell(to, { type }))))

/** Keeps the envelopes that it is told in. */
const archive = (l: Lab, kept: AgentMessage[]): ActorRef<Say> =>
  l.system.spawn(fromBehavior<Say>((ctx) => () => void kept.push(ctx.envelope)))

it('handles a crowd in the order in which it came, wherever each message is from', async () => {
  const heard: string[] = []
  const l = await lab()
  const ref = l.system.spawn(listener(heard))
  const one = chatter(l, ref, numbered.slice(0, 300))
  l.system.tell(one, { type: 'go' })
  await l.settle()
  expect(heard).toEqual(numbered.slice(0, 300))
  heard.length = 0
  numbered.forEach((type) => l.system.tell(ref, { type }))
  await l.settle()
  expect(heard).toEqual(numbered)
  expect(balanced(l)).toBe(true)
})

it('shows each message of a crowd in an envelope of its own, with its sender and its cause', async () => {
  const kept: AgentMessage[] = []
  const l = await lab()
  const ref = archive(l, kept)
  const senders = [0, 1, 2].map(() => chatter(l, ref, numbered.slice(0, 50)))
  for (const sender of senders) l.system.tell(sender, { type: 'go' })
  numbered.slice(0, 20).forEach((type) => l.system.tell(ref, { type }))
  await l.settle()
  expect(new Set(kept.map(({ id }) => id)).size).toBe(170)
  const by = Map.groupBy(kept, ({ from }) => from)
  expect([...by.keys()].toSorted()).toEqual(['troupe://local', ...senders.map(({ address }) => address)].toSorted())
  for (const { address } of senders) {
    const own = by.get(address)!
    expect(own.map(({ type }) => type)).toEqual(numbered.slice(0, 50))
    expect(new Set(own.map(({ causedBy }) => causedBy)).size).toBe(1)
    expect(new Set(own.map(({ correlationId }) => correlationId)).size).toBe(1)
  }
  expect(new Set(senders.map(({ address }) => by.get(address)![0]!.causedBy)).size).toBe(3)
  expect(by.get('troupe://local')!.every(({ causedBy }) => causedBy === undefined)).toBe(true)
})

it('tells apart what one actor sends when it starts and what nobody sends', async () => {
  const kept: AgentMessage[] = []
  const l = await lab()
  const ref = archive(l, kept)
  const early = l.system.spawn(
    fromBehavior<Say>((ctx) => {
      numbered.slice(0, 40).forEach((type) => ctx.tell(ref, { type }))
      return () => {}
    }),
  )
  numbered.slice(40, 80).forEach((type) => l.system.tell(ref, { type }))
  await l.settle()
  const from = kept.toSorted((a, b) => Number(a.type.slice(1)) - Number(b.type.slice(1))).map((each) => each.from)
  expect(from).toEqual([...Array(40).fill(early.address), ...Array(40).fill('troupe://local')])
})

it('gives what joins a crowd later the later time', async () => {
  const kept: AgentMessage[] = []
  const clock = manualClock()
  let passedMs = 0
  const { system } = await lab({ clock: { ...clock, now: () => clock.now() + passedMs } })
  const ref: ActorRef<Say> = system.spawn(
    fromBehavior<Say>((ctx) => ({ type }) => {
      kept.push(ctx.envelope)
      if (type === 'm0') passedMs = 500
      if (type === 'm500') system.tell(ref, { type: 'late' })
    }),
  )
  numbered.forEach((type) => system.tell(ref, { type }))
  await system.settle()
  expect(kept.at(-1)?.type).toBe('late')
  expect(kept.at(-1)!.timestamp - kept[0]!.timestamp).toBe(500)
  expect(kept[999]!.timestamp).toBe(kept[0]!.timestamp)
})

it('tells apart what one sender sends for different reasons', async () => {
  const kept: AgentMessage[] = []
  const l = await lab()
  const ref = archive(l, kept)
  const sender = chatter(l, ref, ['a', 'b'])
  // Both are handled in one turn, and what they lead to joins a crowd.
  numbered.slice(0, 40).forEach((type) => l.system.tell(ref, { type }))
  l.system.tell(sender, { type: 'go' })
  l.system.tell(sender, { type: 'go' })
  await l.settle()
  const own = kept.filter(({ from }) => from === sender.address)
  expect(own.map(({ type }) => type)).toEqual(['a', 'b', 'a', 'b'])
  expect(own[0]!.causedBy).toBe(own[1]!.causedBy)
  expect(own[2]!.causedBy).toBe(own[3]!.causedBy)
  expect(own[0]!.causedBy).not.toBe(own[2]!.causedBy)
})

it('drops the oldest of a crowd, one for one', async () => {
  const heard: string[] = []
  const l = await lab()
  const ref = l.system.spawn(listener(heard), { mailbox: { capacity: 100, overflow: 'drop-oldest' } })
  numbered.forEach((type) => l.system.tell(ref, { type }))
  await l.settle()
  expect(heard).toEqual(numbered.slice(-100))
  expect(l.buried()).toEqual(numbered.slice(0, -100).map((type) => `${type} mailbox-full`))
  expect(balanced(l)).toBe(true)
})

it('keeps a crowd through a restart, and buries all of it on a stop', async () => {
  const heard: string[] = []
  const l = await lab()
  const logic = fromBehavior<Say>(() => ({ type }) => {
    if (type === 'm10') throw new Error('ten is too much')
    heard.push(type)
  })
  const ref = l.system.spawn(logic, { restart: 'permanent' })
  numbered.forEach((type) => l.system.tell(ref, { type }))
  await l.settle()
  expect(heard).toEqual(numbered.filter((type) => type !== 'm10'))
  numbered.forEach((type) => l.system.tell(ref, { type }))
  await l.system.stop(ref)
  expect(l.buried()).toEqual(numbered.map((type) => `${type} stopped`))
  expect(balanced(l)).toBe(true)
})

it('lets what is exempt, and what somebody awaits, stand among a crowd in its place', async () => {
  const heard: string[] = []
  const system = await createSystem()
  const ref = system.spawn(
    fromBehavior<Say>((ctx) => ({ type }) => {
      heard.push(type)
      if (type === 'question') ctx.reply(heard.length)
    }),
  )
  numbered.slice(0, 200).forEach((type) => system.tell(ref, { type }))
  const answer = system.ask(ref, { type: 'question' })
  numbered.slice(200, 400).forEach((type) => system.tell(ref, { type }))
  expect(await answer).toBe(201)
  await system.settle()
  expect(heard).toEqual([...numbered.slice(0, 200), 'question', ...numbered.slice(200, 400)])
  await system.stop()
})
