/**
 * What every pattern promises, whatever it is made of: it ends; it fails rather than hangs; a cancelled run
 * stops all of its parts; each of its tasks settles once; and it stands wherever an agent can, inside every
 * other pattern too.
 *
 * A new pattern joins by one line in `patterns`: the pattern built around one agent, `part`, which takes a
 * text and gives one. Built so, the pattern takes and gives a text as well, and cannot complete unless `part`
 * does. A pattern with more than one seat for an agent has a line for each seat that matters.
 */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  agent,
  arbiter,
  auction,
  blackboard,
  consensus,
  debate,
  DeniedError,
  human,
  orchestrator,
  parallel,
  peers,
  pipeline,
  plan,
  ProviderError,
  router,
  stage,
  type Agent,
  type Clash,
  type Outcome,
  type PlanRequest,
  type Round,
  type Run,
  type RunEvent,
  type Source,
  type Split,
  type Subtask,
  type System,
  type Vote,
} from '../../src/index.ts'
import { scripted } from '../../src/models/scripted.ts'
import type { ManualClock } from '../../src/testing.ts'
import { eventsOf, rig } from '../actors/rig.ts'

type Texts = Agent<string, string>

const echo = agent('echo', { run: (text: string) => text })
const broken: Texts = agent('broken', {
  run: () => {
    throw new Error('broken')
  },
})
const textOf = (outcome: Outcome<string> | undefined): string => {
  if (outcome?.status !== 'completed') throw new Error('the part did not complete')
  return outcome.output
}

const key = agent('key', { run: () => 'part' as const })
const toKey = agent('to-key', { run: (text: string) => (text === '' ? 'none' : 'echo') })
type Step = Subtask<{ part: Texts }>
const oneStep = agent('one-step', {
  run: ({ goal }: PlanRequest<string>): Step[] => [{ id: 'a', to: 'part', input: goal }],
})
const goalOf = agent('goal', { run: ({ goal }: PlanRequest<string>) => goal })
const asStep = agent('as-step', { run: (text: string): Step[] => [{ id: 'a', to: 'part', input: text }] })
const asVote = agent('as-vote', { run: (text: string): Vote<string> => ({ vote: text }) })
const caseOf = agent('case', { run: ({ input }: Split<string, string>) => input })
const topicOf = agent('topic', { run: ({ input }: Round<string, string>) => input })

const writesDesk = { part: () => desk, echo: () => desk }
const desk = [{ resource: 'desk', mode: 'write' }] as const
const calling = agent('calling', { run: (text: string, { help }) => help('x', text, { output: z.string() }) })
const resourceOf = agent('resource', { run: ({ resource }: Clash<string>) => resource })
const toPart = agent('to-part', { run: () => 'part' })

const page = {
  keys: { text: z.string(), answer: z.string() },
  start: (text: string) => ({ text }),
  result: ({ answer }: { answer?: string | undefined }) => answer ?? textOf(undefined),
}
// Without a circuit: it is to fail each time.
const eager: Texts = agent('eager', {
  circuit: false,
  bid: () => ({ cost: -1 }),
  run: () => {
    throw new Error('eager')
  },
})
const writerBy = (part: Texts): Source<typeof page.keys> => ({
  when: ({ answer }) => answer === undefined,
  run: async ({ text = '' }, { ask }) => ({ answer: await ask(part, text) }),
  retry: { attempts: 1 },
})

/** Calls the part once, and says what it gave. */
const clerk = () =>
  scripted(({ messages }) => {
    const last = messages.at(-1)
    if (last?.role !== 'tool') return { calls: [{ name: 'part', input: JSON.stringify({ text: last?.text }) }] }
    return last.failed ? { error: new ProviderError('no part', { code: 'UNAVAILABLE', retryable: false }) } : last.text
  })

const patterns: Readonly<Record<string, (part: Texts) => Texts>> = {
  router: (part) => router('router', { by: key, to: { part } }),
  'router, in the seat that decides': (part) =>
    router('router', { by: pipeline('by', [part, toKey]), to: { echo, none: echo } }),
  'router, after every step': (part) =>
    router('router', {
      to: { part },
      next: ({ steps: [first] }): 'part' | { done: string } =>
        first ? { done: textOf(first.outcome) } : 'part',
    }),
  pipeline: (part) => pipeline('pipeline', [echo, part, echo]),
  'pipeline, as a fallback': (part) => pipeline('pipeline', [stage(broken, { fallback: part })]),
  parallel: (part) =>
    parallel('parallel', { branches: { part, echo }, need: 'all', join: (all) => textOf(all.part) }),
  'parallel, with every result a value': (part) =>
    parallel('parallel', { branches: { part, broken }, join: (all) => textOf(all.part) }),
  human: (part) => human('human', { input: z.string(), output: z.string(), timeoutMs: 10, otherwise: part }),
  orchestrator: (part) =>
    orchestrator('orchestrator', {
      delegates: { part, echo },
      run: async (text: string, { delegate }) => delegate.echo(await delegate.part(text)),
    }),
  'orchestrator, led by a model': (part) =>
    orchestrator('orchestrator', { delegates: { part, echo }, model: clerk() }),
  'orchestrator, that returns early': (part) =>
    orchestrator('orchestrator', {
      delegates: { part },
      run: (text: string, { delegate }) => {
        void delegate.part(text)
        return text
      },
    }),
  plan: (part) =>
    plan('plan', {
      planner: oneStep,
      workers: { part },
      rounds: 2,
      join: (done) => textOf(done.at(-1)?.outcome),
    }),
  'plan, in the seat that plans': (part) =>
    plan('plan', {
      planner: pipeline('planner', [goalOf, part, asStep]),
      workers: { part: echo },
      join: ([only]) => textOf(only?.outcome),
    }),
  consensus: (part) =>
    consensus('consensus', {
      voters: { a: pipeline('voter', [part, asVote]), b: asVote },
      otherwise: pipeline('tie-breaker', [caseOf, part]),
    }),
  debate: (part) => {
    const peer = pipeline('peer', [topicOf, part])
    return debate('debate', { peers: { a: peer, b: peer }, judge: peer, rounds: 2 })
  },
  'debate, in the seat that judges': (part) =>
    debate('debate', {
      peers: { a: topicOf, b: topicOf },
      judge: pipeline('judge', [topicOf, part]),
      rounds: 1,
    }),
  peers: (part) => peers('peers', { lead: part, members: [echo] }),
  'peers, in the seat of who helps': (part) =>
    peers('peers', { lead: calling, members: [pipeline('member', [part], { capabilities: ['x'] })] }),
  arbiter: (part) =>
    arbiter('arbiter', { branches: { echo, part }, claims: writesDesk, join: (all) => textOf(all.part) }),
  'arbiter, rolling back': (part) =>
    arbiter('arbiter', {
      branches: { echo, part },
      claims: writesDesk,
      resolve: 'roll-back',
      join: (all) => textOf(all.part),
    }),
  blackboard: (part) => blackboard('blackboard', { ...page, sources: { writer: writerBy(part) } }),
  'blackboard, with a source in quarantine': (part) =>
    blackboard('blackboard', { ...page, sources: { eager: writerBy(eager), writer: writerBy(part) } }),
  auction: (part) => auction('auction', { bidders: { part }, rounds: 1 }),
  'auction, after a winner that failed': (part) =>
    auction('auction', { bidders: { eager, part }, rounds: 1 }),
  'arbiter, in the seat that decides': (part) =>
    arbiter('arbiter', {
      branches: { part: echo, echo },
      claims: writesDesk,
      resolve: pipeline('judge', [resourceOf, part, toPart]),
      join: (all) => textOf(all.part),
    }),
}

/** How a part can go wrong. None of them ends well. */
const faults: Readonly<Record<string, () => Texts>> = {
  'throws at once': () => broken,
  'fails later': () =>
    agent('part', {
      run: async (_: string, { sleep }): Promise<string> => {
        await sleep(5)
        throw new ProviderError('down', { code: 'UNAVAILABLE', retryable: false })
      },
    }),
  'is refused': () =>
    agent('part', {
      run: (): string => {
        throw new DeniedError('not today')
      },
    }),
  'gives what its contract does not allow': () =>
    agent('part', { output: z.string().max(0), run: (text: string) => `${text}!` }),
  'takes what it is given for nothing': () =>
    agent('part', { input: z.literal('y'), run: () => 'y' }) as Texts,
  'never answers, past its time': () =>
    agent('part', { timeoutMs: 20, run: () => new Promise<string>(() => {}) }),
  'runs in a circle': () => {
    // The circle is closed below, where its pattern is known.
    const part: Texts = agent('part', {
      run: (text: string, { ask }) => ask(circles.get(part) ?? broken, text),
    })
    return part
  },
}
const circles = new Map<Texts, Texts>()

/** A run with all that it takes given time to happen. */
const ended = async (system: System, clock: ManualClock, pattern: Texts): Promise<Run<string>> => {
  const run = system.submit(pattern, 'x')
  await clock.advance(1_000)
  expect((await system.runs.show(run.id))?.info.status).not.toBe('running')
  return run
}

const isQuiet = (system: System): void => {
  const busy = system.metrics().filter(({ running, queued }) => running + queued > 0)
  expect(busy.map(({ agent: name }) => name)).toEqual([])
}

const settledOnce = (events: readonly RunEvent[]): void => {
  const count = (type: RunEvent['type']) =>
    Map.groupBy(
      events.filter((event) => event.type === type),
      ({ taskId }) => taskId,
    )
  const started = count('task.started')
  const endings = count('task.ended')
  expect(count('run.ended').size).toBe(1)
  expect([...endings.keys()].toSorted()).toEqual([...started.keys()].toSorted())
  for (const [, all] of endings) expect(all).toHaveLength(1)
}

const isConserved = (system: System): void => {
  const { sent, handled, expired, deadLettered, queued } = system.stats()
  expect(handled + expired + deadLettered + queued).toBe(sent)
}

/** A part that ends when it is told to stop, and counts. */
const patient = () => {
  const seen = { started: 0, aborted: 0 }
  const part = agent('part', {
    run: (_: string, { signal }) =>
      new Promise<string>((_resolve, reject) => {
        seen.started += 1
        signal.addEventListener('abort', () => {
          seen.aborted += 1
          reject(new Error('stopped'))
        })
      }),
  })
  return { seen, part }
}

describe.each(Object.entries(patterns))('%s', (_, around) => {
  it('ends with what it is for when its parts do', async () => {
    const { system, clock } = await rig()
    const run = await ended(system, clock, around(echo))
    expect(await run.outcome).toEqual({ status: 'completed', output: expect.any(String) as unknown })
    isQuiet(system)
  })

  it.each(Object.entries(faults))('ends in a named failure when a part %s', async (__, make) => {
    const { system, clock } = await rig()
    const part = make()
    const pattern = around(part)
    circles.set(part, pattern)
    const run = await ended(system, clock, pattern)
    expect(['failed', 'rejected', 'exhausted']).toContain((await run.outcome).status)
    isQuiet(system)
  })

  it('stops its parts when its run is cancelled', async () => {
    const { system, clock } = await rig()
    const { part, seen } = patient()
    const run = system.submit(around(part), 'x')
    await clock.advance(20)
    expect(seen.started).toBeGreaterThan(0)
    run.cancel('enough')
    await clock.advance(0)
    expect(await run.outcome).toEqual({ status: 'cancelled', reason: 'enough' })
    expect(seen.aborted).toBe(seen.started)
    isQuiet(system)
  })

  it.each([
    ['well', echo],
    ['badly', broken],
  ])('settles each of its tasks once, ends it %s', async (__, part) => {
    const { system, clock } = await rig()
    const letters: string[] = []
    system.deadLetters.subscribe(({ reason }) => letters.push(reason))
    const run = await ended(system, clock, around(part))
    settledOnce(await eventsOf(run))
    // An answer that was on its way when its task ended is one of a stopped actor; none comes twice or late.
    expect(letters.filter((reason) => reason !== 'stopped')).toEqual([])
    isConserved(system)
  })

  it('goes on when its actor is killed in the middle of its work', async () => {
    const { system, clock } = await rig()
    const slow = agent('part', {
      run: async (text: string, { sleep }) => {
        await sleep(20)
        return text
      },
    })
    const pattern = around(slow)
    const run = system.submit(pattern, 'x')
    await clock.advance(5)
    const actor = system.lookup(`/${pattern.name}`)
    if (!actor) throw new Error('it is not at work')
    system.kill(actor)
    await clock.advance(1_000)
    expect((await run.outcome).status).toBe('completed')
    isQuiet(system)
  })
})

describe.each(Object.entries(patterns))('inside %s', (_, outer) => {
  it.each(Object.entries(patterns))('%s ends, well or badly, and stops', async (__, inner) => {
    const { system, clock } = await rig()
    expect((await (await ended(system, clock, outer(inner(echo)))).outcome).status).toBe('completed')
    expect((await (await ended(system, clock, outer(inner(broken)))).outcome).status).toBe('failed')
    const { part, seen } = patient()
    const run = system.submit(outer(inner(part)), 'x')
    await clock.advance(50)
    run.cancel('enough')
    await clock.advance(0)
    expect(seen.started).toBeGreaterThan(0)
    expect(seen.aborted).toBe(seen.started)
    isQuiet(system)
    isConserved(system)
  })
})
