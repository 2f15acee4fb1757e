/** One message, one turn of the logic, and what becomes of the message: handled, kept, expired, dead, or failed. */
import { DefectError, DeliveryError, toTroupeError } from '../contracts/errors.ts'
import type { AgentMessage } from '../contracts/messages.ts'
import type { Life } from '../logic/life.ts'
import type { Cell } from './cell.ts'
import { admitSender, mailboxOf, putBack } from './intake.ts'
import { Request, type Mail } from './mail.ts'
import { crash } from './stopping.ts'

export const handle = (cell: Cell, mail: Mail): void => {
  const { kernel } = cell
  if (cell.more?.senders) admitSender(cell)
  if (mail.token !== undefined) {
    if (!mail.token.active) return kernel.withdraw()
    mail.token.arrived?.()
  }
  // Who awaits an answer here has a timer for that, which does not mind a date that is set anew.
  if (mail.asker ? mail.asker.settled : mail.deadline !== undefined && mail.deadline < kernel.now()) {
    return kernel.expire(mail, cell)
  }
  cell.mail = mail
  kernel.fate = 'handled'
  const life = cell.life!
  if (cell.more?.receiveTimeout) cell.powers?.rearm()
  try {
    life.receive(cell.options.envelopes && !mail.bare ? forAgent(mail, cell) : mail.event)
  } catch (thrown) {
    cell.mail = undefined
    return failed(cell, mail, thrown)
  }
  cell.mail = undefined
  conclude(cell, mail, life)
}

// What is no request, users see.
const forAgent = (mail: Mail, cell: Cell): AgentMessage =>
  mail instanceof Request && mail.type === 'task.request' ? mail : cell.kernel.messageOf(mail, cell)

const conclude = (cell: Cell, mail: Mail, life: Life): void => {
  const { kernel } = cell
  const { fate } = kernel
  if (fate === 'kept' || fate === 'dead') return
  kernel.handled += 1
  // An agent answers by its tasks, or at once.
  if (!cell.options.envelopes && mail.asker && !mail.asker.settled && mail.asker.target === cell) owe(cell, mail)
  if (fate === 'unhandled' || life.handled === false) kernel.reportUnhandled(cell, mail)
  cell.more?.live?.changed()
}

const owe = (cell: Cell, mail: Mail): void => {
  if (cell.state === 'terminated' || cell.state === 'suspended') {
    const error = new DeliveryError('ACTOR_TERMINATED', `"${cell.ref.path}" has ended without an answer`)
    mail.asker!.settle({ status: 'rejected', error })
  } else (cell.rest.owed ??= new Set()).add(mail.asker!)
}

const failed = (cell: Cell, mail: Mail, thrown: unknown): void => {
  const { kernel } = cell
  const error = toTroupeError(thrown)
  const { redeliver = 0 } = mailboxOf(cell)
  const failures = (mail.failures ?? 0) + 1
  mail.failures = failures
  // What fails is not kept for later.
  if (kernel.fate === 'kept') {
    cell.more?.stash?.splice(cell.more.stash.indexOf(mail), 1)
    kernel.fate = 'handled'
  }
  if (failures <= redeliver && cell.receiving) putBack(cell, [mail])
  else {
    const told = `"${cell.ref.path}" failed to handle "${mail.event.type}": ${error.message}`
    mail.asker?.settle({ status: 'failed', error: new DefectError(told, thrown, 'ACTOR_CRASHED') })
    if (redeliver > 0) kernel.deadLetter(mail, cell, 'poison')
    else if (kernel.fate !== 'dead') kernel.handled += 1
  }
  const message = kernel.messageOf(mail, cell)
  kernel.events.emit({ type: 'message.failed', at: kernel.now(), ref: cell.ref, message, error })
  kernel.log.error({ path: cell.ref.path, type: mail.event.type, err: thrown }, 'an actor crashed')
  crash(cell, error)
}

/** It threw outside of a message. */
export const failedOutside = (cell: Cell, thrown: unknown): void => {
  cell.kernel.log.error({ path: cell.path, err: thrown }, 'an actor crashed')
  crash(cell, toTroupeError(thrown))
}
