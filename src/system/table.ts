/**
 * A hash table that lets go of what has left it. A `Map` that things come to and leave all the time drops its storage
 * again and again, and each dropped one still holds the next: what has survived one collection keeps all that came later,
 * until a full collection. Measured, half of what ended runs cost was that.
 */

/** What is found under one hash; the caller says which of them it means. */
export class Table<T> implements Iterable<T> {
  #buckets: (Entry<T> | undefined)[] = [undefined, undefined, undefined, undefined]
  size = 0

  add(hash: number, item: T): void {
    if (this.size === this.#buckets.length) this.#grow()
    const place = hash & (this.#buckets.length - 1)
    this.#buckets[place] = new Entry(hash, item, this.#buckets[place])
    this.size += 1
  }

  find(hash: number, fits: (item: T) => boolean): T | undefined {
    let entry = this.#buckets[hash & (this.#buckets.length - 1)]
    while (entry !== undefined && !(entry.hash === hash && fits(entry.item))) entry = entry.next
    return entry?.item
  }

  /** `false`: it was not there. */
  remove(hash: number, item: T): boolean {
    const place = hash & (this.#buckets.length - 1)
    let before: Entry<T> | undefined
    for (let entry = this.#buckets[place]; entry !== undefined; before = entry, entry = entry.next) {
      if (entry.item !== item) continue
      if (before === undefined) this.#buckets[place] = entry.next
      else before.next = entry.next
      entry.next = undefined
      this.size -= 1
      return true
    }
    return false
  }

  /** In no order. */
  *[Symbol.iterator](): Iterator<T> {
    for (const first of this.#buckets) for (let entry = first; entry !== undefined; entry = entry.next) yield entry.item
  }

  #grow(): void {
    const entries = this.#buckets
    this.#buckets = Array.from({ length: 2 * entries.length }, () => undefined)
    for (const first of entries) {
      for (let entry = first; entry !== undefined; ) {
        const { next } = entry
        const place = entry.hash & (this.#buckets.length - 1)
        entry.next = this.#buckets[place]
        this.#buckets[place] = entry
        entry = next
      }
    }
  }
}

class Entry<T> {
  readonly hash: number
  readonly item: T
  next: Entry<T> | undefined

  constructor(hash: number, item: T, next: Entry<T> | undefined) {
    this.hash = hash
    this.item = item
    this.next = next
  }
}

/** FNV-1a over the code units of a text: a whole number of 30 bits. */
export const hashOf = (text: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash & 0x3fffffff
}
