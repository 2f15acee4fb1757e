/** A limit of time that stands still while somebody waits for people. A timer of the cell, with what is left of it. */
import type { AnyEventObject } from 'xstate'
import type { ActorContext } from '../src/contracts/actors.ts'
import { shapes } from '../src/contracts/shapes.ts'

type Clockwork = Pick<ActorContext, 'timers' | 'now'>

/** Sends `message` to its own cell when its time is over. */
export class TimeLimit {
  readonly #cell: Clockwork
  readonly #key: string
  readonly #message: AnyEventObject
  #leftMs: number
  /** When it began to run; `undefined` while it stands still. */
  #since: number | undefined

  constructor(cell: Clockwork, key: string, message: AnyEventObject, ms: number) {
    this.#cell = cell
    this.#key = key
    this.#message = message
    this.#leftMs = ms
    this.resume()
    shapes.limit = this
  }

  resume(): void {
    if (this.#since !== undefined) return
    this.#since = this.#cell.now()
    this.#cell.timers.start(this.#key, this.#message, { afterMs: this.#leftMs })
  }

  pause(): void {
    if (this.#since === undefined) return
    this.#leftMs = Math.max(0, this.#leftMs - (this.#cell.now() - this.#since))
    this.#since = undefined
    this.#cell.timers.cancel(this.#key)
  }

  cancel(): void {
    if (this.#since === undefined) return
    this.#since = undefined
    this.#cell.timers.cancel(this.#key)
  }
}
