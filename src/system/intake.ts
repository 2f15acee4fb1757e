/**
 * How messages come to an actor: checked where they come from outside, then into its mailbox, or to the dead letters. It
 * says who has room, and what waits behind a gate.
 */
import type { EventObject } from 'xstate'
import type { Mailbox as MailboxOptions } from '../contracts/agents.ts'
import { DeliveryError, InvalidMessageError, toTroupeError, type TroupeError } from '../contracts/errors.ts'
import type { DeadReason } from '../contracts/system.ts'
import type { Cell } from './cell.ts'
import { Mail, type Party } from './mail.ts'

/** Of a mailbox that says nothing of it. */
const CAPACITY = 10_000

type Taken = 'accepted' | 'rejected'

/** Checks what comes from outside, then posts. */
export const deliver = (cell: Cell, mail: Mail): Taken => {
  const unchecked = cell.options.protocol === undefined || mail.sender !== undefined
  if (unchecked && !mail.event.type.startsWith('xstate.')) return post(cell, mail)
  const checked = check(cell, mail)
  return checked instanceof Mail ? post(cell, checked) : refuse(cell, mail, checked)
}

/** What is wrong with a message for this actor by its contract. */
export const fault = (cell: Cell, mail: Mail): TroupeError | undefined => {
  const checked = check(cell, mail)
  return checked instanceof Mail ? undefined : checked
}

/** The mail with its event parsed, or what is wrong with it. */
const check = (cell: Cell, mail: Mail): Mail | TroupeError => {
  const { event, sender } = mail
  if (event.type.startsWith('xstate.')) return reserved(event)
  const { protocol } = cell.options
  if (protocol === undefined || sender !== undefined) return mail
  try {
    const parsed = protocol.parse(event)
    return parsed === event ? mail : mail.with(parsed)
  } catch (thrown) {
    return toTroupeError(thrown)
  }
}

const reserved = ({ type }: EventObject): InvalidMessageError =>
  new InvalidMessageError(`"${type}": types that start with "xstate." belong to XState`, {
    code: 'INVALID_MESSAGE',
    faults: [{ path: 'type', message: 'starts with "xstate."' }],
  })

const refuse = (cell: Cell, mail: Mail, error: TroupeError): 'rejected' => {
  const { kernel } = cell
  kernel.sent += 1
  mail.asker?.settle({ status: 'rejected', error })
  kernel.deadLetter(mail, cell, 'invalid')
  kernel.log.warn({ to: cell.ref.path, err: error }, 'a message does not fit its contract')
  return 'rejected'
}

/** Into the mailbox, or to the dead letters. */
export const post = (cell: Cell, mail: Mail): Taken => {
  const { kernel } = cell
  kernel.sent += 1
  if (mail.asker) mail.asker.target = cell
  const refusal = refusalOf(cell, mail)
  if (refusal !== undefined) {
    kernel.deadLetter(mail, cell, refusal)
    return 'rejected'
  }
  cell.mailbox.push(mail, isWork(cell, mail))
  if (!cell.ready) kernel.scheduler.ready(cell)
  return 'accepted'
}

/** Why a cell does not take a message. */
const refusalOf = (cell: Cell, mail: Mail): DeadReason | undefined => {
  if (cell.state === 'terminated') return 'stopped'
  if (mail.exempt) return undefined
  switch (cell.state) {
    case 'draining':
      return 'stopped'
    case 'stopping':
      return cell.isPausing ? refusalWhileDown(cell) : 'stopped'
    case 'ending':
    case 'suspended':
      return refusalWhileDown(cell)
    default:
      return makeRoom(cell)
  }
}

const refusalWhileDown = (cell: Cell): DeadReason | undefined => {
  if (cell.isStopped) return 'stopped'
  const limit = mailboxOf(cell).restartStash ?? 1_000
  if (cell.rest.stashedSinceCrash >= limit) return 'restart-stash-full'
  cell.rest.stashedSinceCrash += 1
  return undefined
}

const makeRoom = (cell: Cell): DeadReason | undefined => {
  const options = mailboxOf(cell)
  if (cell.mailbox.load < (options.capacity ?? CAPACITY)) return undefined
  if (options.overflow === 'unbounded' || dropLapsed(cell)) return undefined
  switch (options.overflow) {
    case 'drop-oldest': {
      const oldest = cell.mailbox.evict()
      if (oldest) cell.kernel.deadLetter(oldest, cell, 'mailbox-full')
      return oldest ? undefined : 'mailbox-full'
    }
    default:
      return 'mailbox-full'
  }
}

/** How its mailbox is bounded. */
export const mailboxOf = (cell: Cell): MailboxOptions => cell.options.mailbox ?? cell.kernel.mailbox

/** Whether there is room for one more. */
export const hasRoom = (cell: Cell): boolean => {
  const { overflow, capacity = CAPACITY } = mailboxOf(cell)
  if (overflow === 'unbounded' || overflow === 'drop-oldest' || overflow === 'drop-new') return true
  return cell.mailbox.load < capacity || dropLapsed(cell)
}

/** Nobody awaits the answer to this any more. It stays where it is until its turn comes, or its room is needed. */
export const lapse = (cell: Cell): void => {
  const { rest } = cell
  rest.lapsed += 1
  if (rest.senders) cell.signal(() => admitSender(cell))
}

/** Gives the room of lapsed requests back, if there may be enough to be worth a walk. False: there were none. */
const dropLapsed = (cell: Cell): boolean => {
  const { kernel, mailbox, more } = cell
  if (!more || more.lapsed === 0 || more.lapsed * 8 < mailbox.size) return false
  more.lapsed = 0
  const dropped = mailbox.sift(({ asker }) => asker?.settled === true)
  for (const mail of dropped) kernel.expire(mail, cell)
  return dropped.length > 0
}

/** Lets the next `send` in that waits for room. */
export const admitSender = (cell: Cell): void => {
  const { senders } = cell.rest
  while (senders !== undefined && senders.length > 0 && hasRoom(cell)) {
    const next = senders.shift()!
    if (deliver(cell, next.mail) === 'accepted') next.taken()
    else next.refused(new DeliveryError('ACTOR_TERMINATED', `"${cell.path}" takes no messages`, next.mail.event))
  }
  if (senders?.length === 0) cell.more!.senders = undefined
}

/** From so many that wait on, messages wait in bundles. */
const CROWD = 8

/** Whether a message joins a crowd, and needs nothing but its place there. */
export const isBundled = (cell: Cell, event: EventObject, sender: Party | undefined): boolean => {
  const { mailbox, options } = cell
  if (mailbox.load < CROWD || cell.state !== 'running' || options.envelopes === true) return false
  if (options.protocol !== undefined && sender === undefined) return false
  if (event.type.startsWith('xstate.')) return false
  const { overflow, capacity = CAPACITY } = mailboxOf(cell)
  return overflow === 'unbounded' || mailbox.load < capacity
}

/** Requests wait behind the gate of an agent, unless it waits itself for the one who asks. */
export const isWork = (cell: Cell, mail: Mail): boolean =>
  cell.options.envelopes === true && mail.event.type === 'task.request' && !mail.chain.includes(cell.ref.address)

/** Puts a request that was handled back in front: its agent restarts and takes it up again. */
export const readmit = (agent: Cell, mail: Mail): void => {
  mail.readmitted = true
  agent.kernel.handled -= 1
  if (mail.asker) mail.asker.target = agent
  putBack(agent, [mail])
}

/** In front of all that waits, in its order. */
export const putBack = (cell: Cell, mails: readonly Mail[]): void =>
  cell.mailbox.putBack(mails, (mail) => isWork(cell, mail))
