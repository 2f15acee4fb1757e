/**
 * The cell of one actor: who it is, what waits for it, who is below it, and its turn. What leads from one state of its
 * life to the next is in `birth.ts`, `stopping.ts` and `end.ts`; a cell outlives the incarnations of its logic.
 */
import type { AnyActorLogic, EventObject, InspectionEvent, Snapshot } from 'xstate'
import type { Interpreter } from '../contracts/behavior.ts'
import type { TroupeError } from '../contracts/errors.ts'
import type { AnyAgent, Mailbox as MailboxOptions } from '../contracts/agents.ts'
import type { ExitReason, Logic, SpawnOptions } from '../contracts/logic.ts'
import type { Address, AgentMessage, AnyRef } from '../contracts/messages.ts'
import type { Clock, Logger } from '../contracts/ports.ts'
import type { Few } from '../contracts/few.ts'
import type { TaskMeta } from '../contracts/tasks.ts'
import type { DeadReason, SystemEvent } from '../contracts/system.ts'
import type { Life } from '../logic/life.ts'
import type { EventStream } from './event-stream.ts'
import type { Family } from './family.ts'
import type { KeyedTimer } from './keyed-timer.ts'
import type { Asker, Mail, Party, Request, Token } from './mail.ts'
import { Mailbox } from './mailbox.ts'
import { Ref } from './ref.ts'
import type { Runnable, Scheduler } from './scheduler.ts'
import type { Timer, Timers } from './timers.ts'

/**
 * - `draining`: takes no more, and stops when its mailbox is empty
 * - `stopping`: only effect results, replies and timers still reach it
 * - `ending`: its logic is over; children go, then its hooks
 * - `suspended`: waits to be restarted, or for its end
 */
export type State = 'starting' | 'running' | 'draining' | 'stopping' | 'ending' | 'suspended' | 'terminated'

/** How a cell is set up; shared between cells that are set up alike. */
export type CellOptions = Omit<SpawnOptions, 'id' | 'input' | 'parent' | 'link'> & {
  /** Whether messages reach the logic in their envelope, as agents want them. */
  readonly envelopes?: boolean
  /** Whether it is restarted by a budget of its own, and stops alone when that is spent. */
  readonly ownBudget?: boolean
}

export class Cell implements Runnable, Party {
  readonly kernel: Core
  readonly name: string
  readonly parent: Cell | undefined
  #ref: Ref | undefined
  readonly logic: AnyActorLogic
  readonly input: unknown
  readonly options: CellOptions
  state: State = 'starting'
  generation = 0
  ready = false
  /** The turn in hand; signals wait for its end. */
  inTurn = false
  /** The message in hand. */
  mail: Mail | undefined
  life: Life | undefined
  scope: Powers | undefined
  gateOpen = true
  /** How it ends itself, once the turn in hand is over. */
  exit: ExitReason | undefined
  /** Promises whose results it waits for; a stop waits with it. */
  piped = 0
  /** What its logic gave at its end. */
  output: unknown
  readonly mailbox = new Mailbox<Mail>()
  signals: (() => void)[] | undefined
  children: Family<Cell> | undefined
  before: Cell | undefined
  after: Cell | undefined
  /** The request that a task works at: what it sends hangs together with that, whatever it handles. */
  origin: Mail | undefined
  /** What is called when it is gone. */
  gone: ((reason: ExitReason) => void)[] | undefined
  /** The rarely needed rest. */
  more: More | undefined

  constructor(kernel: Core, parent: Cell | undefined, name: string, start: Start) {
    this.kernel = kernel
    this.parent = parent
    this.name = name
    this.logic = start.logic
    this.input = start.input
    this.options = start.options
  }

  get path(): string {
    const { parent, name } = this
    if (parent === undefined) return '/'
    return parent.parent === undefined ? `/${name}` : `${parent.path}/${name}`
  }

  /** Made when somebody asks: few tasks are ever spoken of. */
  get ref(): Ref {
    if (this.#ref) return this.#ref
    this.#ref = new Ref(this, this.kernel.name, this.path, this.kernel.uid())
    if ('supervisor' in this.logic) this.#ref.supervisor = true
    return this.#ref
  }

  get rest(): More {
    return (this.more ??= new More())
  }

  get alive(): boolean {
    return this.state !== 'terminated'
  }

  /** Whether messages of users are taken from the mailbox. */
  get receiving(): boolean {
    return this.state === 'running' || this.state === 'draining' || this.state === 'stopping'
  }

  get pending(): boolean {
    return (this.signals !== undefined && this.signals.length > 0) || this.hasMail
  }

  /** Whether a message waits that it takes now. */
  get hasMail(): boolean {
    if (!this.receiving) return false
    return this.isPausing ? this.mailbox.some(isOwn) : this.mailbox.has(this.gateOpen)
  }

  /** It goes down to be started again, and leaves its mail to the next incarnation. */
  get isPausing(): boolean {
    return this.state === 'stopping' && this.more?.stop?.toRestart === true
  }

  /** Whether somebody else stops it for good. */
  get isStopped(): boolean {
    const asked = this.more?.stop
    return asked !== undefined && !asked.byItself && !asked.toRestart
  }

  /** The system lane: first, unbounded, never dropped. */
  signal(act: () => void): void {
    ;(this.signals ??= []).push(act)
    this.kernel.scheduler.ready(this)
  }

  /** What our own logic throws outside of messages crashes its actor, and nobody else. */
  #act(signal: () => void): void {
    try {
      signal()
    } catch (thrown) {
      this.kernel.failed(this, thrown)
    }
    this.more?.live?.changed()
  }

  turn(batch: number): number {
    this.inTurn = true
    let done = 0
    try {
      for (; done < batch; done += 1) {
        const signal = this.signals?.shift()
        if (signal) {
          this.#act(signal)
        } else {
          if (!this.receiving) break
          const mail = this.isPausing ? this.mailbox.take(isOwn) : this.mailbox.next(this.gateOpen)
          if (mail === undefined) break
          this.kernel.handle(this, mail)
        }
        if (this.state !== 'running' || this.exit !== undefined) this.kernel.afterTurn(this)
      }
    } finally {
      this.inTurn = false
    }
    return done
  }
}

/** What an actor tells itself is of one incarnation. */
const isOwn = ({ bare }: Mail): boolean => bare

/** What a cell starts from. */
export interface Start {
  readonly logic: AnyActorLogic
  readonly input: unknown
  readonly options: CellOptions
}

/** What most cells never need, so that an idle one stays small. */
export class More {
  /** Who is told when it is gone, with what instead of `Terminated`. */
  watchers: Map<Cell, Watch> | undefined
  /** Whom it watches. */
  watching: Set<Cell> | undefined
  /** What is on its way to it of actors that were gone when it began to watch them, by uid. */
  queuedEnds: Map<string, Revocable> | undefined
  links: Set<Cell> | undefined
  /** Asks that it has sent and that are still open. */
  asks: Set<{ abandon(reason: string): void }> | undefined
  /** Asks that it has handled and not answered. */
  owed: Set<Asker> | undefined
  receiveTimeout: { timeoutMs: number; message: unknown; timer: Timer; token: Revocable } | undefined
  stash: Mail[] | undefined
  hooks: ((reason: ExitReason) => unknown)[] | undefined
  abort: AbortController | undefined
  abortOf: Powers | undefined
  /** What is let go when it is gone: names, services, topics. */
  releases: Set<() => void> | undefined
  /** What takes its exit instead of its parent's supervision. */
  intercept: ((reason: ExitReason) => void) | undefined
  /** When its children were restarted. */
  restarts: readonly number[] | undefined
  /** When it was restarted itself, where it has a budget of its own. */
  ownRestarts: readonly number[] | undefined
  /** How often it has failed of late, for the wait before its next restart. */
  failures: { count: number; at: number } | undefined
  /** How many requests have lapsed since its mailbox was last searched for them; some may have gone since. */
  lapsed = 0
  /** `send`s that wait for room. */
  senders: { mail: Mail; taken: () => void; refused: (error: TroupeError) => void }[] | undefined
  /** How it ends, once asked to. */
  stop:
    | { reason: ExitReason; byItself: boolean; toRestart: boolean; timer: Timer | undefined; waiting: boolean }
    | undefined
  /** The end that is under way; a kill overtakes it. */
  ending: object | undefined
  /** It is to stop once it has handled what it has, also after a restart. */
  draining = false
  stashedSinceCrash = 0
  live: Live | undefined
  listeners: Map<string, Set<(event: never) => void>> | undefined
}

/** A watch, and what it sends instead of `Terminated`. */
export interface Watch {
  readonly token: Revocable
  readonly message: unknown
  /** Of the watcher. */
  readonly generation: number
}

/** Holds back what is on its way. */
export interface Revocable extends Token {
  active: boolean
}

/** What is left of an incarnation's powers for the rest of the kernel. */
export interface Powers {
  /** The incarnation has ended: what it still does is refused. */
  over: boolean
  /** The timers of this incarnation. */
  keyed: Few<KeyedTimer> | undefined
  /** The machine that stands for it. */
  interpreter: Interpreter<never> | undefined
  /** A message has come: the wait for one begins anew. */
  rearm(): void
}

/** The view that XState's tools have of a cell. */
export interface Live {
  /** A step was taken, or another incarnation has begun. */
  changed(): void
  emitted(event: EventObject): void
  /** The incarnation is over: what it was stays to be looked at. */
  keep(snapshot: Snapshot<unknown>): void
  gone(reason: ExitReason): void
}

/** Who awaits an answer, and in which run. */
export interface Awaited {
  readonly asker: Asker
  readonly meta?: TaskMeta | undefined
  readonly chain?: readonly Address[] | undefined
}

/** What cells and all that acts on them need of their kernel. */
export interface Core {
  readonly name: string
  readonly prefix: string
  readonly outside: Address
  readonly clock: Clock
  readonly log: Logger
  readonly timers: Timers
  readonly scheduler: Scheduler
  readonly events: EventStream<SystemEvent>
  readonly root: Cell
  /** How mailboxes are bounded that say nothing of it. */
  readonly mailbox: MailboxOptions
  readonly inspector: ((event: InspectionEvent) => void) | undefined
  random(): number
  now(): number
  uid(): string
  /** A name for an actor that was given none. */
  freshName(): string

  cellOf(ref: AnyRef): Cell | undefined
  at(path: string): Cell | undefined
  /** The cell that works for an agent; it is started when it is needed first. */
  agentCell(agent: AnyAgent): Cell
  /** All agents that the system knows. */
  knownAgents(): readonly AnyAgent[]
  /** The cell that works for an agent, where it has been needed before. */
  startedAgent(agent: AnyAgent): Cell | undefined
  spawnAgent(logic: Logic, options: SpawnOptions, by: Cell): Cell
  live(cell: Cell): Live

  sent: number
  handled: number
  expired: number
  deadLettered: number
  actors: number
  /** What becomes of the message in hand, unless it is handled. */
  fate: 'handled' | 'kept' | 'dead' | 'unhandled'
  mail(event: EventObject, from: Party | undefined): Mail
  /** What an actor is told by itself, by its tasks and by the kernel: past the gate and the bound, without an envelope. */
  note(event: EventObject, from: Party | undefined): Mail
  /** A mail that somebody awaits the answer to. */
  request(event: EventObject, from: Party | undefined, given: Awaited): Request
  /** Freezes what travels by reference, in development and tests. */
  share(value: unknown): void
  messageOf(mail: Mail, to: Cell | undefined, address?: Address): AgentMessage
  tell(from: Party | undefined, ref: AnyRef, event: EventObject): 'accepted' | 'rejected'
  /** Past the gate and the bound, without an envelope. */
  tellBare(cell: Cell, event: EventObject & Readonly<Record<string, unknown>>, from?: Party): void
  deliver(cell: Cell, mail: Mail): 'accepted' | 'rejected'
  post(cell: Cell, mail: Mail): 'accepted' | 'rejected'
  /** What an incarnation that is over still sends. */
  refuseStale(cell: Cell, event: EventObject, to: Address): void
  handle(cell: Cell, mail: Mail): void
  reportUnhandled(cell: Cell, mail: Mail): void
  /** Its time is over. */
  expire(mail: Mail, cell: Cell): void
  /** An actor threw outside of a message. */
  failed(cell: Cell, thrown: unknown): void
  deadLetter(mail: Mail, cell: Cell | undefined, reason: DeadReason, address?: Address): void
  /** A tick, a `Terminated` or a result that is no longer wanted: as if it had never been sent. */
  withdraw(): void
  /** Nobody waits for the answer to this mail any more. */
  cancelled(mail: Mail, reason: string): void

  scopeFor(cell: Cell): Powers
  /** What was asked for in a turn, and what a stop was waiting for. */
  afterTurn(cell: Cell): void
  /** A cell is down: its parent decides what follows. */
  childIsDown(cell: Cell, reason: ExitReason, stopped: boolean): void
  /** It asks to end itself, after the turn in hand. */
  requestExit(cell: Cell, reason: ExitReason): void
  /** Somebody linked to it has ended abnormally. */
  endLinked(cell: Cell, reason: ExitReason): void
  taskIsGone(cell: Cell): void
}
