/**
 * What waits for one actor: first in, first out, bounded. Work (`task.request`) stands in a lane of its own, so that a
 * closed gate holds back nothing else; while the gate is open, both lanes are one queue.
 */
import { Deque } from './deque.ts'

/** What a mailbox has to know of a message. */
export interface Queued {
  readonly seq: number
  /** Not counted against the capacity, and never evicted. */
  readonly exempt: boolean
}

export class Mailbox<Mail extends Queued> {
  readonly #mail = new Deque<Mail>()
  #work: Deque<Mail> | undefined
  /** How many count against the capacity. */
  load = 0

  get size(): number {
    return this.#mail.size + (this.#work?.size ?? 0)
  }

  push(mail: Mail, isWork: boolean): void {
    if (!mail.exempt) this.load += 1
    if (isWork) (this.#work ??= new Deque()).push(mail)
    else this.#mail.push(mail)
  }

  /** Puts mail back in front, in its order. */
  putBack(mails: readonly Mail[], isWork: (mail: Mail) => boolean): void {
    for (const mail of mails.toReversed()) {
      if (!mail.exempt) this.load += 1
      if (isWork(mail)) (this.#work ??= new Deque()).unshift(mail)
      else this.#mail.unshift(mail)
    }
  }

  has(gateOpen: boolean): boolean {
    return this.#mail.size > 0 || (gateOpen && this.#work !== undefined && this.#work.size > 0)
  }

  /** The next one; work only while the gate is open. */
  next(gateOpen: boolean): Mail | undefined {
    const mail = this.#mail.peek()
    const work = gateOpen ? this.#work?.peek() : undefined
    const lane = work !== undefined && (mail === undefined || work.seq < mail.seq) ? this.#work! : this.#mail
    return this.#taken(lane.shift())
  }

  /** The oldest that counts against the capacity. */
  evict(): Mail | undefined {
    const counts = (mail: Mail): boolean => !mail.exempt
    return this.#taken(this.#work?.size ? this.#work.remove(counts) : this.#mail.remove(counts))
  }

  /** Takes out what counts against the capacity, or everything. */
  drain(everything: boolean): Mail[] {
    const all = [...this.#mail.drain(), ...(this.#work?.drain() ?? [])].sort((a, b) => a.seq - b.seq)
    this.load = 0
    if (everything) return all
    for (const mail of all) if (mail.exempt) this.#mail.push(mail)
    return all.filter((mail) => !mail.exempt)
  }

  #taken(mail: Mail | undefined): Mail | undefined {
    if (mail !== undefined && !mail.exempt) this.load -= 1
    return mail
  }
}
