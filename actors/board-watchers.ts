/**
 * Who watches a board. Each gets a snapshot, then each later change once, in order. One that is too slow is
 * told so, and gets a new snapshot when it has caught up: never a silent gap.
 */
import type { EventObject } from 'xstate'
import type { CellScope } from '../src/contracts/behavior.ts'
import type { ActorRef } from '../src/contracts/messages.ts'
import type { BoardNews } from './board-protocol.ts'
import type { BoardValues, Entry, Keys } from './board-values.ts'

/** How often a slow watcher is looked at, in milliseconds. */
const LOOK_MS = 50

interface Watcher {
  readonly ref: ActorRef
  keys: ReadonlySet<string>
  /** Says that it is gone. Known by identity: nobody else can say so. */
  readonly end: EventObject
  /** The revision of its last snapshot. */
  snapshotAt: number
  /** Set while it is too slow. */
  lag: Lag | undefined
}

type News = BoardNews<Keys>

interface Lag {
  /** Up to here it has been told everything. */
  readonly revision: number
  /** It has caught up when no more than this waits for it. */
  readonly waiting: number
  told: boolean
}

/** The watchers of one board. */
export class BoardWatchers {
  readonly #cell: CellScope<EventObject>
  readonly #values: BoardValues
  readonly #all: readonly string[]
  readonly #watchers = new Map<string, Watcher>()
  readonly #look = { type: 'board.look' }
  #looks = false

  /** @param all every key of the board */
  constructor(cell: CellScope<EventObject>, values: BoardValues, all: readonly string[]) {
    this.#cell = cell
    this.#values = values
    this.#all = all
  }

  /** Watches these keys too. Its snapshot is of all that it watches. */
  add(ref: ActorRef, keys: readonly string[]): void {
    let watcher = this.#watchers.get(ref.uid)
    if (!watcher) {
      const end = { type: 'board.watcher-gone' }
      watcher = { ref, keys: new Set(), end, snapshotAt: 0, lag: undefined }
      this.#watchers.set(ref.uid, watcher)
      this.#cell.watch(ref, end)
    }
    watcher.keys = new Set([...watcher.keys, ...keys])
    if (!watcher.lag) this.#snapshot(watcher)
  }

  remove(ref: ActorRef, keys: readonly string[]): void {
    const watcher = this.#watchers.get(ref.uid)
    if (!watcher) return
    watcher.keys = new Set([...watcher.keys].filter((key) => !keys.includes(key)))
    if (watcher.keys.size > 0) return
    this.#watchers.delete(ref.uid)
    this.#cell.unwatch(ref)
  }

  /** Tells everybody what was written, as one revision. */
  tell(entries: readonly Entry[]): void {
    const { revision } = this.#values
    for (const watcher of this.#watchers.values()) {
      const changes = entries.filter(({ key }) => watcher.keys.has(key))
      if (watcher.lag || changes.length === 0) continue
      this.#news(watcher, { type: 'board.changed', payload: { revision, changes } }, revision - 1)
    }
  }

  /** Whether the message was for this: a watcher is gone, or it is time to look after the slow ones. */
  took(message: EventObject): boolean {
    if (message === this.#look) return this.#lookAfter()
    if (message.type !== 'board.watcher-gone') return false
    for (const [uid, { end }] of this.#watchers) if (end === message) return this.#watchers.delete(uid)
    return false
  }

  #snapshot(watcher: Watcher): void {
    const view = this.#values.view(this.#all.filter((key) => watcher.keys.has(key)))
    watcher.snapshotAt = view.revision
    this.#news(watcher, { type: 'board.snapshot', payload: view }, view.revision)
  }

  /** @param known the revision up to which it knows everything, should it not take this */
  #news(watcher: Watcher, news: News, known: number): void {
    const { ref } = watcher
    const waiting = this.#cell.queueLength(ref)
    const taken = this.#cell.tell(ref, news) === 'accepted'
    // A mailbox that drops its oldest takes the newest, and what was lost may have been ours.
    if (taken && this.#cell.queueLength(ref) > waiting) return
    watcher.lag = {
      revision: taken ? Math.min(known, watcher.snapshotAt) : known,
      waiting: Math.floor(waiting / 2),
      told: watcher.lag?.told ?? false,
    }
    this.#lookLater()
  }

  #lookLater(): void {
    if (this.#looks) return
    this.#looks = true
    this.#cell.timers.start('look', this.#look, { afterMs: LOOK_MS })
  }

  #lookAfter(): boolean {
    this.#looks = false
    for (const watcher of this.#watchers.values()) {
      const { lag, ref } = watcher
      if (!lag) continue
      if (this.#cell.queueLength(ref) > lag.waiting) this.#lookLater()
      else this.#catchUp(watcher, lag)
    }
    return true
  }

  #catchUp(watcher: Watcher, { revision, told }: Lag): void {
    watcher.lag = undefined
    if (!told) this.#news(watcher, { type: 'board.lagged', payload: { revision } }, revision)
    if (watcher.lag) return
    this.#snapshot(watcher)
    // It knows that it lags; only the snapshot is owed.
    const owed = watcher.lag as Lag | undefined
    if (owed) owed.told = true
  }
}
