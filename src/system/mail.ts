/**
 * A message on its way inside this process: the bare event and what the envelope is made from. The `AgentMessage`
 * itself is made only when somebody looks at it, which most actors never do.
 */
import type { EventObject } from 'xstate'
import type { Outcome } from '../contracts/errors.ts'
import type { Address, AgentMessage } from '../contracts/messages.ts'
import { shapes } from '../contracts/shapes.ts'
import type { TaskMeta } from '../contracts/task-request.ts'
import type { Bundle, Queued } from './mailbox.ts'

/** Whoever waits for the answer to a message. It is settled once. */
export interface Asker {
  readonly settled: boolean
  /** Whether it was settled by an answer, rather than given up. */
  answered: boolean
  /** The actor that has the message and owes the answer. */
  target: Party | undefined
  settle(outcome: Outcome): void
}

/** An actor, as its mail knows it. */
export interface Party {
  readonly ref: { readonly address: Address }
  /** The message in hand. */
  readonly mail: Mail | undefined
  /** The request that a task works at: what it sends hangs together with that, whatever it handles. */
  readonly origin: Mail | undefined
  readonly parent: Party | undefined
  /** What it owes answers to. */
  readonly more: { readonly owed: Set<Asker> | undefined } | undefined
}

/** Holds back what was sent by a timer, a watch or a pipe that is no longer wanted. */
export interface Token {
  readonly active: boolean
  /** What was sent is taken up now. */
  arrived?(): void
}

/** A token that is taken back by whoever gave it. */
export interface Revocable extends Token {
  active: boolean
}

const NOBODY: readonly Address[] = []

/** What ids and addresses are made from. */
export interface Issuer {
  readonly prefix: string
  /** Who sends what no actor sends. */
  readonly outside: Address
  /** The number of the next mail. */
  nextMail(): number
  /** What a mail of this actor hangs together with. */
  causationOf(sender: Party): Causation | undefined
  now(): number
}

/** Where and when mails were sent: one for all of a slice. */
export class Moment {
  readonly issuer: Issuer
  /** Milliseconds since the epoch; `undefined` for mails that nobody sees in an envelope. */
  readonly at: number | undefined

  constructor(issuer: Issuer, at: number | undefined) {
    this.issuer = issuer
    this.at = at
  }
}

/** What the mails that one message leads to have in common. */
export interface Causation {
  /** The number of that message; 0: none. */
  readonly cause: number
  /** What names the run or the conversation: an id, what has one, or the number of the first mail. */
  readonly correlation: string | number | { readonly id: string }
  readonly hops: number
}

/** A message on its way. Most are told and carry nothing else, and many may wait: each field costs all of them. */
export class Mail implements Queued<Mail> {
  readonly moment: Moment
  readonly seq: number
  readonly event: EventObject
  readonly sender: Party | undefined
  /** `undefined`: it began what follows from it. */
  causation: Causation | undefined
  token: Token | undefined = undefined
  /** The one behind it in its mailbox. */
  next: Mail | Bundle<Mail> | undefined = undefined
  /** Not counted against the capacity of a mailbox, and never evicted. */
  exempt = false
  // Not set here: only few have them.
  declare asker?: Asker | undefined
  /** Absolute milliseconds. */
  declare deadline?: number | undefined
  declare meta?: TaskMeta | undefined
  /** What it was published to. */
  declare topic?: Address | undefined
  /** How often it has crashed its actor. */
  declare failures?: number
  /** Its agent has restarted and taken it up again: that is done once. */
  declare readmitted?: boolean
  declare known?: Envelope

  /** @param seq of a mail that takes its causation from another one */
  constructor(moment: Moment, event: EventObject, sender: Party | undefined, seq?: number) {
    this.moment = moment
    this.seq = seq ?? moment.issuer.nextMail()
    this.event = event
    this.sender = sender
    this.causation = sender === undefined || seq !== undefined ? undefined : moment.issuer.causationOf(sender)
    // Now and then, since each write to what is old costs more than the mail.
    if ((this.seq & 1_023) === 0 && new.target === Mail) shapes.mail = this
  }

  /** Reaches an agent as the bare event: from its tasks, and from itself. */
  get bare(): boolean {
    return this.moment.at === undefined
  }

  get timestamp(): number {
    return this.moment.at ?? this.moment.issuer.now()
  }

  get correlation(): Causation['correlation'] {
    return this.causation?.correlation ?? this.seq
  }

  get hops(): number {
    return this.causation?.hops ?? 0
  }

  get id(): string {
    return this.idOf(this.seq)
  }

  get type(): string {
    return this.event.type
  }

  get payload(): unknown {
    return 'payload' in this.event ? this.event.payload : payloadOf(this.event)
  }

  get from(): Address {
    return this.sender?.ref.address ?? this.moment.issuer.outside
  }

  get correlationId(): string {
    const { correlation } = this
    if (typeof correlation === 'number') return this.idOf(correlation)
    return typeof correlation === 'string' ? correlation : correlation.id
  }

  get replyTo(): string | undefined {
    return 'replyTo' in this.event && typeof this.event.replyTo === 'string' ? this.event.replyTo : undefined
  }

  get causedBy(): string | undefined {
    const cause = this.causation?.cause ?? 0
    return cause === 0 ? undefined : this.idOf(cause)
  }

  get traceparent(): string | undefined {
    return this.meta?.run.traceparent
  }

  /** Agents that await the answer to this. */
  get chain(): readonly Address[] {
    return NOBODY
  }

  /** As part of what the run or conversation of this name does, so many handovers deep. */
  follow(correlation: Causation['correlation'], hops: number): void {
    this.causation = { cause: this.causation?.cause ?? 0, correlation, hops }
  }

  /** The same mail with its event parsed. */
  with(event: EventObject): Mail {
    return this.copyTo(new Mail(this.moment, event, this.sender, this.seq))
  }

  /** Whether what this sender sends now differs in nothing but its event. */
  isOf(moment: Moment, sender: Party | undefined): boolean {
    if (this.moment !== moment || this.sender !== sender) return false
    return sender === undefined || this.causation === moment.issuer.causationOf(sender)
  }

  /** One more of the same sender, sent in the same moment for the same reason. */
  another(event: EventObject, seq: number): Mail {
    const mail = new Mail(this.moment, event, this.sender, seq)
    mail.causation = this.causation
    return mail
  }

  /** The whole envelope, as users see it. */
  envelope(to: Address): AgentMessage {
    return (this.known ??= new Envelope(this, this.topic ?? to))
  }

  protected idOf(seq: number): string {
    return this.moment.issuer.prefix + seq.toString(36)
  }

  protected copyTo<M extends Mail>(copy: M): M {
    copy.causation = this.causation
    copy.token = this.token
    copy.exempt = this.exempt
    if (this.asker) copy.asker = this.asker
    if (this.deadline) copy.deadline = this.deadline
    if (this.meta) copy.meta = this.meta
    if (this.topic) copy.topic = this.topic
    return copy
  }
}

let requests = 0

/**
 * A message that somebody awaits the answer to. It can be read as the message that it stands for, which is what agents
 * get: their requests are many, and whole envelopes would cost more than the work.
 */
export class Request extends Mail implements AgentMessage {
  override asker: Asker | undefined
  override deadline: number | undefined = undefined
  override meta: TaskMeta | undefined
  readonly #chain: readonly Address[]
  #id: string | undefined

  constructor(
    from: { moment: Moment; event: EventObject; sender: Party | undefined; seq?: number },
    given: { asker: Asker; meta?: TaskMeta | undefined; chain?: readonly Address[] | undefined },
  ) {
    super(from.moment, from.event, from.sender, from.seq)
    this.asker = given.asker
    this.meta = given.meta
    this.#chain = given.chain ?? NOBODY
    requests = (requests + 1) & 1_023
    if (requests === 0) shapes.request = this
  }

  override get id(): string {
    return (this.#id ??= this.idOf(this.seq))
  }

  override get chain(): readonly Address[] {
    return this.#chain
  }

  get to(): Address {
    return this.asker?.target?.ref.address ?? this.moment.issuer.outside
  }

  override with(event: EventObject): Request {
    const { moment, seq, sender, meta, chain } = this
    return this.copyTo(new Request({ moment, seq, event, sender }, { asker: this.asker!, meta, chain }))
  }
}

/** The envelope that users see: plain data that remembers its mail, so that it can be answered later. */
class Envelope implements AgentMessage {
  readonly id: string
  readonly type: string
  readonly payload: unknown
  readonly from: Address
  readonly to: Address
  readonly timestamp: number
  readonly correlationId: string
  readonly replyTo: string | undefined
  readonly causedBy: string | undefined
  readonly chain: readonly Address[]
  readonly hops: number
  readonly deadline: number | undefined
  readonly traceparent: string | undefined
  readonly #mail: Mail

  constructor(mail: Mail, to: Address) {
    this.id = mail.id
    this.type = mail.type
    this.payload = mail.payload
    this.from = mail.from
    this.to = to
    this.timestamp = mail.timestamp
    this.correlationId = mail.correlationId
    this.replyTo = mail.replyTo
    this.causedBy = mail.causedBy
    this.chain = mail.chain
    this.hops = mail.hops
    this.deadline = mail.deadline
    this.traceparent = mail.traceparent
    this.#mail = mail
  }

  static mailOf(message: AgentMessage): Mail | undefined {
    return #mail in message ? message.#mail : undefined
  }
}

// An event without `payload` shows its remaining fields as payload.
const payloadOf = (event: EventObject): unknown => {
  const { type: _, ...fields } = event as EventObject & Record<string, unknown>
  return Object.keys(fields).length === 0 ? undefined : fields
}

/** The mail that a message was made from; `undefined` for a copy, or one that came from elsewhere. */
export const mailOf = (message: AgentMessage): Mail | undefined =>
  message instanceof Request ? message : Envelope.mailOf(message)
