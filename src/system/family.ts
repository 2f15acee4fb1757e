/**
 * The children of a cell, in start order. Adding and removing cost the same whatever their number. Tasks, which nobody
 * looks up by name, stand in the list only; the others are found by name as well.
 */

import { hashOf, Table } from './table.ts'

/** What a child keeps of its place in the list. */
export interface Sibling<T> {
  readonly name: string
  before: T | undefined
  after: T | undefined
}

export class Family<T extends Sibling<T>> implements Iterable<T> {
  #first: T | undefined
  #last: T | undefined
  #byName: Table<T> | undefined
  size = 0

  /** @param named whether it is to be found by name at once */
  add(child: T, named: boolean): void {
    child.before = this.#last
    if (this.#last) this.#last.after = child
    else this.#first = child
    this.#last = child
    this.size += 1
    if (named) (this.#byName ??= new Table()).add(hashOf(child.name), child)
  }

  /** Once only. */
  remove(child: T): void {
    const { before, after } = child
    if (before) before.after = after
    else this.#first = after
    if (after) after.before = before
    else this.#last = before
    child.before = child.after = undefined
    this.size -= 1
    this.unname(child)
  }

  /** Others may have its name from now on. */
  unname(child: T): void {
    this.#byName?.remove(hashOf(child.name), child)
  }

  /** O(1) for those that are named, else O(n). */
  get(name: string): T | undefined {
    const named = this.#named(name)
    if (named || this.size === (this.#byName?.size ?? 0)) return named
    for (const child of this) if (child.name === name) return child
    return undefined
  }

  /** Whether a name is taken; of tasks it knows nothing. */
  has(name: string): boolean {
    return this.#named(name) !== undefined
  }

  #named(name: string): T | undefined {
    return this.#byName?.find(hashOf(name), (child) => child.name === name)
  }

  /** The last one that was started comes first. */
  lastFirst(): T[] {
    return [...this].toReversed()
  }

  *[Symbol.iterator](): Iterator<T> {
    let next: T | undefined
    for (let child = this.#first; child !== undefined; child = next) {
      next = child.after
      yield child
    }
  }
}
