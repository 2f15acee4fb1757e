/**
 * Runs one of our machines where it is asked to: compiled where the compiler covers it, else on XState's own Actor.
 * Both behave alike: what a machine emits is an effect, performed in order after the step that asked for it.
 */
import type { AnyMachineSnapshot, AnyStateMachine, EventObject, StateValue } from 'xstate'
import type { Interpreter, Performer, StateRecorder } from '../contracts/behavior.ts'
import { compile, type CompiledMachine } from './compile/compile.ts'
import { actorEngine, type Engine } from './interpret-actor.ts'
import { Outbox } from './outbox.ts'

/** An interpreter with what only the kernel asks for. */
export interface CellInterpreter<T extends AnyStateMachine> extends Interpreter<T> {
  /** Lets go of what runs outside of steps: the timers and children of a machine that is not compiled. */
  stop(): void
}

/** A machine that is about to start. */
export const interpret = <T extends AnyStateMachine>(
  machine: T,
  performer: Performer<T>,
  recorder?: StateRecorder,
): CellInterpreter<T> => {
  const compiled = compiledOnce(machine) as Engine<Shown> | undefined
  const running = new RunningMachine(compiled, performer, recorder)
  // Timers and children speak up between steps.
  if (!compiled) running.engine = actorEngine(machine, (state, effects) => running.goOn(state, effects))
  return running as unknown as CellInterpreter<T>
}

type AnyPerformer = { perform(effect: EventObject): void }

const tables = new WeakMap<AnyStateMachine, ReturnType<typeof compile>>()

const compiledOnce = (machine: AnyStateMachine): CompiledMachine | undefined => {
  let made = tables.get(machine)
  if (!made) tables.set(machine, (made = compile(machine)))
  return 'uncovered' in made ? undefined : made
}

/** What both ways of running show of a state. */
type Shown = Pick<AnyMachineSnapshot, 'value' | 'context' | 'status' | 'output'>

// A step within a step adds to it and takes away what it added, so one serves all machines.
const outbox = new Outbox()

type Change = Parameters<StateRecorder['record']>[0]

const changes = new Map<string, Map<string, Change>>()

/** One object for each change that machines of ours know: runs keep them. */
const changeOf = (from: string, to: string): Change => {
  let known = changes.get(from)
  if (!known) changes.set(from, (known = new Map()))
  let change = known.get(to)
  if (!change) known.set(to, (change = { type: 'state.changed', from, to }))
  return change
}

class RunningMachine {
  engine: Engine<Shown> | undefined
  readonly #performer: AnyPerformer
  readonly #recorder: StateRecorder | undefined
  #state: Shown | undefined = undefined
  /** From the first state that is entered to its last effect, and in each step: what is sent then has to wait. */
  #busy = true
  #waiting: EventObject[] | undefined = undefined

  constructor(
    engine: Engine<Shown> | undefined,
    performer: AnyPerformer,
    recorder: StateRecorder | undefined,
  ) {
    this.engine = engine
    this.#performer = performer
    this.#recorder = recorder
  }

  get value(): StateValue {
    return this.#at.value
  }

  get context(): Shown['context'] {
    return this.#at.context
  }

  get status(): Shown['status'] {
    return this.#at.status
  }

  get output(): unknown {
    return this.#at.output
  }

  get #at(): Shown {
    if (this.#state) return this.#state
    throw new Error('a machine that has not started has no state')
  }

  snapshot(): AnyMachineSnapshot | undefined {
    return this.#state && this.engine!.snapshot(this.#state)
  }

  start(input: unknown): void {
    const mark = outbox.length
    try {
      this.#state = this.engine!.initial(input, outbox)
      this.#perform(mark)
      if (this.#waiting) this.#catchUp(mark)
    } finally {
      this.#done(mark)
    }
  }

  send(event: EventObject): void {
    if (this.#busy) {
      ;(this.#waiting ??= []).push(event)
      return
    }
    this.#busy = true
    const mark = outbox.length
    try {
      this.#step(event, mark)
      if (this.#waiting) this.#catchUp(mark)
    } finally {
      this.#done(mark)
    }
  }

  /** Takes up a state that was reached between steps. */
  goOn(state: Shown, effects: readonly EventObject[]): void {
    this.#state = state
    this.#busy = true
    const mark = outbox.length
    try {
      for (const effect of effects) this.#performer.perform(effect)
      this.#catchUp(mark)
    } finally {
      this.#done(mark)
    }
  }

  stop(): void {
    this.engine!.stop?.()
  }

  #step(event: EventObject, mark: number): void {
    const before = this.#state!
    const after = this.engine!.step(before, event, outbox)
    this.#state = after
    if (outbox.length > mark) this.#perform(mark)
    const recorder = this.#recorder
    if (recorder === undefined || before === after) return
    const from = before.value
    const to = after.value
    if (from !== to && typeof from === 'string' && typeof to === 'string') {
      recorder.record(changeOf(from, to))
    }
  }

  #perform(mark: number): void {
    const end = outbox.length
    for (let i = mark; i < end; i += 1) this.#performer.perform(outbox.at(i))
    outbox.length = mark
  }

  // The list grows while it is gone through.
  #catchUp(mark: number): void {
    for (const event of this.#waiting ?? []) this.#step(event, mark)
  }

  #done(mark: number): void {
    outbox.length = mark
    this.#busy = false
    this.#waiting = undefined
  }
}
