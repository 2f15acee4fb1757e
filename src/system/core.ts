/**
 * The interfaces inside the kernel: what the kernel is to its cells, and what an incarnation and a view of a cell are
 * to the kernel. `Kernel` implements the first, `ActorPowers` and `LiveActor` the others.
 */
import type { EventObject, InspectionEvent, Snapshot } from 'xstate'
import type { AnyAgent, Mailbox as MailboxOptions } from '../contracts/agents.ts'
import type { Interpreter } from '../contracts/behavior.ts'
import type { Few } from '../contracts/few.ts'
import type { ExitReason, Logic, SpawnOptions } from '../contracts/logic.ts'
import type { Address, AgentMessage, AnyRef } from '../contracts/messages.ts'
import type { Clock, Logger } from '../contracts/ports.ts'
import type { DeadReason, SystemEvent } from '../contracts/system.ts'
import type { TaskMeta } from '../contracts/task-request.ts'
import type { EventStream } from './event-stream.ts'
import type { KeyedTimer } from './keyed-timer.ts'
import type { Asker, Mail, Party, Request } from './mail.ts'
import type { Scheduler } from './scheduler.ts'
import type { Timers } from './timers.ts'

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

/**
 * What cells and all that acts on them need of their kernel. `Core` of `cell.ts` is this with its parameter filled in.
 * @typeParam C a cell: it knows its kernel, so the kernel cannot know it by name here
 */
export interface CoreOf<C> {
  readonly name: string
  readonly prefix: string
  readonly outside: Address
  readonly clock: Clock
  readonly log: Logger
  readonly timers: Timers
  readonly scheduler: Scheduler
  readonly events: EventStream<SystemEvent>
  readonly root: C
  /** How mailboxes are bounded that say nothing of it. */
  readonly mailbox: MailboxOptions
  readonly inspector: ((event: InspectionEvent) => void) | undefined
  random(): number
  now(): number
  uid(): string
  /** A name for an actor that was given none. */
  freshName(): string

  cellOf(ref: AnyRef): C | undefined
  at(path: string): C | undefined
  /** The cell that works for an agent; it is started when it is needed first. */
  agentCell(agent: AnyAgent): C
  /** All agents that the system knows. */
  knownAgents(): readonly AnyAgent[]
  /** The cell that works for an agent, where it has been needed before. */
  startedAgent(agent: AnyAgent): C | undefined
  spawnAgent(logic: Logic, options: SpawnOptions, by: C): C
  live(cell: C): Live

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
  messageOf(mail: Mail, to: C | undefined, address?: Address): AgentMessage
  tell(from: Party | undefined, ref: AnyRef, event: EventObject): 'accepted' | 'rejected'
  /** Past the gate and the bound, without an envelope. */
  tellBare(cell: C, event: EventObject & Readonly<Record<string, unknown>>, from?: Party): void
  deliver(cell: C, mail: Mail): 'accepted' | 'rejected'
  post(cell: C, mail: Mail): 'accepted' | 'rejected'
  /** What an incarnation that is over still sends. */
  refuseStale(from: Party | undefined, event: EventObject, to: Address): void
  handle(cell: C, mail: Mail): void
  reportUnhandled(cell: C, mail: Mail): void
  /** Its time is over. */
  expire(mail: Mail, cell: C): void
  /** An actor threw outside of a message. */
  failed(cell: C, thrown: unknown): void
  deadLetter(mail: Mail, cell: C | undefined, reason: DeadReason, address?: Address): void
  /** A tick, a `Terminated` or a result that is no longer wanted: as if it had never been sent. */
  withdraw(): void
  /** Nobody waits for the answer to this mail any more. */
  cancelled(mail: Mail, reason: string): void

  powersFor(cell: C): Powers
  /** What was asked for in a turn, and what a stop was waiting for. */
  afterTurn(cell: C): void
  /** A cell is down: its parent decides what follows. */
  childIsDown(cell: C, reason: ExitReason, stopped: boolean): void
  /** It asks to end itself, after the turn in hand. */
  requestExit(cell: C, reason: ExitReason): void
  /** Somebody linked to it has ended abnormally. */
  endLinked(cell: C, reason: ExitReason): void
  taskIsGone(cell: C): void
}
