/** The kernel's half of a task's cell: it hands work on, takes it back, answers, and records. */
import type { AnyActorLogic, EventObject } from 'xstate'
import { Account } from '../contracts/account.ts'
import type { AnyAgent } from '../contracts/agents.ts'
import { Few } from '../contracts/few.ts'
import { outcomeOf, toTroupeError, type Outcome, type TroupeError } from '../contracts/errors.ts'
import { beyondHops } from '../contracts/hops.ts'
import type { ExitReason } from '../contracts/logic.ts'
import type { Clock, Usage } from '../contracts/ports.ts'
import { addUsage } from '../contracts/usage.ts'
import type { Held } from '../contracts/tool-source.ts'
import type { AgentDefinition } from '../contracts/agent-definition.ts'
import type { RequestOptions, TaskMeta } from '../contracts/task-request.ts'
import type { TaskEvent, TaskIdentity } from '../contracts/run-scope.ts'
import type { TaskInput } from '../contracts/agent-scope.ts'
import type { TaskMessage, TaskReport } from '../contracts/task-messages.ts'
import type { TaskKernel, TimeLimit } from '../contracts/task-kernel.ts'
import { reply } from './asks.ts'
import type { AgentRecord } from './agent-records.ts'
import type { Cell } from './cell.ts'
import { spawnCell } from './start-cell.ts'
import { kill, terminate } from './terminate.ts'
import { requestExit } from './stopping.ts'
import type { Address } from '../contracts/messages.ts'
import type { Asker, Party, Request } from './mail.ts'
import { CellPowers } from './cell-powers.ts'
import type { Registers } from './registers.ts'

/** A request of one task to another agent. */
class TaskAsker implements Asker {
  settled = false
  answered = false
  target: Party | undefined
  mail: Request | undefined
  readonly owner: Cell
  readonly #open: Few<Open>

  constructor(owner: Cell, open: Few<Open>) {
    this.owner = owner
    this.#open = open
  }

  /** Of the request, and of the task that works at it. */
  get id(): string {
    return this.mail?.id ?? ''
  }

  settle(outcome: Outcome): void {
    if (this.settled) return
    this.settled = true
    this.#open.delete(this.id)
    this.target?.more?.owed?.delete(this)
    const { kernel } = this.owner
    kernel.tellBare(this.owner, { type: 'task.response', id: this.id, outcome } satisfies TaskMessage, this.target)
  }

  withdraw(reason: string): void {
    this.settled = true
    if (this.target && this.mail) this.owner.kernel.cancelled(this.mail, reason)
  }
}

interface Open {
  withdraw(reason: string): void
}

export class TaskPowers extends CellPowers implements Record<keyof TaskKernel, unknown> {
  settled = false
  readonly #record: AgentRecord
  #open: Few<Open> | undefined
  #identity: TaskIdentity | undefined
  #chain: readonly Address[] | undefined

  constructor(cell: Cell, kernel: Registers, { record }: { readonly record: AgentRecord }) {
    super(cell, kernel)
    this.#record = record
  }

  get task(): TaskInput {
    return this.cell.input as TaskInput
  }

  /** Who it is in the run's events. */
  get identity(): TaskIdentity {
    return (this.#identity ??= this.#named())
  }

  #named(): TaskIdentity {
    const { request, meta, definition } = this.task
    const { root } = meta.run
    if (root?.taskId === request.id) return root
    const path = this.cell.parent!.ref.path
    return { taskId: request.id, parentTaskId: meta.parentTaskId, agent: definition.name, path, input: undefined }
  }

  request(agent: AnyAgent, input: unknown, options: RequestOptions = {}): string {
    const { kernel, cell, task } = this
    const target = kernel.agentCell(agent)
    const { run } = task.meta
    const { handoff, revision, parsed, thread } = options
    const chain = (this.#chain ??= [...cell.origin!.chain, cell.parent!.ref.address])
    // Who asks again an agent that waits for it goes in circles, which hops end.
    const goesRound = chain.includes(target.ref.address)
    const hops = options.hops ?? (goesRound ? 1 : 0)
    const account = this.#accountFor(options, hops)
    const meta: TaskMeta = { run, parentTaskId: task.request.id, handoff, revision, parsed, thread, account }
    const open = (this.#open ??= new Few())
    const asker = new TaskAsker(cell, open)
    const mail = kernel.request({ type: 'task.request', payload: input } as never, cell, { asker, meta, chain })
    if (hops > 0) mail.follow(mail.correlation, mail.hops + hops)
    asker.mail = mail
    const { id } = mail
    open.set(id, asker)
    const beyond = account === undefined && mail.hops <= run.maxHops ? undefined : beyondHops(meta, mail.hops)
    if (beyond) {
      asker.settle(beyond)
      return id
    }
    this.#record.metrics.messagesOut += 1
    kernel.post(target, mail)
    return id
  }

  #accountFor({ budget, account = this.task.meta.account }: RequestOptions, hops: number): Account | undefined {
    return budget ? Account.below(account, budget, this.cell.origin!.hops + hops) : account
  }

  execute(logic: AnyActorLogic, input: unknown): string {
    const { kernel, cell } = this
    const name = kernel.freshName()
    const open = (this.#open ??= new Few())
    const respond = (outcome: Outcome): void => {
      if (!open.delete(name)) return
      kernel.tellBare(cell, { type: 'task.response', id: name, outcome }, cell)
    }
    try {
      const child = spawnCell(cell, { logic, name, input, options: { restart: 'temporary' } })
      open.set(name, { withdraw: () => kill(child, () => terminate(child, { type: 'killed' })) })
      if (child.alive) (child.gone ??= []).push((reason) => respond(outcomeOfExit(child, reason)))
      else respond(outcomeOfExit(child, { type: 'normal' }))
    } catch (thrown) {
      open.set(name, { withdraw: () => {} })
      respond(outcomeOf(toTroupeError((thrown as Error).cause ?? thrown)))
    }
    return name
  }

  withdraw(id: string, reason: string): void {
    const open = this.#open?.get(id)
    this.#open?.delete(id)
    open?.withdraw(reason)
  }

  settle(outcome: Outcome): void {
    if (this.settled || this.over) return
    this.settled = true
    this.#record.last = this
    this.#answer(outcome)
    this.#withdrawAll('its task has ended')
    requestExit(this.cell, { type: 'normal' })
  }

  /** The cell is gone without having settled. */
  lost(error: TroupeError): void {
    const outcome = outcomeOf(error)
    this.record({ type: 'task.ended', outcome })
    this.#answer(outcome)
    this.giveUp('its task is gone')
  }

  /** It ends without an answer: somebody else will give it. */
  giveUp(reason: string): void {
    this.settled = true
    this.#withdrawAll(reason)
  }

  limit(key: string, message: EventObject, ms: number): TimeLimit {
    return this.arm({ key, message, at: this.now() + ms, everyMs: undefined })
  }

  report(report: TaskReport): void {
    if (!this.over && this.cell.parent) this.kernel.tellBare(this.cell.parent, report, this.cell)
  }

  record(event: TaskEvent): void {
    // It began before its agent restarted.
    if (event.type === 'task.started' && this.cell.origin?.readmitted) return
    this.task.meta.run.record(this.identity, event)
  }

  spend(usage: Usage): void {
    const { metrics } = this.#record
    metrics.usage = addUsage(metrics.usage, usage)
    this.task.meta.run.spend(usage)
  }

  get clock(): Clock {
    return this.kernel.clock
  }

  waiting(waiting: boolean): void {
    const asker = this.cell.origin?.asker
    if (!(asker instanceof TaskAsker) || asker.settled) return
    this.kernel.tellBare(asker.owner, { type: 'task.waiting', id: asker.id, waiting }, this.cell)
  }

  agents(): readonly AnyAgent[] {
    return this.kernel.knownAgents()
  }

  started(id: string): boolean {
    const asker = this.#open?.get(id)
    return asker instanceof TaskAsker && asker.mail !== undefined && asker.target?.origin === asker.mail
  }

  load(agent: AnyAgent): { running: number; queued: number } {
    const cell = this.kernel.startedAgent(agent)
    return { running: cell?.children?.size ?? 0, queued: cell?.mailbox.load ?? 0 }
  }

  hold(held: Held): object {
    this.kernel.held.add(held)
    return this.kernel
  }

  awaiting(): readonly AgentDefinition[] {
    const { kernel } = this
    return this.cell.origin!.chain.flatMap((address) => {
      const cell = address.startsWith(`${kernel.outside}/`) ? kernel.at(address.slice(kernel.outside.length)) : undefined
      return cell?.options.envelopes ? [cell.input as AgentDefinition] : []
    })
  }

  #answer(outcome: Outcome): void {
    const mail = this.cell.origin!
    if (mail.asker && !mail.asker.settled) reply(this.kernel, this.cell, mail, outcome)
  }

  #withdrawAll(reason: string): void {
    const open = this.#open
    if (open === undefined) return
    this.#open = undefined
    if (open.size > 0) for (const [, request] of open.entries()) request.withdraw(reason)
  }
}

const outcomeOfExit = (cell: Cell, reason: ExitReason): Outcome => {
  if (reason.type === 'error') return outcomeOf(reason.error)
  if (reason.type !== 'normal') return { status: 'cancelled', reason: `it was ${reason.type}` }
  return { status: 'completed', output: cell.output }
}
