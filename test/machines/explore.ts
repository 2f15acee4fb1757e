/** Explores a machine completely: every state that its events lead to, every transition taken, every effect asked for. */
import {
  transition,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
  type AnyTransitionDefinition,
} from 'xstate'
import type { EventFrom, EventObject, InputFrom, SnapshotFrom } from 'xstate'
import { getAdjacencyMap } from 'xstate/graph'

/** One step of the graph. */
export interface Edge<M extends AnyStateMachine> {
  readonly from: SnapshotFrom<M>
  readonly event: EventFrom<M>
  readonly to: SnapshotFrom<M>
  /** What the machine emitted, in order. */
  readonly effects: readonly EventObject[]
}

/** What was found. */
export interface Exploration<M extends AnyStateMachine> {
  readonly nodes: readonly SnapshotFrom<M>[]
  readonly edges: readonly Edge<M>[]
  /** Ids of states that nothing led to. */
  readonly unreached: readonly string[]
  /** Transitions that nothing took, as `state: event [place in its list]`. */
  readonly untaken: readonly string[]
}

/** How far to go. */
export interface Bounds<M extends AnyStateMachine> {
  readonly input: InputFrom<M>
  readonly events: readonly EventFrom<M>[]
  /** Events that are not offered in this state: what keeps the graph finite. */
  readonly skip?: (snapshot: SnapshotFrom<M>, event: EventFrom<M>) => boolean
}

/** Walks all states that the events lead to. Throws beyond 100_000 steps, which means that a counter is unbounded. */
export const explore = <M extends AnyStateMachine>(
  machine: M,
  { input, events, skip }: Bounds<M>,
): Exploration<M> => {
  const offered = (snapshot: AnyMachineSnapshot): EventFrom<M>[] =>
    snapshot.status === 'active' ? events.filter((event) => !skip?.(snapshot as SnapshotFrom<M>, event)) : []
  const adjacency = getAdjacencyMap<AnyMachineSnapshot, EventObject, unknown>(machine, {
    input,
    events: offered,
    serializeState: ({ value, context }) => JSON.stringify({ value, context: context as unknown }),
    limit: 100_000,
  })
  const taken = new Set<AnyTransitionDefinition>()
  const nodes: SnapshotFrom<M>[] = []
  const edges: Edge<M>[] = []
  for (const { state, transitions } of Object.values(adjacency)) {
    const from = state as SnapshotFrom<M>
    nodes.push(from)
    for (const step of Object.values<{ event: EventObject; state: AnyMachineSnapshot }>(transitions)) {
      const event = step.event as EventFrom<M>
      for (const definition of machine.getTransitionData(from, event)) taken.add(definition)
      edges.push({ from, event, to: step.state as SnapshotFrom<M>, effects: effectsOf(machine, from, event) })
    }
  }
  return {
    nodes,
    edges,
    unreached: unreachedStates(machine, nodes),
    untaken: untakenTransitions(machine, taken),
  }
}

/** What one step emits. */
export const effectsOf = <M extends AnyStateMachine>(
  machine: M,
  snapshot: SnapshotFrom<M>,
  event: EventFrom<M>,
): EventObject[] =>
  (transition<AnyStateMachine>(machine, snapshot, event)[1] as readonly EmitAction[]).flatMap(
    ({ type, params }) => (type === 'xstate.emit' && params ? [params.event] : []),
  )

// XState's own type of what a transition asks for leaves `emit` out.
type EmitAction = { type: string; params?: { event: EventObject } }

const allStates = (node: AnyStateNode): AnyStateNode[] => [
  node,
  ...Object.values(node.states).flatMap(allStates),
]

const unreachedStates = (
  machine: AnyStateMachine,
  nodes: readonly SnapshotFrom<AnyStateMachine>[],
): string[] => {
  const reached = new Set<AnyStateNode>(nodes.flatMap(({ _nodes }) => _nodes))
  return allStates(machine.root)
    .filter((state) => !reached.has(state))
    .map(({ id }) => id)
}

const untakenTransitions = (
  machine: AnyStateMachine,
  taken: ReadonlySet<AnyTransitionDefinition>,
): string[] =>
  allStates(machine.root).flatMap((state) =>
    [...state.transitions].flatMap(([event, definitions]) =>
      definitions.flatMap((definition, index) =>
        taken.has(definition) ? [] : [`${state.id}: ${event} [${String(index)}]`],
      ),
    ),
  )

/** Every state of the machine, for tests of its descriptions. */
export const statesWithoutDescription = (machine: AnyStateMachine): string[] =>
  allStates(machine.root)
    .filter(({ description }) => !description)
    .map(({ id }) => id)
