/**
 * Runs logic on XState's own Actor: machines of users, promises, callbacks, observables, logic of one's own. Each cell
 * is a small actor system of its own: `after` goes through the kernel's timers, ends are told to the cell, and what
 * XState would leave behind after a crash is stopped.
 */
import { createActor, type AnyActorLogic, type AnyActorRef, type EventObject, type Snapshot } from 'xstate'
import type { ActorContext } from '../contracts/actors.ts'
import { powers } from '../contracts/context-of.ts'
import type { Host, Life } from './life.ts'

/** What XState keeps of an actor that its types do not show. */
interface Inside {
  _send(event: EventObject): void
  _stop(): void
  readonly _processingStatus: number
  readonly _snapshot: Snapshot<unknown> & { readonly children?: Readonly<Record<string, AnyActorRef>> }
}

const STOPPED = 2

/** Machines tell of each step; of other logic nobody knows what it handles. */
const isMachine = (logic: object): boolean => 'root' in logic && 'resolveState' in logic

const inside = (actor: AnyActorRef): Inside => actor as unknown as Inside

/** Starts it; a throw at the start passes on. */
export const runActor = (logic: AnyActorLogic, host: Host, input: unknown): Life => new ActorLife(logic, host, input)

class ActorLife implements Life {
  handled = true
  readonly #actor: AnyActorRef
  readonly #system: CellSystem
  #failure: { error: unknown } | undefined
  #inTurn = true
  #over = false
  readonly #host: Host

  constructor(logic: AnyActorLogic, host: Host, input: unknown) {
    this.#host = host
    this.#system = new CellSystem(this, host)
    this.#system.countsSteps = isMachine(logic)
    // A parent makes XState tell ends instead of throwing them at the process, and share our system.
    const options = { id: host.id, input, parent: this.#system }
    const actor = createActor(logic, options as object)
    this.#actor = actor
    this.#system.root = actor
    actor.on('*', (event: EventObject) => host.emitted(event))
    actor.start()
    this.#inTurn = false
    if (this.#failure) this.discard()
    this.#rethrow()
  }

  receive(event: EventObject): void {
    this.#inTurn = true
    this.handled = !this.#system.countsSteps
    inside(this.#actor)._send(event)
    this.#inTurn = false
    if (this.#failure) this.#rethrow()
  }

  /** XState has told the end of the root actor. */
  ended(event: EventObject): void {
    if (this.#over) return
    this.#over = true
    const failed = isError(event)
    if (!failed) return this.#host.ended({ output: (event as unknown as { output: unknown }).output })
    const error = (event as unknown as { error: unknown }).error
    if (this.#inTurn) this.#failure = { error }
    else this.#host.ended({ error })
  }

  discard(): void {
    this.#over = true
    stopTree(this.#actor)
    this.#system.close()
  }

  snapshot(): Snapshot<unknown> {
    return this.#actor.getSnapshot() as Snapshot<unknown>
  }

  persisted(): Snapshot<unknown> {
    return this.#actor.getPersistedSnapshot()
  }

  #rethrow(): void {
    const failure = this.#failure
    this.#failure = undefined
    if (failure) throw failure.error
  }
}

/** XState stops neither the children of a machine that failed nor what they started. */
const stopTree = (actor: AnyActorRef): void => {
  const children = inside(actor)._snapshot?.children
  if (inside(actor)._processingStatus !== STOPPED) inside(actor)._stop()
  if (children) for (const id in children) if (children[id]) stopTree(children[id])
}

/** Nothing is scheduled in here: timers are the kernel's. */
const NOTHING_SCHEDULED = { _scheduledEvents: {} }

/**
 * XState's actor system, over the kernel: one per cell, so that `systemId` and `sendParent` end at the cell. For XState it
 * is the system, its clock, and the parent of the root actor in one: most cells run one small machine.
 */
class CellSystem {
  root: AnyActorRef | undefined
  readonly id = 'troupe'
  readonly sessionId = 'troupe'
  readonly [powers]: ActorContext<EventObject, unknown>
  readonly _logger = (...args: unknown[]): void => this.#host.context.log.info({ args }, 'log')
  readonly _snapshot = NOTHING_SCHEDULED
  countsSteps = false
  readonly #life: ActorLife
  readonly #host: Host
  #ids = 0
  #timers: Map<AnyActorRef | undefined, Map<string, unknown>> | undefined
  #named: Map<string, AnyActorRef> | undefined

  constructor(life: ActorLife, host: Host) {
    this.#life = life
    this.#host = host
    this[powers] = host.context
  }

  get system(): this {
    return this
  }

  get scheduler(): this {
    return this
  }

  get _clock(): this {
    return this
  }

  setTimeout(fn: () => void, ms: number): unknown {
    return this.#host.startTimer(this.#host.context.now() + ms, fn)
  }

  clearTimeout(timer: unknown): void {
    this.#host.cancelTimer(timer)
  }

  /** What `sendParent` sends. */
  _send(event: EventObject): void {
    this.#host.undeliverable(event)
  }

  /** XState gives source, target, event, delay in ms, and perhaps an id. */
  schedule(...[source, target, event, delay, id = this._bookId()]: Schedule): void {
    this.cancel(source, id)
    this.#timers ??= new Map()
    let own = this.#timers.get(source)
    if (!own) this.#timers.set(source, (own = new Map()))
    const fire = (): void => {
      own.delete(id)
      this._relay(source, target, event)
    }
    own.set(id, this.#host.startTimer(this.#host.context.now() + delay, fire))
  }

  cancel(source: AnyActorRef, id: string): void {
    const own = this.#timers?.get(source)
    const timer = own?.get(id)
    if (timer === undefined) return
    own!.delete(id)
    this.#host.cancelTimer(timer)
  }

  cancelAll(source: AnyActorRef): void {
    const own = this.#timers?.get(source)
    if (!own) return
    for (const timer of own.values()) this.#host.cancelTimer(timer)
    this.#timers!.delete(source)
  }

  close(): void {
    for (const source of this.#timers?.keys() ?? []) if (source) this.cancelAll(source)
  }

  _bookId(): string {
    return `x:${(this.#ids += 1)}`
  }

  _register(sessionId: string): string {
    return sessionId
  }

  _unregister(actor: AnyActorRef): void {
    for (const [systemId, named] of this.#named ?? []) if (named === actor) this.#named!.delete(systemId)
  }

  get(systemId: string): AnyActorRef | undefined {
    return this.#named?.get(systemId)
  }

  getAll(): Record<string, AnyActorRef> {
    return Object.fromEntries(this.#named ?? [])
  }

  _set(systemId: string, actor: AnyActorRef): void {
    const existing = this.#named?.get(systemId)
    if (existing && existing !== actor) throw new Error(`Actor with system ID '${systemId}' already exists.`)
    ;(this.#named ??= new Map()).set(systemId, actor)
  }

  _relay(source: AnyActorRef | undefined, target: AnyActorRef, event: EventObject): void {
    if ((target as unknown) === this && source === this.root && isEnd(event)) return this.#life.ended(event)
    // Whoever handles the failure of a child goes on; what the child had started must not.
    if (source && isError(event) && inside(source)._processingStatus === STOPPED) stopTree(source)
    const { inspector } = this.#host
    if (inspector) this._sendInspectionEvent({ type: '@xstate.event', sourceRef: source, actorRef: target, event })
    if (inside(target)._processingStatus === STOPPED) this.#host.undeliverable(event)
    else inside(target)._send(event)
  }

  _sendInspectionEvent(event: { type: string; actorRef: unknown; [key: string]: unknown }): void {
    if (event.type === '@xstate.microstep' && event.actorRef === this.root) {
      const taken = event['_transitions']
      if (Array.isArray(taken) && taken.length > 0) this.#life.handled = true
    }
    if (event.type === '@xstate.snapshot' && event.actorRef === this.root) this.#host.changed()
    this.#host.inspector?.({ ...event, rootId: this.root?.sessionId ?? '' } as never)
  }

  inspect(): never {
    throw new Error('use system.inspect of the Troupe system')
  }

  getSnapshot(): object {
    return this._snapshot
  }

  start(): void {}
}

type Schedule = [source: AnyActorRef, target: AnyActorRef, event: EventObject, delay: number, id?: string]

const isError = ({ type }: EventObject): boolean => type.startsWith('xstate.error.actor.')

const isEnd = (event: EventObject): boolean => event.type.startsWith('xstate.done.actor.') || isError(event)
