/** Runs a machine that the compiler does not cover, on XState's own Actor. */
import {
  createActor,
  type AnyActor,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventObject,
} from 'xstate'

/** One way of running a machine, from state to state. */
export interface Engine<State> {
  /** Whether the event of the last step enabled a transition. */
  readonly handled: boolean
  initial(input: unknown, outbox: EventObject[]): State
  step(state: State, event: EventObject, outbox: EventObject[]): State
  can(state: State, event: EventObject): boolean
  snapshot(state: State): AnyMachineSnapshot
  stop?(): void
}

/**
 * An engine for one running machine.
 * @param later is told what timers and children brought about between steps. A failure there shows in the status.
 */
export const actorEngine = (
  machine: AnyStateMachine,
  later: (state: AnyMachineSnapshot, effects: EventObject[]) => void,
): Engine<AnyMachineSnapshot> => {
  let actor: AnyActor | undefined
  let emitted: EventObject[] = []
  let failure: { readonly error: unknown } | undefined
  let isStepping = false

  const next = (state: AnyMachineSnapshot): void => {
    if (isStepping) return
    const effects = emitted
    emitted = []
    later(state, effects)
  }

  const start = (options: { input: unknown } | { snapshot: AnyMachineSnapshot }): AnyActor => {
    const started = createActor(machine, options as { input: unknown })
    started.on('*', (effect) => emitted.push(effect))
    started.subscribe({ next, error: (error) => (failure = { error }) })
    return started.start()
  }

  /** Runs a step to its end, or not at all. */
  const attempt = (step: () => AnyActor, outbox: EventObject[]): AnyMachineSnapshot => {
    isStepping = true
    emitted = []
    failure = undefined
    try {
      actor = step()
    } finally {
      isStepping = false
    }
    if (failure) throw (failure as { readonly error: unknown }).error
    outbox.push(...emitted.splice(0))
    return actor.getSnapshot() as AnyMachineSnapshot
  }

  const engine = {
    handled: false,

    initial: (input: unknown, outbox: EventObject[]) => attempt(() => start({ input }), outbox),

    step: (before: AnyMachineSnapshot, event: EventObject, outbox: EventObject[]) => {
      engine.handled = false
      if (before.status !== 'active' || isReserved(event.type)) return before
      const handled = machine.getTransitionData(before, event).length > 0
      try {
        const state = attempt(() => {
          actor?.send(event)
          return actor as AnyActor
        }, outbox)
        engine.handled = handled
        return state
      } catch (error) {
        // XState ends an actor that threw; ours stands where it stood.
        isStepping = true
        actor = start({ snapshot: before })
        isStepping = false
        throw error
      }
    },

    can: (state: AnyMachineSnapshot, event: EventObject) => !isReserved(event.type) && state.can(event),
    snapshot: (state: AnyMachineSnapshot) => state,
    stop: () => void actor?.stop(),
  }
  return engine
}

const isReserved = (eventType: string): boolean => {
  if (eventType === '*') throw new Error("An event cannot have the wildcard type ('*')")
  return eventType.startsWith('xstate.')
}
