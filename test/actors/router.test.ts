/** Routers at work. */
import { describe, expect, it } from 'vitest'
import { agent, ConfigurationError, router, type Decision, type HandoffContext } from '../../src/index.ts'
import { codeOf, eventsOf, rig } from './rig.ts'

const echo = (name: string) => agent(name, { run: (text: string) => `${name}: ${text}` })
const billing = echo('billing')
const technical = echo('technical')
const desk = echo('desk')
const deciding = (decide: (text: string) => Decision<'billing' | 'technical'>) =>
  agent('classify', { run: decide })

describe('a router with `by`', () => {
  it('hands the task to the target that is named, and says so in the events', async () => {
    const { system } = await rig()
    const support = router('support', {
      by: deciding(() => ({ to: 'technical', confidence: 0.9, reason: 'a stack trace' })),
      to: { billing, technical },
    })
    const run = system.submit(support, 'help')
    expect(await run.outcome).toEqual({ status: 'completed', output: 'technical: help' })
    const events = await eventsOf(run)
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'decision.made',
        kind: 'route',
        chosen: 'technical',
        alternatives: ['billing'],
        reason: 'a stack trace',
      }),
    )
    expect(events).toContainEqual(expect.objectContaining({ type: 'handoff.made', to: 'technical', hops: 1 }))
  })

  it('tells the target how the task came to it', async () => {
    const { system } = await rig()
    const curious = agent('curious', { run: (_: string, { handoff }) => handoff })
    const support = router('support', {
      by: deciding(() => 'billing'),
      to: { billing: curious, technical: curious },
    })
    const handoff = await system.run(support, 'help', { session: 's' })
    expect(handoff).toEqual<HandoffContext>({
      from: 'support',
      to: 'curious',
      request: 'help',
      results: [{ agent: 'classify', outcome: { status: 'completed', output: 'billing' } }],
      history: [],
      session: 's',
      at: 1_000,
    })
  })

  it('turns to `otherwise` for another key and below the least confidence', async () => {
    const { system } = await rig()
    const open = router('open', {
      by: agent('by', { run: (text: string) => text }),
      to: { billing },
      otherwise: desk,
    })
    expect(await system.run(open, 'sales')).toBe('desk: sales')
    const unsure = router('unsure', {
      by: deciding(() => ({ to: 'billing', confidence: 0.4 })),
      to: { billing, technical },
      minConfidence: 0.5,
      otherwise: desk,
    })
    expect(await system.run(unsure, 'x')).toBe('desk: x')
  })

  it('says in its decision how unsure it was, and what was said of it', async () => {
    const { system } = await rig()
    const chosen = async (said: object) => {
      const options = { by: deciding(() => ({ to: 'billing', ...said })), to: { billing, technical } }
      const unsure = router('unsure', { ...options, minConfidence: 0.5, otherwise: desk })
      const events = await eventsOf(system.submit(unsure, 'x'))
      return events.flatMap((event) => (event.type === 'decision.made' ? [[event.chosen, event.reason]] : []))
    }
    const unsure = 'its confidence is 0.4, less than 0.5'
    expect(await chosen({ confidence: 0.4 })).toEqual([['otherwise', unsure]])
    expect(await chosen({ confidence: 0.4, reason: 'a guess' })).toEqual([['otherwise', `${unsure}: a guess`]])
    expect(await chosen({ confidence: 0.5, reason: 'a guess' })).toEqual([['billing', 'a guess']])
  })

  it('rejects what it has no target for, also a name that every object has', async () => {
    const { system } = await rig()
    const lost = router('lost', {
      by: agent('by', { run: (text: string) => text as 'billing' }),
      to: { billing },
    })
    expect(codeOf(await system.submit(lost, 'sales').outcome)).toBe('NO_ROUTE')
    expect(codeOf(await system.submit(lost, 'toString').outcome)).toBe('NO_ROUTE')
  })

  it('ends as its decision does when that fails', async () => {
    const { system } = await rig()
    const broken = router('broken', {
      by: deciding(() => {
        throw new Error('no idea')
      }),
      to: { billing, technical },
    })
    expect(codeOf(await system.submit(broken, 'x').outcome)).toBe('DEFECT')
  })

  it('ends where hops do', async () => {
    const { system } = await rig()
    const support = router('support', { by: deciding(() => 'billing'), to: { billing, technical } })
    expect(await system.submit(support, 'x', { budget: { hops: 0 } }).outcome).toMatchObject({
      status: 'exhausted',
      what: 'hops',
      cap: 0,
    })
  })
})

describe('a router with `next`', () => {
  it('decides after every step, on what the steps gave', async () => {
    const { system } = await rig()
    const both = router('both', {
      to: { billing, technical },
      next: ({ input, steps }) => {
        const last = steps.at(-1)
        if (!last) return 'billing'
        if (last.to === 'billing') return { to: 'technical', input: `${input}!`, reason: 'then this' }
        return { done: steps.map(({ outcome }) => (outcome.status === 'completed' ? outcome.output : '')) }
      },
    })
    expect(await system.run(both, 'x')).toEqual(['billing: x', 'technical: x!'])
  })

  it('that never ends runs out of hops', async () => {
    const { system } = await rig()
    let steps = 0
    const endless = router('endless', {
      to: {
        billing: agent('billing', {
          run: (text: string) => {
            steps += 1
            return text
          },
        }),
      },
      next: () => 'billing',
    })
    const outcome = await system.submit(endless, 'x', { budget: { hops: 3 } }).outcome
    expect(outcome).toMatchObject({ status: 'exhausted', what: 'hops', cap: 3 })
    expect(steps).toBe(3)
  })

  it('that throws is a defect of its task', async () => {
    const { system } = await rig()
    const broken = router('broken', {
      to: { billing },
      next: (): 'billing' => {
        throw new Error('no')
      },
    })
    expect(codeOf(await system.submit(broken, 'x').outcome)).toBe('DEFECT')
  })

  it('can be done without any step', async () => {
    const { system } = await rig()
    const idle = router('idle', {
      to: { billing },
      next: ({ input }): 'billing' | { done: number } => ({ done: input.length }),
    })
    expect(await system.run(idle, 'four')).toBe(4)
  })
})

it('is refused when it cannot work', () => {
  const by = deciding(() => 'billing')
  expect(() => router('r', { by, to: { billing, technical }, minConfidence: 0.5 })).toThrow(
    ConfigurationError,
  )
  expect(() => router('r', { by, to: {} } as never)).toThrow(ConfigurationError)
  expect(() => router('r', { to: { billing } } as never)).toThrow(ConfigurationError)
})
