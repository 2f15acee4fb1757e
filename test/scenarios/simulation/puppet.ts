/** The actors of a simulation. They do as they are told, and tell the witness what comes to them. */
import { fromBehavior, type ActorContext, type ActorRef, type AgentMessage, type Behavior, type Exited, type Terminated } from 'troupe'
import type { Witness } from './witness.ts'

/** How a question is answered. */
export type Manner = 'reply' | 'reply twice' | 'never' | 'later' | 'crash'

/** A numbered message. */
export interface NotePayload {
  readonly id: number
  readonly by: string
  /** Is stashed also when the stash is full. */
  readonly reckless?: boolean
}

/** What a puppet can get. */
export type Order =
  | { readonly type: 'act'; readonly act: (me: Puppet) => void }
  | { readonly type: 'note' | 'news'; readonly payload: NotePayload }
  | { readonly type: 'question'; readonly id: number; readonly manner: Manner }
  | { readonly type: 'tick'; readonly key: string; readonly no: number; readonly by: Puppet }
  | { readonly type: 'result'; readonly by: Puppet }
  | { readonly type: 'receive.timeout' }
  | Terminated
  | Exited

/** What a puppet is like from its start. */
export interface Traits {
  /** Its `onStop`: none, at once, a microtask later, so many milliseconds later, or never. */
  readonly hook: 'none' | 'sync' | 'micro' | 'never' | number
  readonly looksAtSignal: boolean
  /** How many notes it can stash. */
  readonly stash: number
}

type Context = ActorContext<Order, Traits>
/** The ref of a puppet. */
export type PuppetRef = ActorRef<Order>

/** One incarnation. */
export class Puppet {
  readonly ctx: Context
  readonly signal: AbortSignal | undefined
  /** Stashes every note. */
  holds = false
  held = 0
  /** Promises that it waits for. */
  piped = 0
  readonly topics = new Map<string, () => void>()
  timeoutMs: number | undefined
  readonly #witness: Witness<Puppet>
  readonly #ticks = new Map<string, number>()
  #lastAt = 0
  #hooks = 0
  #unanswered: { readonly id: number; readonly to: AgentMessage }[] = []

  constructor(ctx: Context, witness: Witness<Puppet>) {
    this.ctx = ctx
    this.#witness = witness
    this.signal = ctx.input.looksAtSignal ? ctx.signal : undefined
    const { hook } = ctx.input
    if (hook !== 'none') ctx.onStop(() => this.#stops(hook))
  }

  receive(order: Order): void {
    if (this.#witness.lives.get(this.ctx.self.uid) !== this) this.#object('the handler of an ended incarnation runs')
    const waitedMs = this.ctx.now() - this.#lastAt
    this.#lastAt = this.ctx.now()
    switch (order.type) {
      case 'act':
        return order.act(this)
      case 'note':
        return this.#note(order.payload)
      case 'news':
        return this.#witness.heard(order.payload.id, `news ${order.payload.by}`, this.ctx.self.uid)
      case 'question':
        return this.#question(order)
      case 'tick':
        if (order.by !== this || this.#ticks.get(order.key) !== order.no) this.#object('an old tick arrived')
        return
      case 'result':
        if (order.by !== this) this.#object('the result of an ended incarnation arrived')
        return
      case 'receive.timeout':
        if (this.timeoutMs === undefined || waitedMs < this.timeoutMs) this.#object('a receive timeout came too early')
        return
      case 'actor.terminated':
        if (this.ctx.lookup(order.ref.path)?.uid === order.ref.uid) this.#object('a name outlives its actor')
        return this.#witness.toldTerminated(this.ctx.self, order.ref)
      case 'actor.exited':
    }
  }

  tell(to: PuppetRef): void {
    const id = this.#witness.newNote(to.path)
    this.#witness.sent(id, this.ctx.tell(to, { type: 'note', payload: { id, by: this.ctx.self.uid } }))
  }

  publish(topic: string): void {
    this.ctx.publish(topic, { type: 'news', payload: { id: this.#witness.newId(), by: this.ctx.self.uid } })
  }

  ask(target: PuppetRef, { manner, timeoutMs }: { manner: Manner; timeoutMs: number }): void {
    const id = this.#witness.newId()
    const answer = this.ctx.ask(target, { type: 'question', id, manner }, { timeoutMs })
    this.#witness.asked(id, { asker: this, target, deadline: this.ctx.now() + timeoutMs, answer })
  }

  watch(target: PuppetRef): void {
    this.#witness.watches(this.ctx.self, target)
    this.ctx.watch(target)
  }

  unwatch(target: PuppetRef): void {
    this.#witness.unwatches(this.ctx.self, target)
    this.ctx.unwatch(target)
  }

  startTimer(key: string, when: { afterMs: number } | { everyMs: number }): void {
    const no = this.#witness.newId()
    this.#ticks.set(key, no)
    this.ctx.timers.start(key, { type: 'tick', key, no, by: this }, when)
  }

  cancelTimer(key: string): void {
    this.#ticks.delete(key)
    this.ctx.timers.cancel(key)
  }

  receiveTimeout(timeoutMs: number | undefined): void {
    this.timeoutMs = timeoutMs
    this.ctx.receiveTimeout(timeoutMs)
  }

  pipe(work: Promise<unknown>): void {
    this.piped += 1
    this.ctx.pipe(work, () => {
      this.piped -= 1
      return { type: 'result', by: this }
    })
  }

  release(): void {
    this.holds = false
    this.held = 0
    this.ctx.unstashAll()
  }

  answerAll(): void {
    for (const { id, to } of this.#unanswered.splice(0)) this.ctx.reply(id, to)
  }

  #note({ id, by, reckless = false }: NotePayload): void {
    const isFull = this.held >= this.ctx.input.stash
    if (this.holds && (!isFull || reckless)) {
      return this.#stash(id)
    }
    // Past a full stash a note overtakes those that are in it.
    if (!this.holds) this.#witness.heard(id, by, this.ctx.self.uid)
    this.#witness.handled(id)
  }

  #stash(id: number): void {
    try {
      this.ctx.stash()
      this.held += 1
    } catch (error) {
      this.#witness.hasCrashed(id)
      throw error
    }
  }

  #question({ id, manner }: { id: number; manner: Manner }): void {
    if (manner === 'crash') throw new Error('a question that nobody can answer')
    if (manner === 'later') this.#unanswered.push({ id, to: this.ctx.envelope })
    if (manner.startsWith('reply')) this.ctx.reply(id)
    if (manner === 'reply twice') this.ctx.reply(id)
  }

  #stops(hook: Traits['hook']): Promise<void> | undefined {
    this.#hooks += 1
    if (this.#hooks > 1) this.#object('a hook ran twice')
    const life = this.#witness.lives.get(this.ctx.self.uid)
    // One that has not started has no life: its hook may let go of what its setup took.
    if (life && life !== this) this.#object('the hook of an earlier incarnation ran')
    if (life) this.#witness.write(this.ctx.self, '-')
    if (hook === 'micro') return Promise.resolve()
    if (hook === 'never') return new Promise(() => {})
    return typeof hook === 'number' ? this.#witness.after(hook) : undefined
  }

  #object(text: string): void {
    this.#witness.object(`${this.ctx.self.path}: ${text}`)
  }
}

/** Logic of puppets that this witness sees. */
export const puppets = (witness: Witness<Puppet>): Behavior<Order, Traits> =>
  fromBehavior<Order, Traits>((ctx) => {
    const me = new Puppet(ctx, witness)
    const { path, uid } = ctx.self
    const failures = witness.failing.get(path) ?? 0
    if (failures > 0) {
      witness.failing.set(path, failures - 1)
      // What a start that fails leaves behind must not reach the next one.
      me.startTimer('left behind', { afterMs: 5 })
      me.pipe(Promise.resolve())
      throw new Error('does not start')
    }
    witness.lives.set(uid, me)
    witness.write(ctx.self, '+')
    return (order) => me.receive(order)
  })
