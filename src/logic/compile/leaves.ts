/** The leaves of a machine, and what may happen at each: the tables that a compiled machine runs on. */
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition, StateValue } from 'xstate'
import { compileGuard } from './guards.ts'
import type { Candidate, Leaf, Row } from './run.ts'

// Event types are few; should somebody put an id into them, the tables do not grow for ever.
const MAX_ROWS = 500

/** The tables of one machine. */
export interface Leaves {
  /** The leaf whose innermost node this is. */
  of(node: AnyStateNode): Leaf
  /** The leaf that a state value names, a partial one by its initial states; undefined when there is none. */
  find(value: unknown): Leaf | undefined
  /** Where a machine stands before its first entry: in its root alone, with the value that it is about to have. */
  readonly nowhere: Leaf
  row(leaf: Leaf, eventType: string): Row
}

/** Builds the tables; rows are filled as events come. */
export const leavesOf = (machine: AnyStateMachine): Leaves => {
  const nodes = flatten(machine.root).filter((node) => Object.keys(node.states).length === 0)
  const leaves = new Map<AnyStateNode, Leaf>(nodes.map((node, index) => [node, leafOf(node, index)]))
  const candidate = (transition: AnyTransitionDefinition): Candidate => ({
    transition,
    check: transition.guard === undefined ? undefined : compileGuard(machine, transition.guard),
    plan: undefined,
  })
  for (const leaf of leaves.values()) {
    leaf.always = leaf.nodes.toReversed().flatMap((node) => (node.always ?? []).map(candidate))
  }
  const of = (node: AnyStateNode): Leaf => leaves.get(innermost(node)) as Leaf
  const nowhere: Leaf = { ...of(machine.root), index: nodes.length, nodes: [machine.root], rows: new Map() }
  return {
    of,
    nowhere,
    find: (value) => {
      const node = nodeAt(machine.root, value)
      return node && of(node)
    },
    row: (leaf, eventType) => {
      const existing = leaf.rows.get(eventType)
      if (existing) return existing
      const transitions = leaf.nodes.toReversed().flatMap((node) => candidatesOf(node, eventType))
      const row = { candidates: transitions.map(candidate), reserved: isReserved(eventType) }
      if (leaf.rows.size < MAX_ROWS) leaf.rows.set(eventType, row)
      return row
    },
  }
}

const flatten = (node: AnyStateNode): AnyStateNode[] => [node, ...Object.values(node.states).flatMap(flatten)]

const innermost = (node: AnyStateNode): AnyStateNode => {
  const [child] = node.type === 'compound' ? node.initial.target : []
  return child ? innermost(child) : node
}

const leafOf = (node: AnyStateNode, index: number): Leaf => {
  const nodes = [node]
  for (let up = node.parent; up; up = up.parent) nodes.unshift(up)
  return { index, nodes, value: valueOf(node.path), rows: new Map(), always: [] }
}

const valueOf = ([head, ...rest]: readonly string[]): StateValue => {
  if (head === undefined) return {}
  return rest.length === 0 ? head : Object.freeze({ [head]: valueOf(rest) })
}

const nodeAt = (node: AnyStateNode, value: unknown): AnyStateNode | undefined => {
  if (typeof value === 'string') return child(node, value)
  const [[key, inner] = [undefined], ...others] = Object.entries(value ?? {})
  if (others.length > 0) return undefined
  if (key === undefined) return node
  const next = child(node, key)
  return next && nodeAt(next, inner)
}

const child = ({ states }: AnyStateNode, key: string): AnyStateNode | undefined =>
  Object.hasOwn(states, key) ? states[key] : undefined

const isReserved = (eventType: string): boolean => eventType === '*' || eventType.startsWith('xstate.')

/** An exact descriptor goes before wildcards, a longer wildcard before a shorter one. */
const candidatesOf = ({ transitions }: AnyStateNode, eventType: string): AnyTransitionDefinition[] => {
  const wildcards = [...transitions.keys()]
    .filter((descriptor) => descriptor !== eventType && covers(descriptor, eventType))
    .toSorted((a, b) => b.length - a.length)
  return [eventType, ...wildcards].flatMap((descriptor) => transitions.get(descriptor) ?? [])
}

const covers = (descriptor: string, eventType: string): boolean => {
  if (descriptor === '*') return true
  if (!descriptor.endsWith('.*')) return false
  const prefix = descriptor.slice(0, -2)
  return eventType === prefix || eventType.startsWith(`${prefix}.`)
}
