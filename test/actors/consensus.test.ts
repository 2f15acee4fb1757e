/** Consensus at work. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  agent,
  ConfigurationError,
  consensus,
  human,
  quorum,
  router,
  type Agent,
  type Outcome,
  type Quorum,
  type Split,
  type Vote,
} from '../../src/index.ts'
import { same } from '../api/tests/same.ts'
import { codeOf, eventsOf, rig } from './rig.ts'

/** Votes after so many milliseconds; no vote: it fails. */
const voter = (name: string, vote?: unknown, ms = 0) =>
  agent(name, {
    run: async (_: string, { sleep }): Promise<Vote<unknown>> => {
      await sleep(ms)
      if (vote === undefined) throw new Error(`${name} is out of order`)
      return { vote, reason: `${name} thinks so` }
    },
  })
/** Gives the split back. */
const mirror = agent('mirror', { run: (split: Split<string, unknown>): unknown => split })

type Rule = 'unanimous' | 'majority' | Quorum
const undecided = agent('split', {
  run: ({ votes }: Split<string, unknown>): unknown => Object.keys(votes).length > 0 && 'split',
})
const voting = (votes: readonly unknown[], rule?: Rule) =>
  consensus('board', {
    voters: Object.fromEntries(
      votes.map((vote, n) => [`v${String(n)}`, voter(`v${String(n)}`, vote, n + 1)]),
    ),
    rule,
    otherwise: undecided,
  })

describe('the rule', () => {
  it.each<[Rule | undefined, unknown[], unknown]>([
    [undefined, ['yes', 'yes', 'yes'], 'yes'],
    [undefined, ['yes', 'yes', 'no'], 'split'],
    ['unanimous', ['yes', 'yes', undefined], 'split'],
    ['unanimous', ['yes'], 'yes'],
    ['majority', ['yes', 'no', 'yes'], 'yes'],
    ['majority', ['yes', 'no', undefined], 'split'],
    ['majority', ['yes', undefined, 'yes'], 'yes'],
    ['majority', ['yes', undefined, undefined], 'split'],
    ['majority', ['yes', 'yes', 'no', 'no'], 'split'],
    ['majority', ['yes', 'yes', 'no', undefined], 'split'],
    ['majority', [undefined, undefined], 'split'],
    [quorum(1), ['yes', undefined, undefined], 'yes'],
    [quorum(2), ['no', 'yes', 'yes', 'no', 'yes'], 'yes'],
    [quorum(2), ['no', 'no', 'yes', 'yes', 'maybe'], 'split'],
    [quorum(3), ['no', 'no', 'yes', 'yes'], 'split'],
  ])('%j decides %j: %s', async (rule, votes, decided) => {
    const { system, clock } = await rig()
    const run = system.submit(voting(votes, rule), 'x')
    await clock.advance(10)
    expect(await run.outcome).toEqual({ status: 'completed', output: decided })
  })
})

describe('votes', () => {
  it('are cast side by side', async () => {
    const { system, clock } = await rig()
    const board = consensus('board', {
      voters: { a: voter('a', 1, 800), b: voter('b', 1, 800), c: voter('c', 1, 800) },
      otherwise: mirror,
    })
    const run = system.submit(board, 'x')
    await clock.advance(800)
    expect(await run.outcome).toEqual({ status: 'completed', output: 1 })
  })

  it.each([
    [{ a: 1, b: [{ c: null, d: 2 }] }, { b: [{ d: 2, c: null }], a: 1 }, true],
    [{ a: 1, b: undefined }, { a: 1 }, true],
    [[1, 2], [2, 1], false],
    ['1', 1, false],
    [null, false, false],
    [0, -0, true],
    [{ a: {} }, { a: [] }, false],
  ])('are compared as plain JSON: %j and %j', async (one, other, areEqual) => {
    const { system, clock } = await rig()
    const run = system.submit(voting([one, other]), 'x')
    await clock.advance(10)
    expect(await run.outcome).toEqual({ status: 'completed', output: areEqual ? one : 'split' })
  })

  it('are not waited for once the result is certain', async () => {
    const { system, clock } = await rig()
    let reason: unknown
    const never = agent('never', {
      run: (_: string, { signal }) =>
        new Promise<Vote<unknown>>(() => {
          signal.addEventListener('abort', () => (reason = signal.reason))
        }),
    })
    const board = consensus('board', {
      voters: { a: voter('a', 'yes', 5), never, b: voter('b', 'yes', 10) },
      rule: 'majority',
      otherwise: mirror,
    })
    const run = system.submit(board, 'x')
    await clock.advance(10)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'yes' })
    await clock.advance(0)
    expect(reason).toMatchObject({ code: 'CANCELLED', reason: 'the vote is decided' })
    expect(system.actor(never).getSnapshot().context.running).toBe(0)
  })

  it('are waited for while another one may still catch up', async () => {
    const { system, clock } = await rig()
    const run = system.submit(voting(['no', 'no', 'yes', 'yes', 'yes'], quorum(2)), 'x')
    await clock.advance(4)
    expect((await system.runs.show(run.id))?.info.status).toBe('running')
    await clock.advance(1)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'yes' })
  })
})

describe('a split', () => {
  it('goes to `otherwise` with the input and every vote, in order, also those that come late', async () => {
    const { system, clock } = await rig()
    const board = consensus('board', {
      voters: { slow: voter('slow', 'yes', 50), broken: voter('broken'), quick: voter('quick', 'no', 1) },
      otherwise: mirror,
    })
    const run = system.submit(board, 'the case')
    await clock.advance(50)
    const outcome = await run.outcome
    expect(outcome).toEqual({
      status: 'completed',
      output: {
        input: 'the case',
        votes: {
          slow: { status: 'completed', output: { vote: 'yes', reason: 'slow thinks so' } },
          broken: expect.objectContaining({ status: 'failed' }) as unknown,
          quick: { status: 'completed', output: { vote: 'no', reason: 'quick thinks so' } },
        },
      },
    })
    const { votes } = (outcome as { output: Split<string, unknown> }).output
    expect(Object.keys(votes)).toEqual(['slow', 'broken', 'quick'])
  })

  it('shows in the states as soon as no vote can win any more', async () => {
    const { system, clock } = await rig()
    const run = system.submit(voting([undefined, 'yes', 'yes']), 'x')
    await clock.advance(10)
    const states = (await eventsOf(run)).flatMap((event) =>
      event.type === 'state.changed' && event.agent === 'board' ? [[event.to, event.at - 1_000]] : [],
    )
    expect(states).toEqual([
      ['split', 1],
      ['escalated', 3],
    ])
  })

  it('ends as `otherwise` does', async () => {
    const { system, clock } = await rig()
    const otherwise: Agent<Split<string, unknown>, never> = agent('otherwise', {
      run: ({ input }: Split<string, unknown>) => {
        throw new Error(`undecided about ${input}`)
      },
    })
    const run = system.submit(consensus('board', { voters: { a: voter('a') }, otherwise }), 'x')
    await clock.advance(1)
    expect(codeOf(await run.outcome)).toBe('DEFECT')
  })
})

it.each<[string, unknown]>([
  ['nothing', undefined],
  ['no object', 'yes'],
  ['no vote', { reason: 'x' }],
  ['a vote that is nothing', { vote: undefined }],
  ['a vote that is no JSON', { vote: 1n }],
])('takes a voter that gives %s for an abstention', async (_, given) => {
  const { system } = await rig()
  const odd = agent('odd', { run: () => given as Vote<string> })
  const board = consensus('board', { voters: { odd }, otherwise: mirror })
  const { votes } = (await system.run(board, 'x')) as Split<string, string>
  expect(votes['odd']).toMatchObject({
    status: 'failed',
    error: { code: 'INVALID_OUTPUT', agent: 'odd', faults: [{ path: 'vote' }] },
  })
})

it('records what was decided, by whom, against what', async () => {
  const { system, clock } = await rig()
  const decisions = async (votes: unknown[], rule?: Rule) => {
    const run = system.submit(voting(votes, rule), 'x')
    await clock.advance(10)
    return (await eventsOf(run)).flatMap((event) =>
      event.type === 'decision.made' ? [[event.kind, event.chosen, event.alternatives, event.reason]] : [],
    )
  }
  expect(await decisions(['pay', { eur: 5 }, 'pay'], 'majority')).toEqual([
    ['vote', 'pay', ['{"eur":5}', 'otherwise'], '2 of 3: v0, v2'],
  ])
  expect(await decisions(['pay', 'deny', undefined])).toEqual([
    [
      'vote',
      'otherwise',
      ['pay', 'deny'],
      'v0: pay (v0 thinks so); v1: deny (v1 thinks so); v2: abstained (v2 is out of order)',
    ],
  ])
})

it('that is cancelled cancels its voters', async () => {
  const { system, clock } = await rig()
  const a = voter('a', 1, 1e6)
  const run = system.submit(consensus('board', { voters: { a }, otherwise: mirror }), 'x')
  await clock.advance(1)
  run.cancel('enough')
  await clock.advance(1)
  expect(await run.outcome).toEqual({ status: 'cancelled', reason: 'enough' })
  expect(system.actor(a).getSnapshot().context.running).toBe(0)
})

it('costs no hops', async () => {
  const { system, clock } = await rig()
  const run = system.submit(voting(['yes', 'no']), 'x', { budget: { hops: 0 } })
  await clock.advance(10)
  expect(await run.outcome).toEqual({ status: 'completed', output: 'split' })
})

it('is refused when it cannot work', () => {
  const make = (voters: Record<string, Agent<string, Vote<unknown>>>, rule: Rule) => () =>
    consensus('board', { voters, rule, otherwise: mirror })
  expect(make({}, 'unanimous')).toThrow(ConfigurationError)
  expect(make({ a: voter('a', 1) }, quorum(2))).toThrow(ConfigurationError)
  expect(make({ a: voter('a', 1) }, quorum(0))).toThrow(ConfigurationError)
  expect(make({ a: voter('a', 1) }, 'plurality' as 'majority')).toThrow(ConfigurationError)
  expect(() => consensus('board', { voters: { a: voter('a', 1) } } as never)).toThrow(ConfigurationError)
})

it('infers its types from its parts', () => {
  const yes = agent('yes', { run: (text: string): Vote<boolean> => ({ vote: text.length > 3 }) })
  const byMajority = consensus('c', {
    voters: { yes, no: yes },
    rule: 'majority',
    otherwise: human('h', { output: z.boolean() }),
  })
  same<typeof byMajority, Agent<string, boolean>>()
  const claim = agent('claim', {
    output: z.object({ vote: z.enum(['pay', 'deny']), reason: z.string() }),
    run: () => ({ vote: 'pay' as const, reason: '' }),
  })
  const claims = consensus('c', {
    voters: { a: claim, b: claim },
    otherwise: human('h', { output: z.enum(['pay', 'deny', 'ask']) }),
  })
  same<typeof claims, Agent<string, 'pay' | 'deny' | 'ask'>>()
  const len = agent('len', { run: (text: string) => text.length })
  const routed = router('by-vote', { by: claims, to: { pay: len, deny: len, ask: len } })
  // @ts-expect-error otherwise is missing
  expect(() => consensus('c', { voters: { yes } })).toThrow(ConfigurationError)
  const tie = agent('tie', {
    run: ({ votes }: Split<string, boolean>): Outcome['status'][] =>
      Object.values(votes).map(({ status }) => status),
  })
  same<
    ReturnType<typeof consensus<string, boolean, Outcome['status'][]>>,
    Agent<string, boolean | Outcome['status'][]>
  >()
  consensus('c', { voters: { yes }, otherwise: tie })
  expect(routed.name).toBe('by-vote')
})
