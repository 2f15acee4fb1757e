/** Debates at work. */
import { describe, expect, it } from 'vitest'
import { agent, ConfigurationError, debate, type Agent, type Round } from '../../src/index.ts'
import { same } from '../api/tests/same.ts'
import { codeOf, eventsOf, rig } from './rig.ts'

type Said = Round<string, string>

/** Answers with its name and what it read; fails in the rounds that are named. */
const peer = (name: string, { fails = [] as number[], ms = 0 } = {}) =>
  agent(name, {
    run: async ({ round, positions }: Said, { sleep }): Promise<string> => {
      if (ms > 0) await sleep(ms)
      if (fails.includes(round)) throw new Error(`${name} lost its voice`)
      const read = Object.values(positions).join()
      return `${name}${String(round)}${read && `(${read})`}`
    },
  })
/** Gives back what it sees. */
const judge = agent('judge', { run: (round: Said): unknown => round })

const decisionsOf = async (run: Parameters<typeof eventsOf>[0]): Promise<unknown[]> =>
  (await eventsOf(run)).flatMap((event) =>
    event.type === 'decision.made' ? [[event.kind, event.chosen, event.alternatives, event.reason]] : [],
  )

it('lets peers answer, read what the others said last, and answer again; then the judge speaks', async () => {
  const { system } = await rig()
  const talk = debate('talk', { peers: { a: peer('a'), b: peer('b'), c: peer('c') }, judge, rounds: 2 })
  expect(await system.run(talk, 'cats?')).toEqual({
    input: 'cats?',
    round: 2,
    positions: { a: 'a2(b1,c1)', b: 'b2(a1,c1)', c: 'c2(a1,b1)' },
  })
})

it('has three rounds unless told otherwise, each as long as its slowest peer', async () => {
  const { system, clock } = await rig()
  const talk = debate('talk', { peers: { a: peer('a', { ms: 10 }), b: peer('b', { ms: 30 }) }, judge })
  const run = system.submit(talk, 'x')
  await clock.advance(90)
  expect(await run.outcome).toMatchObject({ status: 'completed', output: { round: 3 } })
})

it('ends as soon as the positions agree, without a judge', async () => {
  const { system } = await rig()
  const seen: (readonly string[])[] = []
  const talk = debate('talk', {
    peers: { a: peer('a'), b: peer('b') },
    judge,
    agreed: (positions) => {
      seen.push(positions)
      return seen.length === 2 ? `agreed on ${positions.join(' and ')}` : undefined
    },
  })
  const run = system.submit(talk, 'x')
  expect(await run.outcome).toEqual({ status: 'completed', output: 'agreed on a2(b1) and b2(a1)' })
  expect(seen).toEqual([
    ['a1', 'b1'],
    ['a2(b1)', 'b2(a1)'],
  ])
  expect(await decisionsOf(run)).toEqual([
    ['revision', 'peers', ['judge'], 'round 1 of 3 is over without agreement'],
    ['vote', 'agreed', ['judge'], 'the positions agree in round 2 of 3'],
  ])
})

describe('a peer that fails', () => {
  it('keeps its last position, and is asked again', async () => {
    const { system } = await rig()
    const talk = debate('talk', { peers: { a: peer('a', { fails: [2] }), b: peer('b') }, judge })
    const run = system.submit(talk, 'x')
    expect(await run.outcome).toEqual({
      status: 'completed',
      output: { input: 'x', round: 3, positions: { a: 'a3(b2(a1))', b: 'b3(a1)' } },
    })
    expect(await decisionsOf(run)).toEqual([
      ['revision', 'peers', ['judge'], 'round 1 of 3 is over'],
      ['revision', 'peers', ['judge'], 'round 2 of 3 is over; a did not answer'],
      ['vote', 'judge', ['agreed'], 'round 3 of 3 is over'],
    ])
  })

  it('without ever having answered has no position, and has agreed to nothing', async () => {
    const { system } = await rig()
    const talk = debate('talk', {
      peers: { a: peer('a', { fails: [1, 2, 3] }), b: peer('b') },
      judge,
      agreed: (positions): unknown => `all ${String(positions.length)} agree`,
    })
    const run = system.submit(talk, 'x')
    expect(await run.outcome).toEqual({
      status: 'completed',
      output: { input: 'x', round: 3, positions: { b: 'b3' } },
    })
    expect((await decisionsOf(run)).at(-1)).toEqual([
      'vote',
      'judge',
      ['agreed'],
      'round 3 of 3 is over without agreement; a did not answer',
    ])
  })

  it('with all others in the first round ends the debate as the first of them did', async () => {
    const { system, clock } = await rig()
    const talk = debate('talk', {
      peers: { a: peer('a', { fails: [1], ms: 20 }), b: peer('b', { fails: [1] }) },
      judge,
    })
    const run = system.submit(talk, 'x')
    await clock.advance(20)
    expect(await run.outcome).toMatchObject({ status: 'failed', error: { message: 'a lost its voice' } })
  })
})

it('ends as its judge does', async () => {
  const { system } = await rig()
  const broken: Agent<Said, never> = agent('judge', {
    run: ({ input }: Said) => {
      throw new Error(`no verdict on ${input}`)
    },
  })
  const talk = debate('talk', { peers: { a: peer('a'), b: peer('b') }, judge: broken, rounds: 1 })
  expect(codeOf(await system.submit(talk, 'x').outcome)).toBe('DEFECT')
})

it('whose `agreed` throws has a defect', async () => {
  const { system } = await rig()
  const talk = debate('talk', {
    peers: { a: peer('a'), b: peer('b') },
    judge,
    agreed: () => {
      throw new Error('no')
    },
  })
  expect(codeOf(await system.submit(talk, 'x').outcome)).toBe('DEFECT')
})

it('takes an agreement on nothing for one, as long as it is not `undefined`', async () => {
  const { system } = await rig()
  for (const output of [null, false, 0, '']) {
    const talk = debate('talk', {
      peers: { a: peer('a'), b: peer('b') },
      judge,
      agreed: (): unknown => output,
    })
    expect(await system.run(talk, 'x')).toBe(output)
  }
})

it('that is cancelled cancels its peers', async () => {
  const { system, clock } = await rig()
  const a = peer('a', { ms: 1e6 })
  const run = system.submit(debate('talk', { peers: { a, b: peer('b') }, judge }), 'x')
  await clock.advance(1)
  run.cancel('enough')
  await clock.advance(1)
  expect(await run.outcome).toEqual({ status: 'cancelled', reason: 'enough' })
  expect(system.actor(a).getSnapshot().context.running).toBe(0)
})

it('costs no hops', async () => {
  const { system } = await rig()
  const talk = debate('talk', { peers: { a: peer('a'), b: peer('b') }, judge })
  expect((await system.submit(talk, 'x', { budget: { hops: 0 } }).outcome).status).toBe('completed')
})

it('is refused when it cannot work', () => {
  const peers = { a: peer('a'), b: peer('b') }
  expect(() => debate('d', { peers: { a: peer('a') }, judge })).toThrow(ConfigurationError)
  expect(() => debate('d', { peers } as never)).toThrow(ConfigurationError)
  for (const rounds of [0, 1.5, Number.NaN])
    expect(() => debate('d', { peers, judge, rounds })).toThrow(ConfigurationError)
})

it('infers its types from its parts', () => {
  const side = agent('side', { run: (r: Said) => r.input + Object.values(r.positions).join() })
  const count = agent('count', { run: (r: Said) => Object.keys(r.positions).length })
  const debated = debate('d', {
    peers: { pro: side, con: side },
    judge: count,
    agreed: (positions) => (new Set(positions).size === 1 ? 1 : undefined),
  })
  same<typeof debated, Agent<string, number>>()
  expect(debated.name).toBe('d')
})
