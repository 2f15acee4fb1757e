/** The diagram of a machine. */
import { describe, expect, it } from 'vitest'
import { and, createMachine, not, or, stateIn } from 'xstate'
import { mermaid } from '../../src/logic/mermaid.ts'

const drawn = (config: object): string[] => mermaid(createMachine(config as never)).split('\n')

describe('a diagram', () => {
  it('nests states, each under the id of its whole path, and shows where they begin and end', () => {
    expect(
      drawn({
        initial: 'a',
        states: { a: { initial: 'b', states: { b: {} }, on: { go: 'b' } }, b: { type: 'final' } },
      }),
    ).toEqual([
      'stateDiagram-v2',
      '  [*] --> a',
      '  state "a" as a {',
      '    [*] --> a_b',
      '    state "b" as a_b',
      '  }',
      '  state "b" as b',
      '  b --> [*]',
      '  a --> b : go',
    ])
  })

  it('labels arrows with the event and its guard, and draws one arrow for all from here to there', () => {
    const state = { guard: 'isOpen', target: 'b' }
    const lines = drawn({
      initial: 'a',
      states: {
        a: { always: state, on: { go: [state, 'b'], wait: 'a', drop: {} } },
        b: { on: { '*': 'a' } },
      },
    })
    expect(lines.filter((line) => line.includes(' : '))).toEqual([
      '  a --> b : go [isOpen]<br/>go<br/>always [isOpen]',
      '  a --> a : wait<br/>drop (ignored)',
      '  b --> a : *',
    ])
  })

  it('names every form of guard', () => {
    const guards = [
      not('x'),
      and(['x', or(['y', { type: 'z', params: 1 }])]),
      stateIn({ a: 'b' }),
      function isLate() {
        return true
      },
      () => true,
    ]
    const on = Object.fromEntries(guards.map((guard, at) => [`e${at}`, { guard, actions: 'x' }]))
    const [line] = drawn({ initial: 'a', states: { a: { on } } }).slice(-1)
    expect(line?.split(' : ')[1]?.split('<br/>')).toEqual([
      'e0 [not x]',
      'e1 [x and y or z]',
      'e2 [in #123;a#58;b#125;]',
      'e3 [isLate]',
      'e4 [guard]',
    ])
  })

  it('never draws an arrow from a state into itself: such a one starts at any of the states inside', () => {
    const lines = drawn({
      id: 'm',
      initial: 'a',
      on: { reset: '.a', note: { actions: 'x' } },
      states: {
        a: { initial: 'b', on: { again: '.b' }, states: { b: { on: { up: '#m.a', top: '#m' } }, any: {} } },
      },
    })
    expect(lines.slice(1)).toEqual([
      '  [*] --> a',
      '  state "a" as a {',
      '    [*] --> a_b',
      '    state "b" as a_b',
      '    state "any" as a_any_',
      '    state "in any of these" as a_any',
      '  }',
      '  state "in any of these" as machine_any',
      '  machine_any --> a : reset',
      '  machine_any --> machine_any : note',
      '  a_any --> a_b : again',
      '  a_b --> a_b : up<br/>top',
    ])
  })

  it('says done for the end of inner states, and after for a time', () => {
    const lines = drawn({
      initial: 'a',
      states: {
        a: { initial: 'b', states: { b: { type: 'final' } }, onDone: 'c', after: { 500: 'c' } },
        c: {},
      },
    })
    expect(lines.at(-1)).toBe('  a --> c : done<br/>after 500')
  })

  it('keeps names that mean something to Mermaid apart from its language', () => {
    const lines = drawn({
      initial: 'end',
      states: { end: { on: { 'a:b;c': 'say "hi"' } }, 'say "hi"': {}, 'x-y': {}, x_y: {} },
    })
    expect(lines.slice(1)).toEqual([
      '  [*] --> end_',
      '  state "end" as end_',
      '  state "say #34;hi#34;" as say__hi_',
      '  state "x-y" as x_y',
      '  state "x_y" as x_y_',
      '  end_ --> say__hi_ : a#58;b#59;c',
    ])
  })
})
