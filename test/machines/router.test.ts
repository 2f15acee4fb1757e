/** One task of a router, explored completely. */
import { describe, expect, it } from 'vitest'
import { routerMachine, type RouterEvent, type RouterInput } from '../../machines/router.ts'
import { explore, statesWithoutDescription } from './explore.ts'

const choices: RouterInput = { targets: ['a', 'b'], otherwise: false, minConfidence: 0.5, dynamic: false }
const good = { status: 'completed', output: 1 } as const
const spent = { status: 'exhausted', what: 'hops', cap: 10, spent: 11 } as const

const events: RouterEvent[] = [
  { type: 'decision.made', to: 'a' },
  { type: 'decision.made', to: 'b', confidence: 0.5, reason: 'why', input: { value: 2 } },
  { type: 'decision.made', to: 'a', confidence: 0.4 },
  { type: 'decision.made', to: 'c' },
  { type: 'decision.ended', output: 3 },
  { type: 'decision.failed', outcome: { status: 'cancelled', reason: 'x' } },
  { type: 'target.answered', outcome: good },
  { type: 'target.answered', outcome: spent },
]

const exploreWith = (changes: Partial<RouterInput>) =>
  explore(routerMachine, {
    input: { ...choices, ...changes },
    events,
    // Hops bound the steps of a real one.
    skip: ({ context }, event) => event.type === 'target.answered' && context.steps.length >= 2,
  })

const variants: [string, Partial<RouterInput>][] = [
  ['a static router', {}],
  ['one with a target for all other cases', { otherwise: true }],
  ['a dynamic one', { dynamic: true }],
]

describe.each(variants)('%s', (_, changes) => {
  const { edges } = exploreWith(changes)

  it('ends with one outcome, or with a missing route', () => {
    for (const { to, effects } of edges) {
      const ends = effects.filter(({ type }) => type === 'work.done' || type === 'route.missing')
      expect(ends).toHaveLength(to.status === 'done' ? 1 : 0)
    }
  })

  it('hands over to declared targets only', () => {
    for (const { effects } of edges) {
      for (const effect of effects) {
        if (effect.type !== 'target.ask') continue
        const { to } = effect as unknown as { to: string | undefined }
        expect(to === undefined ? changes.otherwise : choices.targets.includes(to)).toBe(true)
      }
    }
  })

  it('asks for a decision whenever it has none', () => {
    for (const { from, to, effects } of edges) {
      const asked = effects.some(({ type }) => type === 'decision.ask')
      expect(asked).toBe(from.value === 'handedOver' && to.value === 'deciding')
    }
  })

  it('ends when the hops of its run are spent', () => {
    for (const { event, from, to } of edges) {
      if (event.type !== 'target.answered' || event.outcome !== spent || from.value !== 'handedOver') continue
      expect(to.value).toBe('ended')
    }
  })
})

it('sends what is below the least confidence to the target for all other cases, or finds no route', () => {
  for (const [, changes] of variants) {
    for (const { event, from, effects } of exploreWith(changes).edges) {
      if (event.type !== 'decision.made' || event.confidence !== 0.4 || from.value !== 'deciding') continue
      const [effect] = effects
      if (changes.otherwise) expect(effect).toMatchObject({ type: 'target.ask', to: undefined })
      else expect(effect).toMatchObject({ type: 'route.missing', to: 'a' })
    }
  }
})

it('takes a decision that is exactly as sure as it has to be', () => {
  for (const { event, from, effects } of exploreWith({ otherwise: true }).edges) {
    if (event.type !== 'decision.made' || event.to !== 'b' || from.value !== 'deciding') continue
    expect(effects).toEqual([{ type: 'target.ask', to: 'b', input: { value: 2 }, reason: 'why', steps: [] }])
  }
})

it('reaches every state, takes every transition and describes each state', () => {
  const all = variants.map(([, changes]) => exploreWith(changes))
  expect(all[0]?.unreached).toEqual([])
  expect(all[0]?.untaken.filter((name) => all.every(({ untaken }) => untaken.includes(name)))).toEqual([])
  expect(statesWithoutDescription(routerMachine)).toEqual([])
})
