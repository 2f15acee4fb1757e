/** Random machines with all that the compiler covers, and events to drive them; the same ones for the same seed. */
import {
  and,
  assign,
  createMachine,
  emit,
  enqueueActions,
  not,
  or,
  raise,
  stateIn,
  type AnyStateMachine,
  type EventObject,
} from 'xstate'

/** A source of chance: numbers from 0 up to 1. */
export type Chance = () => number

/** mulberry32: small, and the same on every platform. */
export const seeded = (seed: number): Chance => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

type Context = { readonly a: number; readonly b: number; readonly fuel: number; readonly note?: string }
type Args = { readonly context: Context; readonly event: EventObject & { readonly by?: number } }
type Tree = {
  readonly key: string
  readonly id: string
  readonly isFinal: boolean
  readonly children: readonly Tree[]
}
type Params = { readonly by: number }

const types = ['go', 'stop', 'turn.left', 'turn.right', 'refuel', 'odd'] as const
const descriptors = [...types, '*', 'turn.*', 'turn', 'raised', 'raised.*'] as const

/** A random event that a machine may or may not know. */
export const randomEvent = (chance: Chance): EventObject => ({
  type: pick(chance, types),
  ...(chance() < 0.7 && { by: Math.floor(chance() * 3) }),
})

/** A machine of up to three levels below its root. */
export const randomMachine = (chance: Chance): AnyStateMachine => {
  const root = tree(chance, 'm', 'm', 0)
  const all = flatten(root)
  return createMachine(
    {
      id: 'm',
      context: ({ input }: { input: { a: number } }) => {
        if (input.a === 6) throw new Error('no context')
        return { a: input.a, b: 0, fuel: 3 }
      },
      ...state(chance, root, undefined, all),
      ...(chance() < 0.7 && { output: ({ context, event }: Args) => ({ context, event }) }),
      // Loops end in an error, in both forms after the same number of microsteps.
      options: { maxIterations: 30 },
    } as never,
    { actions, guards } as never,
  )
}

const tree = (chance: Chance, key: string, id: string, depth: number): Tree => {
  const width = depth === 0 ? 2 + Math.floor(chance() * 3) : Math.floor(chance() * 3)
  const isParent = depth < 3 && width > 0 && (depth === 0 || chance() < 0.5)
  const children = isParent
    ? Array.from({ length: width }, (_, at) => tree(chance, `s${at}`, `${id}-${at}`, depth + 1))
    : []
  return { key, id, children, isFinal: children.length === 0 && chance() < 0.2 }
}

const flatten = (node: Tree): Tree[] => [node, ...node.children.flatMap(flatten)]

const state = (chance: Chance, node: Tree, parent: Tree | undefined, all: readonly Tree[]): object => {
  const { children, isFinal, id } = node
  const first = children.length > 0 ? pick(chance, children).key : undefined
  const initial = chance() < 0.3 ? { target: first, actions: someActions(chance, 1) } : first
  const sometimes = <T>(share: number, value: () => T): T | undefined =>
    chance() < share ? value() : undefined
  const transitions = () =>
    Array.from({ length: 1 + Math.floor(chance() * 2) }, () => transition(chance, node, parent, all))
  const config = {
    id,
    type: isFinal ? 'final' : undefined,
    output: isFinal
      ? sometimes(0.5, () => ({ context, event }: Args) => ({ a: context.a, from: event.type }))
      : undefined,
    tags: sometimes(0.3, () => [`tag-${id.length}`]),
    meta: sometimes(0.3, () => ({ id })),
    entry: [traced('in', id), ...someActions(chance, 1)],
    exit: [traced('out', id), ...someActions(chance, 1)],
    initial: first && initial,
    states:
      first && Object.fromEntries(children.map((child) => [child.key, state(chance, child, node, all)])),
    on: Object.fromEntries([
      ...descriptors.flatMap((type) => (chance() < 0.25 ? [[type, forbidden(chance) ?? transitions()]] : [])),
      ...(parent ? [] : [['refuel', { actions: assign({ fuel: 2 }) }]]),
    ]),
    always: sometimes(0.25, () => eventless(chance, node, parent, all)),
    onDone: first && sometimes(0.6, () => [{ ...transition(chance, node, parent, all), guard: undefined }]),
  }
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined))
}

const forbidden = (chance: Chance): object | undefined => {
  if (chance() > 0.15) return undefined
  return pick(chance, [{}, [], [undefined]])
}

const transition = (chance: Chance, node: Tree, parent: Tree | undefined, all: readonly Tree[]): object => {
  const target = targetOf(chance, node, parent, all)
  const guard = chance() < 0.5 ? someGuard(chance, all) : undefined
  return {
    ...(target !== undefined && { target }),
    ...(guard !== undefined && { guard }),
    ...(chance() < 0.3 && { reenter: chance() < 0.7 }),
    actions: someActions(chance, 2),
  }
}

const targetOf = (
  chance: Chance,
  node: Tree,
  parent: Tree | undefined,
  all: readonly Tree[],
): string | undefined => {
  const how = chance()
  if (how < 0.2) return undefined
  if (how < 0.5 && parent) return pick(chance, parent.children).key
  if (how < 0.6 && node.children.length > 0) return `.${pick(chance, node.children).key}`
  if (how < 0.7) return `#${node.id}`
  return `#${pick(chance, all).id}`
}

/** Either costs fuel, so that it ends, or changes nothing, so that it is not taken again. */
const eventless = (chance: Chance, node: Tree, parent: Tree | undefined, all: readonly Tree[]): object => {
  const more = chance() < 0.5 ? someGuard(chance, all) : 'hasFuel'
  if (chance() < 0.15) return { guard: more, actions: emit({ type: 'idle', id: node.id }) }
  return {
    ...transition(chance, node, parent, all),
    guard: and(['hasFuel', more as 'hasFuel']),
    actions: ['burn', ...someActions(chance, 1)],
  }
}

const traced = (way: string, id: string) =>
  emit(({ context, event }: Args) => ({ type: way, id, on: event.type, a: context.a, b: context.b }))

const someGuard = (chance: Chance, all: readonly Tree[], depth = 0): unknown => {
  const deeper = () => someGuard(chance, all, depth + 1) as 'even'
  const target = pick(chance, all)
  const choices: (() => unknown)[] = [
    () => 'even',
    () => 'alias',
    () => ({ type: 'below', params: { by: 1 + Math.floor(chance() * 4) } }),
    () => ({ type: 'below', params: ({ event }: Args) => ({ by: event.by ?? 2 }) }),
    () =>
      ({ context }: Args) =>
        context.b < 2,
    () =>
      ({ event }: Args) =>
        event.type !== 'odd',
    () => stateIn(`#${target.id}`),
    () => stateIn(target.key),
    () => (chance() < 0.3 ? 'explodes' : 'even'),
  ]
  const combined = [
    () => not(deeper()),
    () => and([deeper(), deeper()]),
    () => or([deeper(), deeper()]),
    () => 'either',
  ]
  return pick(chance, depth < 2 ? [...choices, ...combined] : choices)()
}

const guards = {
  even: ({ context }: Args) => context.a % 2 === 0,
  alias: 'even',
  either: or(['even', ({ event }: Args) => event.by === 2]),
  below: ({ context }: Args, { by }: Params) => context.a < by,
  hasFuel: ({ context }: Args) => context.fuel > 0,
  explodes: ({ context }: Args) => {
    if (context.a === 3) throw new Error('guard exploded')
    return context.a < 5
  },
}

const actions = {
  burn: assign({ fuel: ({ context }: Args) => context.fuel - 1 }),
  add: assign(({ context }: Args, { by }: Params) => ({ a: (context.a + by) % 7 })),
  tell: emit(({ context }: Args, { by }: Params) => ({ type: 'told', a: context.a, by })),
  again: enqueueActions((args) => retry(args as never)),
  explode: assign(({ context }: Args) => {
    if (context.a === 4) throw new Error('action exploded')
    return {}
  }),
}

type Enqueueing = {
  readonly enqueue: ((action: unknown) => void) & Record<'assign' | 'raise' | 'emit', (what: unknown) => void>
  readonly check: (guard: unknown) => boolean
  readonly context: Context
}

const retry = ({ enqueue, check, context }: Enqueueing): void => {
  if (check('even')) enqueue({ type: 'add', params: { by: 1 } })
  enqueue.emit({ type: 'tried', a: context.a })
  enqueue.assign({ b: (args: Args) => (args.context.b + args.context.a) % 3 })
  enqueue.emit(({ context: now }: Args) => ({ type: 'now', a: now.a, b: now.b }))
  if (!check(and(['hasFuel', { type: 'below', params: { by: 6 } } as never]))) return
  enqueue('burn')
  enqueue.raise({ type: 'raised', by: 1 })
  if (check(stateIn('#m-0'))) enqueue.raise(({ event }: Args) => ({ type: 'raised.deep', by: event.by ?? 0 }))
}

const someActions = (chance: Chance, most: number): unknown[] =>
  Array.from({ length: Math.floor(chance() * (most + 1)) }, () => someAction(chance))

const someAction = (chance: Chance): unknown =>
  pick<() => unknown>(chance, [
    () => ({ type: 'add', params: { by: 1 } }),
    () => ({ type: 'add', params: ({ event }: Args) => ({ by: event.by ?? 1 }) }),
    () => ({ type: 'tell', params: { by: 1 } }),
    () => assign({ b: ({ context }: Args) => (context.b + 1) % 4, note: 'set' }),
    () => assign(({ event }: Args) => ({ note: event.type })),
    () => emit({ type: 'plain' }),
    () => 'again',
    () => enqueueActions((args) => retry(args as never)),
    () =>
      chance() < 0.3
        ? raise({ type: 'raised' })
        : raise(({ event }: Args) => ({ ...event, type: 'raised.deep' })),
    () => (chance() < 0.2 ? 'explode' : 'burn'),
  ])()

const pick = <T>(chance: Chance, from: readonly T[]): T => from[Math.floor(chance() * from.length)] as T
