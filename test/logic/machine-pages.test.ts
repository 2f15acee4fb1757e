/** The pages in docs/machines say what the machines do. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { assign, emit, enqueueActions, setup } from 'xstate'
import { machinePages } from '../../docs/machines/generate.ts'
import * as machines from '../../machines/index.ts'

const folder = new URL('../../docs/machines/', import.meta.url)

describe('what `npm run docs:machines` writes', () => {
  const pages = machinePages(machines)

  it.each([...pages])('is what stands in docs/machines/%s', (file, text) => {
    expect(readdirSync(folder)).toContain(file)
    expect(readFileSync(new URL(file, folder), 'utf8')).toBe(text)
  })

  it('leaves no page of a machine that is no more', () => {
    const there = readdirSync(folder).filter((file) => file.endsWith('.md'))
    expect(there.toSorted()).toEqual([...pages.keys()].toSorted())
  })
})

describe('a page', () => {
  const doorMachine = setup({
    actions: {
      ring: emit({ type: 'bell.rung' }),
      open: emit(({ event }) => ({ type: 'door.opened', by: event.type })),
      both: enqueueActions(({ enqueue }) => {
        enqueue('ring' as never)
        enqueue.emit({ type: 'light.on' })
      }),
      count: assign({ n: 1 }),
    },
  }).createMachine({
    description: 'A door',
    initial: 'shut',
    on: { kick: { actions: 'ring' } },
    states: {
      shut: { description: 'Nobody | gets in.', on: { knock: { target: 'ajar', actions: 'open' } } },
      ajar: { initial: 'a', states: { a: { type: 'final' } }, onDone: 'shut' },
    },
  })
  const pages = machinePages({ frontDoorMachine: doorMachine, other: 1 })
  const text = pages.get('front-door.md') ?? ''

  it('has a title, what the machine is for, and its diagram', () => {
    expect(text).toContain('# Front door\n\nA door.\n\n```mermaid\nstateDiagram-v2\n  [*] --> shut\n')
  })

  it('lists states, events, and the effects that can be read', () => {
    expect(text).toContain('| `shut` | Nobody \\| gets in. |\n| `ajar` |  |\n| `ajar.a` |  |')
    expect(text).toContain('| `kick` | any state |\n| `knock` | `shut` |\n\n')
    expect(text).toContain('| `bell.rung` | `ring` |\n| `door.opened` | `open` |\n| `light.on` | `both` |\n')
  })

  it('is in the index, alone', () => {
    expect(pages.get('README.md')).toContain(
      '| [Front door](front-door.md) | `frontDoorMachine` | A door. |\n',
    )
    expect([...pages.keys()]).toEqual(['front-door.md', 'README.md'])
  })
})
