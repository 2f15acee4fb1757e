/**
 * Writes one page per machine that we ship, and their index: `npm run docs:machines`. A test fails when a page is not
 * what its machine says.
 */
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { StateMachine, type AnyStateMachine, type AnyStateNode } from 'xstate'
import { readAction } from '../../src/logic/compile/xstate-internals.ts'
import { eventName, mermaid } from '../../src/logic/mermaid.ts'

/** The pages by file name, of all machines that a module exports. */
export const machinePages = (module: object): ReadonlyMap<string, string> => {
  const machines = Object.entries(module)
    .filter(isMachine)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  const pages = machines.map(
    ([name, machine]) => [`${fileOf(name)}.md`, page(fileOf(name), machine)] as const,
  )
  return new Map([...pages, ['README.md', index(machines)]])
}

const isMachine = (entry: [string, unknown]): entry is [string, AnyStateMachine] =>
  entry[1] instanceof StateMachine

const fileOf = (name: string): string =>
  name.replace(/Machine$/, '').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

const made =
  '<!-- Made by `npm run docs:machines` from the machine itself: change the machine, not this page. -->'

const page = (file: string, machine: AnyStateMachine): string => {
  const states = allStates(machine.root)
  const effects = effectsOf(machine)
  return (
    [
      made,
      `# ${titleOf(file)}`,
      sentence(machine.root.description),
      `\`\`\`mermaid\n${mermaid(machine)}\n\`\`\``,
      'An arrow is labelled with its event and, in brackets, with the guard that has to hold; of several for one event the first that holds is taken.',
      table(
        'States',
        ['state', 'meaning'],
        states.map((state) => [code(pathOf(state)), sentence(state.description)]),
      ),
      table('Events', ['event', 'taken in'], eventsOf(states)),
      ...(effects.length > 0 ? [table('Effects it asks for', ['effect', 'asked by'], effects)] : []),
    ].join('\n\n') + '\n'
  )
}

const index = (machines: readonly [string, AnyStateMachine][]): string => {
  const rows = machines.map(([name, { root }]) => {
    const file = fileOf(name)
    return [`[${titleOf(file)}](${file}.md)`, code(name), sentence(root.description)]
  })
  const intro =
    'Every decision in Troupe is made by a statechart. These are all of them, drawn from the machines themselves.'
  return (
    [made, '# The machines', intro, rowsOf(['machine', 'exported as', 'what it is'], rows)].join('\n\n') +
    '\n'
  )
}

const allStates = (node: AnyStateNode): AnyStateNode[] =>
  Object.values(node.states).flatMap((child) => [child, ...allStates(child)])

const titleOf = (file: string): string =>
  `${file.charAt(0).toUpperCase()}${file.slice(1).replaceAll('-', ' ')}`

const pathOf = ({ path }: AnyStateNode): string => path.join('.')

const sentence = (text: string | undefined): string => {
  const trimmed = text?.trim() ?? ''
  return trimmed === '' || /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`
}

const code = (text: string): string => `\`${text}\``

const table = (title: string, head: readonly string[], rows: readonly (readonly string[])[]): string =>
  `## ${title}\n\n${rowsOf(head, rows)}`

const rowsOf = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')

const eventsOf = (states: readonly AnyStateNode[]): string[][] => {
  const takenIn = new Map<string, string[]>()
  const [first] = states
  for (const state of first ? [first.machine.root, ...states] : []) {
    for (const type of state.transitions.keys()) {
      if (type.startsWith('xstate.')) continue
      const name = eventName(type)
      takenIn.set(name, [...(takenIn.get(name) ?? []), state.parent ? code(pathOf(state)) : 'any state'])
    }
  }
  return [...takenIn].toSorted(byName).map(([name, where]) => [code(name), where.join(', ')])
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1)

/** What can be read of effects: those of named actions, whose type is a literal. */
const effectsOf = ({ implementations }: AnyStateMachine): string[][] => {
  const askedBy = new Map<string, string[]>()
  for (const [name, action] of Object.entries(implementations.actions)) {
    for (const type of emittedBy(action)) askedBy.set(type, [...(askedBy.get(type) ?? []), code(name)])
  }
  return [...askedBy].toSorted(byName).map(([type, names]) => [code(type), names.join(', ')])
}

const emittedBy = (action: unknown): string[] => {
  const known = readAction(action)
  if (known?.kind === 'emit') {
    return typeof known.event === 'function'
      ? literalTypes(String(known.event), /\btype:\s*(['"])([^'"]+)\1/g)
      : [known.event.type]
  }
  if (known?.kind !== 'enqueueActions') return []
  return literalTypes(String(known.collect), /\.emit\([^{]*\{\s*type:\s*(['"])([^'"]+)\1/g)
}

const literalTypes = (source: string, pattern: RegExp): string[] => [
  ...new Set([...source.matchAll(pattern)].map((match) => match[2] ?? '')),
]

const write = async (): Promise<void> => {
  const folder = new URL('./', import.meta.url)
  const machines = (await import(new URL('../../machines/index.ts', folder).href)) as object
  const pages = machinePages(machines)
  for (const file of readdirSync(folder))
    if (file.endsWith('.md') && !pages.has(file)) rmSync(new URL(file, folder))
  for (const [file, text] of pages) writeFileSync(new URL(file, folder), text)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await write()
