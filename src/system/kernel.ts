/**
 * The kernel of one system: takes mail in, hands it to cells, and accounts for each: sent = handled + expired +
 * dead-lettered + queued.
 */
import type { EventObject, InspectionEvent } from 'xstate'
import type { AnyAgent, Mailbox as MailboxOptions } from '../contracts/agents.ts'
import { DefectError, DeliveryError, InvalidMessageError, toTroupeError, type TroupeError } from '../contracts/errors.ts'
import type { ExitReason, Logic, SpawnOptions } from '../contracts/logic.ts'
import type { Address, AgentMessage, AnyRef } from '../contracts/messages.ts'
import type { Clock, Logger } from '../contracts/ports.ts'
import type { DeadLetter, DeadReason, SystemEvent } from '../contracts/system.ts'
import type { Life } from '../logic/life.ts'
import { Agents } from './agents.ts'
import { Cell, type Awaited, type Powers } from './cell.ts'
import { deepFreeze } from './freeze.ts'
import { EventStream } from './event-stream.ts'
import { Inbox } from './inbox.ts'
import { isStopped } from './end.ts'
import { afterTurn, crash, endLinked, requestExit } from './stopping.ts'
import { LiveActor } from './live-actor.ts'
import { Mail, Moment, Request, type Party, type Trail } from './mail.ts'
import { Names } from './names.ts'
import { seededId, seededRandom } from './random.ts'
import { Ref } from './ref.ts'
import { RunBook } from './run-book.ts'
import { Scheduler } from './scheduler.ts'
import { ActorScope, type Registers } from './scope.ts'
import { superviseExit, type RootPolicy } from './supervision.ts'
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

const DEAD_LETTERS_LOGGED = 10
const QUIET_MS = 300_000

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
  readonly deadLetters: EventStream<DeadLetter>
  readonly unhandled: EventStream<{ readonly message: AgentMessage; readonly ref: AnyRef }>
  readonly names = new Names(this)
  readonly topics: Topics
  readonly inbox: Inbox
  readonly agents: Agents
  readonly runs: RunBook
  readonly root: Cell
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
  #trail: Trail | undefined
  #mails = 0
  #uids = 0
  #logged = { count: 0, since: 0 }
  #tellingDead = false

  constructor(options: KernelOptions) {
    this.#options = options
    this.name = options.name
    this.clock = options.clock
    this.log = options.log
    this.timers = new Timers(options.clock)
    this.random = seededRandom(options.seed)
    // Systems on one bus have names of their own: with the same seed their ids still differ.
    this.prefix = `${seededId(seededRandom(`${options.name}/${options.seed}`), 10)}.`
    this.outside = `troupe://${options.name}`
    const at = (): number => this.now()
    this.events = new EventStream<SystemEvent>(options.log, (count) => ({ type: 'events.skipped', at: at(), count }))
    this.deadLetters = new EventStream(options.log)
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

  trailOf(sender: Party): Trail | undefined {
    const cause = sender.origin ?? sender.mail
    if (cause === undefined) return undefined
    if (cause !== this.#cause) {
      this.#cause = cause
      this.#trail = { cause: cause.seq, correlation: cause.correlation, hops: cause.hops }
    }
    return this.#trail
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
    const mail = this.mail(event, from)
    const cell = this.cellOf(ref)
    if (cell !== undefined) return this.deliver(cell, mail)
    this.sent += 1
    this.deadLetter(mail, undefined, 'no-such-actor', ref.address)
    return 'rejected'
  }

  /** Checks what comes from outside, then posts. */
  deliver(cell: Cell, mail: Mail): 'accepted' | 'rejected' {
    const { event } = mail
    const { protocol } = cell.options
    if ((protocol === undefined || mail.sender !== undefined) && !event.type.startsWith('xstate.')) {
      return this.post(cell, mail)
    }
    const checked = this.#check(cell, mail)
    return checked instanceof Mail ? this.post(cell, checked) : this.#refuse(cell, mail, checked)
  }

  /** The mail with its event parsed, or what is wrong with it. */
  #check(cell: Cell, mail: Mail): Mail | TroupeError {
    const { event, sender } = mail
    if (event.type.startsWith('xstate.')) return reserved(event.type)
    const { protocol } = cell.options
    if (protocol === undefined || sender !== undefined) return mail
    try {
      const parsed = protocol.parse(event)
      return parsed === event ? mail : mail.with(parsed)
    } catch (thrown) {
      return toTroupeError(thrown)
    }
  }

  fault(cell: Cell, mail: Mail): TroupeError | undefined {
    const checked = this.#check(cell, mail)
    return checked instanceof Mail ? undefined : checked
  }

  refuseStale(cell: Cell, event: EventObject, to: Address): void {
    this.sent += 1
    this.deadLetter(this.mail(event, cell), undefined, 'stale-epoch', to)
  }

  #refuse(cell: Cell, mail: Mail, error: TroupeError): 'rejected' {
    this.sent += 1
    mail.asker?.settle({ status: 'rejected', error })
    this.deadLetter(mail, cell, 'invalid')
    this.log.warn({ to: cell.ref.path, err: error }, 'a message does not fit its contract')
    return 'rejected'
  }

  /** Into the mailbox, or to the dead letters. */
  post(cell: Cell, mail: Mail): 'accepted' | 'rejected' {
    this.sent += 1
    if (mail.asker) mail.asker.target = cell
    const refusal = this.#refusal(cell, mail)
    if (refusal !== undefined) {
      this.deadLetter(mail, cell, refusal)
      return 'rejected'
    }
    cell.mailbox.push(mail, this.isWork(cell, mail))
    if (!cell.ready) this.scheduler.ready(cell)
    return 'accepted'
  }

  /** Why a cell does not take a message. */
  #refusal(cell: Cell, mail: Mail): DeadReason | undefined {
    if (cell.state === 'terminated') return 'stopped'
    if (mail.exempt) return undefined
    switch (cell.state) {
      case 'draining':
        return 'stopped'
      case 'stopping':
        return cell.isPausing ? this.#refusalWhileDown(cell) : 'stopped'
      case 'ending':
      case 'suspended':
        return this.#refusalWhileDown(cell)
      default:
        return this.#makeRoom(cell)
    }
  }

  #refusalWhileDown(cell: Cell): DeadReason | undefined {
    if (isStopped(cell)) return 'stopped'
    const limit = this.mailboxOf(cell).restartStash ?? 1_000
    if (cell.rest.stashedSinceCrash >= limit) return 'restart-stash-full'
    cell.rest.stashedSinceCrash += 1
    return undefined
  }

  #makeRoom(cell: Cell): DeadReason | undefined {
    const options = this.mailboxOf(cell)
    if (cell.mailbox.load < (options.capacity ?? 10_000)) return undefined
    switch (options.overflow) {
      case 'unbounded':
        return undefined
      case 'drop-oldest': {
        const oldest = cell.mailbox.evict()
        if (oldest) this.deadLetter(oldest, cell, 'mailbox-full')
        return oldest ? undefined : 'mailbox-full'
      }
      default:
        return 'mailbox-full'
    }
  }

  /** How its mailbox is bounded. */
  mailboxOf(cell: Cell): MailboxOptions {
    return cell.options.mailbox ?? this.#options.mailbox
  }

  /** Whether there is room for one more. */
  hasRoom(cell: Cell): boolean {
    const { overflow, capacity = 10_000 } = this.mailboxOf(cell)
    if (overflow === 'unbounded' || overflow === 'drop-oldest' || overflow === 'drop-new') return true
    return cell.mailbox.load < capacity
  }

  /** Requests wait behind the gate of an agent, unless it waits itself for the one who asks. */
  isWork(cell: Cell, mail: Mail): boolean {
    return cell.options.envelopes === true && mail.event.type === 'task.request' && !mail.chain.includes(cell.ref.address)
  }

  /** It threw outside of a message. */
  failed(cell: Cell, thrown: unknown): void {
    this.log.error({ path: cell.path, err: thrown }, 'an actor crashed')
    crash(cell, toTroupeError(thrown))
  }

  /** It was handled, and now it waits again: its agent restarts. */
  readmit(agent: Cell, mail: Mail): void {
    mail.readmitted = true
    this.handled -= 1
    if (mail.asker) mail.asker.target = agent
    agent.mailbox.putBack([mail], (each) => this.isWork(agent, each))
  }

  /** One message, one turn of the logic. */
  handle(cell: Cell, mail: Mail): void {
    if (cell.more?.senders) this.admitSender(cell)
    if (mail.token !== undefined && !mail.token.active) return this.withdraw()
    if (mail.asker?.settled || (mail.deadline !== undefined && mail.deadline < this.now())) return this.#expire(cell, mail)
    cell.mail = mail
    this.fate = 'handled'
    const life = cell.life!
    if (cell.more?.receiveTimeout) cell.scope?.rearm()
    try {
      life.receive(cell.options.envelopes && !mail.bare ? this.#forAgent(mail, cell) : mail.event)
    } catch (thrown) {
      cell.mail = undefined
      return this.#failed(cell, mail, thrown)
    }
    cell.mail = undefined
    this.#conclude(cell, mail, life)
  }

  // What is no request, users see.
  #forAgent(mail: Mail, cell: Cell): AgentMessage {
    return mail instanceof Request && mail.type === 'task.request' ? mail : this.messageOf(mail, cell)
  }

  #conclude(cell: Cell, mail: Mail, life: Life): void {
    const { fate } = this
    if (fate === 'kept' || fate === 'dead') return
    this.handled += 1
    // An agent answers by its tasks, or at once.
    if (!cell.options.envelopes && mail.asker && !mail.asker.settled && mail.asker.target === cell) this.#owe(cell, mail)
    if (fate === 'unhandled' || life.handled === false) this.#unhandledMessage(cell, mail)
    cell.more?.live?.changed()
  }

  #owe(cell: Cell, mail: Mail): void {
    if (cell.state === 'terminated' || cell.state === 'suspended') {
      mail.asker!.settle({ status: 'rejected', error: gone(cell) })
    } else (cell.rest.owed ??= new Set()).add(mail.asker!)
  }

  #unhandledMessage(cell: Cell, mail: Mail): void {
    const message = this.messageOf(mail, cell)
    this.unhandled.emit({ message, ref: cell.ref })
    this.events.emit({ type: 'message.unhandled', at: this.now(), ref: cell.ref, message })
    this.log.warn({ to: cell.ref.path, type: mail.event.type }, 'nobody handles this message')
  }

  #expire(cell: Cell, mail: Mail): void {
    this.expired += 1
    this.#tellDead(mail, cell.ref.address, 'expired')
  }

  #failed(cell: Cell, mail: Mail, thrown: unknown): void {
    const error = toTroupeError(thrown)
    const { redeliver = 0 } = this.mailboxOf(cell)
    const failures = (mail.failures ?? 0) + 1
    mail.failures = failures
    // What fails is not kept for later.
    if (this.fate === 'kept') {
      cell.more?.stash?.splice(cell.more.stash.indexOf(mail), 1)
      this.fate = 'handled'
    }
    if (failures <= redeliver && cell.receiving) cell.mailbox.putBack([mail], (m) => this.isWork(cell, m))
    else {
      const told = `"${cell.ref.path}" failed to handle "${mail.event.type}": ${error.message}`
      mail.asker?.settle({ status: 'failed', error: new DefectError(told, thrown, 'ACTOR_CRASHED') })
      if (redeliver > 0) this.deadLetter(mail, cell, 'poison')
      else if (this.fate !== 'dead') this.handled += 1
    }
    const message = this.messageOf(mail, cell)
    this.events.emit({ type: 'message.failed', at: this.now(), ref: cell.ref, message, error })
    this.log.error({ path: cell.ref.path, type: mail.event.type, err: thrown }, 'an actor crashed')
    crash(cell, error)
  }

  /** A message that nobody handles. Whoever awaits its answer is told at once. */
  deadLetter(mail: Mail, cell: Cell | undefined, reason: DeadReason, address?: Address): void {
    this.deadLettered += 1
    const to = address ?? cell?.ref.address ?? this.outside
    this.#tellDead(mail, to, reason)
    if (mail.asker && !mail.asker.settled) {
      mail.asker.settle({ status: 'rejected', error: undeliverable(reason, to, mail.event) })
    }
  }

  #tellDead(mail: Mail, to: Address, reason: DeadReason): void {
    if (this.deadLetters.active || this.events.active) this.#publishDead(mail, to, reason)
    this.#logDead(mail, to, reason)
  }

  // A dead letter that a listener causes is not told to it again.
  #publishDead(mail: Mail, to: Address, reason: DeadReason): void {
    if (this.#tellingDead) return
    this.#tellingDead = true
    const letter: DeadLetter = { message: this.messageOf(mail, undefined, to), reason, at: this.now() }
    this.deadLetters.emit(letter)
    this.events.emit({ type: 'message.dead', at: letter.at, letter })
    this.#tellingDead = false
  }

  // The log is throttled, the events never.
  #logDead(mail: Mail, to: Address, reason: DeadReason): void {
    const now = this.now()
    if (now - this.#logged.since >= QUIET_MS) this.#logged = { count: 0, since: now }
    this.#logged.count += 1
    if (this.#logged.count > DEAD_LETTERS_LOGGED) return
    const last = this.#logged.count === DEAD_LETTERS_LOGGED ? ' (more are not logged for 5 minutes)' : ''
    this.log.warn({ type: mail.event.type, to, reason }, `dead letter${last}`)
  }

  /** A timer's tick, a `Terminated` or a result that is no longer wanted: as if it had never been sent. */
  withdraw(): void {
    this.sent -= 1
  }

  /** Lets the next `send` in that waits for room. */
  admitSender(cell: Cell): void {
    const { senders } = cell.more!
    while (senders !== undefined && senders.length > 0 && this.hasRoom(cell)) {
      const next = senders.shift()!
      if (this.deliver(cell, next.mail) === 'accepted') next.taken()
      else next.refused(new DeliveryError('ACTOR_TERMINATED', `"${cell.path}" takes no messages`, next.mail.event))
    }
    if (senders?.length === 0) cell.more!.senders = undefined
  }

  /** An actor as XState sees it; the same object each time. */
  live(cell: Cell): LiveActor {
    return (cell.rest.live ??= new LiveActor(cell)) as LiveActor
  }

  agentCell(agent: AnyAgent): Cell {
    return this.agents.cellOf(agent)
  }

  spawnAgent(logic: Logic, options: SpawnOptions, by: Cell): Cell {
    return this.agents.spawn(logic, options, by)
  }

  scopeFor(cell: Cell): Powers {
    return this.agents.scopeFor(cell) ?? new ActorScope(cell, this)
  }

  /** Nobody waits for the answer to this mail any more: what waits expires in its mailbox, a task is cancelled. */
  cancelled(mail: Mail, reason: string): void {
    const target = mail.asker?.target as Cell | undefined
    if (target?.origin === mail) this.tellBare(target, { type: 'task.cancel', reason })
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
}

const reserved = (type: string): InvalidMessageError =>
  new InvalidMessageError(`"${type}": types that start with "xstate." belong to XState`, {
    code: 'INVALID_MESSAGE',
    faults: [{ path: 'type', message: 'starts with "xstate."' }],
  })

const gone = (cell: Cell): DeliveryError =>
  new DeliveryError('ACTOR_TERMINATED', `"${cell.ref.path}" has ended without an answer`)

const undeliverable = (reason: DeadReason, to: Address, event: EventObject): DeliveryError => {
  switch (reason) {
    case 'mailbox-full':
    case 'restart-stash-full':
      return new DeliveryError('MAILBOX_FULL', `the mailbox of ${to} is full`, event)
    case 'stash-full':
      return new DeliveryError('STASH_FULL', `the stash of ${to} is full`, event)
    case 'no-routee':
      return new DeliveryError('NO_ROUTE', `${to} has nobody to hand the message to`, event)
    default:
      return new DeliveryError('ACTOR_TERMINATED', `${to} takes no messages: ${reason}`, event)
  }
}
