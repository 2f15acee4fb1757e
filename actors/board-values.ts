/**
 * The values of a board and their versions: compare-and-set, declared merges, tombstones, one revision for
 * each batch. Not who is told of them, nor who may write.
 */
import type { z } from 'zod'
import { ConflictError, InvalidMessageError, type Fault } from '../src/contracts/errors.ts'
import { describeFaults, parseWith } from '../src/contracts/protocol.ts'
import type { Schema } from '../src/contracts/schemas.ts'

/** The keys of a board. */
export type Keys = Readonly<Record<string, Schema>>

/** The values on a board. */
export type Board<B extends Keys> = { readonly [K in keyof B]?: z.output<B[K]> | undefined }

/** By key: joins an incoming value with a current one that its writer had not seen. */
export type Merges<B extends Keys> = {
  readonly [K in keyof B]?: (current: z.output<B[K]>, incoming: z.output<B[K]>) => z.output<B[K]>
}

/** A write of one key, of whatever board. */
export interface Put {
  readonly key: string
  readonly value: unknown
  readonly expect?: number | undefined
}

/** A key as it was written. */
export interface Entry {
  readonly key: string
  readonly value: unknown
  readonly version: number
}

/** Some keys at a revision. */
export interface View {
  readonly revision: number
  readonly values: Readonly<Record<string, unknown>>
  readonly versions: Readonly<Record<string, number>>
}

type Merge = (current: never, incoming: never) => unknown

/** The one truth of a board. */
export class BoardValues {
  readonly #keys: readonly string[]
  readonly #merge: Readonly<Record<string, Merge | undefined>>
  readonly #entries = new Map<string, Entry>()
  #revision = 0

  constructor(keys: Keys, merge: Readonly<Record<string, Merge | undefined>> = {}) {
    this.#keys = Object.keys(keys)
    this.#merge = merge
  }

  get revision(): number {
    return this.#revision
  }

  /** 0: it has never existed. A deleted key keeps the version of its deletion. */
  versionOf(key: string): number {
    return this.#entries.get(key)?.version ?? 0
  }

  valueOf(key: string): unknown {
    return this.#entries.get(key)?.value
  }

  /** @param keys default: all */
  view(keys: readonly string[] = this.#keys): View {
    const entries = keys.flatMap((key) => this.#entries.get(key) ?? [])
    const present = entries.filter(({ value }) => value !== undefined)
    return {
      revision: this.#revision,
      values: Object.fromEntries(present.map(({ key, value }) => [key, value])),
      versions: Object.fromEntries(entries.map(({ key, version }) => [key, version])),
    }
  }

  /**
   * Writes all or nothing, as one revision; without puts there is none. Gives what was written, in the order
   * of the puts, which `checkedPuts` has let pass.
   * @throws ConflictError for a version that is not the one expected, and no merge can join
   */
  write(puts: readonly Put[]): readonly Entry[] {
    const entries = puts.map((put) => this.#entryOf(put))
    if (entries.length === 0) return entries
    for (const entry of entries) this.#entries.set(entry.key, entry)
    this.#revision += 1
    return entries
  }

  /** Whether an incoming value, written in ignorance of the current one, is joined with it. */
  joins({ key, value }: Put): boolean {
    return this.#mergeOf(key) !== undefined && this.valueOf(key) !== undefined && value !== undefined
  }

  #mergeOf(key: string): Merge | undefined {
    return Object.hasOwn(this.#merge, key) ? this.#merge[key] : undefined
  }

  #entryOf(put: Put): Entry {
    const { key, value, expect } = put
    const version = this.versionOf(key)
    const written = { key, value, version: version + 1 }
    if (expect === version) return written
    const joins = this.joins(put)
    if (expect !== undefined && !(joins && expect < version)) throw new ConflictError(key, expect, version)
    const joined = joins ? this.#mergeOf(key)?.(this.valueOf(key) as never, value as never) : value
    return { ...written, value: joined }
  }
}

/**
 * The puts with their values parsed by the schemas of their keys; `undefined` stays.
 * @throws InvalidMessageError that names every fault: a key that is none or comes twice, a value that does
 * not fit
 */
export const checkedPuts = (
  keys: Keys,
  puts: readonly Put[],
  { code, agent }: { code: InvalidMessageError['code']; agent?: string },
): readonly Put[] => {
  const seen = new Set<string>()
  const faults: Fault[] = []
  const parsed = puts.map((put) => {
    const result = seen.has(put.key) ? twice(put.key) : parsedValue(keys, put)
    seen.add(put.key)
    if ('value' in result) return { ...put, value: result.value }
    faults.push(...result.faults)
    return put
  })
  if (faults.length === 0) return parsed
  const text = `what was to be written does not fit the board: ${describeFaults(faults)}`
  throw new InvalidMessageError(text, { code, faults, ...(agent !== undefined && { agent }) })
}

const twice = (key: string): { faults: readonly Fault[] } => ({
  faults: [{ path: key, message: 'is written twice' }],
})

const parsedValue = (keys: Keys, { key, value }: Put): { value: unknown } | { faults: readonly Fault[] } => {
  const schema = Object.hasOwn(keys, key) ? keys[key] : undefined
  if (!schema) {
    const message = `is no key of the board, which has: ${Object.keys(keys).join(', ')}`
    return { faults: [{ path: key, message }] }
  }
  if (value === undefined) return { value }
  const result = parseWith(schema, value)
  if ('value' in result) return result
  return {
    faults: result.faults.map(({ path, message }) => ({
      path: path === '' ? key : `${key}.${path}`,
      message,
    })),
  }
}
