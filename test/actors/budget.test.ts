/** Budgets of runs, tasks and branches: what is counted, what ends when they are spent, and what comes back. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  agent,
  BudgetError,
  ConfigurationError,
  createSystem,
  orchestrator,
  parallel,
  pipeline,
  ProviderError,
  tool,
  type AnyAgent,
  type Budget,
  type Ctx,
  type Model,
  type Outcome,
  type System,
} from '../../src/index.ts'
import type { Account } from '../../src/contracts/account.ts'
import { cached } from '../../src/models/cached.ts'
import { limited } from '../../src/models/limited.ts'
import { scripted, type Turn } from '../../src/models/scripted.ts'
import { manualClock } from '../../src/testing.ts'
import { chance, type Chance } from '../scenarios/simulation/chance.ts'
import { end, handmade, mute } from './models.ts'
import { codeOf, promised, rig } from './rig.ts'

const uses = (inputTokens: number, outputTokens = 0) => ({ inputTokens, cachedTokens: 0, outputTokens })
/** Answers as often as it is asked. */
const chatty = (turn: Turn = 'ok', price?: Model['price']) =>
  scripted(() => turn, price === undefined ? {} : { price })
const talker = (name: string, model: Model) => agent(name, { model, timeoutMs: Infinity, retry: { attempts: 1 } })
/** Asks an agent so many times, one after the other. */
const asking = (of: ReturnType<typeof talker>, times: number) =>
  agent('asking', {
    run: async (text: string, { ask }) => {
      for (let n = 1; n <= times; n += 1) await ask(of, `${text} ${n}`)
      return 'done'
    },
  })
const outcomeOf = (system: System, of: AnyAgent, budget: Budget): Promise<Outcome> =>
  system.submit(of, 'x' as never, { budget }).outcome
/** What a run that is known to the test spends from. */
const accountOf = (system: System, id: string) =>
  (system.runs.attach(id) as unknown as { account: Account | undefined }).account

describe('a run ends `exhausted` when its cap is reached', () => {
  it('of calls: no call more is made', async () => {
    const { system } = await rig()
    const model = chatty()
    const run = system.submit(asking(talker('t', model), 5), 'x', { budget: { calls: 3 } })
    expect(await run.outcome).toEqual({ status: 'exhausted', what: 'calls', cap: 3, spent: 3 })
    expect(model.requests).toHaveLength(3)
    await expect(system.run(talker('u', model), 'x', { budget: { calls: 0 } })).rejects.toMatchObject({
      constructor: BudgetError,
      what: 'calls',
      cap: 0,
      spent: 0,
    })
  })

  it('of tokens: the call that passes it is the last one', async () => {
    const { system } = await rig()
    const model = chatty({ text: 'ok', usage: uses(50, 10) })
    const outcome = await outcomeOf(system, asking(talker('t', model), 5), { tokens: 100 })
    expect(outcome).toEqual({ status: 'exhausted', what: 'tokens', cap: 100, spent: 120 })
  })

  it('of money, by the price of each model', async () => {
    const { system } = await rig()
    const model = chatty({ text: 'ok', usage: uses(100_000, 100_000) }, { input: 1, output: 2 })
    const outcome = await outcomeOf(system, asking(talker('t', model), 9), { usd: 0.9 })
    expect(outcome).toEqual({ status: 'exhausted', what: 'usd', cap: 0.9, spent: 0.9 })
    expect(model.requests).toHaveLength(3)
  })

  it('in the middle of the turns of a model, whose tool was not run twice', async () => {
    const { system } = await rig()
    const done: string[] = []
    const note = tool('note', { input: z.object({}), run: () => (done.push('note'), 'noted') })
    const model = chatty({ calls: [{ name: 'note', input: '{}' }] })
    const clerk = agent('clerk', { model, tools: [note], fallback: agent('other', { run: () => 'other' }) })
    const outcome = await outcomeOf(system, clerk, { calls: 2 })
    expect(outcome).toEqual({ status: 'exhausted', what: 'calls', cap: 2, spent: 2 })
    expect(done).toEqual(['note', 'note'])
    expect(system.circuit(clerk).state).toBe('closed')
  })

  it('unless somebody who sees the error has another way', async () => {
    const { system } = await rig()
    const careful = agent('careful', {
      run: async (text: string, { ask }) => {
        try {
          return await ask(asking(talker('t', chatty()), 5), text)
        } catch (error) {
          return error instanceof BudgetError ? `without: ${error.what}` : 'why?'
        }
      },
    })
    expect(await outcomeOf(system, careful, { calls: 2 })).toEqual({ status: 'completed', output: 'without: calls' })
  })
})

describe('what is counted', () => {
  it('is each try of a call, whether it ends well or not', async () => {
    const { system, clock } = await rig()
    const down = new ProviderError('down', { code: 'UNAVAILABLE', retryable: true })
    const model = chatty({ error: down, usage: uses(30) })
    const patient = agent('patient', { model, retry: { attempts: 9, minMs: 10, jitter: false } })
    const run = system.submit(patient, 'x', { budget: { calls: 2, tokens: 1_000 } })
    await clock.advance(100)
    expect(await run.outcome).toEqual({ status: 'exhausted', what: 'calls', cap: 2, spent: 2 })
    expect(accountOf(system, run.id)?.spent).toEqual({ usd: 0, tokens: 60, calls: 2 })
  })

  it('is nothing for an answer from a cache, also for one that is on its way', async () => {
    const { system, clock } = await rig()
    const model = chatty({ delayMs: 10, text: 'ok', usage: uses(60) })
    const limits = { concurrency: 1 }
    const same = talker('same', limited(cached(model, { ttlMs: 1_000 }), limits))
    const all = agent('all', {
      run: async (text: string, { ask }) => {
        const first = await Promise.all([ask(same, text), ask(same, text), ask(same, text)])
        return [...first, await ask(same, text)].join(' ')
      },
    })
    const run = system.submit(all, 'x', { budget: { calls: 1, tokens: 100 } })
    await clock.advance(50)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'ok ok ok ok' })
    expect(accountOf(system, run.id)?.spent).toEqual({ usd: 0, tokens: 60, calls: 1 })
    const other = system.submit(same, 'x', { budget: { calls: 0 } })
    expect((await other.outcome).status).toBe('completed')
  })

  it('does not wait for others in flight where the answer is known', async () => {
    const { system, clock } = await rig()
    const known = talker('known', cached(chatty('ok'), { ttlMs: 1_000 }))
    await system.run(known, 'x')
    const slow = talker('slow', chatty({ delayMs: 50, text: 'ok' }))
    const both = agent('both', {
      run: async (text: string, { ask, now }) => {
        const late = ask(slow, text.padEnd(4_000, '.'))
        await ask(known, text)
        return [now(), await late]
      },
    })
    const run = system.submit(both, 'x', { budget: { tokens: 100 } })
    await clock.advance(50)
    expect(await run.outcome).toEqual({ status: 'completed', output: [1_000, 'ok'] })
  })

  it('is one call when who asked first leaves, and who listened hears the answer', async () => {
    const { system, clock } = await rig()
    const same = talker('same', cached(chatty({ delayMs: 10, text: 'ok', usage: uses(60) }), { ttlMs: 1_000 }))
    const both = agent('both', {
      run: async (text: string, { ask }) => {
        const first = ask(same, text, { timeoutMs: 5 }).catch(() => 'late')
        return `${await first} ${await ask(same, text)}`
      },
    })
    const listening = parallel('listening', {
      branches: { both, same },
      join: (results) => Object.values(results).map(({ status }) => status),
    })
    const run = system.submit(listening, 'x', { budget: { calls: 1, tokens: 100 } })
    await clock.advance(50)
    expect(await run.outcome).toEqual({ status: 'completed', output: ['completed', 'completed'] })
    expect(accountOf(system, run.id)?.spent).toEqual({ usd: 0, tokens: 60, calls: 1 })
  })

  it('is the estimate where the provider does not count', async () => {
    const { system } = await rig()
    const silent = handmade(async function* () {
      yield end({ text: 'ok', usage: undefined })
    })
    const long = agent('long', { model: silent, prompt: (text: string) => text.padEnd(4_000, '.') })
    const run = system.submit(long, 'x', { budget: { tokens: 5_000 } })
    await run.outcome
    const spent = accountOf(system, run.id)?.spent.tokens ?? 0
    expect(spent).toBeGreaterThan(1_000)
    expect(spent).toBeLessThan(1_100)
  })

  it('is no money where that is not known, and this is said once', async () => {
    const warned: string[] = []
    const silence = () => {}
    const logger = {
      debug: silence,
      info: silence,
      error: silence,
      warn: (fields: object, text?: string) => void warned.push(`${(fields as { model: string }).model}: ${text}`),
      child: () => logger,
    }
    const clock = manualClock()
    await using system = await createSystem({ clock, logger, seed: 1 })
    const free: Model = { ...chatty({ text: 'ok', usage: uses(60) }), name: 'unknown', price: undefined }
    await system.run(talker('before', free), 'x')
    const run = system.submit(asking(talker('t', free), 4), 'x', { budget: { usd: 0.01, tokens: 150 } })
    expect(await run.outcome).toMatchObject({ status: 'exhausted', what: 'tokens', spent: 180 })
    expect((await system.runs.show(run.id))?.info.usage).toEqual({ ...uses(180), usd: undefined })
    expect(warned).toEqual([
      'unknown: the model has no price: its cost is not known',
      'unknown: the model has no price: its cost is not known, and `budget.usd` does not count it: ' +
        'give it a `price`, or cap `tokens` or `calls`',
    ])
  })
})

describe('what is held', () => {
  it('makes a call wait that may not fit, until others in flight leave enough', async () => {
    const { system, clock } = await rig()
    const begun: number[] = []
    const model = scripted(() => (begun.push(clock.now()), { delayMs: 10, text: 'ok', usage: uses(20, 20) }))
    const cautious = agent('cautious', { model, settings: { maxOutputTokens: 60 } })
    const branches = Object.fromEntries(Array.from({ length: 4 }, (_, n) => [`b${n}`, cautious]))
    const all = parallel('all', { branches, join: (results) => Object.values(results).map(({ status }) => status) })
    const run = system.submit(all, 'x', { budget: { tokens: 210 } })
    await clock.advance(100)
    expect(await run.outcome).toEqual({ status: 'completed', output: Array(4).fill('completed') })
    // Each may take some 75, and takes 40.
    expect(begun).toEqual([1_000, 1_000, 1_010, 1_020])
    expect(accountOf(system, run.id)?.isSettled).toBe(true)
  })

  it('is returned at once by what is cancelled, though its model never notices', async () => {
    const { system, clock } = await rig()
    const hung = agent('hung', { model: mute(), settings: { maxOutputTokens: 500 } })
    const after = agent('after', { model: chatty({ text: 'ok' }), settings: { maxOutputTokens: 500 } })
    const boss = agent('boss', {
      run: async (text: string, { ask }) => {
        const late = ask(hung, text, { timeoutMs: 50 }).catch(() => 'late')
        return `${await ask(after, text)} ${await late}`
      },
    })
    const run = system.submit(boss, 'x', { budget: { tokens: 600, calls: 2 } })
    await clock.advance(49)
    expect(accountOf(system, run.id)?.isSettled).toBe(false)
    await clock.advance(1)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'ok late' })
    expect(accountOf(system, run.id)?.isSettled).toBe(true)
    expect(accountOf(system, run.id)?.spent.calls).toBe(2)
  })

  it('is returned by a call that waited for its turn, which is none', async () => {
    const { system, clock } = await rig()
    const slow = talker('slow', limited(chatty({ delayMs: 20, text: 'ok' }), { concurrency: 1 }))
    const both = agent('both', {
      run: async (text: string, { ask }) => {
        const first = ask(slow, text)
        return [await ask(slow, text, { timeoutMs: 5 }).catch(() => 'late'), await first]
      },
    })
    const run = system.submit(both, 'x', { budget: { calls: 2 } })
    await clock.advance(20)
    expect(await run.outcome).toEqual({ status: 'completed', output: ['late', 'ok'] })
    expect(accountOf(system, run.id)?.spent.calls).toBe(1)
  })
})

describe('a task with a budget of its own', () => {
  it('spends what its run may spend, and no more than that', async () => {
    const { system } = await rig()
    const seen: Ctx['budget'][] = []
    const t = talker('t', chatty({ text: 'ok', usage: uses(10) }))
    const inner = agent('inner', {
      run: async (text: string, { ask, budget }) => {
        seen.push(budget)
        for (;;) await ask(t, text)
      },
    })
    const outer = agent('outer', {
      run: async (text: string, ctx) => {
        const { ask } = ctx
        const first = await ask(inner, text, { budget: { calls: 2, hops: 4 } }).catch((error: unknown) => error)
        seen.push(ctx.budget)
        const second = await ask(inner, text, { budget: { calls: 9 } }).catch((error: unknown) => error)
        return [first, second].map((error) => (error instanceof BudgetError ? [error.cap, error.spent] : error))
      },
    })
    const outcome = await outcomeOf(system, outer, { calls: 5, tokens: 1_000 })
    expect(outcome).toEqual({ status: 'completed', output: [[2, 2], [5, 5]] })
    expect(seen).toEqual([
      { usd: undefined, tokens: 1_000, calls: 2, hops: 4 },
      { usd: undefined, tokens: 980, calls: 3, hops: 10 },
      { usd: undefined, tokens: 980, calls: 3, hops: 10 },
    ])
  })

  it('hands on no deeper than its hops', async () => {
    const { system } = await rig()
    const leaf = agent('leaf', { run: (text: string) => text })
    const two = orchestrator('two', { delegates: { leaf }, run: (text, { delegate }) => delegate.leaf(text) })
    const one = orchestrator('one', { delegates: { two }, run: (text, { delegate }) => delegate.two(text) })
    const ask = (hops: number) =>
      agent('asks', { run: (text: string, ctx) => ctx.ask(one, text, { budget: { hops } }) })
    expect(await system.submit(ask(2), 'x').outcome).toEqual({ status: 'completed', output: 'x' })
    const exhausted = { status: 'exhausted', what: 'hops', cap: 1, spent: 2 }
    expect(await system.submit(ask(1), 'x').outcome).toEqual(exhausted)
    expect(await system.submit(ask(5), 'x', { budget: { hops: 1 } }).outcome).toEqual(exhausted)
  })
})

describe('`split`', () => {
  const spender = (name: string, times: number) => ({ [name]: asking(talker(name, chatty()), times) })
  const statuses = (results: Readonly<Record<string, Outcome>>) =>
    Object.values(results).map((outcome) => (outcome.status === 'exhausted' ? outcome.cap : outcome.status))

  it('gives each branch a share of what is left, which the others cannot take', async () => {
    const { system } = await rig()
    const even = parallel('even', {
      branches: { ...spender('greedy', 9), ...spender('modest', 2) },
      split: 'even',
      join: statuses,
    })
    expect(await outcomeOf(system, even, { calls: 5 })).toEqual({ status: 'completed', output: [3, 'completed'] })
    const weighed = parallel('weighed', {
      branches: { ...spender('a', 9), ...spender('b', 9), ...spender('c', 9) },
      split: { a: 3, c: 0 },
      join: statuses,
    })
    expect(await outcomeOf(system, weighed, { calls: 8 })).toEqual({ status: 'completed', output: [6, 2, 0] })
    const shared = parallel('shared', { branches: { ...spender('d', 9), ...spender('e', 2) }, join: statuses })
    expect(await outcomeOf(system, shared, { calls: 6 })).toEqual({ status: 'completed', output: [6, 'completed'] })
  })

  it('returns what a branch has left, when it ends early or is not needed any more', async () => {
    const { system, clock } = await rig()
    const left: Ctx['budget'][] = []
    const look = agent('look', { run: (_: unknown, { budget }) => (left.push(budget), 'looked') })
    const slow = talker('slow', chatty({ delayMs: 50, text: 'ok' }))
    const race = parallel('race', {
      branches: { ...spender('quick', 1), slow },
      need: 'any',
      split: 'even',
      join: () => 'first',
    })
    const run = system.submit(pipeline('line', [race, look]), 'x', { budget: { calls: 8, tokens: 80 } })
    await clock.advance(10)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'looked' })
    expect(left).toEqual([{ usd: undefined, tokens: 80, calls: 6, hops: 10 }])
    expect(accountOf(system, run.id)?.isSettled).toBe(true)
  })

  it('returns it to whoever is at work outside, while other branches go on', async () => {
    const { system, clock } = await rig()
    const slow = talker('slow', chatty({ delayMs: 50, text: 'ok' }))
    const split = parallel('split', { branches: { ...spender('quick', 1), slow }, split: 'even', join: statuses })
    const outer = agent('outer', {
      run: async (text: string, ctx) => {
        const results = ctx.ask(split, text)
        await ctx.sleep(10)
        return [ctx.budget.calls, await results, ctx.budget.calls]
      },
    })
    const run = system.submit(outer, 'x', { budget: { calls: 5 } })
    await clock.advance(50)
    // The share of `slow` is 2, and `quick` has returned 2 of its 3.
    expect(await run.outcome).toEqual({ status: 'completed', output: [2, ['completed', 'completed'], 3] })
  })

  it('costs nothing without a budget, and is refused when it divides nothing', async () => {
    const { system } = await rig()
    const branches = spender('a', 2)
    const plain = parallel('plain', { branches, split: 'even', join: statuses })
    expect(await system.submit(plain, 'x').outcome).toEqual({ status: 'completed', output: ['completed'] })
    const made = (split: object | string) => () =>
      parallel('p', { branches, split: split as 'even', join: () => 1 })
    expect(made({ a: 0 })).toThrow('more than 0')
    expect(made({ a: -1 })).toThrow('not -1')
    expect(made({ b: 1 })).toThrow('its branches are "a"')
    expect(made('odd')).toThrow(ConfigurationError)
  })
})

describe('the budget of a system', () => {
  it('is that of every run, one dimension at a time', async () => {
    const clock = manualClock()
    await using system = await createSystem({ clock, seed: 1, budget: { calls: 1, hops: 3 } })
    const seen = agent('seen', { run: (_: string, { budget }) => budget })
    expect(await system.run(seen, 'x')).toEqual({ usd: undefined, tokens: undefined, calls: 1, hops: 3 })
    const own = { calls: 4, hops: undefined, usd: 2 }
    const budget = { usd: 2, tokens: undefined, calls: 4, hops: 3 }
    expect(await system.run(seen, 'x', { budget: own })).toEqual(budget)
    expect(await system.run(seen, 'x', { budget: { calls: Infinity } })).toMatchObject({ calls: undefined })
  })

  it('is refused when it is none', async () => {
    const bad = { calls: -1 }
    await expect(createSystem({ budget: bad })).rejects.toThrow('`budget.calls` of a system')
    const { system } = await rig()
    const leaf = agent('leaf', { run: (text: string) => text })
    const outcome = await system.submit(leaf, 'x', { budget: { ms: 5 } as Budget }).outcome
    expect([outcome.status, codeOf(outcome)]).toEqual(['failed', 'CONFIGURATION'])
    const asks = agent('asks', { run: (text: string, { ask }) => ask(leaf, text, { budget: bad }) })
    await expect(system.run(asks, 'x')).rejects.toThrow('`budget.calls` of a task for "leaf"')
  })
})

describe('a lead that is a function', () => {
  const leaf = agent('leaf', { run: (text: string) => text })
  const exhausted = { status: 'exhausted', what: 'hops', cap: 4, spent: 5 }

  it('hands over in no more rounds than it has hops, however many at once', async () => {
    const { system } = await rig()
    let rounds = 0
    const endless = orchestrator('endless', {
      delegates: { leaf },
      run: async (text, { delegate }): Promise<string> => {
        for (;;) {
          await Promise.all(Array.from({ length: 8 }, () => delegate.leaf(text)))
          rounds += 1
        }
      },
    })
    expect(await outcomeOf(system, endless, { hops: 4 })).toEqual(exhausted)
    expect(rounds).toBe(4)
  })

  it('ends when it goes on all the same, and leaves the process its time', async () => {
    const { system } = await rig()
    let told = 0
    const stubborn = orchestrator('stubborn', {
      delegates: { leaf },
      run: async (text, { delegate }): Promise<string> => {
        while (told < 1_000) await delegate.leaf(text).catch(() => (told += 1))
        return 'never'
      },
    })
    expect(await outcomeOf(system, stubborn, { hops: 4 })).toEqual(exhausted)
    expect(told).toBeLessThan(20)
    told = 1_000
  })

  it('ends when it has returned and its code goes on', async () => {
    const { system } = await rig()
    const done = promised<undefined>()
    let told = 0
    const left = orchestrator('left', {
      delegates: { leaf },
      run: (text, { delegate }) => {
        const goOn = async (): Promise<void> => {
          while (told < 1_000) await delegate.leaf(text).catch(() => (told += 1))
          done.resolve(undefined)
        }
        void goOn()
        return 'returned'
      },
    })
    expect(await outcomeOf(system, left, { hops: 4 })).toEqual(exhausted)
    told = 1_000
    await done.promise
  })

  it('may end well with what it has, once it is told', async () => {
    const { system } = await rig()
    const modest = orchestrator('modest', {
      delegates: { leaf },
      run: async (text, { delegate }) => {
        let rounds = 0
        try {
          for (;;) rounds += (await delegate.leaf(text)).length
        } catch {
          return rounds
        }
      },
    })
    expect(await outcomeOf(system, modest, { hops: 4 })).toEqual({ status: 'completed', output: 4 })
  })
})

/** Teams of random patterns around models that use and take what chance says. */
class RandomTeam {
  readonly random: Chance
  calls = 0
  /** What each call in flight will use. */
  readonly inFlight = new Map<object, number>()
  tokens = 0
  /** What was used when the cap of tokens was reached, with what was in flight. */
  allowed: number | undefined
  /** The cap was reached in an earlier turn of the event loop. */
  isOver = false
  /** Calls that began although it was. */
  late = 0
  readonly #cap: number
  #names = 0

  constructor(random: Chance, cap: number) {
    this.random = random
    this.#cap = cap
  }

  make(depth: number): AnyAgent {
    const kind = depth === 0 ? 0 : this.random.below(4)
    if (kind === 0) return this.#talker()
    const parts = Array.from({ length: this.random.between(1, 3) }, () => this.make(depth - 1))
    if (kind === 1) return this.#parallel(parts)
    if (kind === 2) return this.#asking(parts)
    return pipeline(this.#name(), parts as never)
  }

  #name(): string {
    return `n${(this.#names += 1)}`
  }

  #talker(): AnyAgent {
    const { random, inFlight } = this
    const begun = (call: object, used: number): void => this.#begun(call, used)
    const ended = (used: number): void => this.#used(used)
    const model = handmade(async function* (request, signal) {
      const used = random.below(80)
      const call = {}
      begun(call, used)
      signal.addEventListener('abort', () => inFlight.delete(call), { once: true })
      for (let n = random.below(6); n > 0 && !signal.aborted; n -= 1) await new Promise((next) => setImmediate(next))
      if (signal.aborted) return
      if (random.often(0.1)) {
        inFlight.delete(call)
        throw new ProviderError('down', { code: 'UNAVAILABLE', retryable: true })
      }
      ended(used)
      inFlight.delete(call)
      yield end({ text: request.messages.at(-1)?.role ?? '', usage: uses(used) })
    })
    const settings = random.often(0.5) ? { maxOutputTokens: random.below(60) } : undefined
    const retry = { attempts: random.between(1, 3), minMs: 0, maxMs: 0 }
    return agent(this.#name(), { model, settings, retry, timeoutMs: Infinity, prompt: () => 'x' })
  }

  #begun(call: object, used: number): void {
    this.calls += 1
    this.inFlight.set(call, used)
    // It was admitted a few steps of promises ago.
    if (this.allowed !== undefined) this.allowed += used
    if (this.isOver) this.late += 1
  }

  #used(used: number): void {
    this.tokens += used
    if (this.allowed !== undefined || this.tokens < this.#cap) return
    this.allowed = this.tokens + [...this.inFlight.values()].reduce((sum, more) => sum + more, 0) - used
    setImmediate(() => (this.isOver = true))
  }

  #parallel(parts: readonly AnyAgent[]): AnyAgent {
    const { random } = this
    const branches = Object.fromEntries(parts.map((part, n) => [`b${n}`, part]))
    const need = random.oneOf(['settled', 'all', 'any'] as const)
    const split = random.oneOf(['none', 'even', { b0: 2 }] as const)
    return parallel(this.#name(), {
      branches,
      need,
      split: split === 'none' ? undefined : (split as 'even'),
      join: () => 'joined',
    })
  }

  #asking(parts: readonly AnyAgent[]): AnyAgent {
    const { random } = this
    const budget = random.often(0.5) ? { calls: random.below(5), tokens: random.below(200) } : undefined
    return agent(this.#name(), {
      timeoutMs: Infinity,
      run: async (_: unknown, { ask }) => {
        const open = parts.map((part) => ask(part, 'x' as never, { budget }).catch(() => 'failed'))
        return random.often(0.8) ? Promise.all(open) : open[0]
      },
    })
  }
}

it('in 400 random teams, some of them cancelled, caps hold and nothing stays held', async () => {
  const { system, clock } = await rig()
  const seen = { exhausted: 0, completed: 0, cancelled: 0, passed: 0 }
  const seed = process.env['BUDGET_SEED'] ?? 'teams'
  for (let n = 0; n < 400; n += 1) {
    const name = `${seed}-${n}`
    const random = chance(name)
    const budget = {
      calls: random.often(0.5) ? random.below(8) : undefined,
      tokens: random.between(1, 300),
    }
    const team = new RandomTeam(random, budget.tokens)
    const run = system.submit(team.make(3), 'x' as never, { id: name, budget })
    if (random.often(0.3)) {
      for (let wait = random.below(6); wait > 0; wait -= 1) await new Promise((next) => setImmediate(next))
      run.cancel('by chance')
    }
    let outcome: Outcome | undefined
    void run.outcome.then((settled) => (outcome = settled))
    for (let turn = 0; !outcome && turn < 2_000; turn += 1) {
      await clock.advance(1)
      await new Promise((next) => setImmediate(next))
    }
    const status = outcome?.status ?? 'hangs'
    if (status in seen) seen[status as 'completed'] += 1
    // What is cancelled hears of it in a turn of its own.
    await system.settle()
    const account = accountOf(system, name)
    const { tokens, calls, late, allowed = 0 } = team
    const isPassed = tokens > budget.tokens
    const faults = [
      status === 'hangs' && 'it hangs',
      account?.isSettled !== true && 'something is still held',
      account?.spent.calls !== calls && 'other calls were counted than made',
      account?.spent.tokens !== tokens && 'other tokens were counted than used',
      calls > (budget.calls ?? Infinity) && 'calls are beyond the cap',
      late > 0 && 'a call began when the cap was reached',
      isPassed && tokens > allowed && 'the cap was passed by more than was in flight',
    ]
    expect({ name, faults: faults.filter(Boolean) }).toEqual({ name, faults: [] })
    if (isPassed) seen.passed += 1
  }
  console.log(`seed ${seed}:`, seen)
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20)
}, 120_000)

it.each([NaN, -1_000, undefined as never])('counts the estimate where a model says that it used %s tokens', async (n) => {
  const { system } = await rig()
  const usage = { inputTokens: n, cachedTokens: 0, outputTokens: n, usd: 0 }
  const model = handmade(async function* () {
    yield end({ text: 'ok', usage })
  })
  const outcome = await outcomeOf(system, asking(talker('t', model), 50), { tokens: 100 })
  expect(outcome).toMatchObject({ status: 'exhausted', what: 'tokens', cap: 100 })
  expect(model.requests.length).toBeLessThan(20)
})
