/**
 * A message on its way inside this process: the bare event and what the envelope is made from. The `AgentMessage`
 * itself is made only when somebody looks at it, which most actors never do.
 */
import type { EventObject } from 'xstate'
import type { Outcome } from '../contracts/errors.ts'
import type { Address, AgentMessage } from '../contracts/messages.ts'
import type { TaskMeta } from '../contracts/tasks.ts'

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
  /** What it owes answers to. */
  readonly more: { readonly owed: Set<Asker> | undefined } | undefined
}

/** Holds back what was sent by a timer, a watch or a pipe that is no longer wanted. */
export interface Token {
  readonly active: boolean
}

const NOBODY: readonly Address[] = []

export class Mail {
  readonly seq: number
  readonly event: EventObject
  readonly at: number
  readonly from: Party | undefined
  readonly causedBy: number
  /** The run's id, or the number of the first mail. */
  correlation: string | number
  hops: number
  /** Agents that await the answer to this. */
  chain: readonly Address[]
  /** Absolute milliseconds. */
  deadline: number | undefined
  asker: Asker | undefined
  meta: TaskMeta | undefined
  token: Token | undefined
  /** Not counted against the capacity of a mailbox, and never evicted. */
  exempt = false
  /** Reaches an agent as the bare event: from its tasks, and from itself. */
  bare = false
  /** How often it has crashed its actor. */
  failures = 0
  /** The one behind it in its mailbox. */
  next: Mail | undefined
  #message: Envelope | undefined

  constructor(seq: number, event: EventObject, at: number, from: Party | undefined) {
    const cause = from?.origin ?? from?.mail
    this.seq = seq
    this.event = event
    this.at = at
    this.from = from
    this.causedBy = cause?.seq ?? 0
    this.correlation = cause?.correlation ?? seq
    this.hops = cause?.hops ?? 0
    this.chain = NOBODY
  }

  /** The same mail with its event parsed. */
  with(event: EventObject): Mail {
    const copy = new Mail(this.seq, event, this.at, this.from)
    const { correlation, hops, chain, deadline, asker, meta, token, exempt, bare } = this
    return Object.assign(copy, { correlation, hops, chain, deadline, asker, meta, token, exempt, bare })
  }

  /** The envelope, as users see it. */
  message(prefix: string, outside: Address, to: Address): AgentMessage {
    return (this.#message ??= new Envelope(this, prefix, outside, to))
  }
}

/** The envelope that users see; it remembers its mail, so that it can be answered later. */
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

  constructor(mail: Mail, prefix: string, outside: Address, to: Address) {
    const { event, correlation } = mail
    this.id = prefix + mail.seq.toString(36)
    this.type = event.type
    this.payload = 'payload' in event ? event.payload : payloadOf(event)
    this.from = mail.from?.ref.address ?? outside
    this.to = to
    this.timestamp = mail.at
    this.correlationId = typeof correlation === 'number' ? prefix + correlation.toString(36) : correlation
    this.replyTo = 'replyTo' in event && typeof event.replyTo === 'string' ? event.replyTo : undefined
    this.causedBy = mail.causedBy === 0 ? undefined : prefix + mail.causedBy.toString(36)
    this.chain = mail.chain
    this.hops = mail.hops
    this.deadline = mail.deadline
    this.traceparent = mail.meta?.run.traceparent
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
export const mailOf = (message: AgentMessage): Mail | undefined => Envelope.mailOf(message)
