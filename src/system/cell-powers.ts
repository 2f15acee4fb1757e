/** The powers of our own logic, as `CellScope` tells of them: those of any actor, and what only our own needs. */
import type { CellScope, Children, Interpreter, StateRecorder } from '../contracts/behavior.ts'
import type { RestartLimitError, TroupeError } from '../contracts/errors.ts'
import type { AgentMessage, AnyRef } from '../contracts/messages.ts'
import type { DeadReason } from '../contracts/system.ts'
import { interpret } from '../logic/interpret.ts'
import { ActorPowers } from './actor-powers.ts'
import { childrenOf } from './children.ts'
import { destructurable } from './destructurable.ts'
import { mailOf } from './mail.ts'

export class CellPowers extends ActorPowers implements Record<keyof CellScope, unknown> {
  get children(): Children {
    return childrenOf(this.cell)
  }

  steady(): number {
    return this.kernel.timers.steadily(this.kernel.now())
  }

  interpret(machine: never, performer: never, recorder?: StateRecorder): Interpreter<never> {
    const interpreter: Interpreter<never> = interpret(machine, performer, recorder)
    this.interpreter = interpreter
    return interpreter
  }

  aside(machine: never, performer: never): Interpreter<never> {
    return interpret(machine, performer)
  }

  gate(open: boolean): void {
    this.cell.gateOpen = open
    if (open && this.cell.pending) this.kernel.scheduler.ready(this.cell)
  }

  finish(): void {
    const asked = this.cell.more?.stop
    if (this.over || !asked) return
    asked.waiting = false
    this.cell.signal(() => {})
  }

  replyError(error: TroupeError, to?: AgentMessage): void {
    const mail = to ? mailOf(to) : this.cell.mail
    if (mail?.asker) this.answer({ status: 'failed', error }, to)
  }

  forward(to: AnyRef): 'accepted' | 'rejected' {
    const mail = this.mailInHand()
    const target = this.kernel.cellOf(to)
    if (target) return this.kernel.post(target, mail.with(mail.event))
    this.kernel.sent += 1
    this.kernel.deadLetter(mail, undefined, 'no-such-actor', to.address)
    return 'rejected'
  }

  deadLetter(reason: DeadReason): void {
    this.kernel.fate = 'dead'
    this.kernel.deadLetter(this.mailInHand(), this.cell, reason)
  }

  unhandled(): void {
    this.kernel.fate = 'unhandled'
  }

  queueLength(ref: AnyRef): number {
    const cell = this.kernel.cellOf(ref)
    return cell ? cell.mailbox.size + (cell.options.envelopes ? (cell.children?.size ?? 0) : 0) : 0
  }

  gaveUp(error: RestartLimitError): void {
    this.kernel.events.emit({ type: 'supervisor.gave-up', at: this.now(), ref: this.cell.ref, error })
    this.kernel.log.error({ path: this.cell.ref.path, err: error }, 'a supervisor gave up')
  }
}

/** The same for behaviours of users, who take methods out of it. */
export class UserPowers extends CellPowers {}

destructurable(UserPowers.prototype)
