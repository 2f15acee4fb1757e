/** What every file must keep to. A rule sees one file; what needs all of them is in `violations.ts`. */
import { layers, type Layer } from './layers.ts'
import { walk, type Import, type Module, type Node } from './module.ts'

/** Something that a rule does not allow. */
export interface Fault {
  readonly line: number
  readonly message: string
}

/** Finds the faults of a file. */
export type Rule = (module: Module) => Fault[]

const imports: Rule = ({ path, imports: all }) => {
  const layer = layers.find(({ holds }) => fits(holds, path))
  if (!layer) return [{ line: 1, message: 'is in no layer of test/architecture/layers.ts' }]
  return all
    .filter((found) => !allows(layer, found))
    .map(({ line, specifier, typeOnly }) => {
      const typesWould = !typeOnly && layer.types?.includes(specifier)
      return { line, message: `may not import ${specifier}${typesWould ? ', only its types' : ''}` }
    })
}

const fits = (holds: Layer['holds'], path: string): boolean =>
  typeof holds === 'string' ? path.startsWith(holds) : holds.test(path)

const allows = (layer: Layer, { specifier, target, typeOnly }: Import): boolean => {
  const { holds, imports: values, types = [] } = layer
  const names = typeOnly ? [...values, ...types] : values
  if (specifier.startsWith('.')) return fits(holds, target) || names.some((name) => target.startsWith(name))
  return names.includes(specifier) || (specifier.startsWith('node:') && names.includes('node:*'))
}

const endings: Rule = ({ imports: all }) =>
  all
    .filter(({ specifier }) => specifier.startsWith('.') && !/\.(ts|json)$/.test(specifier))
    .map(({ line, specifier }) => ({ line, message: `"${specifier}" does not end in .ts` }))

const impure = new Set([
  'Date',
  'performance',
  'crypto',
  'process',
  'console',
  'fetch',
  'globalThis',
  'Buffer',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'queueMicrotask',
])

const purity: Rule = ({ path, program, lineOf }) => {
  if (!path.startsWith('machines/')) return []
  const faults: Fault[] = []
  walk(program, (node, parent) => {
    const name = impurityOf(node, parent)
    if (name) faults.push({ line: lineOf(node.start), message: `machines are pure: ${name}` })
  })
  return faults
}

const impurityOf = (node: Node, parent?: Node): string | undefined => {
  if (node.type !== 'Identifier') return undefined
  const name = String(node['name'])
  if (name === 'Math') return isRandom(parent) ? 'Math.random' : undefined
  return impure.has(name) && !isLabel(node, parent) ? name : undefined
}

/** Everything but `Math.floor` and the like: also `const { random } = Math` and `Math['random']`. */
const isRandom = (parent?: Node): boolean => {
  if (parent?.type !== 'MemberExpression' || parent['computed']) return true
  return (parent['property'] as Node)['name'] === 'random'
}

/** The `x` of `a.x` and of `{ x: 1 }` says nothing about a global of that name. */
const isLabel = (node: Node, parent?: Node): boolean => {
  if (!parent || parent['computed']) return false
  return parent['property'] === node || (parent['key'] === node && parent['value'] !== node)
}

const header: Rule = ({ source, comments }) => {
  // What has to stand first: `#!` of a command, and references that must survive in declarations.
  const start = /^(#!.*\n|\/\/\/ <reference .*\n)*/.exec(source)?.[0].length ?? 0
  const first = comments.find((comment) => comment.start >= start)
  if (first?.start === start && first.type === 'Block' && first.value.startsWith('*')) return []
  return [{ line: 1, message: 'does not open with a doc comment that says what the file is for' }]
}

const index: Rule = ({ path }) => {
  const inner = path.endsWith('/index.ts') && path !== 'src/index.ts' && path !== 'machines/index.ts'
  return inner ? [{ line: 1, message: 'is an inner index' }] : []
}

const names: Rule = ({ path }) => {
  const empty = /\/(utils?|helpers?|common|misc)\.ts$/.test(path)
  return empty ? [{ line: 1, message: 'has a name that says nothing' }] : []
}

const defaults: Rule = ({ path, program, lineOf }) => {
  if (path.endsWith('/team.ts')) return []
  const faults: Fault[] = []
  walk(program, (node) => {
    if (isDefaultExport(node)) faults.push({ line: lineOf(node.start), message: 'has a default export' })
  })
  return faults
}

const isDefaultExport = (node: Node): boolean =>
  node.type === 'ExportDefaultDeclaration' ||
  (node.type === 'ExportSpecifier' && (node['exported'] as Node)['name'] === 'default')

const escapes: Rule = ({ program, comments, lineOf }) => {
  const faults = comments
    .filter(({ value }) => /@ts-(ignore|expect-error|nocheck)/.test(value))
    .map(({ start }) => ({ line: lineOf(start), message: 'silences the compiler' }))
  walk(program, (node) => {
    if (node.type === 'TSAnyKeyword') faults.push({ line: lineOf(node.start), message: 'says any' })
  })
  return faults
}

/** What holds for every file that we write, tests and examples too. */
export const everywhere = { endings, header, index, names, defaults } satisfies Record<string, Rule>

/** What holds for the files that are shipped. */
export const sources = { imports, purity, escapes } satisfies Record<string, Rule>
