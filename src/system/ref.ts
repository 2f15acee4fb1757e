/** The address of an actor as users hold it: plain data that knows its cell, so that a send looks nothing up. */
import type { Address, AnyRef } from '../contracts/messages.ts'

export class Ref {
  readonly address: Address
  readonly path: string
  readonly uid: string
  /** Marks the refs of supervisors. */
  declare supervisor?: true
  readonly #owner: object

  /** @param owner the cell; `ownerOf` gives it back */
  constructor(owner: object, system: string, path: string, uid: string) {
    this.address = `troupe://${system}${path}`
    this.path = path
    this.uid = uid
    this.#owner = owner
  }

  /** What it was made for; `undefined` for a copy, or a ref that came from elsewhere. */
  static ownerOf(ref: AnyRef): object | undefined {
    return #owner in ref ? ref.#owner : undefined
  }
}
