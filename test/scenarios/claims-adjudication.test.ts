/** Claims: unanimity decides, a split goes to a person with all reasons, a crash of one forces that. */
import { agent, createSystem, human, type Agent, type RunEvent, type System } from 'troupe'
import { manualClock } from 'troupe/testing'
import { afterEach, describe, expect, it } from 'vitest'
import team, {
  adjudication,
  Claim,
  Decision,
  faults,
  type Opinion,
} from '../../docs/examples/claims-adjudication/team.ts'
import { troupeRun } from './command.ts'

const claim: Claim = {
  id: 'c',
  cover: 'basic',
  diagnosis: 'fracture',
  treatment: 'x-ray',
  eur: 110,
  recentClaims: 0,
}
const contested: Claim = { ...claim, treatment: 'physiotherapy', eur: 60 }

let system: System
afterEach(() => system.stop())

const start = async () => {
  const clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
  return clock
}
const work = async (on: Agent<Claim, Decision>, input: Claim) => {
  const run = system.submit(on, input)
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return { outcome: await run.outcome, events }
}
const decisionsIn = (events: readonly RunEvent[]): unknown[] =>
  events.flatMap((event) =>
    event.type === 'decision.made' ? [[event.kind, event.chosen, event.alternatives, event.reason]] : [],
  )
const workersIn = (events: readonly RunEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'task.started' ? [event.agent] : []))

describe('the reviewers', () => {
  it('decide what they agree on, and nobody else is asked', async () => {
    await start()
    const { outcome, events } = await work(team, claim)
    expect(outcome).toEqual({ status: 'completed', output: 'pay' })
    expect(workersIn(events)).toEqual(['adjudication', 'policy', 'necessity', 'fraud'])
    expect(decisionsIn(events)).toEqual([['vote', 'pay', ['otherwise'], '3 of 3: policy, necessity, fraud']])
    const denied = await work(team, { ...claim, treatment: 'homeopathy', recentClaims: 9 })
    expect(denied.outcome).toEqual({ status: 'completed', output: 'deny' })
  })

  it('that are slow are waited for side by side', async () => {
    const clock = await start()
    const slow: Agent<Claim, Opinion> = agent('fraud', {
      run: async (_: Claim, { sleep }): Promise<Opinion> => {
        await sleep(800)
        return { vote: 'pay', reason: 'nothing odd' }
      },
    })
    const run = system.submit(adjudication({ fraud: slow }), claim)
    await clock.advance(800)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'pay' })
  })
})

describe('a split', () => {
  it('waits in the inbox of a person, with the reasons of all, who decides', async () => {
    await start()
    const adjuster = human('adjuster', { output: Decision, by: 'ann' })
    const run = system.submit(adjudication({ adjuster }), contested)
    await system.settle()
    const [question] = await system.approvals.list()
    expect(JSON.parse(JSON.stringify(question?.input))).toEqual({
      input: contested,
      votes: {
        policy: {
          status: 'completed',
          output: { vote: 'deny', reason: 'physiotherapy is not part of basic' },
        },
        necessity: {
          status: 'completed',
          output: { vote: 'pay', reason: 'physiotherapy is indicated for fracture' },
        },
        fraud: { status: 'completed', output: { vote: 'pay', reason: '0 claims in 30 days' } },
      },
    })
    expect(await system.approvals.answer(question?.id ?? '', { by: 'ann', output: 'deny' })).toBe('recorded')
    expect(await run.outcome).toEqual({ status: 'completed', output: 'deny' })
  })

  it('goes to the stand-in offline', async () => {
    await start()
    const { outcome, events } = await work(team, contested)
    expect(outcome).toEqual({ status: 'completed', output: 'review' })
    expect(decisionsIn(events)).toEqual([
      [
        'vote',
        'otherwise',
        ['deny', 'pay'],
        'policy: deny (physiotherapy is not part of basic); ' +
          'necessity: pay (physiotherapy is indicated for fracture); fraud: pay (0 claims in 30 days)',
      ],
    ])
  })
})

it('takes a reviewer that crashes for an abstention, which forces a review', async () => {
  await start()
  const { outcome, events } = await work(faults, claim)
  expect(outcome).toEqual({ status: 'completed', output: 'review' })
  expect(decisionsIn(events)).toEqual([
    [
      'vote',
      'otherwise',
      ['pay'],
      'policy: pay (x-ray is part of basic); necessity: pay (x-ray is indicated for fracture); ' +
        'fraud: abstained (a bug in the fraud reviewer)',
    ],
  ])
})

it('adds up three votes in under a millisecond', async () => {
  await start()
  let votedAt = 0
  const last: Agent<Claim, Opinion> = agent('fraud', {
    run: ({ id }: Claim): Opinion => {
      votedAt = performance.now()
      return { vote: 'pay', reason: `nothing odd in ${id}` }
    },
  })
  const timed = adjudication({ fraud: last })
  const took: number[] = []
  for (let n = 0; n < 200; n += 1) {
    await system.run(timed, claim)
    took.push(performance.now() - votedAt)
  }
  const median = took.toSorted((a, b) => a - b)[100] ?? Infinity
  expect(median).toBeLessThan(1)
})

it('runs from the command line', async () => {
  await start()
  const { code, results } = await troupeRun('claims-adjudication')
  expect(code).toBe(0)
  expect(results.map(({ id, outcome }) => [id, 'output' in outcome && outcome.output])).toEqual([
    ['c-1', 'pay'],
    ['c-2', 'deny'],
    ['c-3', 'review'],
    ['c-4', 'review'],
    ['c-5', 'pay'],
  ])
  const faulty = await troupeRun('claims-adjudication', '--faults')
  expect(faulty.results.map(({ outcome }) => 'output' in outcome && outcome.output)).toEqual(
    Array.from({ length: 5 }, () => 'review'),
  )
}, 60_000)
