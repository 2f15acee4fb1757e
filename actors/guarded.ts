/** Work with a guard in front of it and one behind: what goes in, and what comes out, may pass, change or be refused. */
import type { AnyEventObject } from 'xstate'
import { CancelledError, outcomeOf, type Outcome } from '../src/contracts/errors.ts'
import type { MaybePromise, Schema } from '../src/contracts/schemas.ts'
import type { EndOfWork, StartWork, TaskScope, Work } from '../src/contracts/task-scope.ts'
import type { Guard, StepContext, Verdict } from '../src/contracts/tools.ts'
import { checkedOutcome } from './contract.ts'
import { judge, letInKey, recordVerdict, type Judged } from './guard.ts'
import { InnerTask } from './inner-task.ts'
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
class GuardedWork extends InnerTask implements Work {
  readonly #start: StartWork
  readonly #guard: AnyGuard
  readonly #aborter = new AbortController()
  #work: Work | undefined
  /** What waits for its verdict. */
  #value: unknown

  constructor(task: TaskScope, start: StartWork, guard: AnyGuard) {
    super(task)
    this.#start = start
    this.#guard = guard
  }

  begin(input: unknown): void {
    const ask = this.#guard.input
    // What was let in once is not asked about again.
    const known = this.steps.get(letInKey(this.task)) as { value: unknown } | undefined
    if (known || !ask) this.#letIn(known ? known.value : input)
    else this.#ask('input', input, (step) => ask(input as never, step))
  }

  override done(outcome: Outcome, parsed?: Schema, last?: boolean): void {
    const checked = checkedOutcome(this.definition, outcome, parsed)
    const ask = this.#guard.output
    if (checked.status !== 'completed' || !ask) return this.task.done(checked, this.definition.output, last)
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
    const key = side === 'input' ? letInKey(this.task) : keyOf(this.task, 'guard.output', this.attempt)
    const step = new StepScope(this.task, key, this.#aborter.signal)
    const judged = judge(this.task, `its ${side}`, () => ask(step))
    this.cell.pipe(judged, (settled) => ({
      type: 'work.judged',
      guarded: this,
      side,
      judged: settled.status === 'completed' ? settled.output : undefined,
    }))
  }

  #judged(side: Side, judged: Judged): void {
    recordVerdict(this.task, side, judged)
    if (judged.type === 'refuse') return this.task.done(outcomeOf(judged.error))
    const value = judged.type === 'replace' ? judged.value : this.#value
    if (side === 'output') {
      return this.task.done({ status: 'completed', output: value }, this.definition.output)
    }
    this.steps.set(letInKey(this.task), { value })
    this.#letIn(value)
  }

  #letIn(input: unknown): void {
    this.#work = this.#start(input, this)
  }
}
