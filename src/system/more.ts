/** What most cells never need, apart so that an idle one stays small: watches, links, asks, a stash, hooks, a stop. */
import type { TroupeError } from '../contracts/errors.ts'
import type { ExitReason } from '../contracts/logic.ts'
import type { Live, Powers } from './core.ts'
import type { Asker, Mail, Revocable } from './mail.ts'
import type { Timer } from './timers.ts'

/** @typeParam C a cell: it has this, so it cannot be known by name here */
export class More<C> {
  /** Who is told when it is gone, with what instead of `Terminated`. */
  watchers: Map<C, Watch> | undefined
  /** Whom it watches. */
  watching: Set<C> | undefined
  /** What is on its way to it of actors that were gone when it began to watch them, by uid. */
  queuedEnds: Map<string, Revocable> | undefined
  links: Set<C> | undefined
  /** Asks that it has sent and that are still open. */
  asks: Set<{ abandon(reason: string): void }> | undefined
  /** Asks that it has handled and not answered. */
  owed: Set<Asker> | undefined
  receiveTimeout: { timeoutMs: number; message: unknown; timer: Timer; token: Revocable } | undefined
  stash: Mail[] | undefined
  hooks: ((reason: ExitReason) => unknown)[] | undefined
  abort: AbortController | undefined
  abortOf: Powers | undefined
  /** What is let go when it is gone: names, services, topics. */
  releases: Set<() => void> | undefined
  /** What takes its exit instead of its parent's supervision. */
  intercept: ((reason: ExitReason) => void) | undefined
  /** When its children were restarted. */
  restarts: readonly number[] | undefined
  /** When it was restarted itself, where it has a budget of its own. */
  ownRestarts: readonly number[] | undefined
  /** How often it has failed of late, for the wait before its next restart. */
  failures: { count: number; at: number } | undefined
  /** How many requests have lapsed since its mailbox was last searched for them; some may have gone since. */
  lapsed = 0
  /** `send`s that wait for room. */
  senders: { mail: Mail; taken: () => void; refused: (error: TroupeError) => void }[] | undefined
  /** How it ends, once asked to. */
  stop:
    | { reason: ExitReason; byItself: boolean; toRestart: boolean; timer: Timer | undefined; waiting: boolean }
    | undefined
  /** The end that is under way; a kill overtakes it. */
  ending: object | undefined
  /** It is to stop once it has handled what it has, also after a restart. */
  draining = false
  stashedSinceCrash = 0
  live: Live | undefined
}

/** A watch, and what it sends instead of `Terminated`. */
export interface Watch {
  readonly token: Revocable
  readonly message: unknown
  /** Of the watcher. */
  readonly generation: number
}
