/** Runs a machine that the compiler does not cover, on XState's own Actor. */
import {
  createActor,
  type AnyActor,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventObject,
} from 'xstate'
import type { Effects } from './outbox.ts'

/** One way of running a machine, from state to state. */
export interface Engine<State> {
  initial(input: unknown, outbox: Effects): State
  step(state: State, event: EventObject, outbox: Effects): State
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
  const attempt = (step: () => AnyActor, outbox: Effects): AnyMachineSnapshot => {
    isStepping = true
    emitted = []
    failure = undefined
    try {
      actor = step()
    } finally {
      isStepping = false
    }
    if (failure) throw (failure as { readonly error: unknown }).error
    for (const effect of emitted.splice(0)) outbox.push(effect)
    return actor.getSnapshot() as AnyMachineSnapshot
  }

  const engine = {
    initial: (input: unknown, outbox: Effects) => attempt(() => start({ input }), outbox),

    step: (before: AnyMachineSnapshot, event: EventObject, outbox: Effects) => {
      if (before.status !== 'active' || isReserved(event.type)) return before
      try {
        return attempt(() => {
          actor?.send(event)
          return actor as AnyActor
        }, outbox)
      } catch (error) {
        // XState ends an actor that threw; ours stands where it stood.
        isStepping = true
        actor = start({ snapshot: before })
        isStepping = false
        throw error
      }
    },

    snapshot: (state: AnyMachineSnapshot) => state,
    stop: () => void actor?.stop(),
  }
  return engine
}

const isReserved = (eventType: string): boolean => {
  if (eventType === '*') throw new Error("An event cannot have the wildcard type ('*')")
  return eventType.startsWith('xstate.')
}
