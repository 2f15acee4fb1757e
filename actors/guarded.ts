/** Work with a guard in front of it and one behind: what goes in, and what comes out, may pass, change or be refused. */
import type { AnyActorLogic, AnyEventObject } from 'xstate'
import type { AnyAgent } from '../src/contracts/agents.ts'
import { CancelledError, outcomeOf, type Outcome, type TroupeError } from '../src/contracts/errors.ts'
import type { AgentMessage } from '../src/contracts/messages.ts'
import type { MaybePromise, Schema } from '../src/contracts/schemas.ts'
import type { AgentSettings } from '../src/contracts/agent-settings.ts'
import type { DelegateOptions, EndOfWork, StartWork, TaskScope, Work } from '../src/contracts/task-scope.ts'
import type { TaskEvent } from '../src/contracts/run-scope.ts'
import type { TaskKernel } from '../src/contracts/task-kernel.ts'
import type { TaskMeta } from '../src/contracts/task-request.ts'
import type { Guard, StepContext, Verdict } from '../src/contracts/tools.ts'
import { checkedOutcome } from './contract.ts'
import { judge, letInKey, recordVerdict, type Judged } from './guard.ts'
import { keyOf, StepScope } from './step-scope.ts'

type AnyGuard = Guard<never, never>

/** The same work behind a guard; without one it stays as it is. */
export const guarded = (work: StartWork, guard: AnyGuard | undefined): StartWork =>
  guard?.input || guard?.output
    ? (input, task) => {
        const made = new GuardedWork(task, work, guard)
        made.begin(input)
        return made
      }
    : work

type Side = 'input' | 'output'

/** To its task it is the work; to the work it is the task. */
class GuardedWork implements Work, TaskScope {
  readonly #task: TaskScope
  readonly #start: StartWork
  readonly #guard: AnyGuard
  readonly #aborter = new AbortController()
  #work: Work | undefined
  /** What waits for its verdict. */
  #value: unknown

  constructor(task: TaskScope, start: StartWork, guard: AnyGuard) {
    this.#task = task
    this.#start = start
    this.#guard = guard
  }

  begin(input: unknown): void {
    const ask = this.#guard.input
    // What was let in once is not asked about again.
    const known = this.steps.get(letInKey(this.#task)) as { value: unknown } | undefined
    if (known || !ask) this.#letIn(known ? known.value : input)
    else this.#ask('input', input, (step) => ask(input as never, step))
  }

  done(outcome: Outcome, parsed?: Schema, last?: boolean): void {
    const checked = checkedOutcome(this.definition, outcome, parsed)
    const ask = this.#guard.output
    if (checked.status !== 'completed' || !ask) return this.#task.done(checked, this.definition.output, last)
    this.#ask('output', checked.output, (step) => ask(checked.output as never, step))
  }

  receive(message: AnyEventObject): void {
    if (message['guarded'] !== this) return this.#work?.receive?.(message)
    this.#judged(message['side'] as Side, message['judged'] as Judged)
  }

  responded(id: string, outcome: Outcome): void {
    this.#work?.responded?.(id, outcome)
  }

  ended(end: EndOfWork): void {
    if (!end.done) this.#aborter.abort(new CancelledError(end.reason))
    this.#work?.ended?.(end)
  }

  #ask(side: Side, value: unknown, ask: (step: StepContext) => MaybePromise<Verdict<never>>): void {
    this.#value = value
    const key = side === 'input' ? letInKey(this.#task) : keyOf(this.#task, 'guard.output', this.attempt)
    const step = new StepScope(this.#task, key, this.#aborter.signal)
    const judged = judge(this.#task, `its ${side}`, () => ask(step))
    this.cell.pipe(judged, (settled) => ({
      type: 'work.judged',
      guarded: this,
      side,
      judged: settled.status === 'completed' ? settled.output : undefined,
    }))
  }

  #judged(side: Side, judged: Judged): void {
    recordVerdict(this.#task, side, judged)
    if (judged.type === 'refuse') return this.#task.done(outcomeOf(judged.error))
    const value = judged.type === 'replace' ? judged.value : this.#value
    if (side === 'output') {
      return this.#task.done({ status: 'completed', output: value }, this.definition.output)
    }
    this.steps.set(letInKey(this.#task), { value })
    this.#letIn(value)
  }

  #letIn(input: unknown): void {
    this.#work = this.#start(input, this)
  }

  // The rest is the task's own.

  get taskId(): string {
    return this.#task.taskId
  }

  get attempt(): number {
    return this.#task.attempt
  }

  get leftMs(): number {
    return this.#task.leftMs
  }

  get request(): AgentMessage {
    return this.#task.request
  }

  get meta(): TaskMeta {
    return this.#task.meta
  }

  get definition(): AgentSettings {
    return this.#task.definition
  }

  get cell(): TaskKernel {
    return this.#task.cell
  }

  get steps(): Map<string, unknown> {
    return this.#task.steps
  }

  delegate(agent: AnyAgent, input: unknown, options?: DelegateOptions): string {
    return this.#task.delegate(agent, input, options)
  }

  execute(logic: AnyActorLogic, input: unknown): string {
    return this.#task.execute(logic, input)
  }

  withdraw(id: string, reason: string): void {
    this.#task.withdraw(id, reason)
  }

  record(event: TaskEvent): void {
    this.#task.record(event)
  }

  retrying(error: TroupeError, delayMs: number): void {
    this.#task.retrying(error, delayMs)
  }

  waiting(waiting: boolean): void {
    this.#task.waiting(waiting)
  }
}
