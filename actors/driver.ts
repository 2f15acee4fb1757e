/**
 * One of our machines at work in a cell. What it asks for may be done at once and lead to the next event: such events
 * wait until the step in hand is over, so that no step runs inside another.
 */
import type { AnyStateMachine, EmittedFrom, EventFrom, InputFrom } from 'xstate'
import type { CellScope, Interpreter } from '../src/contracts/behavior.ts'

/** Performs what a machine asks for. */
export interface Performer<T extends AnyStateMachine> {
  perform(effect: EmittedFrom<T>): void
}

type Cell = Pick<CellScope, 'interpret'>

/** Told when a state that is a single name changes. */
export type StateListener = (from: string, to: string) => void

/** Steps a machine, one event after the other. */
export class Driver<T extends AnyStateMachine> {
  #machine: Interpreter<T> | undefined
  #busy = true
  #waiting: EventFrom<T>[] | undefined

  /** Enters the initial state; what that asks for is performed before this returns. */
  constructor(cell: Cell, machine: T, input: InputFrom<T>, performer: Performer<T>) {
    this.#machine = cell.interpret(machine, {
      input,
      perform: (effect) => performer.perform(effect as EmittedFrom<T>),
    })
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
      this.#machine?.send(event)
      this.#drain()
    } finally {
      this.#busy = false
      this.#waiting = undefined
    }
  }

  #drain(): void {
    for (let next = this.#waiting?.shift(); next !== undefined; next = this.#waiting?.shift()) this.#machine?.send(next)
  }
}
