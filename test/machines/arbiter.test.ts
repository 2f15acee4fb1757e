/** One task of an arbiter, explored completely. */
import { describe, expect, it } from 'vitest'
import {
  arbiterMachine,
  type ArbiterContext,
  type ArbiterEffect,
  type ArbiterEvent,
  type ArbiterInput,
  type ArbiterRule,
} from '../../machines/arbiter.ts'
import { explore, statesWithoutDescription } from './explore.ts'

const good = { status: 'completed', output: 1 } as const
const bad = { status: 'cancelled', reason: 'lost' } as const

const keys = ['a', 'b', 'c', 'd']
const branch = (key: string, writes: readonly string[], reads: readonly string[] = [], priority = 0) => ({
  key,
  priority,
  claims: [
    ...writes.map((resource) => ({ resource, mode: 'write' as const })),
    ...reads.map((resource) => ({ resource, mode: 'read' as const })),
  ],
})

/** `a`, `b` and `c` clash over `x` but for the two that only read it; `c` and `d` clash over `y`. */
const branches = [
  branch('a', ['x']),
  branch('b', [], ['x']),
  branch('c', ['y'], ['x'], 1),
  branch('d', [], ['y']),
]

const events: ArbiterEvent[] = [
  ...keys.flatMap((key): ArbiterEvent[] => [
    { type: 'branch.settled', branch: key, outcome: good },
    { type: 'branch.settled', branch: key, outcome: bad },
    { type: 'branch.undone', branch: key },
    { type: 'branch.undone', branch: key, outcome: bad },
    { type: 'clash.decided', winner: key },
  ]),
  { type: 'branch.settled', branch: 'nobody', outcome: good },
  { type: 'decision.failed', outcome: bad },
]

const exploreThose = (rule: ArbiterRule, of: ArbiterInput['branches']) =>
  explore(arbiterMachine, { input: { rule, branches: of }, events })
const known = new Map<ArbiterRule, ReturnType<typeof exploreThose>>()
const exploreWith = (rule: ArbiterRule) => {
  const found = known.get(rule) ?? exploreThose(rule, branches)
  known.set(rule, found)
  return found
}

const clashes = [
  ['a', 'b'],
  ['a', 'c'],
  ['c', 'd'],
] as const

const atWork = ({ branches: all }: ArbiterContext): string[] =>
  all.flatMap(({ key, state }) =>
    state === 'running' || state === 'rerunning' || state === 'undoing' ? [key] : [],
  )
const stateOf = ({ branches: all }: ArbiterContext, key: string) =>
  all.find((each) => each.key === key)?.state
const effectsOf = <T extends ArbiterEffect['type']>(effects: readonly { type: string }[], type: T) =>
  effects.filter((effect): effect is Extract<ArbiterEffect, { type: T }> => effect.type === type)

const rules: ArbiterRule[] = ['in-turn', 'priority', 'merge', 'roll-back', 'agent']

describe.each(rules)('an arbiter, %s,', (rule) => {
  const { nodes, edges } = exploreWith(rule)

  it('ends once, and says so only then', () => {
    for (const { to, effects } of edges) {
      const ends = effects.filter(({ type }) =>
        ['results.join', 'work.done', 'winner.unknown'].includes(type),
      )
      expect(ends).toHaveLength(to.status === 'done' ? 1 : 0)
    }
  })

  it('is not idle before: somebody works, or is asked', () => {
    for (const { status, context } of nodes) {
      if (status !== 'active') continue
      const busy = atWork(context).length > 0 || context.asking !== undefined
      const refused = context.branches.some(({ state }) => state === 'refused')
      expect(busy || refused).toBe(true)
    }
  })

  it('joins the outcomes of all branches, in the order of declaration', () => {
    const joined = edges.flatMap(({ effects }) => effectsOf(effects, 'results.join'))
    expect(joined.length).toBeGreaterThan(0)
    for (const { results } of joined) expect(Object.keys(results)).toEqual(keys)
  })

  it('asks a branch exactly when that begins to work', () => {
    for (const { from, to, effects } of edges) {
      const begun = keys.filter((key) => {
        const [before, after] = [stateOf(from.context, key), stateOf(to.context, key)]
        return before !== after && (after === 'running' || after === 'rerunning')
      })
      const asked = effectsOf(effects, 'branch.ask').map((effect) => effect.branch)
      expect(asked.toSorted()).toEqual(begun)
    }
  })

  it('lets nobody settle twice, or without having worked', () => {
    for (const { from, to, event } of edges) {
      if (event.type !== 'branch.settled') continue
      const before = stateOf(from.context, event.branch)
      if (before === 'running' || before === 'rerunning' || before === 'refused') continue
      expect(to.context).toEqual(from.context)
    }
  })
})

it.each(['in-turn', 'priority', 'agent'] as const)(
  'no two that clash are at work together under %s',
  (rule) => {
    for (const { context } of exploreWith(rule).nodes) {
      const busy = atWork(context)
      for (const pair of clashes) expect(pair.every((key) => busy.includes(key))).toBe(false)
    }
  },
)

it('in turn, the higher priority goes first, then who is declared first', () => {
  const { nodes, edges } = exploreWith('in-turn')
  expect(nodes[0] && atWork(nodes[0].context)).toEqual(['c'])
  const begun = edges.map(({ effects }) => effectsOf(effects, 'branch.ask').map((effect) => effect.branch))
  const together = new Set(begun.filter(({ length }) => length > 0).map(String))
  expect(together).toEqual(new Set(['a,d', 'b']))
})

describe('by priority', () => {
  it('the lower ones are refused, and whoever clashes only with them works', () => {
    const [first] = exploreWith('priority').nodes
    expect(first?.context.branches.map(({ state }) => state)).toEqual([
      'refused',
      'running',
      'running',
      'refused',
    ])
  })

  it('among equals the one that is declared first wins', () => {
    const equals = ['a', 'b', 'c'].map((key) => branch(key, ['x']))
    const [first] = exploreThose('priority', equals).nodes
    expect(first?.context.branches.map(({ state }) => state)).toEqual(['running', 'refused', 'refused'])
  })
})

it('to be merged, all work at once', () => {
  const [first] = exploreWith('merge').nodes
  expect(first && atWork(first.context)).toEqual(keys)
})

describe('rolled back', () => {
  const { nodes, edges } = exploreWith('roll-back')

  it('all work at once at first, but never an undo or a second run beside what it clashes with', () => {
    const [first] = nodes
    expect(first && atWork(first.context)).toEqual(keys)
    for (const { context } of nodes) {
      const busy = atWork(context)
      for (const pair of clashes) {
        if (pair.some((key) => stateOf(context, key) !== 'running'))
          expect(pair.every((key) => busy.includes(key))).toBe(false)
      }
    }
  })

  it('whoever completes later than one that it clashes with is undone; who fails is not', () => {
    for (const { from, to, event, effects } of edges) {
      if (event.type !== 'branch.settled' || stateOf(from.context, event.branch) !== 'running') continue
      const rivals = clashes.flatMap(([a, b]) => (a === event.branch ? [b] : b === event.branch ? [a] : []))
      const later = rivals.some((key) => from.context.completed.includes(key))
      const undone = later && event.outcome.status === 'completed'
      expect(stateOf(to.context, event.branch) !== 'settled').toBe(undone)
      expect(effectsOf(effects, 'conflict.decided')).toHaveLength(undone ? 1 : 0)
    }
  })

  it('what completed last is undone first', () => {
    for (const { from, effects } of edges) {
      for (const { branch: key } of effectsOf(effects, 'branch.undo')) {
        const rivals = clashes.flatMap(([a, b]) => (a === key ? [b] : b === key ? [a] : []))
        const later = rivals.filter(
          (rival) =>
            from.context.completed.indexOf(rival) > from.context.completed.indexOf(key) &&
            from.context.completed.includes(key),
        )
        for (const rival of later) expect(stateOf(from.context, rival)).not.toBe('doomed')
      }
    }
  })

  it('nobody runs again as long as something that it clashes with is still to be undone', () => {
    const all = ['x', 'x', 'x y'].map((writes, place) => branch(keys[place] ?? '', writes.split(' ')))
    const entangled = exploreThose('roll-back', [...all, branch('d', [], ['y'])])
    const states = entangled.nodes.map(({ context }) => context)
    const isOpen = (context: ArbiterContext, key: string): boolean =>
      ['doomed', 'undoing'].includes(stateOf(context, key) ?? '')
    const waits = states.filter((context) => stateOf(context, 'b') === 'undone' && isOpen(context, 'c'))
    expect(waits.length).toBeGreaterThan(0)
    for (const context of states) {
      if (stateOf(context, 'b') === 'rerunning') expect(isOpen(context, 'c')).toBe(false)
      if (stateOf(context, 'c') === 'rerunning') expect(isOpen(context, 'd')).toBe(false)
    }
  })

  it('nobody is undone twice: what runs again counts', () => {
    for (const { from, to, event } of edges) {
      if (event.type === 'branch.settled' && stateOf(from.context, event.branch) === 'rerunning') {
        expect(stateOf(to.context, event.branch)).toBe('settled')
      }
    }
  })

  it('what could not be undone ends so, without a second run', () => {
    for (const { from, to, event } of edges) {
      if (event.type !== 'branch.undone' || stateOf(from.context, event.branch) !== 'undoing') continue
      const after = to.context.branches.find(({ key }) => key === event.branch)
      if (event.outcome) expect(after).toMatchObject({ state: 'settled', outcome: bad })
      else expect(['undone', 'rerunning']).toContain(after?.state)
    }
  })
})

describe('with somebody who names winners', () => {
  const { nodes, edges } = exploreWith('agent')

  it('who clashes has not begun before that is decided; the others work', () => {
    const [first] = nodes
    expect(first?.context.asking?.between).toEqual(['a', 'b'])
    expect(first && atWork(first.context)).toEqual([])
    const open = [branch('a', ['x']), branch('b', ['x']), branch('c', ['y'])]
    const [other] = exploreThose('agent', open).nodes
    expect(other && atWork(other.context)).toEqual(['c'])
  })

  it('is asked about one clash after the other, and about none whose loser is out already', () => {
    for (const { to, effects } of edges) {
      for (const { clash } of effectsOf(effects, 'clash.ask')) {
        expect(clash).toEqual(to.context.asking)
        for (const key of clash.between) expect(stateOf(to.context, key)).toBe('waiting')
      }
      expect(effectsOf(effects, 'clash.ask').length).toBeLessThanOrEqual(1)
    }
  })

  it('the loser is refused', () => {
    for (const { from, event, effects } of edges) {
      if (event.type !== 'clash.decided' || !from.context.asking?.between.includes(event.winner)) continue
      const loser = from.context.asking.between.find((key) => key !== event.winner)
      expect(effectsOf(effects, 'branch.refuse')).toMatchObject([{ branch: loser, winner: event.winner }])
    }
  })

  it('all ends when nobody can say, or somebody else is named; what is at work is withdrawn', () => {
    const ended = edges.filter(
      ({ from, to, event }) =>
        from.status === 'active' &&
        to.status === 'done' &&
        (event.type === 'decision.failed' || event.type === 'clash.decided'),
    )
    expect(ended.length).toBeGreaterThan(1)
    for (const { effects } of ended) expect(effectsOf(effects, 'branches.withdraw')).toHaveLength(1)
  })
})

it('a clash needs a resource of both that one of them writes; each resource is named once', () => {
  const both = [
    { ...branch('a', ['x', 'y', 'x'], ['z', 'x']) },
    { ...branch('b', ['y'], ['x', 'z']) },
    { ...branch('toString', [], ['z']) },
  ]
  const [first] = exploreThose('merge', both).nodes
  expect(first?.context.clashes).toEqual([{ between: ['a', 'b'], resources: ['x', 'y'] }])
})

it('every state is reached and described, every transition is taken', () => {
  const all = rules.map(exploreWith)
  const inAll = (name: 'unreached' | 'untaken') =>
    all[0]?.[name].filter((each) => all.every((one) => one[name].includes(each)))
  expect(inAll('unreached')).toEqual([])
  expect(inAll('untaken')).toEqual([])
  expect(all.reduce((sum, { nodes }) => sum + nodes.length, 0)).toBeGreaterThan(300)
  expect(statesWithoutDescription(arbiterMachine)).toEqual([])
})
