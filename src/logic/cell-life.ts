/** Runs our own logic in the cell: behaviours, agents, tasks, supervisors. */
import type { EventObject, Snapshot } from 'xstate'
import { incarnate, type CellLogic, type CellScope, type Incarnation, type Interpreter } from '../contracts/behavior.ts'
import type { Life } from './life.ts'

/** Whether logic is ours to run. */
export const isCellLogic = (logic: object): logic is CellLogic => incarnate in logic

/** The machine that stands for an actor, once it interprets one. */
export interface Shown {
  readonly interpreter: Interpreter<never> | undefined
}

/** Starts it; a throw passes on. */
export const runInCell = (logic: CellLogic, scope: CellScope & Shown, input: unknown): Life =>
  new CellLife(logic[incarnate](scope, input as undefined), scope)

const active: Snapshot<undefined> = { status: 'active', output: undefined, error: undefined }

class CellLife implements Life {
  readonly handled = true
  readonly #incarnation: Incarnation<EventObject>
  readonly #shown: Shown

  constructor(incarnation: Incarnation<EventObject>, shown: Shown) {
    this.#incarnation = incarnation
    this.#shown = shown
  }

  receive(message: EventObject): void {
    this.#incarnation.receive(message)
  }

  get childExited(): Incarnation['childExited'] {
    return this.#incarnation.childExited?.bind(this.#incarnation)
  }

  get stopping(): Incarnation['stopping'] {
    return this.#incarnation.stopping?.bind(this.#incarnation)
  }

  discard(): void {}

  snapshot(): Snapshot<unknown> {
    return (this.#shown.interpreter?.snapshot() as Snapshot<unknown> | undefined) ?? active
  }

  persisted(): Snapshot<unknown> {
    const snapshot = this.snapshot()
    return 'toJSON' in snapshot ? (snapshot.toJSON as () => Snapshot<unknown>)() : snapshot
  }
}
