/** Conversations over several runs, and what is read of them after a handoff. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  agent,
  createSystem,
  pipeline,
  ProviderError,
  router,
  tool,
  type ModelMessage,
  type RouterOptions,
  type System,
} from '../../src/index.ts'
import { scripted, type ScriptedModel } from '../../src/models/scripted.ts'
import { manualClock } from '../../src/testing.ts'
import { diaryLogger } from '../kernel/system.ts'
import { codeOf, eventsOf, rig } from './rig.ts'

const s1 = { session: 's1' }

/** A conversation in short: `user hi`, `assistant +look`, `tool 3`. */
const brief = (messages: readonly ModelMessage[] | undefined): string[] =>
  (messages ?? []).map((message) => {
    const calls = message.role === 'assistant' ? message.calls.map(({ name }) => `+${name}`) : []
    return [message.role, message.text, ...calls].filter((part) => part !== '').join(' ')
  })

const lastAsked = (model: ScriptedModel): string[] => brief(model.requests.at(-1)?.messages)

const look = tool('look', { input: z.object({}), effect: 'idempotent', run: () => 'three' })
const looks = { calls: [{ name: 'look', input: '{}' }] }

describe('a session', () => {
  it('lets a run read what the ones before have said, without their instructions', async () => {
    const { system } = await rig()
    const model = scripted(['hello Ada', 'Ada'])
    const host = agent('host', { model, instructions: 'Be kind.' })
    await system.run(host, 'I am Ada', s1)
    await system.run(host, 'who am I?', s1)
    expect(lastAsked(model)).toEqual([
      'system Be kind.',
      'user I am Ada',
      'assistant hello Ada',
      'user who am I?',
    ])
    expect(brief(await system.sessions.get('s1'))).toEqual([
      'user I am Ada',
      'assistant hello Ada',
      'user who am I?',
      'assistant Ada',
    ])
  })

  it('is nothing to runs of other sessions, and of none', async () => {
    const { system } = await rig()
    const model = scripted(['a', 'b', 'c'])
    const host = agent('host', { model })
    await system.run(host, 'one', s1)
    await system.run(host, 'two', { session: 's2' })
    await system.run(host, 'three')
    expect(lastAsked(model)).toEqual(['user three'])
    expect(brief(await system.sessions.get('s2'))).toEqual(['user two', 'assistant b'])
    expect(await system.sessions.get('s3')).toBeUndefined()
  })

  it('is listed, latest use first, and can be deleted', async () => {
    const { system, clock } = await rig()
    const host = agent('host', { model: scripted(() => 'x') })
    for (const session of ['a', 'b', 'c', 'a']) {
      await system.run(host, 'hi', { session })
      await clock.advance(10)
    }
    const listed = await system.sessions.list()
    expect(listed).toEqual([
      { id: 'a', updatedAt: 1_030, messages: 4 },
      { id: 'c', updatedAt: 1_020, messages: 2 },
      { id: 'b', updatedAt: 1_010, messages: 2 },
    ])
    expect((await system.sessions.list({ limit: 1, after: 'a' })).map(({ id }) => id)).toEqual(['c'])
    expect(await system.sessions.delete('a')).toBe(true)
    expect(await system.sessions.delete('a')).toBe(false)
    expect(await system.sessions.get('a')).toBeUndefined()
  })

  it('may be deleted while a run is at work, and its runs still go one after the other', async () => {
    const { system, clock } = await rig()
    const model = scripted([{ delayMs: 100, text: 'a' }, { delayMs: 100, text: 'b' }, 'c'])
    const host = agent('host', { model })
    const first = system.submit(host, 'one', s1)
    await clock.advance(50)
    expect(await system.sessions.delete('s1')).toBe(true)
    const second = system.submit(host, 'two', s1)
    await clock.advance(40)
    expect(model.requests).toHaveLength(1)
    await clock.advance(200)
    for (const run of [first, second]) expect((await run.outcome).status).toBe('completed')
    expect(brief(await system.sessions.get('s1'))).toEqual([
      'user one',
      'assistant a',
      'user two',
      'assistant b',
    ])
  })

  it('is forgotten when 1,000 others were used since', async () => {
    const { system } = await rig()
    const host = agent('host', { run: (text: string) => text })
    for (let n = 0; n < 1_001; n += 1) await system.run(host, 'hi', { session: `s${String(n)}` })
    expect(await system.sessions.get('s0')).toBeUndefined()
    expect(await system.sessions.get('s1')).toHaveLength(2)
    expect(await system.sessions.list({ limit: 2_000 })).toHaveLength(1_000)
  })

  it('keeps tool calls with their results, in ids that stay apart', async () => {
    const { system } = await rig()
    const answers = [looks, 'three', looks, 'still three']
    // Each model begins its ids anew.
    const host = (at: number) => agent('host', { model: scripted(answers.slice(at, at + 2)), tools: [look] })
    await system.run(host(0), 'how many?', s1)
    const second = host(2)
    await system.run(second, 'and now?', s1)
    const messages = (await system.sessions.get('s1')) ?? []
    expect(brief(messages)).toEqual([
      'user how many?',
      'assistant +look',
      'tool three',
      'assistant three',
      'user and now?',
      'assistant +look',
      'tool three',
      'assistant still three',
    ])
    const ids = messages.flatMap((message) => (message.role === 'tool' ? [message.callId] : []))
    expect(new Set(ids).size).toBe(2)
  })

  it('leaves out what only mended an answer', async () => {
    const { system } = await rig()
    const model = scripted(['one', '', '{"value":1}'])
    await system.run(agent('host', { model, output: z.number(), repairs: 2 }), 'how many?', s1)
    expect(brief(await system.sessions.get('s1'))).toEqual(['user how many?', 'assistant {"value":1}'])
  })

  it('leaves out an answer that was not mended', async () => {
    const { system } = await rig()
    const host = agent('host', {
      model: scripted(['one', 'two']),
      output: z.number(),
      retry: { attempts: 1 },
    })
    expect(codeOf(await system.submit(host, 'how many?', s1).outcome)).toBe('INVALID_OUTPUT')
    expect(brief(await system.sessions.get('s1'))).toEqual(['user how many?'])
  })

  it('takes in what goes into an agent without a model, and comes out', async () => {
    const { system } = await rig()
    const count = agent('count', {
      input: z.object({ text: z.string() }),
      run: ({ text }) => ({ n: text.length }),
    })
    await system.run(pipeline('press', [count]), { text: 'abc' }, s1)
    expect(brief(await system.sessions.get('s1'))).toEqual(['user {"text":"abc"}', 'assistant {"n":3}'])
  })
})

describe('the runs of a session', () => {
  it('go one after the other, and no turn is lost', async () => {
    const { system, clock } = await rig()
    const model = scripted([{ delayMs: 100, text: 'a' }, { delayMs: 10, text: 'b' }, 'c'])
    const host = agent('host', { model })
    const runs = ['one', 'two', 'three'].map((text) => system.submit(host, text, s1))
    await clock.advance(50)
    expect(model.requests).toHaveLength(1)
    await clock.advance(1_000)
    for (const run of runs) expect((await run.outcome).status).toBe('completed')
    expect(brief(await system.sessions.get('s1'))).toEqual([
      'user one',
      'assistant a',
      'user two',
      'assistant b',
      'user three',
      'assistant c',
    ])
  })

  it('do not wait for those of another one', async () => {
    const { system, clock } = await rig()
    const host = agent('host', { model: scripted(() => ({ delayMs: 100, text: 'x' })) })
    const runs = ['s1', 's2'].map((session) => system.submit(host, 'hi', { session }))
    await clock.advance(100)
    for (const run of runs) expect(run).toHaveProperty('result.status', 'completed')
  })

  it('go on without one that was cancelled or ran out of time while it waited', async () => {
    const { system, clock } = await rig()
    const model = scripted([{ delayMs: 100, text: 'a' }, 'b'])
    const host = agent('host', { model })
    const first = system.submit(host, 'one', s1)
    const second = system.submit(host, 'two', s1)
    const third = system.submit(host, 'three', { ...s1, timeoutMs: 50 })
    const fourth = system.submit(host, 'four', s1)
    await system.settle()
    second.cancel('never mind')
    expect(await second.outcome).toEqual({ status: 'cancelled', reason: 'never mind' })
    await clock.advance(50)
    expect(await third.outcome).toMatchObject({ status: 'exhausted', what: 'timeoutMs' })
    await clock.advance(100)
    expect((await first.outcome).status).toBe('completed')
    expect(await fourth.outcome).toEqual({ status: 'completed', output: 'b' })
    expect(brief(await system.sessions.get('s1'))).toEqual([
      'user one',
      'assistant a',
      'user four',
      'assistant b',
    ])
  })

  it('that failed have been there: what was asked, and what tools have done', async () => {
    const { system } = await rig()
    const model = scripted([
      looks,
      { error: new ProviderError('no', { code: 'UNAUTHORIZED', retryable: false }) },
      'hm',
    ])
    const host = agent('host', { model, tools: [look] })
    expect(codeOf(await system.submit(host, 'how many?', s1).outcome)).toBe('UNAUTHORIZED')
    await system.run(host, 'again', s1)
    expect(lastAsked(model)).toEqual(['user how many?', 'assistant +look', 'tool three', 'user again'])
  })

  it('whose input did not fit have not been there', async () => {
    const { system } = await rig()
    const host = agent('host', { model: scripted([]), input: z.object({ n: z.number() }) })
    await system.submit(host, { n: 'x' } as never, s1).outcome
    expect(await system.sessions.get('s1')).toEqual([])
  })
})

describe('a call without a result', () => {
  const interrupted = async (approve: boolean) => {
    const { system } = await rig()
    const hang = tool('hang', {
      input: z.object({}),
      approve: () => approve && { by: 'ann' },
      run: () => new Promise<string>(() => {}),
    })
    const model = scripted([{ calls: [looks.calls[0]!, { name: 'hang', input: '{}' }] }, 'fine'])
    const host = agent('host', { model, tools: [look, hang] })
    const run = system.submit(host, 'go', s1)
    await system.settle()
    run.cancel()
    await system.run(host, 'and now?', s1)
    return lastAsked(model)
  }

  it('is marked superseded for whoever goes on', async () => {
    expect(await interrupted(true)).toEqual([
      'user go',
      'assistant +look +hang',
      'tool three',
      'tool superseded: the task ended before this was done',
      'user and now?',
    ])
  })

  it('says so when it had begun', async () => {
    expect((await interrupted(false))[3]).toBe(
      'tool superseded: the task ended while this was being done; whether it was done is not known',
    )
  })
})

describe('a history that is too long', () => {
  const chat = async (system: System, session: object, answers: readonly string[]) => {
    const model = scripted(answers)
    const host = agent('host', { model, tools: [look], session })
    for (const [at] of answers.entries())
      await system.run(host, `question ${String(at)} ${'x'.repeat(80)}`, s1)
    return model
  }

  it('loses its oldest turns where it is read, as a whole', async () => {
    const { system } = await rig()
    // Each turn has about 2 * (4 + 24) tokens.
    const model = await chat(
      system,
      { maxTokens: 120 },
      ['a', 'b', 'c', 'd'].map((text) => text + 'y'.repeat(79)),
    )
    expect(lastAsked(model).map((text) => text.slice(0, 15))).toEqual([
      'user question 1',
      'assistant byyyy',
      'user question 2',
      'assistant cyyyy',
      'user question 3',
    ])
    expect((await system.sessions.get('s1'))?.length).toBe(8)
  })

  it('never loses the result of a call that it keeps', async () => {
    const { system } = await rig()
    const model = scripted([looks, 'three', 'four', 'five'])
    const host = agent('host', { model, tools: [look], session: { maxTokens: 24 } })
    await system.run(host, 'how many?', s1)
    await system.run(host, 'and one more?', s1)
    await system.run(host, 'and another one?', s1)
    expect(lastAsked(model)).toEqual(['user and one more?', 'assistant four', 'user and another one?'])
  })

  it('has 32,000 tokens by default', async () => {
    const { system } = await rig()
    const model = scripted(['a', 'b', 'c', 'd'])
    const host = agent('host', { model })
    await system.run(host, 'x'.repeat(4 * 20_000), s1)
    await system.run(host, 'x'.repeat(4 * 11_000), s1)
    await system.run(host, 'third', s1)
    expect(model.requests[2]?.messages).toHaveLength(5)
    await system.run(host, 'y'.repeat(4 * 2_000), s1)
    await system.run(agent('host', { model: scripted(['e']) }), 'x', s1)
    expect(model.requests[3]?.messages).toHaveLength(7)
  })

  it('is summed up by the model where that is wanted, once', async () => {
    const { system } = await rig()
    const long = (text: string): string => `${text} ${'x'.repeat(200)}`
    const model = scripted([long('a'), long('b'), 'They spoke of a.', 'c', 'd'])
    const plain = agent('plain', { model, session: { maxTokens: 100, trim: 'summary' } })
    await system.run(plain, 'one', s1)
    await system.run(plain, 'two', s1)
    const run = system.submit(plain, 'three', s1)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'c' })
    const summary = model.requests[2]
    expect(summary?.messages).toMatchObject([
      { role: 'system', text: expect.stringContaining('Sum up') as string },
      { role: 'user', text: expect.stringContaining('user: one\n\nassistant: a') as string },
    ])
    expect(summary?.tools).toEqual([])
    const said = 'user A summary of what was said before:\n\nThey spoke of a.'
    expect(lastAsked(model)).toEqual([said, 'user two', `assistant ${long('b')}`, 'user three'])
    // Nobody is shown the summary as if it were the answer.
    const deltas = (await eventsOf(run)).flatMap((event) => (event.type === 'text.delta' ? [event.text] : []))
    expect(deltas.join('')).toBe('c')
    await system.run(plain, 'four', s1)
    model.assertConsumed()
    expect(lastAsked(model)).toEqual([
      said,
      'user two',
      `assistant ${long('b')}`,
      'user three',
      'assistant c',
      'user four',
    ])
    // The conversation itself is kept.
    expect(brief(await system.sessions.get('s1'))[0]).toBe('user one')
  })

  it('is summed up anew when more of it does not fit', async () => {
    const { system } = await rig()
    const long = (text: string): string => `${text}${'x'.repeat(200)}`
    const model = scripted([long('a'), long('b'), 'first', long('c'), 'second', 'd', 'e'])
    const host = agent('host', { model, session: { maxTokens: 100, trim: 'summary' } })
    for (const text of ['one', 'two', 'three']) await system.run(host, text, s1)
    await system.run(host, 'four', s1)
    expect(model.requests[4]?.messages[1]?.text).toContain('first\n\nuser: two')
    const after = [
      'user A summary of what was said before:\n\nsecond',
      'user three',
      `assistant ${long('c')}`,
      'user four',
    ]
    expect(lastAsked(model)).toEqual(after)
    await system.run(host, 'five', s1)
    expect(lastAsked(model)).toEqual([...after, 'assistant d', 'user five'])
    expect(await system.sessions.get('s1')).toHaveLength(10)
  })

  it('is summed up once for all attempts of a task', async () => {
    const { system, clock } = await rig()
    const model = scripted(['x'.repeat(500), 'short', { delayMs: 100, text: 'late' }, 'b'])
    const host = agent('host', {
      model,
      session: { maxTokens: 50, trim: 'summary' },
      timeoutMs: 50,
      retry: { minMs: 10, jitter: false },
    })
    await system.run(host, 'one', s1)
    const run = system.submit(host, 'two', s1)
    await clock.advance(1_000)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'b' })
    model.assertConsumed()
  })

  it('is left out when no summary could be made', async () => {
    const logged: string[] = []
    const system = await createSystem({ clock: manualClock(), seed: 1, logger: diaryLogger(logged) })
    const error = new ProviderError('no', { code: 'BAD_REQUEST', retryable: false })
    const model = scripted(['x'.repeat(500), { error }, 'b'])
    const host = agent('host', { model, session: { maxTokens: 50, trim: 'summary' } })
    await system.run(host, 'one', s1)
    expect(await system.run(host, 'two', s1)).toBe('b')
    expect(lastAsked(model)).toEqual(['user two'])
    expect(logged).toEqual(['warn no summary was made: what does not fit is left out'])
    await system.stop()
  })
})

describe('who takes part in a conversation', () => {
  it('is who answers in it: those below read it, but what they say is their own', async () => {
    const { system } = await rig()
    const below = scripted(['b1', 'b2'])
    const helper = agent('helper', { model: below })
    const above = scripted([
      { calls: [{ name: 'helper', input: '{"text":"help"}' }] },
      'a1',
      { calls: [{ name: 'helper', input: '{"text":"more"}' }] },
      'a2',
    ])
    const lead = agent('lead', { model: above, tools: [helper] })
    await system.run(lead, 'one', s1)
    await system.run(lead, 'two', s1)
    expect(lastAsked(below)).toEqual([
      'user one',
      'assistant +helper',
      'tool b1',
      'assistant a1',
      'user more',
    ])
    expect(brief(await system.sessions.get('s1'))).toHaveLength(8)
  })

  it('is a fallback too', async () => {
    const { system } = await rig()
    const error = new ProviderError('no', { code: 'UNAUTHORIZED', retryable: false })
    const spare = scripted(['spare'])
    const host = agent('host', { model: scripted([{ error }]), fallback: agent('spare', { model: spare }) })
    expect(await system.run(host, 'hi', s1)).toBe('spare')
    expect(brief(await system.sessions.get('s1')).at(-1)).toBe('assistant spare')
  })

  it('is nobody who does not want to', async () => {
    const { system } = await rig()
    const model = scripted(['a', 'b'])
    const host = agent('host', { model, session: false })
    await system.run(host, 'one', s1)
    await system.run(host, 'two', s1)
    expect(lastAsked(model)).toEqual(['user two'])
    expect(await system.sessions.get('s1')).toEqual([])
  })
})

describe('a guard', () => {
  const discreet = {
    input: (text: string) => {
      if (text.includes('secret')) return { refuse: 'no secrets' }
      return text.includes('1234') ? { replace: text.replace('1234', '****') } : undefined
    },
  }

  it.each(['with a model', 'with a function'])(
    'keeps what it refuses or changes out of the conversation, %s',
    async (how) => {
      const { system } = await rig()
      const host =
        how === 'with a model'
          ? agent('host', { model: scripted(['ok']), guard: discreet })
          : agent('host', { run: () => 'ok', guard: discreet })
      expect(codeOf(await system.submit(host, 'my secret', s1).outcome)).toBe('DENIED')
      await system.run(host, 'my card is 1234', s1)
      expect(brief(await system.sessions.get('s1'))).toEqual(['user my card is ****', 'assistant ok'])
    },
  )
})

describe('a handoff', () => {
  const handedOver = async (history: RouterOptions['history']) => {
    const { system } = await rig()
    const first = scripted([looks, 'no idea', looks, 'nothing'])
    const second = scripted(['it is three', 'it is still three'])
    const desk = router('desk', {
      to: {
        first: agent('first', { model: first, tools: [look] }),
        second: agent('second', { model: second }),
      },
      history,
      next: ({ steps }) => {
        if (steps.length === 2) return { done: 'ok' }
        return steps.length === 0 ? 'first' : 'second'
      },
    })
    await system.run(desk, 'how many?', s1)
    const asked = lastAsked(second)
    await system.run(desk, 'and now?', s1)
    return { asked, again: lastAsked(second), session: brief(await system.sessions.get('s1')) }
  }

  const firstTurn = ['user how many?', 'assistant +look', 'tool three', 'assistant no idea']

  it('lets the target read all that was said, by default', async () => {
    const { asked, again, session } = await handedOver(undefined)
    expect(asked).toEqual([...firstTurn, 'user how many?'])
    expect(session.slice(0, 6)).toEqual([...firstTurn, 'user how many?', 'assistant it is three'])
    expect(again.slice(0, 6)).toEqual(session.slice(0, 6))
    expect(again.slice(6)).toEqual([
      'user and now?',
      'assistant +look',
      'tool three',
      'assistant nothing',
      'user and now?',
    ])
    expect(await handedOver('full')).toEqual({ asked, again, session })
  })

  it('may tell it in one message', async () => {
    const { asked } = await handedOver('nested')
    expect(asked).toEqual([
      'user What was said before:\n\nuser: how many?\n\nassistant: [calls look({})]\n\ntool: three\n\nassistant: no idea',
      'user how many?',
    ])
  })

  it('may tell nothing of it', async () => {
    const { asked, session } = await handedOver('none')
    expect(asked).toEqual(['user how many?'])
    expect(session).toHaveLength(12)
  })

  it('tells of targets without a model as well', async () => {
    const { system } = await rig()
    const model = scripted(['done'])
    const desk = router('desk', {
      to: { rules: agent('rules', { run: () => 'rule 7' }), second: agent('second', { model }) },
      next: ({ steps }) => {
        if (steps.length === 2) return { done: 'ok' }
        return steps.length === 0 ? 'rules' : 'second'
      },
    })
    await system.run(desk, 'help')
    expect(lastAsked(model)).toEqual(['user help', 'assistant rule 7', 'user help'])
  })

  describe('within another one', () => {
    const inTurn =
      (...names: string[]) =>
      (state: { steps: readonly unknown[] }) =>
        names[state.steps.length] ?? { done: 'ok' }

    /** A router that goes to `one`, then to a router that goes to `two` and `three`. */
    const nest = async (history: RouterOptions['history']) => {
      const { system } = await rig()
      const [one, two, three] = [scripted(['1']), scripted(['2']), scripted(['3'])]
      const inner = router('inner', {
        to: { two: agent('two', { model: two }), three: agent('three', { model: three }) },
        next: inTurn('two', 'three') as never,
      })
      const outer = router('outer', {
        to: { one: agent('one', { model: one }), inner },
        history,
        next: inTurn('one', 'inner') as never,
      })
      await system.run(outer, 'go')
      return [lastAsked(two), lastAsked(three)]
    }

    it('goes on from what was handed over, each thing once', async () => {
      const before = ['user go', 'assistant 1']
      expect(await nest('full')).toEqual([
        [...before, 'user go'],
        [...before, 'user go', 'assistant 2', 'user go'],
      ])
    })

    it('tells nothing where that one tells nothing', async () => {
      expect(await nest('none')).toEqual([['user go'], ['user go', 'assistant 2', 'user go']])
    })
  })

  it('tells nothing of other conversations in the same run', async () => {
    const { system } = await rig()
    const model = scripted(['a', 'b'])
    const target = agent('target', { model })
    const desk = (name: string) =>
      router(name, { by: agent('by', { run: () => 'target' as const }), to: { target } })
    const lead = agent('lead', {
      run: async (text: string, { ask }) => `${await ask(desk('one'), text)}${await ask(desk('two'), text)}`,
    })
    expect(await system.run(lead, 'hi')).toBe('ab')
    expect(lastAsked(model)).toEqual(['user hi'])
  })
})
