/** A machine runs in a cell: steps, effects in order, and the same on XState's Actor where it is not compiled. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { assign, createActor, emit, fromPromise, setup, type AnyStateMachine, type EventObject } from 'xstate'
import { compile } from '../../src/logic/compile/compile.ts'
import type { Interpreter } from '../../src/contracts/behavior.ts'
import { interpret, type CellInterpreter } from '../../src/logic/interpret.ts'

type Effect = { type: string; n?: number }

const base = setup({
  types: {
    context: {} as { n: number },
    input: {} as number,
    emitted: {} as Effect,
    events: {} as EventObject,
  },
  actions: {
    add: assign({ n: ({ context }) => context.n + 1 }),
    tell: emit(({ context }) => ({ type: 'told', n: context.n })),
    first: emit({ type: 'first' }),
    second: emit({ type: 'second' }),
    fail: assign(() => {
      throw new RangeError('broken')
    }),
  },
})

const states = {
  a: {
    entry: 'tell',
    on: {
      add: { actions: ['add', 'tell'] },
      twice: { actions: ['first', 'second'] },
      fail: { target: 'b', actions: ['add', 'tell', 'fail'] },
      forbidden: {},
      go: 'b',
      end: 'end',
    },
  },
  b: { always: { guard: ({ context }: { context: { n: number } }) => context.n > 90, target: 'end' } },
  end: { type: 'final', entry: 'tell' },
} as const

const covered = base.createMachine({
  id: 'm',
  context: ({ input }) => ({ n: input }),
  initial: 'a',
  output: ({ context }) => context.n,
  states,
})

// A timer that is never waited for keeps the compiler away, and changes nothing else.
const uncovered = base.createMachine({
  id: 'm',
  context: ({ input }) => ({ n: input }),
  initial: 'a',
  output: ({ context }) => context.n,
  states: { ...states, late: { after: { 1_000: 'end' } } },
})

const effectsOf = (machine: AnyStateMachine, input = 0) => {
  const effects: EventObject[] = []
  const perform: { each?: (effect: EventObject) => void } = {}
  const running = interpret(machine, {
    perform: (effect) => {
      effects.push(effect)
      perform.each?.(effect)
    },
  })
  running.start(input)
  onTestFinished(() => running.stop())
  return { running, effects, perform }
}

describe.each([
  ['compiled', covered],
  ['on an actor', uncovered],
] as const)('a machine that runs %s', (form, machine) => {
  it('runs the way that this test is about', () => {
    expect('uncovered' in compile(machine)).toBe(form === 'on an actor')
  })

  it('shows its state, and performs what its first states and each step emit', () => {
    const { running, effects } = effectsOf(machine, 5)
    expect(effects).toEqual([{ type: 'told', n: 5 }])
    running.send({ type: 'add' })
    running.send({ type: 'twice' })
    expect(effects.slice(1)).toEqual([{ type: 'told', n: 6 }, { type: 'first' }, { type: 'second' }])
    expect([running.value, running.context, running.status, running.output]).toEqual([
      'a',
      { n: 6 },
      'active',
      undefined,
    ])
    running.send({ type: 'end' })
    expect([running.value, running.status, running.output]).toEqual(['end', 'done', 6])
  })

  it('does nothing more when it is done', () => {
    const { running, effects } = effectsOf(machine)
    running.send({ type: 'end' })
    running.send({ type: 'add' })
    expect([effects.length, running.context]).toEqual([2, { n: 0 }])
  })

  it('does not take what only XState may send', () => {
    const { running, effects } = effectsOf(machine)
    running.send({ type: 'xstate.stop' })
    expect([running.value, running.status, effects.length]).toEqual(['a', 'active', 1])
    expect(() => running.send({ type: '*' })).toThrow('wildcard')
  })

  it('takes what its first effects send once it stands', () => {
    const order: string[] = []
    const running: Interpreter<AnyStateMachine> = interpret(machine, {
      perform: ({ type, n }: Effect) => {
        order.push(`${type} ${String(n)}`)
        if (n === 0) running.send({ type: 'add' })
      },
    })
    onTestFinished(() => (running as CellInterpreter<AnyStateMachine>).stop())
    expect(running.snapshot()).toBeUndefined()
    running.start(0)
    expect([order, running.context]).toEqual([['told 0', 'told 1'], { n: 1 }])
  })

  it('tells of each change of a state that is a single name', () => {
    const changes: unknown[] = []
    const running = interpret(machine, { perform: () => {} }, { record: (event) => changes.push(event) })
    onTestFinished(() => running.stop())
    running.start(0)
    for (const type of ['add', 'unknown', 'go']) running.send({ type })
    expect(changes).toEqual([{ type: 'state.changed', from: 'a', to: 'b' }])
  })

  it('stands where it stood after a throw, and goes on', () => {
    const { running, effects } = effectsOf(machine, 1)
    running.send({ type: 'add' })
    expect(() => running.send({ type: 'fail' })).toThrow(RangeError)
    expect([running.value, running.context, running.status, effects.length]).toEqual([
      'a',
      { n: 2 },
      'active',
      2,
    ])
    running.send({ type: 'add' })
    expect(effects.slice(2)).toEqual([{ type: 'told', n: 3 }])
  })

  it('takes what effects send after the effects at hand', () => {
    const { running, effects, perform } = effectsOf(machine)
    perform.each = ({ type }) => {
      if (type === 'first') running.send({ type: 'add' })
      if (type === 'second') running.send({ type: 'end' })
    }
    running.send({ type: 'twice' })
    expect(effects.slice(1).map(({ type }) => type)).toEqual(['first', 'second', 'told', 'told'])
    expect([running.value, running.output]).toEqual(['end', 1])
  })

  it('drops what was still to be done when performing throws, and goes on', () => {
    const { running, effects, perform } = effectsOf(machine)
    perform.each = ({ type }) => {
      if (type !== 'first') return
      running.send({ type: 'end' })
      throw new RangeError('no')
    }
    expect(() => running.send({ type: 'twice' })).toThrow(RangeError)
    expect([effects.length, running.value]).toEqual([2, 'a'])
    running.send({ type: 'add' })
    expect([effects.at(-1), running.value]).toEqual([{ type: 'told', n: 1 }, 'a'])
  })

  it('does not start when its first state throws', () => {
    const failing = machine.provide({ actions: { tell: machine.implementations.actions['fail'] as never } })
    expect(() => effectsOf(failing)).toThrow(RangeError)
  })

  it('shows a snapshot that XState goes on from', () => {
    const { running } = effectsOf(machine, 3)
    const snapshot = running.snapshot()!
    expect([snapshot.matches('a'), snapshot.can({ type: 'add' }), running.snapshot()]).toEqual([
      true,
      true,
      snapshot,
    ])
    const actor = createActor<AnyStateMachine>(machine, { snapshot, input: 0 }).start()
    actor.send({ type: 'end' })
    expect(actor.getSnapshot().output).toBe(3)
  })
})

describe('a machine that only an actor can run', () => {
  it('performs what comes between steps', async () => {
    const work = Promise.withResolvers<number>()
    const machine = setup({ actors: { work: fromPromise(() => work.promise) } }).createMachine({
      initial: 'working',
      states: {
        working: { invoke: { src: 'work', onDone: { target: 'end', actions: emit({ type: 'done' }) } } },
        end: { type: 'final' },
      },
    })
    const { running, effects } = effectsOf(machine)
    work.resolve(1)
    await work.promise
    await Promise.resolve()
    expect([running.value, running.status, effects]).toEqual(['end', 'done', [{ type: 'done' }]])
  })
})

it('two machines that send to each other do so in turn', () => {
  const order: string[] = []
  const left = interpret(covered, { perform: ({ type }) => order.push(`left ${type}`) })
  const right = interpret(covered, {
    perform: ({ type }) => {
      order.push(`right ${type}`)
      if (type === 'first') left.send({ type: 'twice' })
    },
  })
  left.start(0)
  right.start(0)
  order.length = 0
  right.send({ type: 'twice' })
  expect(order).toEqual(['right first', 'left first', 'left second', 'right second'])
})
