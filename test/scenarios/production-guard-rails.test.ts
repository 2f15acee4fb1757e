/** The guard rails of production: each one alone, and all of them under load with a provider that misbehaves. */
import { createSystem, ProviderError } from 'troupe'
import type { Model, Run, RunEvent, System, TroupeError } from 'troupe'
import { scripted, type Turn } from 'troupe/models/scripted'
import { manualClock, type ManualClock } from 'troupe/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import team, {
  BATCH,
  BUDGET,
  desk,
  faults,
  find,
  large,
  LIMITS,
  small,
  TIMEOUT_MS,
  TTL_MS,
  withModel,
  type Answer,
} from '../../docs/examples/production-guard-rails/team.ts'
import { seededRandom } from '../../src/system/random.ts'
import { troupeRun } from './command.ts'

let system: System
let clock: ManualClock
let warned: object[]
beforeEach(async () => {
  clock = manualClock()
  warned = []
  const silent = { debug: () => {}, info: () => {}, error: () => {}, child: () => silent }
  const logger = { ...silent, warn: (fields: object) => void warned.push(fields), child: () => logger }
  system = await createSystem({ clock, seed: 1, logger })
})
afterEach(async () => {
  const stopped = system.stop()
  await clock.advance(100_000)
  await stopped
})

type Call = { at: number; endedAt?: number; key: string }

/** Remembers when it was asked, and until when that lasted. */
const watched = (model: Model) => {
  const calls: Call[] = []
  const watching: Model = {
    ...model,
    complete: async function* (request, signal) {
      const call: Call = { at: clock.now(), key: request.key }
      calls.push(call)
      try {
        yield* model.complete(request, signal)
      } finally {
        call.endedAt = clock.now()
      }
    },
  }
  return { model: watching, calls }
}

const unavailable = (retryAfterMs?: number): TroupeError =>
  new ProviderError('down', { code: 'UNAVAILABLE', retryable: true, retryAfterMs })
const good: Turn = { text: JSON.stringify({ text: 'Yes.', by: 'writer', sure: 0.9 }), delayMs: 100 }

/** The desk with a large model that says this. */
const saying = (turns: readonly Turn[] | ((call: number) => Turn)) => {
  let calls = 0
  const scriptedLarge = typeof turns === 'function' ? scripted(() => turns((calls += 1))) : scripted(turns)
  const { model, calls: seen } = watched(scriptedLarge)
  return { team: desk({ small, large: model, find }), calls: seen }
}
const eventsOf = async (run: Run<unknown>): Promise<RunEvent[]> => {
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return events
}
const question = (text = 'Is there a garden?', id = 'q') => ({ id, text })
const by = (name: string) => ({ status: 'completed', output: expect.objectContaining({ by: name }) as unknown })

describe('alone', () => {
  it('a timeout ends each call; bounded retries with jitter follow; then the fallback answers', async () => {
    const { team: slow, calls } = saying(() => ({ delayMs: 60_000, text: 'too late' }))
    const run = system.submit(slow, question())
    await clock.advance(20_000)
    expect(await run.outcome).toEqual(by('canned'))
    expect(calls.map(({ at, endedAt }) => (endedAt ?? 0) - at)).toEqual([TIMEOUT_MS, TIMEOUT_MS, TIMEOUT_MS])
    const retried = (await eventsOf(run)).flatMap((event) => (event.type === 'task.retried' ? [event.delayMs] : []))
    expect(retried).toHaveLength(2)
    expect(retried[0]).toBeLessThanOrEqual(200)
    expect(retried[1]).toBeLessThanOrEqual(400)
    expect(retried.some((ms) => ms !== 200 && ms !== 400)).toBe(true)
  })

  it('a busy provider is asked again when it says so', async () => {
    const { team: busy, calls } = saying([{ error: unavailable(3_000) }, good])
    const run = system.submit(busy, question())
    await clock.advance(10_000)
    expect(await run.outcome).toEqual(by('writer'))
    expect((calls[1]?.at ?? 0) - (calls[0]?.at ?? 0)).toBeGreaterThanOrEqual(3_000)
  })

  it('a breaker opens after five failures, refuses, lets one probe through, and closes', async () => {
    let down = true
    const { team: on, calls } = saying(() => (down ? { error: unavailable(), delayMs: 10 } : good))
    const writer = () => system.metrics().find(({ agent }) => agent === 'writer')?.state
    for (const n of [1, 2, 3, 4, 5]) {
      const run = system.submit(on, question(`Question ${n}?`))
      await clock.advance(3_000)
      expect(await run.outcome).toEqual(by('canned'))
    }
    expect(writer()).toBe('openCircuit')
    const before = calls.length
    const refused = system.submit(on, question('Question 6?'))
    await clock.advance(100)
    expect(await refused.outcome).toEqual(by('canned'))
    expect(calls).toHaveLength(before)

    down = false
    await clock.advance(30_000)
    const two = [7, 8].map((n) => system.submit(on, question(`Question ${n}?`)))
    await clock.advance(1_000)
    // One of them is the probe.
    expect(await Promise.all(two.map(({ outcome }) => outcome))).toEqual([by('writer'), by('canned')])
    expect(calls).toHaveLength(before + 1)
    expect(writer()).toBe('idle')
  })

  it('a contract is kept: what does not fit is mended, and never passed on', async () => {
    const { team: mends } = saying(['Certainly!', good])
    const first = system.submit(mends, question())
    await clock.advance(1_000)
    expect(await first.outcome).toEqual(by('writer'))
    const { team: never } = saying(() => '{ "text": "", "by": "writer", "sure": 7 }')
    const second = system.submit(never, question())
    await clock.advance(10_000)
    expect(await second.outcome).toEqual(by('canned'))
  })

  it('a cache answers the same question from memory, until its time is over', async () => {
    const { team: on, calls } = saying(() => good)
    const ask = async (text: string) => {
      const run = system.submit(on, question(text))
      await clock.advance(1_000)
      return (await eventsOf(run)).flatMap((event) =>
        event.type === 'model.ended' && event.agent === 'writer' ? [[event.cached, event.usage.outputTokens]] : [],
      )
    }
    await ask('A?')
    expect(await ask('A?')).toEqual([[true, 0]])
    expect(calls).toHaveLength(1)
    await ask('B?')
    expect(calls).toHaveLength(2)
    await clock.advance(TTL_MS)
    await ask('A?')
    expect(calls).toHaveLength(3)
  })

  it('each agent has its own model', async () => {
    const [cheap, dear] = [watched(small), watched(large())]
    const on = desk({ small: cheap.model, large: dear.model, find })
    const run = system.submit(on, question())
    await clock.advance(1_000)
    const ended = (await eventsOf(run)).flatMap((event) =>
      event.type === 'model.ended' ? [[event.agent, event.model]] : [],
    )
    expect(ended).toEqual([
      ['gate', 'small'],
      ['writer', 'large'],
    ])
    expect([cheap.calls.length, dear.calls.length]).toEqual([1, 1])
  })

  it('limits hold: no more in flight, and none above a minute\'s allowance', async () => {
    const { team: on, calls } = saying(() => ({ ...good, delayMs: 500 }))
    const runs = Array.from({ length: 70 }, (_, n) => system.submit(on, question(`Question ${n}?`)))
    await clock.advance(59_000)
    expect(mostInFlight(calls)).toBe(LIMITS.concurrency)
    expect(mostIn(calls, 60_000)).toBeLessThanOrEqual(LIMITS.requestsPerMinute)
    await clock.advance(100_000)
    for (const run of runs) expect((await run.outcome).status).toBe('completed')
  })

  it('look-ups of many tasks are one call', async () => {
    const batches: number[] = []
    const counting: typeof find = (texts) => {
      batches.push(texts.length)
      return find(texts)
    }
    const on = desk({ small, large: large(), find: counting })
    // The same text: the gate, whose answer they share, lets them through at once.
    const runs = Array.from({ length: 45 }, (_, n) => system.submit(on, question('Opening hours?', `q-${n}`)))
    await clock.advance(1_000)
    for (const run of runs) expect(await run.outcome).toEqual(by('archive'))
    expect(batches).toEqual([BATCH, BATCH, 5])
  })

  it('a sure answer ends the wait: the writer is called back', async () => {
    const { team: on, calls } = saying(() => ({ ...good, delayMs: 1_500 }))
    const run = system.submit(on, question('What are the opening hours?'))
    await clock.advance(30)
    expect(await run.outcome).toEqual(by('archive'))
    await clock.advance(0)
    expect(calls.every(({ endedAt }) => endedAt !== undefined && endedAt <= 30)).toBe(true)
    const writer = (await eventsOf(run)).find(({ type, agent }) => type === 'task.ended' && agent === 'writer')
    expect(writer).toMatchObject({ outcome: { status: 'cancelled' } })
  })

  it.each([
    ['usd', 0.000_01, expect.closeTo(0.000_01, 9)],
    ['tokens', 70, 70],
    ['calls', 1, 1],
    ['hops', 0, 1],
  ])('a budget of %s ends the run as exhausted, and nothing more is asked', async (what, cap, spent: unknown) => {
    const { team: on, calls } = saying(() => good)
    const run = system.submit(on, question(), { budget: { ...BUDGET, [what]: cap } })
    await clock.advance(1_000)
    expect(await run.outcome).toEqual({ status: 'exhausted', what, cap, spent })
    expect(calls).toHaveLength(0)
  })

  it('a budget that is enough is noticed by nobody, and retries are counted in it', async () => {
    const { team: on } = saying([{ error: unavailable() }, good])
    const enough = system.submit(on, question('A?'), { budget: BUDGET })
    await clock.advance(3_000)
    expect(await enough.outcome).toEqual(by('writer'))
    const { team: again, calls } = saying(() => ({ error: unavailable() }))
    const tight = system.submit(again, question('B?'), { budget: { calls: 3 } })
    await clock.advance(3_000)
    expect(await tight.outcome).toEqual({ status: 'exhausted', what: 'calls', cap: 3, spent: 3 })
    expect(calls).toHaveLength(2)
  })

  it('more than eight tools are warned about, once', async () => {
    for (const id of ['a', 'b']) {
      const run = system.submit(team, question('Convert 26 miles to km', id))
      await clock.advance(1_000)
      expect(await run.outcome).toMatchObject({ status: 'completed', output: { text: '41.6 km', by: 'convert' } })
    }
    const ofTools = warned.filter((fields) => 'tools' in fields)
    expect(ofTools).toEqual([expect.objectContaining({ agent: 'convert', tools: 9 })])
  })
})

describe('under load', () => {
  const seed = Number(process.env['SEED'] ?? 26)

  it(`with seed ${seed}, every rail holds, and every question is answered`, async () => {
    const random = seededRandom(seed)
    const outage = { from: 120_000, to: 180_000 }
    const turn = (): Turn => {
      const delayMs = 200 + Math.floor(random() * 800)
      if (clock.now() >= outage.from && clock.now() < outage.to) return { error: unavailable(), delayMs: 20 }
      const chance = random()
      if (chance < 0.05) return { text: 'too late', delayMs: 60_000 }
      if (chance < 0.15) return { error: unavailable(random() < 0.5 ? 1_000 : undefined), delayMs }
      if (chance < 0.2) return { text: 'Certainly!', delayMs }
      return { ...good, delayMs }
    }
    const { model, calls } = watched(scripted(turn))
    const batches: number[] = []
    const counting: typeof find = (texts) => {
      batches.push(texts.length)
      return find(texts)
    }
    const on = desk({ small, large: model, find: counting })
    const circuit: { to: string; at: number }[] = []
    system.events.subscribe((event) => {
      if (event.type === 'circuit.changed' && event.agent === 'writer') circuit.push(event)
    })

    const runs = []
    for (let second = 0; second < 300; second += 1) {
      // One a second, and many at once each minute.
      for (let n = 0; n < (second % 60 === 30 ? 20 : 1); n += 1) {
        const topic = Math.floor(random() * 250)
        const other = topic < 50 ? `Convert ${topic} miles` : `Question ${topic}?`
        const asks = question(topic < 25 ? `Opening hours on day ${topic}?` : other, `q-${second}-${n}`)
        runs.push({ at: clock.now(), run: system.submit(on, asks, { budget: BUDGET }) })
      }
      await clock.advance(1_000)
    }
    await clock.advance(120_000)

    const answered = new Map<string, number>()
    let remembered = 0
    const begun: (readonly [taskId: string, at: number])[] = []
    for (const { at, run } of runs) {
      const outcome = await run.outcome
      expect(outcome.status).toBe('completed')
      if (outcome.status === 'completed') answered.set(outcome.output.by, (answered.get(outcome.output.by) ?? 0) + 1)
      const events = await eventsOf(run)
      for (const event of events.filter(({ agent }) => agent === 'writer')) {
        if (event.type === 'task.started') begun.push([event.taskId, event.at])
        if (event.type === 'model.ended' && event.cached) remembered += 1
      }
      // Three tries, the waits between them, and the gate.
      expect((events.at(-1)?.at ?? Infinity) - at).toBeLessThan(3 * TIMEOUT_MS + 10_000)
    }
    expect([...answered.keys()].toSorted()).toEqual(['archive', 'canned', 'convert', 'writer'])
    expect(answered.get('writer')).toBeGreaterThan(150)

    expect(mostInFlight(calls)).toBeLessThanOrEqual(LIMITS.concurrency)
    expect(mostIn(calls, 60_000)).toBeLessThanOrEqual(LIMITS.requestsPerMinute)
    // Twice as long, where another task came to share the call.
    expect(calls.every(({ at, endedAt = Infinity }) => endedAt - at <= 2 * TIMEOUT_MS)).toBe(true)
    // Of one call: its tries, and one more for each further attempt.
    const byKey = Object.groupBy(calls, ({ key }) => key)
    expect(Math.max(...Object.values(byKey).map((tries = []) => tries.length))).toBeLessThanOrEqual(3 + 2)
    // The budget: no run makes more calls than it may, and none needs more.
    const byRun = Object.groupBy(calls, ({ key }) => key.split('/')[0] ?? '')
    expect(Math.max(...Object.values(byRun).map((made = []) => made.length))).toBeLessThan(BUDGET.calls)
    // The cache: what was asked before is not asked again.
    expect(remembered).toBeGreaterThan(40)
    // The breaker: what comes while it is open is not asked; in the end it is closed.
    expect(circuit.at(-1)?.to).toBe('closed')
    const opened = circuit.flatMap(({ to, at }, i) =>
      to === 'open' ? [{ at, until: circuit[i + 1]?.at ?? Infinity }] : [],
    )
    const refused = begun.filter(([, began]) => opened.some(({ at, until }) => began > at && began < until))
    expect(refused.length).toBeGreaterThan(0)
    const asked = new Set(calls.map(({ key }) => key.split('/')[1]))
    expect(refused.filter(([taskId]) => asked.has(taskId))).toEqual([])
    expect(Math.max(...batches)).toBeLessThanOrEqual(BATCH)
    expect(warned.filter((fields) => 'tools' in fields)).toHaveLength(1)
    const { sent, handled, expired, deadLettered, queued, runs: inFlight } = system.stats()
    expect([sent - handled - expired - deadLettered - queued, queued, inFlight]).toEqual([0, 0, 0])
  }, 60_000)
})

it('works with one model for all', async () => {
  const model = scripted(['{ "value": "answer" }', good])
  const run = system.submit(withModel(model), question())
  await clock.advance(1_000)
  expect(await run.outcome).toEqual(by('writer'))
})

it('answers with a provider that hangs and says nonsense', async () => {
  const runs = [1, 2, 3, 4, 5].map((n) => system.submit(faults, question(`Question ${n}?`)))
  await clock.advance(20_000)
  for (const run of runs) expect((await run.outcome).status).toBe('completed')
})

it('runs from the command line', async () => {
  const { code, results } = await troupeRun('production-guard-rails')
  expect(code).toBe(0)
  const answered = results.map(({ id, outcome }) => [id, 'output' in outcome && (outcome.output as Answer).by])
  expect(answered).toEqual([
    ['q-1', 'archive'],
    ['q-2', 'writer'],
    ['q-3', 'convert'],
    ['q-4', 'writer'],
    ['q-5', 'writer'],
    ['q-6', 'writer'],
    ['q-7', 'archive'],
    ['q-8', 'writer'],
  ])
}, 60_000)

const mostInFlight = (calls: readonly Call[]): number =>
  Math.max(
    ...calls.map(({ at }) => calls.filter((other) => other.at <= at && (other.endedAt ?? Infinity) > at).length),
  )

const mostIn = (calls: readonly Call[], ms: number): number =>
  Math.max(...calls.map(({ at }) => calls.filter((other) => other.at >= at && other.at < at + ms).length))
