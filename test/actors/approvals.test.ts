/** Tools that people have to approve: one decision counts, for what was shown, before its deadline. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  agent,
  guard,
  human,
  tool,
  type Approval,
  type ApprovalRequest,
  type System,
} from '../../src/index.ts'
import { scripted } from '../../src/models/scripted.ts'
import { codeOf, eventsOf, rig } from './rig.ts'

const DAY_MS = 86_400_000
const call = (input: object) => ({ name: 'refund', input: JSON.stringify(input) })

/** A desk whose model wants to refund 500 to `a`, and where that needs this approval. */
const desk = async (
  approval: Approval | false | (() => Approval),
  options: object = {},
  agentOptions: object = {},
) => {
  const { system, clock } = await rig()
  const paid: unknown[] = []
  const keys: string[] = []
  const refund = tool('refund', {
    input: z.object({ to: z.string(), eur: z.number().positive(), note: z.string().default('none') }),
    approve: () => (typeof approval === 'function' ? approval() : approval),
    run: (input, { key }) => {
      paid.push(input)
      keys.push(key)
      return 'paid'
    },
    ...options,
  })
  const model = scripted([{ calls: [call({ to: 'a', eur: 500 })] }, 'done'])
  const run = system.submit(agent('desk', { model, tools: [refund], ...agentOptions }), 'go', { id: 'r1' })
  await system.settle()
  const told = () => {
    const message = model.requests[1]?.messages.at(-1)
    return message?.role === 'tool' ? `${message.failed ? 'failed: ' : ''}${message.text}` : undefined
  }
  return { system, clock, run, paid, keys, model, told }
}

const waiting = async (system: System): Promise<ApprovalRequest> => {
  const [request] = await system.approvals.list()
  if (!request) throw new Error('nothing waits')
  return request
}

describe('a call that has to be approved', () => {
  it('waits in the inbox, with what would be done', async () => {
    const { system, paid, run } = await desk({ by: ['ann', 'bob'] })
    expect(paid).toEqual([])
    const request = await waiting(system)
    expect(request).toMatchObject({
      runId: 'r1',
      agent: 'desk',
      kind: 'tool',
      name: 'refund',
      input: { to: 'a', eur: 500, note: 'none' },
      by: ['ann', 'bob'],
      of: 1,
      deadline: 1_000 + DAY_MS,
      status: 'waiting',
    })
    await system.approvals.approve(request.id, { by: 'ann' })
    await run.outcome
  })

  it('runs once it is approved, once', async () => {
    const { system, paid, run, told, keys } = await desk({ by: 'ann' })
    const { id } = await waiting(system)
    expect(await system.approvals.approve(id, { by: 'eve' })).toBe('not-allowed')
    expect(await system.approvals.approve(id, { by: 'ann' })).toBe('recorded')
    expect(await system.approvals.approve(id, { by: 'ann' })).toBe('already-decided')
    expect(await system.approvals.deny(id, { by: 'ann', reason: 'no' })).toBe('already-decided')
    expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
    expect(paid).toEqual([{ to: 'a', eur: 500, note: 'none' }])
    expect(told()).toBe('paid')
    expect(keys).toEqual([expect.stringMatching(/^r1\/.+\/refund#1$/)])
    const events = (await eventsOf(run)).filter(({ type }) => /^(approval|tool)/.test(type))
    expect(events.map(({ type }) => type)).toEqual([
      'approval.requested',
      'approval.decided',
      'tool.started',
      'tool.ended',
    ])
    expect(events[1]).toMatchObject({
      request: { status: 'approved', decisions: [{ by: 'ann', verdict: 'approved' }] },
    })
  })

  it('is not asked about when nobody has to approve it', async () => {
    const { run, paid } = await desk(false)
    expect((await run.outcome).status).toBe('completed')
    expect(paid).toHaveLength(1)
  })

  it('needs as many as it says', async () => {
    const { system, paid, run } = await desk({ by: ['ann', 'bob', 'cleo'], of: 2 })
    const { id } = await waiting(system)
    expect(await system.approvals.approve(id, { by: 'ann' })).toBe('recorded')
    expect(await system.approvals.approve(id, { by: 'ann' })).toBe('already-decided')
    await system.settle()
    expect(paid).toEqual([])
    await system.approvals.approve(id, { by: 'cleo' })
    await run.outcome
    expect(paid).toHaveLength(1)
  })

  it('is no question, and cannot be answered', async () => {
    const { system } = await desk({ by: 'ann' })
    const { id } = await waiting(system)
    expect(await system.approvals.answer(id, { by: 'ann', output: 'yes' })).toBe('not-allowed')
    const question = system.submit(human('boss'), 'May we?')
    await system.settle()
    const asked = (await system.approvals.list()).find(({ kind }) => kind === 'question')
    expect(await system.approvals.approve(asked?.id ?? '', { by: 'ann' })).toBe('not-allowed')
    expect(await system.approvals.edit(asked?.id ?? '', { by: 'ann', input: 1 })).toBe('not-allowed')
    question.cancel()
  })
})

describe('a denied call', () => {
  it('is told to the model, which goes on', async () => {
    const { system, paid, run, told } = await desk({ by: 'ann' })
    await system.approvals.deny((await waiting(system)).id, { by: 'ann', reason: 'too much' })
    expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
    expect([paid, told()]).toEqual([[], 'failed: too much'])
  })

  it('rejects the task where the tool says so, and no fallback answers for it', async () => {
    const spare = agent('spare', { run: () => 'spare' })
    const { system, paid, run } = await desk({ by: 'ann' }, { onError: 'fail' }, { fallback: spare })
    await system.approvals.deny((await waiting(system)).id, { by: 'ann', reason: 'too much' })
    expect(await run.outcome).toMatchObject({
      status: 'rejected',
      error: { code: 'DENIED', reason: 'too much' },
    })
    expect(paid).toEqual([])
  })

  it('is denied by one, however many would have to approve', async () => {
    const { system, run, told } = await desk({ by: ['ann', 'bob'], of: 2 })
    const { id } = await waiting(system)
    await system.approvals.approve(id, { by: 'ann' })
    await system.approvals.deny(id, { by: 'bob', reason: 'no' })
    await run.outcome
    expect(told()).toBe('failed: no')
  })
})

describe('when nobody decides in time', () => {
  it('counts as denied, undecided, and a late approval changes nothing', async () => {
    const { system, clock, run, paid, told } = await desk({ by: 'ann', timeoutMs: 300_000 })
    const { id } = await waiting(system)
    await clock.advance(300_000)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
    expect(told()).toBe('failed: nobody decided on "refund" in time')
    expect(await system.approvals.approve(id, { by: 'ann' })).toBe('expired')
    await system.settle()
    expect(paid).toEqual([])
    const decided = (await eventsOf(run)).find(({ type }) => type === 'approval.decided')
    expect(decided).toMatchObject({ request: { status: 'expired' } })
  })

  it('rejects the task where the tool says so', async () => {
    const { clock, run } = await desk({ by: 'ann', timeoutMs: 10 }, { onError: 'fail' })
    await clock.advance(10)
    expect(codeOf(await run.outcome)).toBe('UNDECIDED')
  })

  it('asks others where there are some, for as long again', async () => {
    const { system, clock, run, paid } = await desk({
      by: ['ann', 'bob'],
      of: 2,
      timeoutMs: 100,
      otherwise: { escalate: 'chief' },
    })
    const first = await waiting(system)
    await clock.advance(100)
    const second = await waiting(system)
    expect(second).toMatchObject({ by: ['chief'], of: 1, deadline: 1_200, input: first.input })
    expect(await system.approvals.approve(first.id, { by: 'ann' })).toBe('expired')
    expect(await system.approvals.approve(second.id, { by: 'ann' })).toBe('not-allowed')
    await system.approvals.approve(second.id, { by: 'chief' })
    await run.outcome
    expect(paid).toHaveLength(1)
  })

  it('counts as denied when the others do not decide either', async () => {
    const { clock, run, told } = await desk({ by: 'ann', timeoutMs: 100, otherwise: { escalate: ['chief'] } })
    await clock.advance(200)
    await run.outcome
    expect(told()).toBe('failed: nobody decided on "refund" in time')
  })
})

describe('other arguments than those of the model', () => {
  it('are run as they were edited', async () => {
    const { system, run, paid } = await desk({ by: 'ann' })
    const { id } = await waiting(system)
    expect(await system.approvals.edit(id, { by: 'ann', input: { to: 'a', eur: 50 } })).toBe('recorded')
    await run.outcome
    expect(paid).toEqual([{ to: 'a', eur: 50, note: 'none' }])
    const decided = (await eventsOf(run)).find(({ type }) => type === 'approval.decided')
    expect(decided).toMatchObject({ request: { status: 'edited', input: { eur: 50 } } })
  })

  it('are refused when they do not fit, and the question stays', async () => {
    const { system } = await desk({ by: 'ann' })
    const { id } = await waiting(system)
    await expect(system.approvals.edit(id, { by: 'ann', input: { to: 'a', eur: -1 } })).rejects.toMatchObject(
      {
        code: 'INVALID_INPUT',
        faults: [{ path: 'eur' }],
      },
    )
    expect((await waiting(system)).id).toBe(id)
  })

  it('are shown anew to whoever is still needed; what was approved before does not count for them', async () => {
    const { system, run, paid } = await desk({ by: ['ann', 'bob', 'cleo'], of: 2 })
    const { id } = await waiting(system)
    await system.approvals.approve(id, { by: 'ann' })
    await system.approvals.edit(id, { by: 'bob', input: { to: 'a', eur: 50 } })
    expect(await system.approvals.approve(id, { by: 'cleo' })).toBe('superseded')
    await system.settle()
    expect(paid).toEqual([])
    const shown = await waiting(system)
    expect(shown).toMatchObject({
      input: { to: 'a', eur: 50 },
      decisions: [{ by: 'bob', verdict: 'edited' }],
    })
    expect(await system.approvals.approve(shown.id, { by: 'bob' })).toBe('already-decided')
    await system.approvals.approve(shown.id, { by: 'ann' })
    await run.outcome
    expect(paid).toEqual([{ to: 'a', eur: 50, note: 'none' }])
  })

  it('run as they are shown to the next one, whatever becomes of what was given', async () => {
    const { system, run, paid } = await desk({ by: ['ann', 'bob'], of: 2 })
    const { id } = await waiting(system)
    const input = { to: 'a', eur: 50 }
    await system.approvals.edit(id, { by: 'ann', input })
    input.eur = 5_000
    const shown = await waiting(system)
    expect(shown.input).toEqual({ to: 'a', eur: 50, note: 'none' })
    await system.approvals.approve(shown.id, { by: 'bob' })
    await run.outcome
    expect(paid).toEqual([shown.input])
  })

  it('are looked at by the guard, which may only pass or refuse them', async () => {
    const limit = guard({
      tool: ({ input }) => {
        const { eur } = input as { eur: number }
        if (eur > 1_000) return { refuse: 'more than 1,000' }
        return eur === 77 ? { replace: { to: 'a', eur: 1 } } : undefined
      },
    })
    for (const [eur, text] of [
      [5_000, 'failed: more than 1,000'],
      [77, 'failed: the guard would change what was approved'],
    ] as const) {
      const { system, run, paid, told } = await desk({ by: 'ann' }, {}, { guard: limit })
      await system.approvals.edit((await waiting(system)).id, { by: 'ann', input: { to: 'a', eur } })
      await run.outcome
      expect([paid, told()]).toEqual([[], text])
    }
  })
})

describe('time spent waiting for people', () => {
  it('is taken out of the time limit of the task and of those above it', async () => {
    const { system, clock } = await rig()
    const refund = tool('refund', {
      input: z.object({}),
      approve: () => ({ by: 'ann' }),
      run: () => 'paid',
    })
    const model = scripted([{ calls: [call({})] }, { delayMs: 30, text: 'done' }])
    const below = agent('below', { model, tools: [refund], timeoutMs: 50, retry: { attempts: 1 } })
    const above = agent('above', { timeoutMs: 60, run: (text: string, { ask }) => ask(below, text) })
    const run = system.submit(above, 'go')
    await clock.advance(10_000)
    await system.approvals.approve((await waiting(system)).id, { by: 'ann' })
    await clock.advance(30)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
  })

  it('ends with the last of the calls that wait', async () => {
    const { system, clock } = await rig()
    const refund = tool('refund', { input: z.object({}), approve: () => ({ by: 'ann' }), run: () => 'paid' })
    const model = scripted([{ calls: [call({}), call({})] }, { delayMs: 40, text: 'done' }])
    const desk = agent('desk', { model, tools: [refund], timeoutMs: 50, retry: { attempts: 1 } })
    const run = system.submit(desk, 'go')
    await clock.advance(1_000)
    const [one, two] = await system.approvals.list()
    await system.approvals.approve(one?.id ?? '', { by: 'ann' })
    await clock.advance(1_000)
    await system.approvals.deny(two?.id ?? '', { by: 'ann', reason: 'no' })
    await clock.advance(40)
    expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
  })

  it('counts for the limit of the run, which then takes the question back', async () => {
    const { system, clock } = await rig()
    const refund = tool('refund', { input: z.object({}), approve: () => ({ by: 'ann' }), run: () => 'paid' })
    const model = scripted([{ calls: [call({})] }])
    const run = system.submit(agent('desk', { model, tools: [refund] }), 'go', { timeoutMs: 500 })
    await clock.advance(100)
    const { id } = await waiting(system)
    await clock.advance(400)
    expect(await run.outcome).toMatchObject({ status: 'exhausted', what: 'timeoutMs' })
    await system.settle()
    expect(await system.approvals.list()).toEqual([])
    expect(await system.approvals.approve(id, { by: 'ann' })).toBe('superseded')
  })
})

describe('a question that is not needed any more', () => {
  it('is taken back when its run is cancelled', async () => {
    const { system, run, paid } = await desk({ by: 'ann' })
    const { id } = await waiting(system)
    run.cancel()
    await system.settle()
    expect(await system.approvals.approve(id, { by: 'ann' })).toBe('superseded')
    await system.settle()
    expect(paid).toEqual([])
  })

  it('is taken back when another tool fails the task', async () => {
    const { system, clock } = await rig()
    const paid: unknown[] = []
    const refund = tool('refund', {
      input: z.object({}),
      approve: () => ({ by: 'ann' }),
      run: (input) => paid.push(input),
    })
    const broken = tool('broken', {
      input: z.object({}),
      onError: 'fail',
      run: () => {
        throw new Error('boom')
      },
    })
    const model = scripted([{ calls: [call({}), { name: 'broken', input: '{}' }] }])
    const run = system.submit(agent('desk', { model, tools: [refund, broken] }), 'go')
    await clock.advance(0)
    expect(codeOf(await run.outcome)).toBe('DEFECT')
    expect(await system.approvals.list({ status: 'superseded' })).toHaveLength(1)
    expect(paid).toEqual([])
  })
})

it('is not asked for twice when a later attempt runs the call again', async () => {
  const { system, clock } = await rig()
  const asked: string[] = []
  system.approvals.waiting.subscribe(({ id }) => asked.push(id))
  let ran = 0
  const refund = tool('refund', {
    input: z.object({}),
    effect: 'keyed',
    approve: () => ({ by: 'ann' }),
    run: () => {
      ran += 1
      return ran === 1 ? new Promise<string>(() => {}) : 'paid'
    },
  })
  const model = scripted([{ calls: [call({})] }, 'done'])
  const run = system.submit(
    agent('desk', { model, tools: [refund], timeoutMs: 50, retry: { minMs: 10, jitter: false } }),
    'go',
  )
  await system.settle()
  await system.approvals.approve((await waiting(system)).id, { by: 'ann' })
  await clock.advance(1_000)
  expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
  expect([ran, asked.length]).toEqual([2, 1])
})

describe('an `approve` that cannot be asked keeps the tool from running:', () => {
  it.each<[string, () => Approval, RegExp]>([
    [
      'it throws',
      () => {
        throw new Error('no idea')
      },
      /no idea/,
    ],
    ['it names nobody', () => ({ by: [] }), /names nobody/],
    ['it escalates to nobody', () => ({ by: 'ann', otherwise: { escalate: [] } }), /names nobody/],
    ['it wants more than there are', () => ({ by: 'ann', of: 2 }), /2 cannot approve, of 1/],
    ['it names the same one twice', () => ({ by: ['ann', 'ann'], of: 2 }), /2 cannot approve, of 1/],
    ['it wants a part of somebody', () => ({ by: ['ann', 'bob'], of: 1.5 }), /1.5 cannot approve, of 2/],
    ['it only says yes', () => true as never, /gives `false` or `{ by }`, not true/],
    ['it takes its time', () => Promise.resolve(false) as never, /gives `false` or `{ by }`/],
  ])('%s', async (_, approve, text) => {
    const { run, paid, told, system } = await desk(approve)
    expect((await run.outcome).status).toBe('completed')
    expect(paid).toEqual([])
    expect(told()).toMatch(text)
    expect(await system.approvals.list()).toEqual([])
  })
})

it('shows numbers of any size', async () => {
  const { system } = await rig()
  const cents: bigint[] = []
  const input = z.object({ cents: z.string().transform((text) => BigInt(text)) })
  const pay = tool('pay', { input, approve: () => ({ by: 'ann' }), run: (given) => cents.push(given.cents) })
  const model = scripted([{ calls: [{ name: 'pay', input: '{"cents":"9007199254740993"}' }] }, 'done'])
  const run = system.submit(agent('desk', { model, tools: [pay] }), 'go')
  await system.settle()
  const request = await waiting(system)
  expect(request.input).toEqual({ cents: '9007199254740993' })
  await system.approvals.approve(request.id, { by: 'ann' })
  expect(await run.outcome).toMatchObject({ status: 'completed' })
  expect(cents).toEqual([9007199254740993n])
})

it('is decided at the last moment, and once', async () => {
  const { system, clock, run, paid } = await desk({ by: 'ann', timeoutMs: 1_000 })
  const request = await waiting(system)
  await clock.advance(999)
  const decided = system.approvals.approve(request.id, { by: 'ann' })
  const later = clock.advance(1)
  expect(await decided).toBe('recorded')
  await later
  expect(await system.approvals.deny(request.id, { by: 'ann', reason: 'no' })).toBe('already-decided')
  expect(await run.outcome).toMatchObject({ status: 'completed' })
  expect(paid).toHaveLength(1)
})

it('is approved in vain when its run is cancelled before it goes on', async () => {
  const { system, run, paid } = await desk({ by: 'ann' })
  const request = await waiting(system)
  const decided = system.approvals.approve(request.id, { by: 'ann' })
  run.cancel('stop')
  expect(await decided).toBe('recorded')
  expect(await run.outcome).toMatchObject({ status: 'cancelled' })
  await system.settle()
  expect(paid).toEqual([])
  expect(await system.approvals.approve(request.id, { by: 'ann' })).toBe('already-decided')
})

it('is too late in the very moment of its deadline', async () => {
  const { system, clock } = await rig()
  const paid: unknown[] = []
  const input = z.object({})
  const pay = tool('pay', { input, approve: () => ({ by: 'ann', timeoutMs: 1_000 }), run: () => paid.push(1) })
  const decided = Promise.withResolvers<unknown>()
  let id = ''
  // Before the timer of the deadline, which is due in the same moment.
  clock.setTimeout(() => decided.resolve(system.approvals.approve(id, { by: 'ann' })), 1_000)
  const model = scripted([{ calls: [{ name: 'pay', input: '{}' }] }, 'done'])
  const run = system.submit(agent('desk', { model, tools: [pay] }), 'go')
  await system.settle()
  id = (await waiting(system)).id
  await clock.advance(1_000)
  expect(await decided.promise).toBe('expired')
  expect(await run.outcome).toMatchObject({ status: 'completed' })
  expect(paid).toEqual([])
})
