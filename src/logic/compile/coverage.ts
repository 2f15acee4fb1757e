/** Names everything in a machine that only XState's interpreter can run, so that nothing is guessed. */
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'
import { nameOfAction, resolveAction } from './actions.ts'
import { nameOfGuard, resolveGuard } from './guards.ts'
import { isKnownRelease, nameOf, readAction, readGuard } from './xstate-internals.ts'

/** One line per fault, `state path: feature`; none when the machine can be compiled. */
export const coverage = (machine: AnyStateMachine): readonly string[] => {
  if (!isKnownRelease) return [`${machine.id}: a release of XState that the compiler does not know`]
  return [...new Set(stateFaults(machine, machine.root))]
}

const stateFaults = (machine: AnyStateMachine, node: AnyStateNode): string[] => {
  const children = Object.values(node.states)
  // XState adds the timers of `after` to entry and exit, so these are read as they were written.
  const { entry, exit } = node.config
  const transitions = [...node.transitions.values(), node.always ?? []].flat()
  const actions = [
    list(entry),
    list(exit),
    ...transitions.map((transition) => list(transition.actions)),
  ].flat()
  const own = [
    ...features(node),
    ...actions.flatMap((action) => actionFaults(machine, action)),
    ...transitions.flatMap((transition) => transitionFaults(machine, transition)),
    ...(node.type === 'compound'
      ? list(node.initial.actions).flatMap((it) => actionFaults(machine, it))
      : []),
  ]
  const where = node.path.join('.') || machine.id
  return [
    ...own.map((fault) => `${where}: ${fault}`),
    ...children.flatMap((child) => stateFaults(machine, child)),
  ]
}

const list = (value: unknown): readonly unknown[] => {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

const features = (node: AnyStateNode): string[] => {
  const isLeaf = node.type === 'atomic' || node.type === 'final'
  const found = {
    parallel: node.type === 'parallel',
    history: node.type === 'history',
    invoke: node.invoke.length > 0,
    after: node.after.length > 0,
    route: 'route' in node.config && node.config.route !== undefined,
    'states inside a state without an initial one': isLeaf && Object.keys(node.states).length > 0,
    'a root that is final': node.type === 'final' && !node.parent,
  }
  return Object.entries(found).flatMap(([feature, isThere]) => (isThere ? [feature] : []))
}

const transitionFaults = (machine: AnyStateMachine, { target, guard }: AnyTransitionDefinition): string[] => [
  ...(target && target.length > 1 ? ['several targets'] : []),
  ...guardFaults(machine, guard),
]

const actionFaults = (machine: AnyStateMachine, action: unknown): string[] => {
  const resolved = resolveAction(machine, action)
  if (resolved === undefined) return [`action "${nameOfAction(action)}" is not implemented`]
  const known = readAction(resolved)
  if (!known) return [nameOf(resolved)]
  return known.kind === 'raise' && known.delay !== undefined ? ['delayed raise'] : []
}

const guardFaults = (machine: AnyStateMachine, guard: unknown, seen: readonly string[] = []): string[] => {
  if (guard === undefined) return []
  const name = typeof guard === 'function' ? undefined : nameOfGuard(guard)
  if (name !== undefined && seen.includes(name)) return [`guard "${name}" refers to itself`]
  const resolved = resolveGuard(machine, guard)
  if (resolved === undefined) return [`guard "${name}" is not implemented`]
  const deeper = name === undefined ? seen : [...seen, name]
  if (typeof resolved !== 'function') return guardFaults(machine, resolved, deeper)
  const known = readGuard(resolved)
  if (known)
    return known.kind === 'stateIn' ? [] : known.guards.flatMap((it) => guardFaults(machine, it, deeper))
  return 'check' in resolved ? ['a built-in guard that the compiler does not know'] : []
}
