/** Guards: what goes in, what comes out, and what tools are called with may pass, change or be refused. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  agent,
  createSystem,
  DeniedError,
  guard,
  ProviderError,
  tool,
  type Guard,
  type Verdict,
} from '../../src/index.ts'
import { scripted } from '../../src/models/scripted.ts'
import { manualClock } from '../../src/testing.ts'
import { diaryLogger } from '../kernel/system.ts'
import { codeOf, eventsOf, rig, stateOf } from './rig.ts'

const shout = (guarded: Guard, options: object = {}) => {
  const heard: string[] = []
  const made = agent('shout', {
    guard: guarded,
    run: (text: string) => {
      heard.push(text)
      return text.toUpperCase()
    },
    ...options,
  })
  return { made, heard }
}

describe('a guard of the input', () => {
  it('lets it pass, changes it, or refuses it before any work', async () => {
    const { system } = await rig()
    const { made, heard } = shout(
      guard({
        input: (text) => {
          if (text.includes('secret')) return { refuse: 'no secrets' }
          return text.startsWith(' ') ? { replace: text.trim() } : undefined
        },
      }),
    )
    expect(await system.run(made, 'hi')).toBe('HI')
    expect(await system.run(made, ' there')).toBe('THERE')
    const refused = system.submit(made, 'a secret')
    expect(await refused.outcome).toMatchObject({
      status: 'rejected',
      error: { code: 'DENIED', reason: 'no secrets' },
    })
    expect(heard).toEqual(['hi', 'there'])
    expect(await eventsOf(refused)).toContainEqual(
      expect.objectContaining({
        type: 'decision.made',
        kind: 'guard',
        chosen: 'refuse',
        reason: 'input: no secrets',
      }),
    )
  })

  it('may take its time, and is given a signal, the run, a key and a log', async () => {
    const { system } = await rig()
    const given: unknown[] = []
    const { made } = shout({
      input: async (text, { key, runId, signal, log }) => {
        given.push([key, runId, signal.aborted, typeof log.info])
        return { replace: `${text}!` }
      },
    })
    expect(await system.run(made, 'hi', { id: 'r1' })).toBe('HI!')
    expect(given).toEqual([[expect.stringMatching(/^r1\/.+\/guard\.input#1$/), 'r1', false, 'function']])
  })

  it('is given what was parsed', async () => {
    const { system } = await rig()
    const made = agent('count', {
      input: z.object({ n: z.number().default(3) }),
      guard: { input: ({ n }) => (n === 3 ? { replace: { n: 4 } } : undefined) },
      run: ({ n }) => n,
    })
    expect(await system.run(made, {})).toBe(4)
  })

  it('is asked once, not before each attempt', async () => {
    const { system, clock } = await rig()
    let asked = 0
    const made = agent('flaky', {
      retry: { attempts: 3, minMs: 10 },
      guard: {
        input: (text: string) => {
          asked += 1
          return { replace: `${text}!` }
        },
      },
      run: (text: string, { attempt }) => {
        if (attempt < 3) throw new ProviderError('down', { code: 'UNAVAILABLE', retryable: true })
        return text
      },
    })
    const run = system.submit(made, 'hi')
    await clock.advance(1_000)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'hi!' })
    expect(asked).toBe(1)
  })

  it('has the time of the attempt, and its signal aborts with it', async () => {
    const { system, clock } = await rig()
    const signals: AbortSignal[] = []
    const { made } = shout(
      {
        input: (_, { signal }) => {
          signals.push(signal)
          return new Promise<undefined>(() => {})
        },
      },
      { timeoutMs: 50 },
    )
    const run = system.submit(made, 'hi')
    await clock.advance(50)
    expect(codeOf(await run.outcome)).toBe('TIMEOUT')
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  })
})

describe('a guard of the output', () => {
  it('lets it pass, changes it, or refuses it', async () => {
    const { system } = await rig()
    const { made } = shout({
      output: (text) => {
        if (text.includes('SECRET')) return { refuse: 'no secrets' }
        return text.endsWith('?') ? { replace: text.slice(0, -1) } : undefined
      },
    })
    expect(await system.run(made, 'hi')).toBe('HI')
    expect(await system.run(made, 'hi?')).toBe('HI')
    expect(codeOf(await system.submit(made, 'secret').outcome)).toBe('DENIED')
  })

  it('is given what was parsed, and what does not fit does not come that far', async () => {
    const { system } = await rig()
    const given: unknown[] = []
    const made = agent('count', {
      output: z.object({ n: z.number(), unit: z.string().default('eur') }),
      guard: { output: (output) => void given.push(output) },
      run: (text: string) => ({ n: text === 'bad' ? ('x' as unknown as number) : 1 }),
    })
    expect(await system.run(made, 'good')).toEqual({ n: 1, unit: 'eur' })
    expect(codeOf(await system.submit(made, 'bad').outcome)).toBe('INVALID_OUTPUT')
    expect(given).toEqual([{ n: 1, unit: 'eur' }])
  })

  it('stands behind a model too', async () => {
    const { system } = await rig()
    const made = agent('poet', {
      model: scripted([' a rose ']),
      guard: { output: (text) => ({ replace: text.trim() }) },
    })
    expect(await system.run(made, 'go')).toBe('a rose')
  })

  it('leaves failures as they are', async () => {
    const { system } = await rig()
    const asked: unknown[] = []
    const made = agent('broken', {
      guard: { output: (output: string) => void asked.push(output) },
      run: (): string => {
        throw new ProviderError('down', { code: 'UNAVAILABLE', retryable: false })
      },
    })
    expect(codeOf(await system.submit(made, 'x').outcome)).toBe('UNAVAILABLE')
    expect(asked).toEqual([])
  })
})

describe('a guard of tools', () => {
  const paying = async (given: NonNullable<Guard['tool']>, options: object = {}) => {
    const { system } = await rig()
    const paid: unknown[] = []
    const pay = tool('pay', {
      input: z.object({ eur: z.number().default(9) }),
      run: (input) => {
        paid.push(input)
        return 'paid'
      },
      ...options,
    })
    const model = scripted([{ calls: [{ name: 'pay', input: '{}' }] }, 'done'])
    const run = system.submit(agent('desk', { model, tools: [pay], guard: { tool: given } }), 'go')
    const outcome = await run.outcome
    return { outcome, paid, told: model.requests[1]?.messages.at(-1)?.text, events: await eventsOf(run) }
  }

  it('sees the name and what the tool would be given', async () => {
    const seen: unknown[] = []
    const { paid } = await paying((call) => void seen.push(call))
    expect(seen).toEqual([{ name: 'pay', input: { eur: 9 } }])
    expect(paid).toEqual([{ eur: 9 }])
  })

  it('may change what the tool is given', async () => {
    const { paid, events } = await paying(() => ({ replace: { eur: 1 } }))
    expect(paid).toEqual([{ eur: 1 }])
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'guard', chosen: 'replace', reason: 'pay' }),
    )
  })

  it('refuses: the model is told, or the task rejected, as the tool has it', async () => {
    const told = await paying(() => ({ refuse: 'not today' }))
    expect([told.outcome.status, told.paid, told.told]).toEqual(['completed', [], 'not today'])
    const failed = await paying(() => ({ refuse: 'not today' }), { onError: 'fail' })
    expect([failed.outcome.status, codeOf(failed.outcome), failed.paid]).toEqual(['rejected', 'DENIED', []])
  })

  it('refuses what it has changed so that it does not fit', async () => {
    const { paid, told } = await paying(() => ({ replace: { eur: 'much' } }))
    expect(paid).toEqual([])
    expect(told).toMatch(/what the guard made of the arguments does not fit: eur/)
  })

  it('is asked before people are', async () => {
    const asked: string[] = []
    await paying(
      () => {
        asked.push('guard')
        return { refuse: 'no' }
      },
      {
        approve: () => {
          asked.push('approve')
          return { by: 'ann' }
        },
      },
    )
    expect(asked).toEqual(['guard'])
  })
})

describe('a guard fails closed', () => {
  const cases: [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw new TypeError('bug')
      },
    ],
    ['rejects', () => Promise.reject(new Error('bug'))],
    ['says what is no verdict', () => false],
    ['says nothing that is known', () => ({ allow: true })],
  ]

  it.each(cases)('when it %s', async (_, verdict) => {
    const system = await createSystem({ clock: manualClock(), seed: 1, logger: diaryLogger([]) })
    const check = verdict as () => Verdict<never>
    for (const side of ['input', 'output'] as const) {
      const { made, heard } = shout({ [side]: check })
      const outcome = await system.submit(made, 'hi').outcome
      expect(outcome).toMatchObject({ status: 'rejected', error: { code: 'DENIED' } })
      expect(heard).toHaveLength(side === 'input' ? 0 : 1)
    }
    const ran: unknown[] = []
    const touch = tool('touch', { input: z.object({}), run: () => ran.push(1) })
    const model = scripted([{ calls: [{ name: 'touch', input: '{}' }] }, 'done'])
    await system.run(agent('desk', { model, tools: [touch], guard: { tool: check } }), 'go')
    expect(ran).toEqual([])
    await system.stop()
  })

  it('when it says two things', async () => {
    const { system } = await rig()
    const { made } = shout({ input: () => ({ replace: 'ho', refuse: 'no' }) })
    expect(await system.submit(made, 'hi').outcome).toMatchObject({ error: { reason: 'no' } })
  })

  it('with the reason that it throws as a denial', async () => {
    const { system } = await rig()
    const { made } = shout({
      input: () => {
        throw new DeniedError('not for you')
      },
    })
    expect(await system.submit(made, 'hi').outcome).toMatchObject({ error: { reason: 'not for you' } })
  })

  it('without opening the circuit or asking the fallback', async () => {
    const { system } = await rig()
    const spare = agent('spare', { run: () => 'spare' })
    const { made } = shout({ input: () => ({ refuse: 'no' }) }, { circuit: { failures: 1 }, fallback: spare })
    expect(codeOf(await system.submit(made, 'hi').outcome)).toBe('DENIED')
    expect(stateOf(system, made)).toBe('idle')
  })
})
