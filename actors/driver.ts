/**
 * One of our machines at work in a cell. What it asks for may be done at once and lead to the next event: such events
 * wait until the step in hand is over, so that no step runs inside another.
 */
import type { AnyStateMachine, EmittedFrom, EventFrom, InputFrom, StateValue } from 'xstate'
import type { CellScope, Interpreter } from '../src/contracts/behavior.ts'
import type { TaskEvent } from '../src/contracts/tasks.ts'

/** Performs what a machine asks for. */
export interface Performer<T extends AnyStateMachine> {
  perform(effect: EmittedFrom<T>): void
}

interface Recorder {
  record(event: TaskEvent): void
}

/** Steps a machine, one event after the other. */
export class Driver<T extends AnyStateMachine> {
  readonly #cell: Pick<CellScope, 'interpret'>
  readonly #performer: Performer<T>
  readonly #recorder: Recorder | undefined
  #machine: Interpreter<T> | undefined
  #state: StateValue = ''
  #busy = true
  #waiting: EventFrom<T>[] | undefined

  /** @param recorder gets each change of a state that is a single name */
  constructor(cell: Pick<CellScope, 'interpret'>, performer: Performer<T>, recorder?: Recorder) {
    this.#cell = cell
    this.#performer = performer
    this.#recorder = recorder
  }

  /** Enters the initial state; what that asks for is performed before this returns. */
  start(machine: T, input: InputFrom<T>): void {
    this.#machine = this.#cell.interpret(machine, {
      input,
      perform: (effect) => this.#performer.perform(effect as EmittedFrom<T>),
    })
    this.#state = this.#machine.value
    this.#drain()
    this.#busy = false
  }

  /** A throw of what is performed passes on; events that wait are dropped with it. */
  send(event: EventFrom<T>): void {
    if (this.#busy) {
      ;(this.#waiting ??= []).push(event)
      return
    }
    this.#busy = true
    try {
      this.#step(event)
      if (this.#waiting) this.#drain()
    } finally {
      this.#busy = false
      this.#waiting = undefined
    }
  }

  #drain(): void {
    for (let next = this.#waiting?.shift(); next !== undefined; next = this.#waiting?.shift())
      this.#step(next)
  }

  #step(event: EventFrom<T>): void {
    const machine = this.#machine
    if (!machine) return
    machine.send(event)
    if (!this.#recorder) return
    const from = this.#state
    const to = machine.value
    this.#state = to
    if (from !== to && typeof from === 'string' && typeof to === 'string') {
      this.#recorder.record({ type: 'state.changed', from, to })
    }
  }
}
