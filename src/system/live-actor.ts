/**
 * A cell as XState's tools see an actor: `waitFor`, `useSelector`, the inspector. The same object over restarts; once the
 * actor is gone, its last snapshot stays.
 */
import type { EventObject, Observer, Snapshot, Subscription } from 'xstate'
import { powers } from '../contracts/context-of.ts'
import type { ExitReason } from '../contracts/logic.ts'
import { persistedOf, snapshotOf } from '../logic/cell-life.ts'
import type { Cell } from './cell.ts'
import type { Live } from './core.ts'
import { stop } from './stopping.ts'

type Handler = (event: EventObject) => void

const INACTIVE: Snapshot<undefined> = { status: 'stopped', output: undefined, error: undefined }

export class LiveActor implements Live {
  readonly id: string
  readonly sessionId: string
  readonly src: unknown
  readonly ref: this
  readonly logic: unknown
  readonly clock: unknown
  readonly options = {}
  readonly systemId = undefined
  readonly _parent = undefined
  readonly system: object
  readonly #cell: Cell
  readonly #observers = new Set<Observer<Snapshot<unknown>>>()
  readonly #handlers = new Map<string, Set<Handler>>()
  #last: Snapshot<unknown> = INACTIVE
  /** What observers were shown last. */
  #shown: Snapshot<unknown> | undefined
  #over: ExitReason | undefined

  constructor(cell: Cell) {
    this.#cell = cell
    this.id = cell.name
    this.sessionId = cell.ref.uid
    this.src = cell.logic
    this.logic = cell.logic
    this.clock = cell.kernel.clock
    this.ref = this
    // Lets `contextOf` find the powers of logic that has no actor of XState's own.
    this.system = {
      get [powers]() {
        return cell.powers
      },
      get: () => undefined,
      inspect: () => ({ unsubscribe: () => {} }),
    }
    if (!cell.alive) this.#over = { type: 'normal' }
  }

  get _processingStatus(): number {
    return this.#over ? 2 : 1
  }

  readonly send = (event: EventObject): void => {
    const { kernel } = this.#cell
    kernel.deliver(this.#cell, kernel.mail(event, undefined))
  }

  start(): this {
    return this
  }

  stop(): this {
    stop(this.#cell, { reason: { type: 'shutdown' } })
    return this
  }

  readonly getSnapshot = (): Snapshot<unknown> => {
    const { life, powers: own } = this.#cell
    return life ? snapshotOf(life, own?.interpreter) : this.#last
  }

  getPersistedSnapshot(): Snapshot<unknown> {
    const { life, powers: own } = this.#cell
    return life ? persistedOf(life, own?.interpreter) : this.#last
  }

  readonly subscribe = (
    next: Observer<Snapshot<unknown>> | ((snapshot: Snapshot<unknown>) => void),
    error?: (error: unknown) => void,
    complete?: () => void,
  ): Subscription => {
    const observer: Observer<Snapshot<unknown>> =
      typeof next === 'function' ? { next, ...(error && { error }), ...(complete && { complete }) } : next
    if (this.#over) observer.complete?.()
    else {
      this.#shown = this.getSnapshot()
      this.#observers.add(observer)
    }
    return { unsubscribe: () => void this.#observers.delete(observer) }
  }

  on(type: string, handler: Handler): Subscription {
    let handlers = this.#handlers.get(type)
    if (!handlers) this.#handlers.set(type, (handlers = new Set()))
    handlers.add(handler)
    return { unsubscribe: () => void handlers.delete(handler) }
  }

  select<T>(selector: (snapshot: Snapshot<unknown>) => T, equal: (a: T, b: T) => boolean = Object.is): object {
    const subscribe = (next: (value: T) => void): Subscription => {
      let last = selector(this.getSnapshot())
      return this.subscribe((snapshot) => {
        const value = selector(snapshot)
        if (equal(last, value)) return
        last = value
        next(value)
      })
    }
    return { subscribe, get: () => selector(this.getSnapshot()) }
  }

  toJSON(): object {
    return { xstate$$type: 1, id: this.id }
  }

  '@@observable'(): this {
    return this
  }

  /** A step was taken. */
  changed(): void {
    if (this.#observers.size === 0) return
    const snapshot = this.getSnapshot()
    if (snapshot === this.#shown) return
    this.#shown = snapshot
    for (const observer of this.#observers) this.#guard(() => observer.next?.(snapshot))
  }

  emitted(event: EventObject): void {
    for (const type of [event.type, '*']) {
      for (const handler of this.#handlers.get(type) ?? []) this.#guard(() => handler(event))
    }
  }

  /** The incarnation is over: what it was stays to be looked at. */
  keep(snapshot: Snapshot<unknown>): void {
    this.#last = snapshot
    if (snapshot.status !== 'done') this.#shown = undefined
  }

  gone(reason: ExitReason): void {
    this.#over = reason
    const snapshot = this.getSnapshot()
    for (const observer of this.#observers) {
      this.#guard(() => {
        if (snapshot.status === 'done' && this.#shown?.status !== 'done') observer.next?.(snapshot)
        observer.complete?.()
      })
    }
    this.#observers.clear()
    this.#handlers.clear()
  }

  #guard(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#cell.kernel.log.error({ err: error, path: this.#cell.ref.path }, 'an observer threw')
    }
  }
}
