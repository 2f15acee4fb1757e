/** Actions as operations on a run: `assign`, `emit`, `raise`, `enqueueActions`, inline or named, with params. */
import type { AnyStateMachine, EventObject } from 'xstate'
import { ConfigurationError } from '../../contracts/errors.ts'
import { compileGuard } from './guards.ts'
import { Args, type Check, type Operation, type Run } from './run.ts'
import { nameOf, readAction, type KnownAction, type Mapper } from './xstate-internals.ts'

type Named = { readonly type: string; readonly params?: unknown }
/** `undefined`: there are none. */
type Params = ((run: Run) => unknown) | undefined
type Expression = EventObject | Mapper<EventObject>
type Assignment = Mapper<object> | Readonly<Record<string, unknown>>

/** What an action's name stands for in its machine; undefined when nothing. */
export const resolveAction = (machine: AnyStateMachine, action: unknown): unknown =>
  typeof action === 'function' ? action : machine.implementations.actions[nameOfAction(action)]

/** The name that an action which is no function goes by. */
export const nameOfAction = (action: unknown): string =>
  typeof action === 'string' ? action : (action as Named).type

/**
 * Compiles one action.
 * @throws ConfigurationError when only XState's interpreter can run it; for what `enqueueActions` enqueues this is
 * found in the step that does so
 */
export const compileAction = (machine: AnyStateMachine, action: unknown): Operation => {
  const resolved = resolveAction(machine, action)
  if (resolved === undefined) throw notCompiled(`"${nameOfAction(action)}", which is not implemented`)
  const known = readAction(resolved)
  if (!known) throw notCompiled(nameOf(resolved))
  const params = typeof action === 'object' ? (action as Named).params : undefined
  return operationOf(machine, known, paramsOf(params))
}

const paramsOf = (params: unknown): Params => {
  if (params === undefined) return undefined
  return typeof params === 'function' ? (run) => params(run.args) : () => params
}

const notCompiled = (what: string): ConfigurationError =>
  new ConfigurationError(`a machine that runs compiled cannot enqueue ${what}: emit an effect instead`)

const operationOf = (machine: AnyStateMachine, action: KnownAction, params: Params): Operation => {
  switch (action.kind) {
    case 'assign':
      return assigning(action.assignment, params)
    case 'emit':
      return emitting(action.event, params)
    case 'raise':
      return raising(action.event, params)
    case 'enqueueActions':
      return enqueueing(machine, action.collect, params)
  }
}

const assigning = (assignment: Assignment, params: Params): Operation => {
  if (typeof assignment === 'function') {
    return (run) => run.assign({ ...run.context, ...assignment(run.args, params?.(run)) })
  }
  const keys = Object.keys(assignment)
  const values = Object.values(assignment)
  return (run) => {
    const given = params?.(run)
    const { args } = run
    const next: Record<string, unknown> = { ...run.context }
    for (let i = 0; i < keys.length; i += 1) {
      const value = values[i]
      next[keys[i] as string] = typeof value === 'function' ? (value as Mapper)(args, given) : value
    }
    run.assign(next)
  }
}

const emitting = (event: Expression, params: Params): Operation => {
  const eventOf = expression(event, params)
  return (run) => {
    run.outbox.push(eventOf(run))
  }
}

const raising = (event: Expression, params: Params): Operation => {
  const eventOf = expression(event, params)
  return (run) => run.raise(eventOf(run))
}

const expression = (event: Expression, params: Params): ((run: Run) => EventObject) => {
  if (typeof event === 'function') return (run) => event(run.args, params?.(run))
  return (run) => {
    // Unused, but it may throw.
    params?.(run)
    return event
  }
}

// What the `enqueueActions` that is running has collected. Its functions are shared, so that a step makes none.
let collecting: { readonly operations: Operation[]; readonly run: Run; readonly library: Library } | undefined

const enqueue = Object.assign(
  (action: unknown) => {
    collecting?.operations.push(collecting.library.action(action))
  },
  {
    assign: (assignment: Assignment) => void collecting?.operations.push(assigning(assignment, undefined)),
    emit: (event: Expression) => void collecting?.operations.push(emitting(event, undefined)),
    raise: (event: Expression, options?: { readonly delay?: unknown }) => {
      if (options?.delay !== undefined) throw notCompiled('a delayed raise')
      collecting?.operations.push(raising(event, undefined))
    },
    sendTo: () => refuse('sendTo'),
    sendParent: () => refuse('sendTo'),
    spawnChild: () => refuse('spawnChild'),
    stopChild: () => refuse('stopChild'),
    cancel: () => refuse('cancel'),
  },
)

const refuse = (what: string): never => {
  throw notCompiled(what)
}

const check = (guard: unknown): boolean =>
  collecting !== undefined && collecting.library.guard(guard)(collecting.run)

class CollectArgs extends Args {
  readonly enqueue = enqueue
  readonly check = check
}

const enqueueing = (machine: AnyStateMachine, collect: Mapper<void>, params: Params): Operation => {
  const library = libraryOf(machine)
  return (run) => {
    const outer = collecting
    const operations: Operation[] = []
    collecting = { operations, run, library }
    try {
      collect(new CollectArgs(run.context, run.event), params?.(run))
    } finally {
      collecting = outer
    }
    for (const operation of operations) operation(run)
  }
}

/** Compiles what is enqueued or checked as it comes; each once, as long as it has a name or an identity. */
type Library = { readonly action: (action: unknown) => Operation; readonly guard: (guard: unknown) => Check }

const libraries = new WeakMap<AnyStateMachine, Library>()

const libraryOf = (machine: AnyStateMachine): Library => {
  const existing = libraries.get(machine)
  if (existing) return existing
  const library = {
    action: remember((action) => compileAction(machine, action)),
    guard: remember((guard) => compileGuard(machine, guard)),
  }
  libraries.set(machine, library)
  return library
}

const remember = <Made>(make: (key: unknown) => Made): ((key: unknown) => Made) => {
  const named = new Map<unknown, Made>()
  const others = new WeakMap<object, Made>()
  return (key) => {
    const made = typeof key === 'string' ? named : others
    let value = made.get(key as object)
    if (value === undefined) made.set(key as object, (value = make(key)))
    return value
  }
}
