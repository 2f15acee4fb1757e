/**
 * Which states a transition leaves and enters, and all that happens on the way, as one flat list of operations.
 * Follows SCXML as XState does it, for machines in which one state is active per level.
 */
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition, EventObject } from 'xstate'
import { compileAction } from './actions.ts'
import { Args, type Leaf, type Operation, type Plan, type Run } from './run.ts'

/** Makes the plans of one machine. `leafOf` finds the leaf for a node without children. */
export const planner = (machine: AnyStateMachine, leafOf: (node: AnyStateNode) => Leaf) => {
  const compiled = (actions: readonly unknown[]): Operation[] =>
    actions.map((action) => compileAction(machine, action))

  const entering = (node: AnyStateNode, byDefault: boolean): Operation[] => [
    ...compiled(node.entry),
    ...(byDefault && node.type === 'compound' ? compiled(node.initial.actions) : []),
    ...(node.type === 'final' ? [finishing(node)] : []),
  ]

  const assemble = (left: readonly AnyStateNode[], actions: readonly Operation[], entry: Entry): Plan => {
    const ordered = [...entry.nodes].toSorted((a, b) => a.order - b.order)
    const to = leafOf(ordered.at(-1) as AnyStateNode)
    const isEnd = to.nodes.at(-1)?.type === 'final' && to.nodes.length === 2
    const operations = [
      ...left.toReversed().flatMap((node) => compiled(node.exit)),
      ...actions,
      ...ordered.flatMap((node) => entering(node, entry.byDefault.has(node))),
      // A machine that is done leaves all its states.
      ...(isEnd ? to.nodes.toReversed().flatMap((node) => compiled(node.exit)) : []),
    ]
    return { operations, to }
  }

  return {
    /** From nothing to the first leaf. */
    initial: (): Plan => {
      const nodes = new Set([machine.root, ...descent(machine.root)])
      return assemble([], [], { nodes, byDefault: nodes })
    },
    /** Of a transition that is taken at a leaf. */
    plan: (from: Leaf, transition: AnyTransitionDefinition): Plan => {
      const actions = compiled(transition.actions)
      const target = transition.target?.[0]
      if (!target) return { operations: actions, to: from }
      const domain = domainOf(transition, target)
      const left = from.nodes.filter((node) => isBelow(node, domain))
      const entry = entryOf(transition, target, domain)
      if (entry.nodes.size === 0) return { operations: actions, to: from }
      return assemble(left, actions, entry)
    },
  }
}

type Entry = {
  readonly nodes: ReadonlySet<AnyStateNode>
  /** Those whose initial transition is taken too. */
  readonly byDefault: ReadonlySet<AnyStateNode>
}

const entryOf = (
  { source, reenter }: AnyTransitionDefinition,
  target: AnyStateNode,
  domain: AnyStateNode | undefined,
): Entry => {
  const isInternal = source === target && source === domain && !reenter
  const byDefault = new Set([...(isInternal ? [] : [target]), ...descent(target)])
  return {
    nodes: new Set([...byDefault, ...(target === domain ? [] : ancestors(target, domain))]),
    byDefault,
  }
}

/** The innermost state that stays; undefined when even the root is left. */
const domainOf = (
  { source, reenter }: AnyTransitionDefinition,
  target: AnyStateNode,
): AnyStateNode | undefined => {
  if (!reenter && (target === source || isBelow(target, source))) return source
  const shared = ancestors(target).find((ancestor) => isBelow(source, ancestor))
  return shared ?? (reenter ? undefined : source.machine.root)
}

/** The initial states inside a state, outermost first. */
const descent = (node: AnyStateNode): AnyStateNode[] => {
  const [child] = node.type === 'compound' ? node.initial.target : []
  return child ? [child, ...descent(child)] : []
}

/** Innermost first, up to but without `upTo`. */
const ancestors = ({ parent }: AnyStateNode, upTo?: AnyStateNode): AnyStateNode[] =>
  parent && parent !== upTo ? [parent, ...ancestors(parent, upTo)] : []

// Everything, the root too, is below nothing.
const isBelow = (node: AnyStateNode, ancestor: AnyStateNode | undefined): boolean =>
  ancestor === undefined || ancestors(node).includes(ancestor)

const finishing = (node: AnyStateNode): Operation => {
  const { parent, machine, output } = node
  const raised = parent && `xstate.done.state.${parent.id}`
  const { root } = machine
  const isEnd = parent === root
  return (run) => {
    if (!isEnd) {
      if (raised) run.raise({ type: raised, output: resultOf(output, run) } as EventObject)
      return
    }
    // Nothing is left that could hear of it.
    run.status = 'done'
    const given = resultOf(output, run)
    if (root.output === undefined) return
    const event: EventObject & { output: unknown } = { type: `xstate.done.state.${node.id}`, output: given }
    run.output = typeof root.output === 'function' ? root.output(new Args(run.context, event) as never) : root.output
  }
}

const resultOf = (output: unknown, run: Run): unknown =>
  typeof output === 'function' ? output(run.args) : output
