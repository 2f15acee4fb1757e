/**
 * Our machines as tables: one macrostep without XState's interpreter, and without an actor. XState stays the source
 * of truth. What a compiled machine does is what its interpreter does, and what is not covered is named.
 */
import type { AnyMachineSnapshot, AnyStateMachine, EventObject, StateValue } from 'xstate'
import { ConfigurationError } from '../../contracts/errors.ts'
import { shapes } from '../../contracts/shapes.ts'
import { coverage } from './coverage.ts'
import { leavesOf } from './leaves.ts'
import { Args, Run, type Leaf } from './run.ts'
import { choose, stepperOf } from './step.ts'
import type { Effects } from '../outbox.ts'

/** A machine as tables; shared by all who run it. */
export interface CompiledMachine {
  readonly machine: AnyStateMachine
  /** The first state. What entry actions emit goes to `outbox`. */
  initial(input: unknown, outbox: Effects): CompiledState
  /**
   * One macrostep: the event, then what it raised and what became due, to the end. Gives the same object back when
   * state and context are the same as before. A throw leaves `state` as it was and cuts `outbox` back to where the
   * step began. Events of a type that begins with `xstate.` are not for others to send, and are not handled.
   */
  step(state: CompiledState, event: EventObject, outbox: Effects): CompiledState
  /** The state as XState shows it; the same object for the same state. */
  snapshot(state: CompiledState): AnyMachineSnapshot
  /**
   * The state of a snapshot, or of one that was persisted.
   * @throws ConfigurationError when the machine has no such state
   */
  restore(snapshot: Restorable): CompiledState
}

/** Where a compiled machine stands. Immutable. */
export interface CompiledState {
  readonly leaf: Leaf
  readonly value: StateValue
  readonly context: object
  readonly status: 'active' | 'done' | 'error'
  readonly output: unknown
  /** Of a state that was restored from a failed actor. */
  readonly error: unknown
}

/** What a state can be restored from. A status other than `done` and `error` is taken as `active`. */
export interface Restorable {
  readonly value: StateValue
  readonly context: unknown
  readonly status?: string | undefined
  readonly output?: unknown
  readonly error?: unknown
}

/** Why a machine cannot be compiled. */
export interface Uncovered {
  /** One line per feature: the path of the state, and what it has. */
  readonly uncovered: readonly string[]
}

/** Compiles a machine, after the last `provide`, or names what only XState's interpreter can run. */
export const compile = (machine: AnyStateMachine): CompiledMachine | Uncovered => {
  const uncovered = coverage(machine)
  return uncovered.length > 0 ? { uncovered } : build(machine)
}

const build = (machine: AnyStateMachine): CompiledMachine => {
  const leaves = leavesOf(machine)
  const { enter, take, settle } = stepperOf(machine, leaves)
  // Steps of one machine follow each other, so one run serves them all; a step within a step makes its own.
  let spare: Run | undefined
  // Machines are pure, so what begins with the same input begins in the same state. Inputs that are used again are frozen.
  const firsts = new WeakMap<object, State>()

  return {
    machine,

    initial: (input: unknown, outbox: Effects): CompiledState => {
      const known = isShared(input) ? firsts.get(input) : undefined
      if (known) return known
      const mark = outbox.length
      try {
        const event = { type: 'xstate.init', input }
        const run = new Run(leaves.nowhere, initialContext(machine, input), event, outbox)
        enter(run)
        settle(run)
        const first = stateOf(run)
        if (outbox.length === mark && isShared(input)) firsts.set(input, first)
        return first
      } catch (error) {
        outbox.length = mark
        throw error
      }
    },

    step: (state: CompiledState, event: EventObject, outbox: Effects): CompiledState => {
      const { leaf, context, status } = state
      if (status !== 'active') return state
      const { candidates, reserved } = leaves.row(leaf, event.type)
      if (reserved) return refuse(state, event.type)
      if (candidates.length === 0 && leaf.always.length === 0) return state
      const run = spare ?? new Run(leaf, context, event, outbox)
      if (spare) run.reset(leaf, context, event, outbox)
      spare = undefined
      const mark = outbox.length
      try {
        const chosen = choose(candidates, run)
        if (chosen) take(run, chosen)
        settle(run)
        return run.isWhere(state) ? state : stateOf(run)
      } catch (error) {
        outbox.length = mark
        throw error
      } finally {
        spare = run
      }
    },

    snapshot: (state: CompiledState): AnyMachineSnapshot => {
      const { value, context, status, output, error } = state
      return ((state as State).shown ??= machine.resolveState({ value, context, status, output, error }))
    },

    restore: ({ value, context, status, output, error }: Restorable): CompiledState => {
      const leaf = leaves.find(value)
      if (!leaf) throw unknownState(machine, value)
      const known = status === 'done' || status === 'error' ? status : 'active'
      return stateOf({ leaf, context: context as object, status: known, output }, error)
    },
  }
}

/** A state, and the snapshot that was made of it. */
type State = CompiledState & { shown: AnyMachineSnapshot | undefined }

const stateOf = (at: Omit<CompiledState, 'value' | 'error'>, error?: unknown): State => ({
  leaf: at.leaf,
  value: at.leaf.value,
  context: at.context,
  status: at.status,
  output: at.output,
  error,
  shown: undefined,
})

const refuse = (state: CompiledState, eventType: string): CompiledState => {
  if (eventType === '*') throw new Error("An event cannot have the wildcard type ('*')")
  return state
}

const unknownState = ({ id }: AnyStateMachine, value: StateValue): ConfigurationError =>
  new ConfigurationError(`machine "${id}" has no state ${JSON.stringify(value)}`, { details: { value } })

const initialContext = (machine: AnyStateMachine, input: unknown): object => {
  const { context } = machine.config
  if (typeof context !== 'function') return context ?? {}
  return { ...context(new InitialArgs(input)) }
}

let begun = 0

/** What a context is made from. */
class InitialArgs extends Args {
  readonly input: unknown

  constructor(input: unknown) {
    super(undefined, { type: 'xstate.init' })
    this.input = input
    begun = (begun + 1) & 1_023
    if (begun === 0) shapes.initialArgs = this
  }
}

const isShared = (input: unknown): input is object =>
  typeof input === 'object' && input !== null && Object.isFrozen(input)
