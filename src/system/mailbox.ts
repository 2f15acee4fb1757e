/**
 * What waits for one actor: first in, first out, bounded. Work (`task.request`) stands in a lane of its own, so that a
 * closed gate holds back nothing else; while the gate is open, both lanes are one queue. A message knows the next one:
 * an empty mailbox costs next to nothing. In a crowded one, messages that differ in nothing but their event wait in
 * bundles, which take a fifth of the memory.
 */
import type { EventObject } from 'xstate'

/** What a mailbox has to know of a message, and where it keeps it. */
export interface Queued<T extends Queued<T>> {
  readonly seq: number
  readonly event: EventObject
  /** Not counted against the capacity, and never evicted. */
  readonly exempt: boolean
  next: T | Bundle<T> | undefined
  /** One more of the same sender, sent in the same moment for the same reason. */
  another(event: EventObject, seq: number): T
}

const BUNDLE_SIZE = 128

/** Messages that differ in nothing but their event. */
export class Bundle<T extends Queued<T>> {
  readonly like: T
  next: T | Bundle<T> | undefined = undefined
  /** Event and number of each. */
  readonly #waiting: (EventObject | number)[]
  #taken = 0

  constructor(first: T) {
    this.like = first
    this.#waiting = [first.event, first.seq]
  }

  get seq(): number {
    return this.#waiting[this.#taken + 1] as number
  }

  get isEmpty(): boolean {
    return this.#taken === this.#waiting.length
  }

  get isFull(): boolean {
    return this.#waiting.length === 2 * BUNDLE_SIZE
  }

  add(event: EventObject, seq: number): void {
    this.#waiting.push(event, seq)
  }

  shift(): T {
    const { seq } = this
    const event = this.#waiting[this.#taken] as EventObject
    // What was taken must not be kept alive by what waits.
    this.#waiting[this.#taken] = 0
    this.#taken += 2
    return this.like.another(event, seq)
  }
}

class Lane<T extends Queued<T>> {
  first: T | Bundle<T> | undefined
  #last: T | Bundle<T> | undefined

  push(item: T | Bundle<T>): void {
    if (this.#last) this.#last.next = item
    else this.first = item
    this.#last = item
  }

  /** The bundle at its end, while there is room in it. */
  get bundle(): Bundle<T> | undefined {
    return this.#last instanceof Bundle && !this.#last.isFull ? this.#last : undefined
  }

  unshift(item: T): void {
    item.next = this.first
    this.first = item
    this.#last ??= item
  }

  shift(): T | undefined {
    const { first } = this
    if (first === undefined) return undefined
    if (!(first instanceof Bundle)) return this.#unhook(first)
    const item = first.shift()
    if (first.isEmpty) this.#unhook(first)
    return item
  }

  #unhook<F extends T | Bundle<T>>(first: F): F {
    this.first = first.next
    if (first.next === undefined) this.#last = undefined
    first.next = undefined
    return first
  }

  /** The first one that fits; O(n) in those that do not. */
  take(fits: (item: T) => boolean): T | undefined {
    this.#unpack()
    let before: T | undefined
    for (let item = this.first as T | undefined; item !== undefined; before = item, item = item.next as T | undefined) {
      if (!fits(item)) continue
      if (before === undefined) return this.shift()
      before.next = item.next
      if (this.#last === item) this.#last = before
      item.next = undefined
      return item
    }
    return undefined
  }

  /** Takes out all that fit, in one walk. */
  sift(fits: (item: T) => boolean): T[] {
    this.#unpack()
    const taken: T[] = []
    let item = this.first as T | undefined
    this.first = this.#last = undefined
    while (item !== undefined) {
      const next = item.next as T | undefined
      item.next = undefined
      if (fits(item)) taken.push(item)
      else this.push(item)
      item = next
    }
    return taken
  }

  /** Whether `take` finds one. */
  some(fits: (item: T) => boolean): boolean {
    this.#unpack()
    for (let item = this.first as T | undefined; item !== undefined; item = item.next as T | undefined) {
      if (fits(item)) return true
    }
    return false
  }

  /** For whoever looks at each: once it is done, nothing is left to do until there are bundles again. */
  #unpack(): void {
    let packed = false
    for (let item = this.first; item !== undefined && !packed; item = item.next) packed = item instanceof Bundle
    if (!packed) return
    const all: T[] = []
    for (let item = this.shift(); item !== undefined; item = this.shift()) all.push(item)
    for (const item of all) this.push(item)
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

  /** The bundle that one more may join, if it is like those in it. */
  get bundle(): Bundle<T> | undefined {
    return this.#mail.bundle
  }

  /** One more, of which no more need be known than that it is like those in the bundle at the end. */
  join(bundle: Bundle<T>, event: EventObject, seq: number): void {
    bundle.add(event, seq)
    this.size += 1
    this.load += 1
  }

  /** Begins a bundle; no work, and nothing exempt. */
  pushBundle(first: T): void {
    this.#mail.push(new Bundle(first))
    this.#count(first)
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

  /** Takes out all that fit, also work. */
  sift(fits: (item: T) => boolean): T[] {
    const taken = [...this.#mail.sift(fits), ...(this.#work?.sift(fits) ?? [])]
    for (const item of taken) this.#taken(item)
    return taken
  }

  /** Whether `take` finds one. */
  some(fits: (item: T) => boolean): boolean {
    return this.#mail.some(fits)
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
