/** The address of an actor as users hold it: plain data that knows its cell, so that a send looks nothing up. */
import type { Address, AnyRef } from '../contracts/messages.ts'
import type { Cell } from './cell.ts'

export class Ref {
  readonly address: Address
  readonly path: string
  readonly uid: string
  /** Marks the refs of supervisors. */
  declare supervisor?: true
  readonly #cell: Cell

  constructor(cell: Cell, system: string, path: string, uid: string) {
    this.address = `troupe://${system}${path}`
    this.path = path
    this.uid = uid
    this.#cell = cell
  }

  /** The cell behind a ref of this process; `undefined` for a copy, or one that came from elsewhere. */
  static cellOf(ref: AnyRef): Cell | undefined {
    return #cell in ref ? ref.#cell : undefined
  }
}
