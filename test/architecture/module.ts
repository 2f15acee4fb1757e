/** A TypeScript file as the rules look at it: its syntax tree, its comments and its imports. */
import { posix } from 'node:path'
import { parseSync, visitorKeys, type Comment } from 'oxc-parser'

/** A node of the syntax tree; what else it has depends on its type. */
export interface Node {
  readonly type: string
  readonly start: number
  readonly [member: string]: unknown
}

/** One `import`, `export from`, `import()` or `import('...')` in a type. */
export interface Import {
  readonly specifier: string
  /** The path from the project's root for a relative import, else the specifier. */
  readonly target: string
  /** Nothing of it is left after compilation. */
  readonly typeOnly: boolean
  readonly line: number
}

/** One file. */
export interface Module {
  readonly path: string
  readonly source: string
  readonly program: Node
  readonly comments: readonly Comment[]
  readonly imports: readonly Import[]
  readonly lineOf: (offset: number) => number
}

/** Parses a file. `path` is relative to the project's root, with slashes. */
export const parseModule = (path: string, source: string): Module => {
  const { program, comments, errors } = parseSync(path, source)
  if (errors[0]) throw new Error(`${path}: ${errors[0].message}`)

  const root = program as unknown as Node
  const lineOf = (offset: number): number => source.slice(0, offset).split('\n').length
  const imports: Import[] = []
  walk(root, (node) => {
    const found = importOf(node)
    if (!found) return
    const relative = found.specifier.startsWith('.')
    const target = relative ? posix.join(posix.dirname(path), found.specifier) : found.specifier
    imports.push({ ...found, target, line: lineOf(node.start) })
  })
  return { path, source, program: root, comments, imports, lineOf }
}

/** Calls `visit` for each node with its parent, from the top. */
export const walk = (node: Node, visit: (node: Node, parent?: Node) => void, parent?: Node): void => {
  visit(node, parent)
  for (const key of visitorKeys[node.type] ?? []) {
    for (const child of [node[key]].flat()) if (isNode(child)) walk(child, visit, node)
  }
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && 'start' in value

const importOf = (node: Node): Pick<Import, 'specifier' | 'typeOnly'> | undefined => {
  const source = node['source']
  if (!isNode(source) || typeof source['value'] !== 'string') return undefined
  const typeOnly =
    node.type === 'TSImportType' || node['importKind'] === 'type' || node['exportKind'] === 'type'
  return { specifier: source['value'], typeOnly }
}
