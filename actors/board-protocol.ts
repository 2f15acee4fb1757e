/**
 * What a board is told and asked, and what its watchers get: the types, and the protocol that checks them.
 */
import { z } from 'zod'
import { ConfigurationError } from '../src/contracts/errors.ts'
import type { Message, Protocol } from '../src/contracts/messages.ts'
import { defineProtocol, parseWith } from '../src/contracts/protocol.ts'
import type { Schema } from '../src/contracts/schemas.ts'
import type { Board, Keys } from './board-values.ts'

/** What a board takes. */
export type BoardMessage<B extends Keys> =
  | Message<'board.get', BoardKeys<B>, BoardView<B>>
  // Replies the new version, or rejects with ConflictError and changes nothing.
  | Message<'board.put', BoardPut<B>, number>
  // All puts or none, as one revision; replies the new versions in their order.
  | Message<'board.batch', { readonly puts: readonly BoardPut<B>[] }, readonly number[]>
  // The sender is the watcher: it gets `board.snapshot`, then each later change once, in order.
  | Message<'board.watch', BoardKeys<B>>
  | Message<'board.unwatch', BoardKeys<B>>

/** What a watcher gets. */
export type BoardNews<B extends Keys> =
  | Message<'board.snapshot', BoardView<B>>
  | Message<'board.changed', { readonly revision: number; readonly changes: readonly BoardEntry<B>[] }>
  // It was too slow: changes after this revision are left out, and a `board.snapshot` follows.
  | Message<'board.lagged', { readonly revision: number }>

/** Some keys of a board; all when left out. */
export interface BoardKeys<B extends Keys> {
  readonly keys?: readonly (keyof B & string)[] | undefined
}

/** A board at a revision. */
export interface BoardView<B extends Keys> {
  readonly revision: number
  readonly values: Board<B>
  readonly versions: { readonly [K in keyof B]?: number }
}

/** One key to be written. */
export type BoardPut<B extends Keys> = {
  [K in keyof B & string]: {
    readonly key: K
    /** `undefined` deletes; the version goes on rising. */
    readonly value: z.output<B[K]> | undefined
    /**
     * The version that the writer has seen; 0: the key has never existed. A deleted key keeps the version of
     * its deletion, so that nobody takes a new value for an old one.
     */
    readonly expect?: number | undefined
  }
}[keyof B & string]

/** One key that was written. */
export type BoardEntry<B extends Keys> = {
  [K in keyof B & string]: {
    readonly key: K
    readonly value: z.output<B[K]> | undefined
    readonly version: number
  }
}[keyof B & string]

/**
 * Both sides of the talk with a board: what it takes, and what its watchers get.
 * @throws ConfigurationError without keys
 */
export function boardProtocol<const B extends Keys>(
  keys: B,
): {
  readonly board: Protocol<BoardMessage<B>>
  readonly watcher: Protocol<BoardNews<B>>
} {
  const names = Object.keys(keys)
  const some = z.object({ keys: z.array(z.enum(names)).optional() })
  const version = z.int().nonnegative()
  const put = oneOf(keys, { expect: version.optional() })
  const entry = oneOf(keys, { version })
  const values = Object.entries(keys).map(([key, schema]) => [key, z.optional(schema)])
  const view = z.object({
    revision: version,
    values: z.object(Object.fromEntries(values)),
    versions: z.object(Object.fromEntries(names.map((key) => [key, version.optional()]))),
  })
  const protocol = {
    board: defineProtocol({
      'board.get': { payload: some, reply: view },
      'board.put': { payload: put, reply: version },
      'board.batch': { payload: z.object({ puts: z.array(put) }), reply: z.array(version) },
      'board.watch': some,
      'board.unwatch': some,
    }),
    watcher: defineProtocol({
      'board.snapshot': view,
      'board.changed': z.object({ revision: version, changes: z.array(entry) }),
      'board.lagged': z.object({ revision: version }),
    }),
  }
  // The keys are known by type only; at run time all boards are alike.
  return protocol as unknown as ReturnType<typeof boardProtocol<B>>
}

/** One of the keys, with what else is said of it. */
const oneOf = (keys: Keys, rest: z.ZodRawShape) => {
  const [first, ...others] = Object.entries(keys).map(([key, schema]) =>
    z.object({ key: z.literal(key), value: orNothing(schema), ...rest }),
  )
  if (!first) throw new ConfigurationError('a board needs at least one key')
  return z.discriminatedUnion('key', [first, ...others])
}

/** `undefined` deletes, also where the schema has a default for it. */
const orNothing = (schema: Schema) =>
  z.unknown().transform((value, { issues }) => {
    if (value === undefined) return value
    const result = parseWith(schema, value)
    if ('value' in result) return result.value
    for (const { path, message } of result.faults) {
      issues.push({ code: 'custom', input: value, path: path === '' ? [] : path.split('.'), message })
    }
    return z.NEVER
  })
