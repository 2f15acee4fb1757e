/** One run: its events from the first, its limits, its single outcome. */
import type { AnyAgent, Budget } from '../contracts/agents.ts'
import { CancelledError, type Outcome } from '../contracts/errors.ts'
import type { Usage } from '../contracts/ports.ts'
import type { Run, RunEvent, RunInfo, RunOptions } from '../contracts/runs.ts'
import type { Question, RunScope, TaskEvent, TaskIdentity } from '../contracts/tasks.ts'
import type { Core } from './cell.ts'
import type { Inbox } from './inbox.ts'
import type { Asker, Mail, Party } from './mail.ts'
import type { Timer } from './timers.ts'

const EVENTS_KEPT = 1_000
const DEFAULT_HOPS = 10
const NO_USAGE: Usage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, usd: 0 }

/** What a run needs of its system. */
export interface RunHost {
  readonly kernel: Core
  readonly inbox: Inbox
  readonly whenEnded: (run: RunRecord) => void
}

/** What is to be run. */
export interface RunOrder {
  readonly id: string
  readonly agent: AnyAgent
  readonly input: unknown
  readonly options: RunOptions & { readonly budget: Budget }
}

export class RunRecord implements RunScope, Asker, Run<unknown> {
  readonly id: string
  readonly agent: AnyAgent
  readonly input: unknown
  readonly budget: Budget
  readonly maxHops: number
  readonly session: string | undefined
  readonly traceparent: string | undefined
  readonly startedAt: number
  readonly outcome: Promise<Outcome>
  endedAt: number | undefined
  ended = false
  answered = false
  result: Outcome | undefined
  target: Party | undefined
  timer: Timer | undefined
  unlisten: (() => void) | undefined
  mail: Mail | undefined
  root: TaskIdentity | undefined
  readonly #kernel: Core
  readonly #inbox: Inbox
  readonly #resolve: (outcome: Outcome) => void
  readonly #whenEnded: (run: RunRecord) => void
  /** Task, event and time, three entries for each, since most runs are never looked at. */
  #log: (TaskIdentity | TaskEvent | number)[] = []
  /** How many events have been dropped from the front. */
  #dropped = 0
  #wake: (() => void)[] = []

  constructor({ kernel, inbox, whenEnded }: RunHost, { id, agent, input, options }: RunOrder) {
    this.#kernel = kernel
    this.#inbox = inbox
    this.id = id
    this.agent = agent
    this.input = input
    this.budget = options.budget
    this.maxHops = options.budget.hops ?? DEFAULT_HOPS
    this.session = options.session
    this.traceparent = options.traceparent
    this.startedAt = kernel.now()
    this.#whenEnded = whenEnded
    let resolve!: (outcome: Outcome) => void
    this.outcome = new Promise((settle) => (resolve = settle))
    this.#resolve = resolve
  }

  get settled(): boolean {
    return this.ended
  }

  /** The last events, at most 1_000. */
  get kept(): readonly RunEvent[] {
    return Array.from({ length: this.#log.length / 3 }, (_, i) => this.#eventAt(i))
  }

  settle(outcome: Outcome): void {
    if (this.ended) return
    if (this.root) this.record(this.root, { type: 'run.ended', outcome })
    this.ended = true
    this.result = outcome
    this.endedAt = this.#kernel.now()
    if (this.timer) this.#kernel.timers.cancel(this.timer)
    this.unlisten?.()
    // What has ended must not keep its cells alive.
    this.mail = undefined
    this.target = undefined
    this.#notify()
    this.#resolve(outcome)
    this.#whenEnded(this)
  }

  /** Ends it from outside: what still runs is called back. */
  abort(outcome: Outcome, reason: string): void {
    if (this.ended) return
    if (this.mail) this.#kernel.cancelled(this.mail, reason)
    this.settle(outcome)
  }

  cancel(reason = 'cancelled by its caller'): void {
    this.abort({ status: 'cancelled', reason }, reason)
  }

  record(task: TaskIdentity, event: TaskEvent): void {
    if (this.ended) return
    const log = this.#log
    log.push(task, event, this.#kernel.now())
    if (log.length >= 6 * EVENTS_KEPT) {
      this.#log = log.slice(-3 * EVENTS_KEPT)
      this.#dropped += EVENTS_KEPT
    }
    if (this.#wake.length > 0) this.#notify()
    const { events } = this.#kernel
    if (events.active) events.emit(this.#eventAt(this.#log.length / 3 - 1))
  }

  ask(question: Question): () => void {
    return this.#inbox.ask(this.id, question)
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
      else await new Promise<void>((resolve) => this.#wake.push(resolve))
    }
  }

  #eventAt(place: number): RunEvent {
    const { taskId, parentTaskId, agent, path } = this.#log[3 * place] as TaskIdentity
    const event = this.#log[3 * place + 1] as TaskEvent
    const at = this.#log[3 * place + 2] as number
    const seq = this.#dropped + place + 1
    return { seq, at, runId: this.id, taskId, parentTaskId, agent, path, ...event }
  }

  info(): RunInfo {
    return {
      id: this.id,
      agent: this.agent.name,
      status: this.result?.status ?? 'running',
      startedAt: this.startedAt,
      endedAt: this.endedAt,
      input: this.input,
      outcome: this.result,
      usage: NO_USAGE,
    }
  }

  #skipped(count: number): RunEvent {
    const { taskId, agent, path } = this.root ?? { taskId: '', agent: this.agent.name, path: '' }
    return { type: 'run.skipped', count, seq: 0, at: this.#kernel.now(), runId: this.id, taskId, agent, path }
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = []
    for (const resolve of wake) resolve()
  }
}

/** What a signal was aborted with, in words. */
export const reasonOf = (signal: AbortSignal): string => {
  const reason: unknown = signal.reason
  if (reason instanceof CancelledError) return reason.reason
  return reason instanceof Error ? reason.message : String(reason)
}
