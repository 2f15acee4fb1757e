/**
 * The kernel of one system: takes mail in, hands it to cells, and accounts for each: sent = handled + expired +
 * dead-lettered + queued.
 */
import type { EventObject, InspectionEvent } from 'xstate'
import type { AnyAgent, Mailbox as MailboxOptions } from '../contracts/agents.ts'
import type { ExitReason, Logic, SpawnOptions } from '../contracts/logic.ts'
import type { Address, AgentMessage, AnyRef } from '../contracts/messages.ts'
import type { Clock, Logger } from '../contracts/ports.ts'
import type { DeadLetter, DeadReason, SystemEvent } from '../contracts/system.ts'
import type { Held } from '../contracts/tool-source.ts'
import { Agents } from './agents.ts'
import { Cell } from './cell.ts'
import type { Awaited, Powers } from './core.ts'
import { DeadLetters, undeliverable } from './dead-letters.ts'
import { deepFreeze } from './freeze.ts'
import { EventStream } from './event-stream.ts'
import { Inbox } from './inbox.ts'
import { failedOutside, handle } from './handling.ts'
import { deliver, isBundled, lapse, post } from './intake.ts'
import { afterTurn, endLinked, requestExit } from './stopping.ts'
import { LiveActor } from './live-actor.ts'
import { Mail, Moment, Request, type Party, type Causation } from './mail.ts'
import { Names } from './names.ts'
import { seededId, seededRandom } from './random.ts'
import { Ref } from './ref.ts'
import { RunBook } from './run-book.ts'
import { Scheduler } from './scheduler.ts'
import { UserPowers } from './cell-powers.ts'
import type { Registers } from './registers.ts'
import { superviseExit, type RootPolicy } from './child-exit.ts'
import { Timers } from './timers.ts'
import { Topics } from './topics.ts'

/** What a kernel is made from. */
export interface KernelOptions {
  readonly name: string
  readonly seed: string | number
  readonly clock: Clock
  readonly log: Logger
  readonly mailbox: MailboxOptions
  readonly supervision: RootPolicy
  /** Whether messages are frozen, so that two actors never share an object that one of them changes. */
  readonly freeze: boolean
}

export class Kernel implements Registers {
  readonly name: string
  readonly clock: Clock
  readonly log: Logger
  readonly timers: Timers
  readonly scheduler = new Scheduler(() => (this.#moment = undefined))
  readonly random: () => number
  readonly prefix: string
  readonly outside: Address
  readonly events: EventStream<SystemEvent>
  readonly unhandled: EventStream<{ readonly message: AgentMessage; readonly ref: AnyRef }>
  readonly names = new Names(this)
  readonly topics: Topics
  readonly inbox: Inbox
  readonly agents: Agents
  readonly runs: RunBook
  readonly root: Cell
  /** What is let go when the system stops. */
  readonly held = new Set<Held>()
  /** How mailboxes are bounded that say nothing of it. */
  readonly mailbox: MailboxOptions
  readonly #options: KernelOptions
  inspector: ((event: InspectionEvent) => void) | undefined
  sent = 0
  handled = 0
  expired = 0
  deadLettered = 0
  actors = 0
  /** What becomes of the message in hand, unless it is handled. */
  fate: 'handled' | 'kept' | 'dead' | 'unhandled' = 'handled'
  #moment: Moment | undefined
  readonly #timeless = new Moment(this, undefined)
  /** What was sent last in answer to something, and what that hangs together with. */
  #cause: Mail | undefined
  #causation: Causation | undefined
  #mails = 0
  #uids = 0
  readonly #dead: DeadLetters

  constructor(options: KernelOptions) {
    this.#options = options
    this.name = options.name
    this.clock = options.clock
    this.mailbox = options.mailbox
    this.log = options.log
    this.timers = new Timers(options.clock)
    this.random = seededRandom(options.seed)
    // Systems on one bus have names of their own: with the same seed their ids still differ.
    this.prefix = `${seededId(seededRandom(`${options.name}/${options.seed}`), 10)}.`
    this.outside = `troupe://${options.name}`
    const at = (): number => this.now()
    this.events = new EventStream<SystemEvent>(options.log, (count) => ({ type: 'events.skipped', at: at(), count }))
    this.#dead = new DeadLetters(this)
    this.unhandled = new EventStream(options.log)
    this.topics = new Topics(this)
    this.inbox = new Inbox(this)
    this.agents = new Agents(this)
    this.runs = new RunBook(this, this.inbox)
    const logic = { getInitialSnapshot: () => ({}), transition: (state: unknown) => state }
    this.root = new Cell(this, undefined, '', { logic: logic as never, input: undefined, options: { shutdownMs: 'infinity' } })
    this.root.state = 'running'
  }

  now(): number {
    return this.#moment?.at ?? this.#read().at!
  }

  /** Read once for a slice of turns, which takes some 2 ms at most, and once for what is sent before it. */
  #read(): Moment {
    if (this.#moment !== undefined) return this.#moment
    const moment = new Moment(this, this.clock.now())
    if (this.scheduler.running || this.scheduler.scheduled) this.#moment = moment
    return moment
  }

  causationOf(sender: Party): Causation | undefined {
    // What XState logic does for a task is the task's doing.
    const cause = sender.origin ?? sender.parent?.origin ?? sender.mail
    if (cause === undefined) return undefined
    if (cause !== this.#cause) {
      this.#cause = cause
      this.#causation = { cause: cause.seq, correlation: cause.correlation, hops: cause.hops }
    }
    return this.#causation
  }

  get deadLetters(): EventStream<DeadLetter> {
    return this.#dead.stream
  }

  nextMail(): number {
    this.#mails += 1
    return this.#mails
  }

  uid(): string {
    return this.prefix + (this.#uids += 1).toString(36)
  }

  /** A name for an actor that was given none. */
  freshName(): string {
    return `$${(this.#uids += 1).toString(36)}`
  }

  request(event: EventObject, from: Party | undefined, given: Awaited): Request {
    this.share(event)
    return new Request({ moment: this.#read(), event, sender: from }, given)
  }

  /** Counts nothing yet: `post` does. */
  mail(event: EventObject, from: Party | undefined): Mail {
    this.share(event)
    return new Mail(this.#read(), event, from)
  }

  /** What an actor is told by itself, by its tasks and by the kernel: past the gate and the bound, without an envelope. */
  note(event: EventObject, from: Party | undefined): Mail {
    this.share(event)
    const mail = new Mail(this.#timeless, event, from)
    mail.exempt = true
    return mail
  }

  /** Two actors never share an object that one of them can change. */
  share(value: unknown): void {
    if (this.#options.freeze) deepFreeze(value)
  }

  messageOf(mail: Mail, to: Cell | undefined, address: Address = to?.ref.address ?? this.outside): AgentMessage {
    return mail.envelope(address)
  }

  /** The cell behind a ref, also of a copy; `undefined` when there is none, or only a namesake. */
  cellOf(ref: AnyRef): Cell | undefined {
    const known = Ref.ownerOf(ref) as Cell | undefined
    if (known !== undefined) return known.kernel === this ? known : undefined
    const found = this.at(ref.path)
    return found?.ref.uid === ref.uid ? found : undefined
  }

  /** The cell at a path such as '/shop/cart'. */
  at(path: string): Cell | undefined {
    if (path === '/') return this.root
    if (!path.startsWith('/')) return undefined
    let cell: Cell | undefined = this.root
    for (const name of path.slice(1).split('/')) cell = cell?.children?.get(name)
    return cell
  }

  /** From outside, or from an actor. */
  tell(from: Party | undefined, ref: AnyRef, event: EventObject): 'accepted' | 'rejected' {
    const cell = this.cellOf(ref)
    if (cell !== undefined && isBundled(cell, event, from)) return this.#bundle(cell, event, from)
    const mail = this.mail(event, from)
    if (cell !== undefined) return this.deliver(cell, mail)
    this.sent += 1
    this.deadLetter(mail, undefined, 'no-such-actor', ref.address)
    return 'rejected'
  }

  #bundle(cell: Cell, event: EventObject, sender: Party | undefined): 'accepted' {
    this.share(event)
    this.sent += 1
    const { mailbox } = cell
    const { bundle } = mailbox
    const moment = this.#read()
    if (bundle?.like.isOf(moment, sender)) mailbox.join(bundle, event, this.nextMail())
    else mailbox.pushBundle(new Mail(moment, event, sender))
    return 'accepted'
  }

  deliver(cell: Cell, mail: Mail): 'accepted' | 'rejected' {
    return deliver(cell, mail)
  }

  post(cell: Cell, mail: Mail): 'accepted' | 'rejected' {
    return post(cell, mail)
  }

  refuseStale(from: Party | undefined, event: EventObject, to: Address): void {
    this.sent += 1
    this.deadLetter(this.mail(event, from), undefined, 'stale-epoch', to)
  }

  handle(cell: Cell, mail: Mail): void {
    handle(cell, mail)
  }

  failed(cell: Cell, thrown: unknown): void {
    failedOutside(cell, thrown)
  }

  reportUnhandled(cell: Cell, mail: Mail): void {
    const message = this.messageOf(mail, cell)
    this.unhandled.emit({ message, ref: cell.ref })
    this.events.emit({ type: 'message.unhandled', at: this.now(), ref: cell.ref, message })
    this.log.warn({ to: cell.ref.path, type: mail.event.type }, 'nobody handles this message')
  }

  expire(mail: Mail, cell: Cell): void {
    this.expired += 1
    this.#dead.add(mail, cell.ref.address, 'expired')
  }

  /** A message that nobody handles. Whoever awaits its answer is told at once. */
  deadLetter(mail: Mail, cell: Cell | undefined, reason: DeadReason, address?: Address): void {
    this.deadLettered += 1
    const to = address ?? cell?.ref.address ?? this.outside
    this.#dead.add(mail, to, reason)
    if (mail.asker && !mail.asker.settled) {
      mail.asker.settle({ status: 'rejected', error: undeliverable(reason, to, mail.event) })
    }
  }

  /** A timer's tick, a `Terminated` or a result that is no longer wanted: as if it had never been sent. */
  withdraw(): void {
    this.sent -= 1
  }

  /** An actor as XState sees it; the same object each time. */
  live(cell: Cell): LiveActor {
    return (cell.rest.live ??= new LiveActor(cell)) as LiveActor
  }

  agentCell(agent: AnyAgent): Cell {
    return this.agents.cellOf(agent)
  }

  knownAgents(): readonly AnyAgent[] {
    return this.agents.known()
  }

  startedAgent(agent: AnyAgent): Cell | undefined {
    return this.agents.started(agent)
  }

  spawnAgent(logic: Logic, options: SpawnOptions, by: Cell): Cell {
    return this.agents.spawn(logic, options, by)
  }

  powersFor(cell: Cell): Powers {
    return this.agents.powersFor(cell) ?? new UserPowers(cell, this)
  }

  /** Nobody waits for the answer to this mail any more: what waits expires in its mailbox, a task is cancelled. */
  cancelled(mail: Mail, reason: string): void {
    const target = mail.asker?.target as Cell | undefined
    if (target === undefined) return
    if (target.origin === mail) this.tellBare(target, { type: 'task.cancel', reason })
    else lapse(target)
  }

  tellBare(cell: Cell, event: EventObject & Readonly<Record<string, unknown>>, from?: Party): void {
    this.post(cell, this.note(event, from))
  }

  afterTurn(cell: Cell): void {
    afterTurn(cell)
  }

  childIsDown(cell: Cell, reason: ExitReason, stopped: boolean): void {
    superviseExit(cell, reason, stopped, this.#options.supervision)
  }

  requestExit(cell: Cell, reason: ExitReason): void {
    requestExit(cell, reason)
  }

  endLinked(cell: Cell, reason: ExitReason): void {
    endLinked(cell, reason)
  }

  taskIsGone(cell: Cell): void {
    this.agents.taskIsGone(cell)
  }

  /** Each on its own: that one cannot be let go keeps none of the others. */
  async letGo(): Promise<void> {
    const released = await Promise.allSettled([...this.held].map((held) => held.release(this)))
    for (const result of released) {
      if (result.status === 'rejected') this.log.error({ err: result.reason as unknown }, 'something could not be let go')
    }
  }
}
