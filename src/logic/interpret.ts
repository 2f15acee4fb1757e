/**
 * Runs one of our machines where it is asked to: compiled where the compiler covers it, else on XState's own Actor.
 * Both behave alike: what a machine emits is an effect, performed in order after the step that asked for it.
 */
import type {
  AnyMachineSnapshot,
  AnyStateMachine,
  EventFrom,
  EventObject,
  InputFrom,
  StateValue,
} from 'xstate'
import type { Interpreter } from '../contracts/behavior.ts'
import { compile, type CompiledMachine } from './compile.ts'
import { actorEngine, type Engine } from './interpret-actor.ts'

/** An interpreter with what only the kernel asks for. */
export interface CellInterpreter<T extends AnyStateMachine> extends Interpreter<T> {
  /** Whether the event of the last `send` enabled a transition. */
  readonly handled: boolean
  /** Whether the event would do anything now. */
  can(event: EventFrom<T>): boolean
  /** Lets go of what runs outside of steps: the timers and children of a machine that is not compiled. */
  stop(): void
}

/** How a machine is run. */
export interface InterpretOptions<T extends AnyStateMachine> {
  readonly input: InputFrom<T>
  /**
   * Performs one effect. It may `send` to the machine that asked: that event waits until the effects at hand are
   * performed. What it throws passes on, and what was still to be performed or sent is dropped.
   */
  readonly perform: (effect: EventObject) => void
}

/**
 * Starts a machine. What its first states emit is performed before this returns, so that `perform` cannot send yet.
 * @throws whatever its context, its entry actions or `perform` throws
 */
export const interpret = <T extends AnyStateMachine>(
  machine: T,
  { input, perform }: InterpretOptions<T>,
): CellInterpreter<T> => {
  const compiled = compiledOnce(machine) as Engine<Shown> | undefined
  const running = compiled ? new RunningMachine(compiled, input, perform) : onActor(machine, input, perform)
  return running as unknown as CellInterpreter<T>
}

const onActor = (
  machine: AnyStateMachine,
  input: unknown,
  perform: Perform,
): RunningMachine<AnyMachineSnapshot> => {
  // Timers and children speak up between steps.
  const engine = actorEngine(machine, (state, effects) => running.goOn(state, effects))
  const running = new RunningMachine(engine, input, perform)
  return running
}

type Perform = (effect: EventObject) => void

const tables = new WeakMap<AnyStateMachine, ReturnType<typeof compile>>()

const compiledOnce = (machine: AnyStateMachine): CompiledMachine | undefined => {
  let made = tables.get(machine)
  if (!made) tables.set(machine, (made = compile(machine)))
  return 'uncovered' in made ? undefined : made
}

/** What both ways of running show of a state. */
type Shown = Pick<AnyMachineSnapshot, 'value' | 'context' | 'status' | 'output'>

// Steps of different machines follow each other, so few outboxes serve them all.
const outboxes: EventObject[][] = []

class RunningMachine<State extends Shown> {
  readonly #engine: Engine<State>
  readonly #perform: Perform
  #state: State
  #isPerforming = false
  /** Events that effects have sent. */
  #waiting: EventObject[] | undefined = undefined
  #handled = false

  constructor(engine: Engine<State>, input: unknown, perform: Perform) {
    this.#engine = engine
    this.#perform = perform
    const effects = outboxes.pop() ?? []
    try {
      this.#state = engine.initial(input, effects)
      for (const effect of effects) perform(effect)
    } finally {
      effects.length = 0
      outboxes.push(effects)
    }
  }

  get handled(): boolean {
    return this.#handled
  }

  get value(): StateValue {
    return this.#state.value
  }

  get context(): Shown['context'] {
    return this.#state.context
  }

  get status(): Shown['status'] {
    return this.#state.status
  }

  get output(): unknown {
    return this.#state.output
  }

  snapshot(): AnyMachineSnapshot {
    return this.#engine.snapshot(this.#state)
  }

  can(event: EventObject): boolean {
    return this.#engine.can(this.#state, event)
  }

  send(event: EventObject): void {
    if (this.#isPerforming) {
      this.#waiting ??= []
      this.#waiting.push(event)
      return
    }
    const effects = outboxes.pop() ?? []
    try {
      this.#step(event, effects)
      this.#handled = this.#engine.handled
      if (effects.length > 0) this.#release(effects)
    } finally {
      effects.length = 0
      outboxes.push(effects)
    }
  }

  /** Takes up a state that was reached between steps. */
  goOn(state: State, effects: EventObject[]): void {
    this.#state = state
    this.#release(effects)
  }

  stop(): void {
    this.#engine.stop?.()
  }

  #step(event: EventObject, effects: EventObject[]): void {
    this.#state = this.#engine.step(this.#state, event, effects)
  }

  #release(effects: EventObject[]): void {
    this.#isPerforming = true
    try {
      for (const effect of effects) this.#perform(effect)
      // The list grows while it is gone through.
      for (const event of this.#waiting ?? []) {
        effects.length = 0
        this.#step(event, effects)
        for (const effect of effects) this.#perform(effect)
      }
    } finally {
      this.#isPerforming = false
      this.#waiting = undefined
    }
  }
}
