/**
 * Sees everything that the actors of a simulation send, get and do, and objects to what must not happen: mail that is
 * lost, doubled or out of order, a `Terminated` too many, what an ended incarnation still does.
 */
import type { AnyRef, Clock, DeadLetter, SystemEvent } from 'troupe'

/** What the kernel has done wrong. */
export class Fault extends Error {}

/** A question that waits for its answer. */
export interface OpenAsk<Life> {
  readonly id: number
  readonly asker: Life | undefined
  readonly deadline: number
  readonly target: AnyRef
  /** Its asker ended while it was open: its callback must never run. */
  isVoid: boolean
}

/** What happened to actors in one step, in order. */
export interface Happened {
  readonly started: AnyRef[]
  readonly restarted: AnyRef[]
  readonly terminated: AnyRef[]
  readonly gaveUp: AnyRef[]
}

export class Witness<Life extends { readonly ctx: { readonly self: AnyRef } }> {
  readonly #clock: Clock
  /** The incarnation of each actor that is or was the last one, by uid. */
  readonly lives = new Map<string, Life>()
  /** How many of the next starts fail, by path. */
  readonly failing = new Map<string, number>()
  readonly gone = new Set<string>()
  /** `+a` started, `-a` its hook ran, by the path of the parent. */
  readonly diary = new Map<string, string[]>()
  readonly asks = new Set<OpenAsk<Life>>()
  happened: Happened = nothing()
  /** The move in hand. */
  move = ''
  /** How many letters of each kind. */
  letters = 0
  expired = 0
  faults: Fault[] = []
  #ids = 0
  /** Notes that are neither handled nor dead. */
  readonly #open = new Map<number, string>()
  /** Notes that have crashed their actor: they may come again, or become dead letters. */
  readonly #crashed = new Set<number>()
  readonly #lastHeard = new Map<string, number>()
  /** Watcher and watched: who is still to be told. */
  readonly #watches = new Map<string, { readonly watcher: string; readonly target: string }>()
  readonly #born = new Set<string>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves after so many milliseconds of the simulation. */
  after(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimeout(resolve, ms))
  }

  /** The fault is thrown at the end of the step: a throw inside an actor would be a crash of its own. */
  object(text: string): void {
    this.faults.push(new Fault(text))
  }

  newId(): number {
    return (this.#ids += 1)
  }

  newNote(to: string): number {
    const id = this.newId()
    this.#open.set(id, `${id} to ${to} (${this.move})`)
    return id
  }

  /** A note that was not sent after all. */
  notSent(id: number): void {
    this.#open.delete(id)
  }

  sent(id: number, answer: 'accepted' | 'rejected'): void {
    if (answer === 'rejected' && this.#open.has(id)) this.object(`note ${id} was rejected without a dead letter`)
  }

  get openNotes(): readonly string[] {
    return [...this.#open.values()]
  }

  heard(id: number, by: string, receiver: string): void {
    const lane = `${by}>${receiver}`
    const last = this.#lastHeard.get(lane) ?? 0
    if (id <= last) this.object(`note ${id} of ${by} came after ${last}`)
    this.#lastHeard.set(lane, id)
  }

  handled(id: number): void {
    if (!this.#leaves(id)) this.object(`note ${id} was handled, but it was not on its way`)
  }

  hasCrashed(id: number): void {
    if (this.#leaves(id)) this.#crashed.add(id)
    else this.object(`note ${id} crashed its actor, but it was not on its way`)
  }

  #leaves(id: number): boolean {
    return this.#open.delete(id) || this.#crashed.delete(id)
  }

  onLetter({ message, reason }: DeadLetter): void {
    if (reason === 'expired') this.expired += 1
    else this.letters += 1
    if (message.type !== 'note') return
    const { id } = message.payload as { id: number }
    if (!this.#leaves(id)) this.object(`note ${id} is a dead letter (${reason}), but it was not on its way`)
  }

  onEvent(event: SystemEvent): void {
    if (event.type === 'actor.started') {
      if (this.#born.has(event.ref.uid)) this.object(`${event.ref.path} started twice`)
      this.#born.add(event.ref.uid)
      this.happened.started.push(event.ref)
    } else if (event.type === 'actor.restarted') {
      if (this.gone.has(event.ref.uid)) this.object(`${event.ref.path} was restarted after its end`)
      this.happened.restarted.push(event.ref)
    } else if (event.type === 'actor.terminated') {
      if (this.gone.has(event.ref.uid)) this.object(`${event.ref.path} ended twice`)
      this.gone.add(event.ref.uid)
      this.happened.terminated.push(event.ref)
    } else if (event.type === 'supervisor.gave-up') this.happened.gaveUp.push(event.ref)
  }

  /** What has happened since the last call. */
  report(): Happened {
    const { happened } = this
    this.happened = nothing()
    return happened
  }

  write(ref: AnyRef, sign: '+' | '-'): void {
    const at = ref.path.lastIndexOf('/')
    const parent = ref.path.slice(0, at)
    let page = this.diary.get(parent)
    if (!page) this.diary.set(parent, (page = []))
    page.push(sign + ref.path.slice(at + 1))
  }

  watches(watcher: AnyRef, target: AnyRef): void {
    this.#watches.set(`${watcher.uid}>${target.uid}`, { watcher: watcher.uid, target: target.uid })
  }

  unwatches(watcher: AnyRef, target: AnyRef): void {
    this.#watches.delete(`${watcher.uid}>${target.uid}`)
  }

  toldTerminated(watcher: AnyRef, target: AnyRef): void {
    if (!this.gone.has(target.uid)) this.object(`${watcher.path} was told that ${target.path} is gone, which it is not`)
    if (this.#watches.delete(`${watcher.uid}>${target.uid}`)) return
    this.object(`${watcher.path} was told of the end of ${target.path} once more, or after unwatch`)
  }

  /** In a quiet system everybody has been told. */
  checkWatches(): void {
    for (const [key, { watcher, target }] of this.#watches) {
      if (this.gone.has(watcher)) this.#watches.delete(key)
      else if (this.gone.has(target)) this.object(`${watcher} was never told that ${target} is gone`)
    }
  }

  /** After each step: the asks of those that have ended must never be answered. */
  checkAsks(now: number, isUp: (uid: string) => boolean): void {
    for (const ask of this.asks) {
      const { uid } = ask.asker?.ctx.self ?? {}
      if (uid !== undefined && (this.lives.get(uid) !== ask.asker || !isUp(uid))) {
        ask.isVoid = true
        this.asks.delete(ask)
      } else if (ask.deadline <= now) this.object(`question ${ask.id} is open after its deadline`)
      else if (this.gone.has(ask.target.uid)) this.object(`question ${ask.id} is open, though ${ask.target.path} is gone`)
    }
  }

  asked(id: number, { asker, deadline, target, answer }: Omit<OpenAsk<Life>, 'id' | 'isVoid'> & { answer: Promise<unknown> }): void {
    const ask: OpenAsk<Life> = { id, asker, deadline, target, isVoid: false }
    this.asks.add(ask)
    const settled = (): void => {
      if (ask.isVoid) this.object(`question ${id} was answered to an actor that has ended`)
      this.asks.delete(ask)
    }
    const answered = (value: unknown): void => {
      settled()
      if (value !== id) this.object(`question ${id} got the answer to ${String(value)}`)
    }
    answer.then(answered, settled)
  }
}

const nothing = (): Happened => ({ started: [], restarted: [], terminated: [], gaveUp: [] })
