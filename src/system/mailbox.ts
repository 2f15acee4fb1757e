/**
 * What waits for one actor: first in, first out, bounded. Work (`task.request`) stands in a lane of its own, so that a
 * closed gate holds back nothing else; while the gate is open, both lanes are one queue. A message knows the next one:
 * an empty mailbox costs next to nothing, and a full one no more than its messages.
 */

/** What a mailbox has to know of a message, and where it keeps it. */
export interface Queued<T> {
  readonly seq: number
  /** Not counted against the capacity, and never evicted. */
  readonly exempt: boolean
  next: T | undefined
}

class Lane<T extends Queued<T>> {
  first: T | undefined
  #last: T | undefined

  push(item: T): void {
    if (this.#last) this.#last.next = item
    else this.first = item
    this.#last = item
  }

  unshift(item: T): void {
    item.next = this.first
    this.first = item
    this.#last ??= item
  }

  shift(): T | undefined {
    const item = this.first
    if (item === undefined) return undefined
    this.first = item.next
    if (item.next === undefined) this.#last = undefined
    item.next = undefined
    return item
  }

  /** The first one that fits; O(n) in those that do not. */
  take(fits: (item: T) => boolean): T | undefined {
    let before: T | undefined
    for (let item = this.first; item !== undefined; before = item, item = item.next) {
      if (!fits(item)) continue
      if (before === undefined) return this.shift()
      before.next = item.next
      if (this.#last === item) this.#last = before
      item.next = undefined
      return item
    }
    return undefined
  }
}

export class Mailbox<T extends Queued<T>> {
  readonly #mail = new Lane<T>()
  #work: Lane<T> | undefined
  size = 0
  /** How many count against the capacity. */
  load = 0

  push(item: T, isWork: boolean): void {
    this.#lane(isWork).push(item)
    this.#count(item)
  }

  /** Puts mail back in front, in its order. */
  putBack(items: readonly T[], isWork: (item: T) => boolean): void {
    for (const item of items.toReversed()) {
      this.#lane(isWork(item)).unshift(item)
      this.#count(item)
    }
  }

  has(gateOpen: boolean): boolean {
    return this.#mail.first !== undefined || (gateOpen && this.#work?.first !== undefined)
  }

  /** The next one; work only while the gate is open. */
  next(gateOpen: boolean): T | undefined {
    const mail = this.#mail.first
    const work = gateOpen ? this.#work?.first : undefined
    const isWork = work !== undefined && (mail === undefined || work.seq < mail.seq)
    return this.#taken((isWork ? this.#work! : this.#mail).shift())
  }

  /** The oldest that counts against the capacity. */
  evict(): T | undefined {
    const counts = ({ exempt }: T): boolean => !exempt
    return this.#taken(this.#work?.take(counts) ?? this.#mail.take(counts))
  }

  /** The next one that fits, past what does not; no work. */
  take(fits: (item: T) => boolean): T | undefined {
    return this.#taken(this.#mail.take(fits))
  }

  /** Whether `take` finds one. */
  some(fits: (item: T) => boolean): boolean {
    for (let item = this.#mail.first; item !== undefined; item = item.next) if (fits(item)) return true
    return false
  }

  /** Takes out what counts against the capacity, or everything, oldest first. */
  drain(everything: boolean): T[] {
    const all: T[] = []
    for (let item = this.next(true); item !== undefined; item = this.next(true)) all.push(item)
    if (everything) return all
    for (const item of all) if (item.exempt) this.push(item, false)
    return all.filter((item) => !item.exempt)
  }

  #lane(isWork: boolean): Lane<T> {
    return isWork ? (this.#work ??= new Lane()) : this.#mail
  }

  #count(item: T): void {
    this.size += 1
    if (!item.exempt) this.load += 1
  }

  #taken(item: T | undefined): T | undefined {
    if (item === undefined) return undefined
    this.size -= 1
    if (!item.exempt) this.load -= 1
    return item
  }
}
