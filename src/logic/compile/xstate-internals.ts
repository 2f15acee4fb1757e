/**
 * How XState's built-in actions and guards are told apart: by the identity of their resolver, which is probed when
 * this module loads. The one place that reads their undocumented fields. A release of XState in which a probe fails
 * compiles nothing, so that every machine runs on XState's own interpreter.
 */
import {
  and,
  assign,
  cancel,
  createMachine,
  emit,
  enqueueActions,
  log,
  not,
  or,
  raise,
  sendTo,
  spawnChild,
  stateIn,
  stopChild,
  type EventObject,
  type StateValue,
} from 'xstate'

/** A function of a machine: of an action, a guard or their params. */
export type Mapper<Result = unknown> = (args: unknown, params?: unknown) => Result

/** What a built-in action asks for. */
export type KnownAction =
  | { readonly kind: 'assign'; readonly assignment: Mapper<object> | Readonly<Record<string, unknown>> }
  | { readonly kind: 'emit'; readonly event: EventObject | Mapper<EventObject> }
  | { readonly kind: 'raise'; readonly event: EventObject | Mapper<EventObject>; readonly delay: unknown }
  | { readonly kind: 'enqueueActions'; readonly collect: Mapper<void> }

/** What a built-in guard asks for. */
export type KnownGuard =
  | { readonly kind: 'and' | 'or' | 'not'; readonly guards: readonly unknown[] }
  | { readonly kind: 'stateIn'; readonly stateValue: StateValue }

type Fields = Readonly<Record<string, unknown>>

// XState hangs what an action or a guard was made with on the function that it returns.
const fieldsOf = (made: unknown): Fields => made as Fields

const probe = () => {
  const nothing = (): object => ({})
  const event = { type: 'probe' }
  const assigned = fieldsOf(assign(nothing))
  const emitted = fieldsOf(emit(event))
  const raised = fieldsOf(raise(event, { delay: 1 }))
  const enqueued = fieldsOf(enqueueActions(nothing))
  const [all, some, none] = [fieldsOf(and(['a', 'b'])), fieldsOf(or(['a', 'b'])), fieldsOf(not('a'))]
  const within = fieldsOf(stateIn('#a'))
  const machine = createMachine({
    initial: 'a',
    context: {},
    states: { a: { id: 'a', entry: 'x', always: { guard: 'g', target: 'b' }, on: { go: 'b' } }, b: {} },
  })
  const [a, b] = [machine.root.states['a'], machine.root.states['b']]
  const others = [sendTo('a', event), spawnChild('a'), stopChild('a'), cancel('a'), log('a')].map(
    (action) => fieldsOf(action)['resolve'],
  )
  const resolvers = [assigned, emitted, raised, enqueued].map((fields) => fields['resolve'])
  const checks = [all, some, none, within].map((fields) => fields['check'])
  const distinct = [...resolvers, ...others, ...checks]
  const asExpected =
    distinct.every((resolver) => typeof resolver === 'function') &&
    new Set(distinct).size === distinct.length &&
    assigned['assignment'] === nothing &&
    emitted['event'] === event &&
    raised['event'] === event &&
    raised['delay'] === 1 &&
    enqueued['collect'] === nothing &&
    [all, some].every(({ guards }) => Array.isArray(guards) && guards.join() === 'a,b') &&
    Array.isArray(none['guards']) &&
    none['guards'][0] === 'a' &&
    within['stateValue'] === '#a' &&
    a?.transitions.get('go')?.[0]?.target?.[0] === b &&
    a?.always?.[0]?.target?.[0] === b &&
    a?.always?.[0]?.guard === 'g' &&
    a?.entry[0] === 'x' &&
    machine.root.initial.target[0] === a &&
    machine.root.order < (a?.order ?? 0) &&
    machine.getStateNodeById('a') === a
  return asExpected ? { resolvers, checks } : undefined
}

const attempt = (): ReturnType<typeof probe> => {
  try {
    return probe()
  } catch {
    return undefined
  }
}

const known = attempt()

/** Whether this release of XState is built as the compiler expects. */
export const isKnownRelease = known !== undefined

const actionKinds = ['assign', 'emit', 'raise', 'enqueueActions'] as const
const guardKinds = ['and', 'or', 'not', 'stateIn'] as const

/** What an action that is a function asks for; undefined for a function of the user's and what cannot be compiled. */
export const readAction = (action: unknown): KnownAction | undefined => {
  const fields = fieldsOf(action)
  const kind = actionKinds[known?.resolvers.indexOf(fields['resolve']) ?? -1]
  return kind && ({ kind, ...fields } as KnownAction)
}

/** What a guard that is a function asks for; undefined for a predicate of the user's. */
export const readGuard = (guard: unknown): KnownGuard | undefined => {
  const fields = fieldsOf(guard)
  const kind = guardKinds[known?.checks.indexOf(fields['check']) ?? -1]
  return kind && ({ kind, ...fields } as KnownGuard)
}

/** How an action that cannot be compiled is called: `sendTo`, or `function note`. */
export const nameOf = (action: unknown): string => {
  const { type, resolve } = fieldsOf(action)
  if (resolve) return String(type).replace('xstate.', '')
  return `function ${(action as { name?: string }).name || '(anonymous)'}`
}
