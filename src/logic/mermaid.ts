/**
 * Draws a machine as a Mermaid `stateDiagram-v2`, in the part of the language that GitHub and Mermaid 11 and 12 all
 * draw alike. Shows every transition, eventless ones too; what a transition does is not shown.
 */
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'
import { readGuard, type KnownGuard } from './compile/xstate-internals.ts'

/** The text of the diagram; the same for the same machine. */
export const mermaid = (machine: AnyStateMachine): string => {
  const ids = idsOf(machine)
  return ['stateDiagram-v2', ...declared(machine.root, ids), ...arrows(machine.root, ids)].join('\n  ')
}

/** How the diagram calls each state. */
type Ids = ReadonlyMap<AnyStateNode, string>

// Words of the language that no state may be called.
const reserved = new Set([
  'as',
  'choice',
  'class',
  'default',
  'direction',
  'end',
  'fork',
  'join',
  'note',
  'state',
  'style',
])

const idsOf = ({ root }: AnyStateMachine): Ids => {
  const ids = new Map<AnyStateNode, string>()
  const taken = new Set(reserved)
  const name = (node: AnyStateNode): void => {
    let id = (node.path.length === 0 ? ['machine'] : node.path).join('_').replaceAll(/\W/g, '_')
    while (taken.has(id)) id += '_'
    taken.add(id).add(`${id}_any`)
    ids.set(node, id)
    Object.values(node.states).forEach(name)
  }
  name(root)
  return ids
}

/** What stands between the braces of a state, or in the whole diagram: its states, where it begins and ends. */
const declared = (node: AnyStateNode, ids: Ids): string[] => {
  const [first] = node.type === 'compound' ? node.initial.target : []
  const any = anyOf(node, ids)
  return [
    ...(first ? [`[*] --> ${ids.get(first)}`] : []),
    ...Object.values(node.states).flatMap((child) => declare(child, ids)),
    ...(edgesOf(node, ids).some(({ from }) => from === any) ? [`state "in any of these" as ${any}`] : []),
  ]
}

const declare = (node: AnyStateNode, ids: Ids): string[] => {
  const id = ids.get(node)
  const head = `state "${text(node.key)}" as ${id}`
  const end = node.type === 'final' ? [`${id} --> [*]`] : []
  if (Object.keys(node.states).length === 0) return [head, ...end]
  return [`${head} {`, ...declared(node, ids).map((line) => `  ${line}`), '}']
}

/** All arrows, outside of all braces: one that is drawn inside would draw its far end inside too. */
const arrows = (root: AnyStateNode, ids: Ids): string[] => {
  const labels = new Map<string, string[]>()
  for (const { from, to, label } of allNodes(root).flatMap((node) => edgesOf(node, ids))) {
    const arrow = `${from} --> ${to}`
    labels.set(arrow, [...(labels.get(arrow) ?? []), label])
  }
  return [...labels].map(([arrow, lines]) => `${arrow} : ${[...new Set(lines)].join('<br/>')}`)
}

const allNodes = (node: AnyStateNode): AnyStateNode[] => [
  node,
  ...Object.values(node.states).flatMap(allNodes),
]

type Edge = { readonly from: string; readonly to: string; readonly label: string }

const edgesOf = (node: AnyStateNode, ids: Ids): Edge[] =>
  [...node.transitions.values(), node.always ?? []].flat().map((transition) => {
    const target = transition.target?.[0]
    const isParent = Object.keys(node.states).length > 0
    const goesInside = isParent && (!target || target === node || isWithin(target, node))
    const from = goesInside ? anyOf(node, ids) : (ids.get(node) ?? '')
    const end = target && landing(target, node)
    return { from, to: end && end !== node ? (ids.get(end) ?? '') : from, label: labelOf(transition) }
  })

/** Stands for all states inside one, since an arrow from a state into itself is not drawn everywhere. */
const anyOf = (node: AnyStateNode, ids: Ids): string => `${ids.get(node)}_any`

/** An arrow cannot end at a state that holds its start: there it ends where that state begins. */
const landing = (target: AnyStateNode, source: AnyStateNode): AnyStateNode => {
  const [first] = target.type === 'compound' ? target.initial.target : []
  return first && (target === source || isWithin(source, target)) ? landing(first, source) : target
}

const isWithin = ({ parent }: AnyStateNode, ancestor: AnyStateNode): boolean =>
  parent !== undefined && (parent === ancestor || isWithin(parent, ancestor))

const labelOf = ({ eventType, guard, target, actions }: AnyTransitionDefinition): string => {
  const isIgnored = !target && actions.length === 0
  const event = `${eventName(eventType)}${isIgnored ? ' (ignored)' : ''}`
  return text(guard === undefined ? event : `${event} [${guardName(guard)}]`)
}

/** An event as people call it: what comes of an inner end is `done`, of nothing `always`. */
export const eventName = (eventType: string): string => {
  if (eventType === '') return 'always'
  if (eventType.startsWith('xstate.done.')) return 'done'
  if (eventType.startsWith('xstate.error.')) return 'error'
  const [, delay] = /^xstate\.after\.([^.]+)\./.exec(eventType) ?? []
  return delay === undefined ? eventType : `after ${delay}`
}

const guardName = (guard: unknown): string => {
  if (typeof guard === 'string') return guard
  if (typeof guard === 'object') return (guard as { type: string }).type
  const known = readGuard(guard)
  return known ? knownGuardName(known) : (guard as { name: string }).name || 'guard'
}

const knownGuardName = (guard: KnownGuard): string => {
  if (guard.kind === 'stateIn') return `in ${JSON.stringify(guard.stateValue).replaceAll('"', '')}`
  const names = guard.guards.map(guardName)
  return guard.kind === 'not' ? `not ${names[0]}` : names.join(` ${guard.kind} `)
}

/** Characters that mean something to Mermaid are written as it wants them. */
const text = (raw: string): string => raw.replaceAll(/["#:;<>{}|]/g, (found) => `#${found.charCodeAt(0)};`)
