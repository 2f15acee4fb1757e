/** The moving parts of a compiled machine: its leaves, its candidates, and the one step that is under way. */
import type { AnyStateNode, AnyTransitionDefinition, EventObject, StateValue } from 'xstate'
import { ConfigurationError } from '../../contracts/errors.ts'
import { shapes } from '../../contracts/shapes.ts'
import type { Effects } from '../outbox.ts'

/** One thing that a transition does. */
export type Operation = (run: Run) => void

/** Whether a transition is enabled. */
export type Check = (run: Run) => boolean

/**
 * A state without children. Where nothing is parallel it decides which states are active, and so what each event
 * does.
 */
export interface Leaf {
  readonly index: number
  /** Active nodes, the root first. */
  readonly nodes: readonly AnyStateNode[]
  readonly value: StateValue
  /** By event type, filled as events come. */
  readonly rows: Map<string, Row>
  /** Eventless transitions, innermost first. */
  always: readonly Candidate[]
}

/** What may happen at one leaf on one type of event. */
export interface Row {
  /** Innermost first; the first enabled one is taken. */
  readonly candidates: readonly Candidate[]
  /** A type that only XState itself may send. */
  readonly reserved: boolean
}

/** A transition as seen from one leaf. */
export interface Candidate {
  readonly transition: AnyTransitionDefinition
  readonly check: Check | undefined
  /** Made when it is first taken. */
  plan: Plan | undefined
}

/** What taking a transition does: exits, actions and entries in one list. */
export interface Plan {
  readonly operations: readonly Operation[]
  readonly to: Leaf
}

let made = 0

/**
 * What guards and actions are called with. Never changed once made, because a function may keep it.
 * A compiled machine has no actor behind it, and asking for one is said aloud.
 */
export class Args {
  readonly context: unknown
  readonly event: EventObject

  constructor(context: unknown, event: EventObject) {
    this.context = context
    this.event = event
    // Now and then, since each write to what is old costs more than these.
    made = (made + 1) & 1_023
    if (made === 0 && new.target === Args) shapes.args = this
  }

  get self(): never {
    throw withoutActor('self')
  }

  get system(): never {
    throw withoutActor('system')
  }

  get spawn(): never {
    throw withoutActor('spawn')
  }
}

const withoutActor = (what: string): ConfigurationError =>
  new ConfigurationError(`a machine that runs compiled has no "${what}": emit an effect instead`)

/** One macrostep. Holds everything that has not happened yet should an action throw. */
export class Run {
  leaf: Leaf
  context: object
  event: EventObject
  outbox: Effects
  status: 'active' | 'done' = 'active'
  output: unknown = undefined
  /** Whether the microstep changed something, as XState sees it: a context assigned counts, equal or not. */
  changed = false
  readonly #raised: EventObject[] = []
  #next = 0
  #args: Args | undefined = undefined

  constructor(leaf: Leaf, context: object, event: EventObject, outbox: Effects) {
    this.leaf = leaf
    this.context = context
    this.event = event
    this.outbox = outbox
  }

  /** Starts anew, so that steps in sequence can share one. */
  reset(leaf: Leaf, context: object, event: EventObject, outbox: Effects): void {
    this.leaf = leaf
    this.context = context
    this.event = event
    this.outbox = outbox
    this.status = 'active'
    this.output = undefined
    this.#args = undefined
    if (this.#raised.length === 0) return
    this.#raised.length = 0
    this.#next = 0
  }

  get args(): Args {
    return (this.#args ??= new Args(this.context, this.event))
  }

  assign(context: object): void {
    this.context = context
    this.#args = undefined
    this.changed = true
  }

  raise(event: EventObject): void {
    this.#raised.push(event)
  }

  /** Whether nothing has moved since a state. */
  isWhere(state: { readonly leaf: Leaf; readonly context: object }): boolean {
    return this.leaf === state.leaf && this.context === state.context && this.status === 'active'
  }

  /** Takes up the next raised event. */
  advance(): boolean {
    if (this.#next === this.#raised.length) return false
    const event = this.#raised[this.#next]
    this.#next += 1
    this.event = event as EventObject
    this.#args = undefined
    return true
  }
}
