/** One run: its events from the first, its limits, its single outcome. */
import { Account } from '../contracts/account.ts'
import type { AnyAgent, Budget } from '../contracts/agents.ts'
import type { Outcome } from '../contracts/errors.ts'
import type { Usage } from '../contracts/ports.ts'
import type { ApprovalRequest, Run, RunEvent, RunInfo, RunOptions } from '../contracts/runs.ts'
import type { Question, RunScope, TaskEvent, TaskIdentity } from '../contracts/run-scope.ts'
import type { Thread } from '../contracts/thread.ts'
import { addUsage, noUsage } from '../contracts/usage.ts'
import { DEFAULT_HOPS } from '../contracts/hops.ts'
import type { Core } from './cell.ts'
import type { Inbox } from './inbox.ts'
import type { Asker, Mail, Party } from './mail.ts'
import type { Timer } from './timers.ts'

const EVENTS_KEPT = 1_000

/** What a run needs of its system. */
export interface RunHost {
  readonly kernel: Core
  readonly inbox: Inbox
  readonly whenEnded: (run: RunRecord) => void
}

/** What is to be run. */
export interface RunOrder {
  /** Counts the runs of a system. */
  readonly number: number
  readonly agent: AnyAgent
  readonly input: unknown
  readonly budget: Budget
  readonly options: RunOptions
}

export class RunRecord implements RunScope, Asker, Run<unknown> {
  readonly number: number
  readonly agent: AnyAgent
  readonly input: unknown
  readonly maxHops: number
  readonly account: Account | undefined
  readonly startedAt: number
  endedAt: number | undefined = undefined
  answered = false
  result: Outcome | undefined = undefined
  target: Party | undefined = undefined
  timer: Timer | undefined = undefined
  mail: Mail | undefined = undefined
  root: TaskIdentity | undefined = undefined
  /** Of its session, once it is its turn. */
  thread: Thread | undefined = undefined
  unlisten: (() => void) | undefined = undefined
  #id: string | undefined
  readonly #options: RunOptions
  readonly #host: RunHost
  /** Task, event and time, three entries for each, since most runs are never looked at. */
  #log: (TaskIdentity | Logged | number)[] = []
  /** How many events have been dropped from the front. */
  #dropped = 0
  #outcome: Promise<Outcome> | undefined = undefined
  #told: ((outcome: Outcome) => void)[] | undefined = undefined
  #wake: (() => void)[] | undefined = undefined
  #usage = noUsage
  /** Questions to people that are open. */
  #questions = 0

  constructor(host: RunHost, { number, agent, input, budget, options }: RunOrder) {
    this.#host = host
    this.#options = options
    this.#id = options.id
    this.number = number
    this.agent = agent
    this.input = input
    this.maxHops = budget.hops ?? DEFAULT_HOPS
    this.account = Account.of(budget)
    this.startedAt = host.kernel.now()
  }

  /** The one that was given, else made when somebody asks. */
  get id(): string {
    return (this.#id ??= runId(this.#host.kernel.prefix, this.number))
  }

  /** The id that its caller gave it. */
  get given(): string | undefined {
    return this.#options.id
  }

  get session(): string | undefined {
    return this.#options.session
  }

  get traceparent(): string | undefined {
    return this.#options.traceparent
  }

  get outcome(): Promise<Outcome> {
    return (this.#outcome ??= new Promise((resolve) => this.whenEnded(resolve)))
  }

  get ended(): boolean {
    return this.result !== undefined
  }

  get settled(): boolean {
    return this.result !== undefined
  }

  /** The last events, at most 1_000. */
  get kept(): readonly RunEvent[] {
    return Array.from({ length: this.#log.length / 3 }, (_, i) => this.#eventAt(i))
  }

  /** At once when it has ended already. */
  whenEnded(tell: (outcome: Outcome) => void): void {
    if (this.result) tell(this.result)
    else (this.#told ??= []).push(tell)
  }

  settle(outcome: Outcome): void {
    if (this.ended) return
    if (this.root) this.record(this.root, { type: 'run.ended', outcome })
    const { kernel, whenEnded } = this.#host
    const told = this.#told
    this.result = outcome
    this.endedAt = kernel.now()
    if (this.timer) kernel.timers.cancel(this.timer)
    this.unlisten?.()
    // What has ended must not keep its cells alive.
    this.mail = this.target = this.timer = this.unlisten = this.#told = undefined
    this.#notify()
    if (told) for (const tell of told) tell(outcome)
    whenEnded(this)
  }

  /** Ends it from outside: what still runs is called back. */
  abort(outcome: Outcome, reason: string): void {
    if (this.ended) return
    if (this.mail) this.#host.kernel.cancelled(this.mail, reason)
    this.settle(outcome)
  }

  cancel(reason = 'cancelled by its caller'): void {
    this.abort({ status: 'cancelled', reason }, reason)
  }

  record(task: TaskIdentity, event: TaskEvent): void {
    if (this.ended) return
    const log = this.#log
    const { kernel } = this.#host
    log.push(task, logged(task, event), kernel.now())
    if (log.length >= 6 * EVENTS_KEPT) {
      this.#log = log.slice(-3 * EVENTS_KEPT)
      this.#dropped += EVENTS_KEPT
    }
    if (this.#wake) this.#notify()
    const { events } = kernel
    if (events.active) events.emit(this.#eventAt(this.#log.length / 3 - 1))
  }

  spend(usage: Usage): void {
    this.#usage = addUsage(this.#usage, usage)
  }

  ask(question: Question): () => ApprovalRequest | undefined {
    this.#questions += 1
    let open = true
    const close = (): void => {
      if (open) this.#questions -= 1
      open = false
    }
    const decided: Question['decided'] = (decision, request) => {
      close()
      question.decided(decision, request)
    }
    const withdraw = this.#host.inbox.ask(this.id, { ...question, decided })
    return () => {
      close()
      return withdraw()
    }
  }

  async *events(): AsyncIterable<RunEvent> {
    let next = 0
    for (;;) {
      if (this.#dropped > next) {
        yield this.#skipped(this.#dropped - next)
        next = this.#dropped
      }
      if (next - this.#dropped < this.#log.length / 3) {
        next += 1
        yield this.#eventAt(next - 1 - this.#dropped)
      } else if (this.ended) return
      else await new Promise<void>((resolve) => (this.#wake ??= []).push(resolve))
    }
  }

  #eventAt(place: number): RunEvent {
    const task = this.#log[3 * place] as TaskIdentity
    const { taskId, parentTaskId, agent, path } = task
    const event = this.#unlogged(task, this.#log[3 * place + 1] as Logged)
    const at = this.#log[3 * place + 2] as number
    const seq = this.#dropped + place + 1
    return { seq, at, runId: this.id, taskId, parentTaskId, agent, path, ...event }
  }

  #unlogged(task: TaskIdentity, event: Logged): TaskEvent {
    switch (event) {
      case 'run.started':
        return { type: event, input: this.input, attempt: 1 }
      case 'task.started':
        return { type: event, input: task.input, attempt: 1 }
      default:
        return 'status' in event ? { type: 'task.ended', outcome: event } : event
    }
  }

  info(): RunInfo {
    return {
      id: this.id,
      agent: this.agent.name,
      status: this.result?.status ?? (this.#questions > 0 ? 'waiting' : 'running'),
      startedAt: this.startedAt,
      endedAt: this.endedAt,
      input: this.input,
      outcome: this.result,
      usage: this.#usage,
    }
  }

  #skipped(count: number): RunEvent {
    const { taskId, agent, path } = this.root ?? { taskId: '', agent: this.agent.name, path: '' }
    return { type: 'run.skipped', count, seq: 0, at: this.#host.kernel.now(), runId: this.id, taskId, agent, path }
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = undefined
    if (wake) for (const resolve of wake) resolve()
  }
}

/** An event in short: those that every task has are known by what they hold. */
type Logged = TaskEvent | Outcome | 'run.started' | 'task.started'

const logged = (task: TaskIdentity, event: TaskEvent): Logged => {
  switch (event.type) {
    case 'run.started':
      return event.type
    case 'task.started':
      task.input = event.input
      return event.type
    case 'task.ended':
      return event.outcome
    default:
      return event
  }
}

/** The id of a run that was given none. No message has such an id: theirs are of letters and digits alone. */
export const runId = (prefix: string, number: number): string => `${prefix}r-${number.toString(36)}`

/** The number that such an id was made from; `undefined` for any other id. */
export const runNumber = (prefix: string, id: string): number | undefined => {
  const number = id.startsWith(prefix) ? Number.parseInt(id.slice(prefix.length + 2), 36) : NaN
  return runId(prefix, number) === id ? number : undefined
}
