/** What a compiled machine does, what it refuses, and how it shows itself to XState. */
import { describe, expect, it } from 'vitest'
import {
  and,
  assign,
  cancel,
  createActor,
  createMachine,
  emit,
  enqueueActions,
  fromPromise,
  log,
  not,
  or,
  raise,
  sendTo,
  setup,
  spawnChild,
  stateIn,
  stopChild,
  type EventObject,
} from 'xstate'
import { compile } from '../../src/logic/compile/compile.ts'
import { ConfigurationError } from '../../src/contracts/errors.ts'
import { runTwins, tablesOf } from './twins.ts'

const on = (...types: string[]): EventObject[] => types.map((type) => ({ type }))

/** Both forms agree, and the compiled one ends here. */
const ends = (machine: Parameters<typeof runTwins>[0], events: EventObject[], input?: unknown) => {
  const { last } = runTwins(machine, { events, input })
  return last
}

const counter = setup({
  types: {
    context: {} as { n: number; seen: string[] },
    events: {} as EventObject & { by?: number },
    input: {} as number,
  },
  guards: {
    isSmall: ({ context }, { below }: { below: number }) => context.n < below,
    isOdd: ({ context }) => context.n % 2 === 1,
  },
  actions: {
    add: assign({ n: ({ context }, { by }: { by: number }) => context.n + by }),
    note: assign(({ context, event }) => ({ seen: [...context.seen, event.type] })),
    report: emit(({ context }) => ({ type: 'report', n: context.n })),
  },
})

describe('a compiled machine', () => {
  it('takes context from input, and params from constants and from the event', () => {
    const machine = counter.createMachine({
      context: ({ input }) => ({ n: input, seen: [] }),
      on: {
        add: { actions: { type: 'add', params: { by: 2 } } },
        addBy: { actions: { type: 'add', params: ({ event }) => ({ by: event.by ?? 0 }) } },
        small: {
          guard: { type: 'isSmall', params: { below: 10 } },
          actions: { type: 'add', params: { by: 100 } },
        },
      },
    })
    const events = [...on('add'), { type: 'addBy', by: 3 }, ...on('small', 'small')]
    expect(ends(machine, events, 1)?.context).toEqual({ n: 106, seen: [] })
  })

  it('leaves inside out, acts, and enters outside in, with the event at hand', () => {
    const trace = (way: string) =>
      emit(({ event }: { event: EventObject }) => ({ type: way, on: event.type }))
    const machine = createMachine({
      entry: trace('in root'),
      initial: 'a',
      states: {
        a: {
          entry: trace('in a'),
          exit: trace('out a'),
          initial: 'b',
          states: {
            b: {
              entry: trace('in b'),
              exit: trace('out b'),
              on: { go: { target: '#c', actions: trace('go') } },
            },
          },
        },
        c: {
          id: 'c',
          initial: { target: 'd', actions: trace('initial') as never },
          entry: trace('in c'),
          states: { d: {} },
        },
      },
    } as never)
    const tables = tablesOf(machine)
    const outbox: EventObject[] = []
    tables.step(tables.initial(undefined, outbox), { type: 'go' }, outbox)
    expect(outbox.map(({ type }) => type)).toEqual([
      ...['in root', 'in a', 'in b'],
      ...['out b', 'out a', 'go', 'in c', 'initial'],
    ])
    ends(machine, on('go'))
  })

  it('re-enters only when told to, and forbids what is forbidden', () => {
    const machine = counter.createMachine({
      context: { n: 0, seen: [] },
      entry: { type: 'add', params: { by: 100 } },
      initial: 'a',
      on: { go: { actions: 'note' }, '*': { actions: 'report' } },
      states: {
        a: {
          entry: { type: 'add', params: { by: 1 } },
          on: { self: 'a', again: { target: 'a', reenter: true }, go: {}, stop: undefined },
        },
      },
    })
    expect(ends(machine, on('self', 'again', 'go', 'stop', 'other'))?.context).toEqual({ n: 102, seen: [] })
  })

  it('prefers an exact type, then the longer wildcard, and the inner state', () => {
    const machine = counter.createMachine({
      context: { n: 0, seen: [] },
      on: {
        'a.b.*': { actions: { type: 'add', params: { by: 1 } } },
        '*': { actions: { type: 'add', params: { by: 1000 } } },
      },
      initial: 's',
      states: {
        s: {
          on: {
            'a.*': { actions: { type: 'add', params: { by: 10 } } },
            'a.b': { guard: 'isOdd', actions: { type: 'add', params: { by: 100 } } },
          },
        },
      },
    })
    expect(ends(machine, on('a.b', 'a.b.c', 'a', 'z'))?.context).toMatchObject({ n: 1030 })
  })

  it('asks guards in all their forms', () => {
    const guards = [
      'isOdd',
      not('isOdd'),
      and(['isOdd', ({ context }: { context: { n: number } }) => context.n > 2]),
      or(['isOdd', { type: 'isSmall', params: { below: 1 } }]),
      stateIn('b'),
      stateIn('#deep'),
      not(stateIn({ b: 'deep' })),
    ]
    const choices = guards.map((guard, at) => [
      `g${at}`,
      { guard, actions: { type: 'add', params: { by: 1 } } },
    ])
    const machine = counter.createMachine({
      context: { n: 0, seen: [] },
      initial: 'a',
      on: { ...Object.fromEntries(choices), b: '.b' } as never,
      states: { a: {}, b: { initial: 'deep', states: { deep: { id: 'deep' } } } },
    })
    const all = on(...guards.map((_, at) => `g${at}`))
    expect(ends(machine, [...all, ...on('b'), ...all])?.context).toMatchObject({ n: 8 })
  })

  it('goes on by itself: always first, then what was raised, until nothing is due', () => {
    const machine = counter.createMachine({
      context: { n: 0, seen: [] },
      initial: 'a',
      states: {
        a: { on: { go: { target: 'b', actions: [raise({ type: 'later' }), raise({ type: 'last' })] } } },
        b: {
          always: {
            guard: { type: 'isSmall', params: { below: 3 } },
            actions: [{ type: 'add', params: { by: 1 } }, 'note'],
          },
          on: { later: 'c' },
        },
        c: { on: { last: { actions: 'note' } } },
      },
    })
    const last = ends(machine, on('go'))
    expect(last?.value).toBe('c')
    expect(last?.context).toEqual({ n: 3, seen: ['go', 'go', 'go', 'last'] })
  })

  it('finishes inner states with their output, and then as a whole with its own', () => {
    const machine = createMachine({
      initial: 'work',
      context: { n: 1 },
      output: ({ event }) => ({ all: (event as unknown as { output: number }).output }),
      states: {
        work: {
          initial: 'half',
          onDone: {
            target: 'end',
            actions: emit(({ event }) => ({ type: 'inner', output: (event as { output?: unknown }).output })),
          },
          states: {
            half: { on: { go: 'full' } },
            full: { type: 'final', output: ({ context }) => context.n },
          },
        },
        end: { type: 'final', output: 7, exit: emit({ type: 'left' }) },
      },
      exit: emit({ type: 'gone' }),
    })
    const last = ends(machine, on('go', 'go'))
    expect(last).toMatchObject({ value: 'end', status: 'done', output: { all: 7 } })
    const tables = tablesOf(machine)
    const outbox: EventObject[] = []
    const done = tables.step(tables.initial(undefined, outbox), { type: 'go' }, outbox)
    expect(outbox).toEqual([{ type: 'inner', output: 1 }, { type: 'left' }, { type: 'gone' }])
    expect(tables.step(done, { type: 'go' }, outbox)).toBe(done)
  })

  it('enqueues: assign, raise, emit, named actions, and asks guards meanwhile', () => {
    const machine = counter.createMachine({
      context: { n: 1, seen: [] },
      on: {
        go: {
          actions: enqueueActions(({ enqueue, check, context }) => {
            if (check('isOdd')) enqueue({ type: 'add', params: { by: 4 } })
            enqueue.assign({ seen: [`had ${context.n}`] })
            enqueue.emit(({ context: now }) => ({ type: 'now', n: now.n }))
            enqueue.raise({ type: 'next' })
            enqueue('report')
          }),
        },
        next: { actions: 'note' },
      },
    })
    expect(ends(machine, on('go', 'go'))?.context).toEqual({ n: 9, seen: ['had 5', 'next'] })
  })
})

describe('a step', () => {
  const machine = counter.createMachine({
    context: { n: 0, seen: [] },
    initial: 'a',
    states: {
      a: {
        on: {
          idle: {},
          tell: { actions: 'report' },
          fail: {
            target: 'b',
            actions: [
              'report',
              { type: 'add', params: { by: 1 } },
              assign(() => {
                throw new RangeError('broken')
              }),
            ],
          },
          ask: {
            guard: () => {
              throw new RangeError('broken')
            },
            target: 'b',
          },
        },
      },
      b: {},
    },
  })
  const tables = tablesOf(machine)
  const start = tables.initial(undefined, [])

  it('gives the same state back when nothing changed', () => {
    const outbox: EventObject[] = []
    expect(tables.step(start, { type: 'unknown' }, outbox)).toBe(start)
    expect(tables.step(start, { type: 'tell' }, outbox)).toBe(start)
    expect(tables.step(start, { type: 'idle' }, outbox)).toBe(start)
    expect(outbox).toEqual([{ type: 'report', n: 0 }])
  })

  it('that throws changes nothing, and takes back what it emitted', () => {
    const outbox: EventObject[] = [{ type: 'earlier' }]
    expect(() => tables.step(start, { type: 'fail' }, outbox)).toThrow(RangeError)
    expect(outbox).toEqual([{ type: 'earlier' }])
    expect([start.value, start.context]).toEqual(['a', { n: 0, seen: [] }])
    expect(tables.step(start, { type: 'tell' }, outbox)).toBe(start)
  })

  it('names the guard that threw, and keeps what it threw as the cause', () => {
    const asked = (): unknown => tables.step(start, { type: 'ask' }, [])
    expect(asked).toThrow("in transition for event 'ask' in state node '(machine).a'")
    expect(asked).toThrow(expect.objectContaining({ cause: expect.any(RangeError) as RangeError }) as Error)
  })

  it('does not take what only XState may send', () => {
    const any = tablesOf(createMachine({ on: { '*': { actions: emit({ type: 'heard' }) } } }))
    const outbox: EventObject[] = []
    const state = any.initial(undefined, outbox)
    expect(any.step(state, { type: 'xstate.stop' }, outbox)).toBe(state)
    expect(outbox).toEqual([])
    expect(() => any.step(state, { type: '*' }, outbox)).toThrow('wildcard')
  })

  it('within a step of the same machine does not disturb it', () => {
    const machine = createMachine({
      context: { n: 0 },
      on: {
        go: {
          actions: [
            assign(({ context }) => {
              if (context.n === 0)
                tables.step(tables.restore({ value: {}, context: { n: 50 } }), { type: 'go' }, [])
              return { n: context.n + 1 }
            }),
            emit(({ context }) => ({ type: 'counted', n: context.n })),
          ],
        },
      },
    })
    const tables = tablesOf(machine)
    const outbox: EventObject[] = []
    const begin = tables.initial(undefined, outbox)
    tables.step(begin, { type: 'go' }, outbox)
    expect(tables.step(begin, { type: 'go' }, outbox).context).toEqual({ n: 1 })
    expect(outbox).toEqual([
      { type: 'counted', n: 1 },
      { type: 'counted', n: 1 },
    ])
  })
})

describe('what is not covered is named', () => {
  const inState = (config: object, implementations?: object) => {
    const made = compile(
      createMachine({ initial: 'a', states: { a: config } } as never, implementations as never),
    )
    return 'uncovered' in made ? made.uncovered : []
  }

  it.each<[string, object, string[]]>([
    ['parallel', { type: 'parallel', states: { x: {}, y: {} } }, ['a: parallel']],
    ['history', { initial: 'x', states: { x: {}, h: { type: 'history' } } }, ['a.h: history']],
    ['invoke', { invoke: { src: fromPromise(async () => 1) } }, ['a: invoke']],
    ['after', { after: { 10: 'a' } }, ['a: after']],
    ['route', { id: 'here', route: {} }, ['a: route']],
    ['spawn', { entry: spawnChild('x') }, ['a: spawnChild']],
    ['stop', { exit: stopChild('x') }, ['a: stopChild']],
    ['cancel', { on: { go: { actions: cancel('x') } } }, ['a: cancel']],
    ['a delayed raise', { entry: raise({ type: 'x' }, { delay: 10 }) }, ['a: delayed raise']],
    ['log', { entry: log('x') }, ['a: log']],
    ['sendTo', { entry: sendTo('x', { type: 'y' }) }, ['a: sendTo']],
    ['a function', { always: { guard: () => false, actions: function note() {} } }, ['a: function note']],
    ['a nameless function', { entry: [() => {}] }, ['a: function (anonymous)']],
    ['an action without implementation', { entry: { type: 'x' } }, ['a: action "x" is not implemented']],
    [
      'a guard without implementation',
      { on: { go: { guard: not('x') } } },
      ['a: guard "x" is not implemented'],
    ],
    ['several targets', { on: { go: { target: ['a', 'a'] } } }, ['a: several targets']],
    [
      'an action of an initial transition',
      { initial: { target: 'x', actions: log('x') }, states: { x: {} } },
      ['a: log'],
    ],
  ])('%s', (_, config, named) => {
    expect(inState(config)).toEqual(named)
  })

  it('also behind a name', () => {
    expect(inState({ entry: 'tell' }, { actions: { tell: sendTo('x', { type: 'y' }) } })).toEqual([
      'a: sendTo',
    ])
    expect(inState({ on: { go: { guard: 'x' } } }, { guards: { x: 'y', y: 'x' } })).toEqual([
      'a: guard "x" refers to itself',
    ])
  })

  it('is said by the step where it cannot be seen before', () => {
    const machine = createMachine({
      context: {},
      on: {
        send: { actions: enqueueActions(({ enqueue }) => enqueue.sendTo('x', { type: 'y' })) },
        run: { actions: enqueueActions(({ enqueue }) => enqueue(() => {})) },
        wait: { actions: enqueueActions(({ enqueue }) => enqueue.raise({ type: 'x' }, { delay: 10 })) },
        self: { actions: assign(({ self }) => ({ id: self.id })) },
      },
    })
    const tables = tablesOf(machine)
    const state = tables.initial(undefined, [])
    for (const { type } of on('send', 'run', 'wait', 'self')) {
      expect(() => tables.step(state, { type }, [])).toThrow(ConfigurationError)
    }
  })
})

describe('a snapshot', () => {
  const machine = createMachine({
    initial: 'a',
    context: { n: 1 },
    states: {
      a: {
        initial: 'b',
        tags: 'waiting',
        meta: { label: 'A' },
        states: { b: { meta: { label: 'B' }, on: { go: '#end' } } },
      },
      end: { id: 'end', type: 'final' },
    },
    output: ({ context }) => context.n,
  })
  const tables = tablesOf(machine)
  const state = tables.initial(undefined, [])

  it('answers as XState answers', () => {
    const snapshot = tables.snapshot(state)
    expect([snapshot.matches('a'), snapshot.matches({ a: 'b' }), snapshot.matches('end')]).toEqual([
      true,
      true,
      false,
    ])
    expect([snapshot.can({ type: 'go' }), snapshot.can({ type: 'no' })]).toEqual([true, false])
    expect([snapshot.hasTag('waiting'), snapshot.hasTag('x')]).toEqual([true, false])
    expect(snapshot.getMeta()).toEqual({ '(machine).a': { label: 'A' }, '(machine).a.b': { label: 'B' } })
    expect(snapshot.toJSON()).toMatchObject({
      value: { a: 'b' },
      status: 'active',
      tags: ['waiting'],
      context: { n: 1 },
    })
    expect({ ...snapshot }.hasTag('waiting')).toBe(true)
  })

  it('is the same for the same state', () => {
    expect(tables.snapshot(state)).toBe(tables.snapshot(tables.step(state, { type: 'no' }, [])))
  })

  it('crosses into an actor, and back', () => {
    const actor = createActor(machine, { snapshot: tables.snapshot(state) }).start()
    actor.send({ type: 'go' })
    expect(actor.getSnapshot()).toMatchObject({ status: 'done', output: 1 })
    expect(tables.restore(actor.getPersistedSnapshot() as never)).toMatchObject({
      value: 'end',
      status: 'done',
      output: 1,
    })
    expect(tables.snapshot(tables.restore(actor.getSnapshot())).status).toBe('done')
  })

  it('of a state that is no more is refused', () => {
    expect(() => tables.restore({ value: { a: 'gone' }, context: {} })).toThrow(ConfigurationError)
    expect(() => tables.restore({ value: { a: 'b', end: {} }, context: {} })).toThrow(ConfigurationError)
    expect(tables.restore({ value: 'a', context: { n: 2 } }).value).toEqual({ a: 'b' })
  })
})
