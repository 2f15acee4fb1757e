/** Guards as plain predicates: inline, named, with params, `and`, `or`, `not`, `stateIn`. */
import { matchesState, type AnyStateMachine } from 'xstate'
import type { Check, Leaf } from './run.ts'
import { readGuard, type KnownGuard, type Mapper } from './xstate-internals.ts'

type Named = { readonly type: string; readonly params?: unknown }

/** What a guard's name stands for in its machine; undefined when nothing. */
export const resolveGuard = (machine: AnyStateMachine, guard: unknown): unknown =>
  typeof guard === 'function' ? guard : machine.implementations.guards[nameOfGuard(guard)]

/** The name that a guard which is no function goes by. */
export const nameOfGuard = (guard: unknown): string =>
  typeof guard === 'string' ? guard : (guard as Named).type

/** Compiles one guard. What `coverage` finds fault with must not come here. */
export const compileGuard = (machine: AnyStateMachine, guard: unknown): Check => {
  const resolved = resolveGuard(machine, guard)
  if (resolved === undefined) throw new Error(`Guard '${nameOfGuard(guard)}' is not implemented.'.`)
  // A guard may be named after another one; its own params are then not asked for.
  if (typeof resolved !== 'function') return compileGuard(machine, resolved)
  const builtIn = readGuard(resolved)
  const check = builtIn ? compileBuiltIn(machine, builtIn) : undefined
  const predicate = resolved as Mapper<boolean>
  const params = typeof guard === 'object' ? (guard as Named).params : undefined
  if (typeof params === 'function') {
    const paramsOf = params as Mapper
    return (run) => {
      const given = paramsOf(run.args)
      return check ? check(run) : predicate(run.args, given)
    }
  }
  return check ?? ((run) => predicate(run.args, params))
}

const compileBuiltIn = (machine: AnyStateMachine, guard: KnownGuard): Check => {
  if (guard.kind === 'stateIn') return inState(machine, guard.stateValue)
  const checks = guard.guards.map((part) => compileGuard(machine, part))
  const [first] = checks
  switch (guard.kind) {
    case 'and':
      return (run) => checks.every((check) => check(run))
    case 'or':
      return (run) => checks.some((check) => check(run))
    case 'not':
      return (run) => !first?.(run)
  }
}

const inState = (machine: AnyStateMachine, state: Parameters<typeof matchesState>[0]): Check => {
  const known: boolean[] = []
  const isIn =
    typeof state === 'string' && state.startsWith('#')
      ? (leaf: Leaf) => leaf.nodes.includes(machine.getStateNodeById(state))
      : (leaf: Leaf) => matchesState(state, leaf.value)
  return ({ leaf }) => (known[leaf.index] ??= isIn(leaf))
}
