/** The runs of a system: started, found again, cancelled. */
import { isDeepStrictEqual } from 'node:util'
import { definitionOf } from '../../actors/definition.ts'
import { Account, budgetFault } from '../contracts/account.ts'
import type { Agent, AnyAgent, Budget } from '../contracts/agents.ts'
import { ConflictError, DeliveryError, errorOf, NotProvidedError } from '../contracts/errors.ts'
import type { AgentMessage } from '../contracts/messages.ts'
import type { Run, RunEvent, RunInfo, RunOptions, Runs } from '../contracts/runs.ts'
import type { RunScope } from '../contracts/run-scope.ts'
import type { TaskMeta } from '../contracts/task-request.ts'
import type { Thread } from '../contracts/thread.ts'
import { DEFAULT_HOPS } from '../contracts/hops.ts'
import { reasonOf } from './abort-reason.ts'
import type { Core } from './cell.ts'
import { EndedRuns } from './ended-runs.ts'
import type { Inbox } from './inbox.ts'
import { msFault } from './milliseconds.ts'
import { runId, runNumber, RunRecord, type RunHost } from './run-record.ts'
import { SessionBook } from './sessions.ts'
import { hashOf, Table } from './table.ts'

const NO_OPTIONS: RunOptions = {}

export class RunBook implements Runs {
  readonly #kernel: Core
  readonly #inbox: Inbox
  readonly #host: RunHost
  readonly sessions: SessionBook
  readonly #runs = new Table<RunRecord>()
  readonly #ended = new EndedRuns<RunRecord>((run) => this.#forget(run))
  /** Defaults of the system. */
  defaults: { budget: Budget; timeoutMs: number | undefined } = { budget: {}, timeoutMs: undefined }
  /** Set once no more runs are taken. */
  closed = false
  inFlight = 0
  #count = 0
  /** Whether a caller has given an id that looks like ours. */
  #hasLookalikes = false

  constructor(kernel: Core, inbox: Inbox) {
    this.#kernel = kernel
    this.#inbox = inbox
    this.sessions = new SessionBook(() => kernel.now())
    this.#host = { kernel, inbox, whenEnded: (run) => this.#hasEnded(run) }
  }

  run<I, O>(agent: Agent<I, O>, input: I, options?: RunOptions): Promise<O> {
    return new Promise((resolve, reject) => {
      this.#submit(agent, input, options).whenEnded((outcome) => {
        if (outcome.status === 'completed') resolve(outcome.output as O)
        else reject(errorOf(outcome))
      })
    })
  }

  submit<I, O>(agent: Agent<I, O>, input: I, options?: RunOptions): Run<O> {
    return this.#submit(agent, input, options) as Run<O>
  }

  #submit(agent: AnyAgent, input: unknown, options = NO_OPTIONS): RunRecord {
    // Before anything is counted: what is imported in a circle is `undefined` here.
    definitionOf(agent)
    const { id } = options
    const known = id === undefined ? undefined : this.#find(id)
    if (known && known.agent === agent && isDeepStrictEqual(known.input, input)) return known
    const number = this.#nextNumber()
    const budget = options.budget ? merged(this.defaults.budget, options.budget) : this.defaults.budget
    const run = new RunRecord(this.#host, { number, agent, input, budget, options })
    if (known) {
      const error = new ConflictError(run.id, 'the same agent and input', 'another one', 'DUPLICATE_RUN')
      run.settle({ status: 'rejected', error })
      return run
    }
    this.#runs.add(id === undefined ? number : this.#hashOf(id), run)
    if (id !== undefined && runNumber(this.#kernel.prefix, id) !== undefined) this.#hasLookalikes = true
    this.inFlight += 1
    this.#start(run, options)
    return run
  }

  #find(id: string): RunRecord | undefined {
    return this.#runs.find(this.#hashOf(id), (run) => run.id === id)
  }

  /** Of an id that we made, or could have made, the number in it. */
  #hashOf(id: string): number {
    return runNumber(this.#kernel.prefix, id) ?? hashOf(id)
  }

  /** The next one whose id nobody has given to a run of theirs, as a system with the same seed may have made it before. */
  #nextNumber(): number {
    const { prefix } = this.#kernel
    do this.#count += 1
    while (this.#hasLookalikes && this.#find(runId(prefix, this.#count)))
    return this.#count
  }

  #start(run: RunRecord, { timeoutMs = this.defaults.timeoutMs, signal, budget }: RunOptions): void {
    if (this.closed) {
      const error = new DeliveryError('ACTOR_TERMINATED', 'the system is stopping and takes no more runs')
      return run.settle({ status: 'rejected', error })
    }
    const fault = (budget && budgetFault(budget, 'a run')) ?? msFault('`timeoutMs` of a run', timeoutMs ?? Infinity)
    if (fault) return run.settle({ status: 'failed', error: fault })
    if (signal?.aborted) return run.cancel(reasonOf(signal))
    if (timeoutMs !== undefined && timeoutMs <= 0) {
      return run.settle({ status: 'exhausted', what: 'timeoutMs', cap: timeoutMs, spent: 0 })
    }
    if (timeoutMs !== undefined && timeoutMs !== Infinity) this.#limit(run, timeoutMs)
    if (signal) {
      const abort = (): void => run.cancel(reasonOf(signal))
      signal.addEventListener('abort', abort, { once: true })
      run.unlisten = () => signal.removeEventListener('abort', abort)
    }
    if (run.session === undefined) this.#post(run)
    else this.#postInTurn(run, run.session)
  }

  #postInTurn(run: RunRecord, session: string): void {
    this.sessions.enter(session, (thread) => {
      // It was cancelled while it waited.
      if (run.ended) return this.sessions.leave(session)
      run.thread = thread
      this.#post(run)
    })
  }

  #leaveSession(run: RunRecord, session: string): void {
    const { thread } = run
    // It knows tasks, and what has ended must not keep them alive.
    run.thread = undefined
    this.sessions.leave(session, thread)
  }

  #post(run: RunRecord): void {
    const kernel = this.#kernel
    const target = kernel.agentCell(run.agent)
    const meta = metaOf(run, run.thread)
    const mail = kernel.request({ type: 'task.request', payload: run.input } as never, undefined, { asker: run, meta })
    mail.follow(run, 0)
    run.mail = mail
    run.root = { taskId: mail.id, parentTaskId: undefined, agent: run.agent.name, path: target.ref.path, input: undefined }
    run.record(run.root, { type: 'run.started', input: run.input, attempt: 1 })
    kernel.post(target, mail)
  }

  #limit(run: RunRecord, timeoutMs: number): void {
    const kernel = this.#kernel
    run.timer = kernel.timers.start(kernel.now() + timeoutMs, () => {
      const spent = kernel.now() - run.startedAt
      run.abort({ status: 'exhausted', what: 'timeoutMs', cap: timeoutMs, spent }, 'the time of its run is over')
    })
  }

  #hasEnded(run: RunRecord): void {
    const { given } = run
    if (given !== undefined && this.#find(given) !== run) return
    if (run.thread && run.session !== undefined) this.#leaveSession(run, run.session)
    this.inFlight -= 1
    this.#ended.add(run)
  }

  #forget(run: RunRecord): void {
    this.#runs.remove(run.given === undefined ? run.number : this.#hashOf(run.given), run)
  }

  /** For an agent that was asked outside any run: what it does is not kept. */
  detached(message: AgentMessage): TaskMeta {
    const kernel = this.#kernel
    const known = this.#find(message.correlationId)
    const run: RunScope =
      known && !known.ended
        ? known
        : {
            id: message.correlationId,
            session: undefined,
            traceparent: message.traceparent,
            maxHops: this.defaults.budget.hops ?? DEFAULT_HOPS,
            account: Account.of(this.defaults.budget),
            ended: false,
            record: (task, event) => {
              if (!kernel.events.active) return
              kernel.events.emit({ seq: 0, at: kernel.now(), runId: message.correlationId, ...task, ...event })
            },
            spend: () => {},
            ask: (question) => this.#inbox.ask(message.correlationId, question),
          }
    return metaOf(run, undefined)
  }

  #inOrder(): RunRecord[] {
    return [...this.#runs].toSorted((a, b) => a.number - b.number)
  }

  /** Ends everything that still runs. */
  cancelAll(reason: string): void {
    for (const run of this.#inOrder()) run.cancel(reason)
  }

  /** Resolves when nothing runs any more. */
  async idle(signal: AbortSignal): Promise<void> {
    const over = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    const all = this.#inOrder().filter((run) => !run.ended).map((run) => run.outcome)
    await Promise.race([Promise.all(all), over])
  }

  async list({ agent, status, limit = 100, after }: Parameters<Runs['list']>[0] = {}): Promise<readonly RunInfo[]> {
    const newest = this.#inOrder().toReversed()
    const from = after === undefined ? 0 : newest.findIndex(({ id }) => id === after) + 1
    return newest
      .slice(from)
      .map((run) => run.info())
      .filter((info) => (agent === undefined || info.agent === agent) && (status === undefined || info.status === status))
      .slice(0, limit)
  }

  async show(id: string): Promise<{ info: RunInfo; events: readonly RunEvent[] } | undefined> {
    const run = this.#find(id)
    return run && { info: run.info(), events: run.kept }
  }

  /** @throws NotProvidedError when there is no such run */
  attach(id: string): Run<unknown> {
    const run = this.#find(id)
    if (run) return run
    throw new NotProvidedError(`there is no run "${id}"`)
  }

  async cancel(id: string, reason?: string): Promise<boolean> {
    const run = this.#find(id)
    if (!run || run.ended) return false
    run.cancel(reason)
    return true
  }

  resolve(): Promise<never> {
    return notYet('resolve')
  }

  replay(): Promise<never> {
    return notYet('replay')
  }

  fork(): Promise<never> {
    return notYet('fork')
  }

  prune(): Promise<never> {
    return notYet('prune')
  }
}

/** Of a task that no other task asked for. */
const metaOf = (run: RunScope, thread: Thread | undefined): TaskMeta => ({
  run,
  parentTaskId: undefined,
  handoff: undefined,
  revision: undefined,
  parsed: undefined,
  thread,
  account: run.account,
})

/** What a run says nothing of, its system does. */
const merged = (defaults: Budget, own: Budget): Budget => ({
  usd: own.usd ?? defaults.usd,
  tokens: own.tokens ?? defaults.tokens,
  calls: own.calls ?? defaults.calls,
  hops: own.hops ?? defaults.hops,
})

const notYet = (what: string): Promise<never> =>
  Promise.reject(new NotProvidedError(`runs.${what} needs a journal, which this store does not keep`))
