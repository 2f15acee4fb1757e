/**
 * A knowledge source of a blackboard as an agent: each activation is a task of its own, with a `ctx`,
 * attempts and a crash of its own. It gives what it wants to write and what it has read; whether that stands,
 * its blackboard decides.
 */
import type { AnyAgent, Ctx, Retry } from '../src/contracts/agents.ts'
import { DeniedError, InvalidMessageError, type TroupeError } from '../src/contracts/errors.ts'
import type { MaybePromise } from '../src/contracts/schemas.ts'
import { checkedPuts, type Keys } from './board-values.ts'
import { defineAgent, ofAgents } from './definition.ts'
import { runFunction } from './run-work.ts'

/** Values by key, of whatever board. */
export type Values = Readonly<Record<string, unknown>>

/** A knowledge source, of whatever board. */
export interface AnySource {
  readonly when: (board: Values) => boolean
  readonly run: (board: Values, ctx: Ctx) => MaybePromise<Values>
  readonly reads?: readonly string[] | undefined
  readonly priority?: number | undefined
  readonly ownWrites?: boolean | undefined
  readonly retry?: Retry | undefined
}

/** What an activation gives. */
export interface Contribution {
  /** Only what differs from what it was given. */
  readonly writes: Values
  /** The keys that it has looked at. */
  readonly reads: readonly string[]
}

/** Takes the values of a board, gives a `Contribution`. */
export const sourceAgent = (name: string, source: AnySource, keys: Keys): AnyAgent =>
  defineAgent<never, unknown>(
    name,
    { retry: { when: isMendable, ...defined(source.retry) }, circuit: false },
    {
      work: runFunction((board: Values, ctx) => contribute(name, source, { keys, board, ctx })),
      shape: { kind: 'function' },
      parts: [],
      takes: 'anything',
    },
    ofAgents,
  )

/** A crash too, since nothing of it stands; but nobody is asked again who has refused. */
const isMendable = (error: TroupeError): boolean => !(error instanceof DeniedError)

/** The values of a board that note which of them are read. */
export const tracked = (keys: readonly string[], values: Values, reads: Set<string>): Values => {
  const view = {}
  for (const key of keys) {
    const get = (): unknown => {
      reads.add(key)
      return Object.hasOwn(values, key) ? values[key] : undefined
    }
    Object.defineProperty(view, key, { get, enumerable: true })
  }
  return view
}

interface Given {
  readonly keys: Keys
  readonly board: Values
  readonly ctx: Ctx
}

const contribute = (
  name: string,
  source: AnySource,
  { keys, board, ctx }: Given,
): MaybePromise<Contribution> => {
  const reads = new Set<string>()
  const finish = (written: unknown): Contribution => ({
    writes: checkedWrites(name, keys, changesIn(name, written, board)),
    reads: [...reads],
  })
  const written = source.run(tracked(Object.keys(keys), board, reads), ctx)
  return written instanceof Promise ? written.then(finish) : finish(written)
}

/** Whoever spreads the board into what it writes has written only what differs. */
const changesIn = (name: string, written: unknown, board: Values): readonly [string, unknown][] => {
  if (written === undefined) return []
  if (typeof written !== 'object' || written === null) {
    throw new InvalidMessageError(`"${name}" gives the keys that it writes, not ${typeof written}`, {
      code: 'INVALID_OUTPUT',
      faults: [
        { path: '', message: `expected an object, got ${written === null ? 'null' : typeof written}` },
      ],
      agent: name,
    })
  }
  return Object.entries(written).filter(
    ([key, value]) => !Object.is(value, Object.hasOwn(board, key) ? board[key] : undefined),
  )
}

const checkedWrites = (name: string, keys: Keys, written: readonly [string, unknown][]): Values => {
  const puts = written.map(([key, value]) => ({ key, value }))
  const checked = checkedPuts(keys, puts, { code: 'INVALID_OUTPUT', agent: name })
  return Object.fromEntries(checked.map(({ key, value }) => [key, value]))
}

/** Without what is `undefined`, which would hide a default. */
const defined = (retry: Retry = {}): Retry =>
  Object.fromEntries(Object.entries(retry).filter(([, value]) => value !== undefined))
