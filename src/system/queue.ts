/** First in, first out, in a ring that starts empty and small: an array would move all that waits at each `shift`. */
export class Queue<T> {
  #ring: (T | undefined)[] = []
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(item: T): void {
    if (this.#size === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = item
    this.#size += 1
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#size -= 1
    // A burst must not hold its memory for ever.
    if (this.#size === 0 && this.#ring.length > 1024) this.#ring = []
    if (this.#ring.length === 0) this.#head = 0
    return item
  }

  /** Takes everything out, oldest first. */
  drain(): T[] {
    const items = Array.from({ length: this.#size }, (_, i) => this.#at(i))
    this.#ring = []
    this.#head = 0
    this.#size = 0
    return items
  }

  #slot(i: number): number {
    return (this.#head + i) & (this.#ring.length - 1)
  }

  #at(i: number): T {
    return this.#ring[this.#slot(i)] as T
  }

  #grow(): void {
    // The length stays a power of two: 4, 8, 16, ...
    const ring: (T | undefined)[] = []
    for (let i = 0; i < this.#size; i += 1) ring.push(this.#at(i))
    const length = Math.max(4, 2 * this.#size)
    while (ring.length < length) ring.push(undefined)
    this.#ring = ring
    this.#head = 0
  }
}
