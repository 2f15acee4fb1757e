/**
 * One tool call of a model at work: the machine of `machines/tool-call.ts` with its effects performed. Its record
 * belongs to the transcript and outlives the attempt; this does not.
 */
import { toolCallMachine, type ToolCallEffect } from '../machines/tool-call.ts'
import type { Interpreter } from '../src/contracts/behavior.ts'
import type { AnyAgent } from '../src/contracts/agents.ts'
import {
  DefectError,
  DeniedError,
  errorOf,
  outcomeOf,
  TimeoutError,
  toTroupeError,
  type CancelledError,
  type Outcome,
  type TroupeError,
} from '../src/contracts/errors.ts'
import { describeFaults, parseWith } from '../src/contracts/protocol.ts'
import type { Schema } from '../src/contracts/schemas.ts'
import type { FunctionTool, ToolDefinition } from '../src/contracts/tool-definition.ts'
import type { Approval } from '../src/contracts/tools.ts'
import { checkApproval, PeopleAsked, termsOf } from './approval.ts'
import type { CallHost } from './call-host.ts'
import { definitionOf } from './definition.ts'
import type { Failure } from './failure.ts'
import { judge, recordVerdict, type Judged } from './guard.ts'
import { StepScope } from './step-scope.ts'
import { resultFor, textOfError } from './tool-result.ts'
import type { CallRecord } from './transcript.ts'

/** One call in one attempt. */
export class Call {
  readonly #host: CallHost
  readonly #record: CallRecord
  readonly #tool: ToolDefinition
  readonly #flow: Interpreter<typeof toolCallMachine>
  readonly #people: PeopleAsked
  readonly #aborter = new AbortController()
  #isBegun = false
  #isTimedOut = false
  #approval: Approval | undefined
  #refusal: TroupeError | undefined

  constructor(host: CallHost, record: CallRecord, tool: ToolDefinition) {
    this.#host = host
    this.#record = record
    this.#tool = tool
    this.#people = new PeopleAsked(host, record, (edited) => this.#parse(edited))
    const { cell } = host.task
    // What is shown of the task is its conversation.
    this.#flow = cell.aside(toolCallMachine, this)
  }

  /** It began in an attempt that is over, may have been done, and must not be done twice. */
  get isLost(): boolean {
    return this.#record.hasStarted && this.#tool.effect === 'once'
  }

  start(): void {
    this.#isBegun = true
    this.#flow.start({ timeoutMs: this.#timeoutMs, cleared: this.#record.isCleared })
    this.#flow.send({ type: 'call.begun' })
  }

  /** Nobody knows whether it was done: a person has to find out. */
  fail(): void {
    const { name, key } = this.#record
    this.#isBegun = true
    this.#host.failed({ status: 'unknown', effect: { name, key, step: 0 } })
  }

  /** Nobody needs it any more, unless it is at work. */
  drop(): void {
    if (this.#isBegun) this.#flow.send({ type: 'call.drop' })
    else this.#host.settled()
  }

  /** The attempt is over. */
  abandon(error: CancelledError): void {
    this.#people.takeBack()
    this.#aborter.abort(error)
  }

  perform(effect: ToolCallEffect): void {
    switch (effect.type) {
      case 'call.check':
        return this.#check(effect.edited)
      case 'people.ask':
        return this.#askPeople(effect.timeoutMs, effect.escalated)
      case 'people.withdraw':
        return this.#people.takeBack()
      case 'tool.run':
        return this.#run()
      case 'tool.abort':
        return this.#aborter.abort(new TimeoutError(`"${this.#tool.name}"`, this.#timeoutMs))
      case 'timer.arm':
        return this.#arm(effect.key, effect.afterMs)
      case 'timer.cancel':
        return this.#host.cancelTimer(this.#idOf(effect.key))
      case 'call.end':
        return this.#end(effect.how)
    }
  }

  get #timeoutMs(): number {
    return this.#tool.kind === 'function' ? this.#tool.timeoutMs : Infinity
  }

  #idOf(what: string): string {
    return `${what} ${this.#record.key}`
  }

  #arm(key: 'approval' | 'limit', afterMs: number): void {
    if (afterMs === Infinity) return
    this.#host.after(this.#idOf(key), afterMs, () => this.#flow.send({ type: `${key}.timer` }))
  }

  #check(edited: boolean): void {
    const { guard, task } = this.#host
    const { name, key, input } = this.#record
    if (!guard) return this.#passed(edited)
    const step = new StepScope(task, key, this.#aborter.signal)
    const judged = judge(task, `a call of "${name}"`, () => guard({ name, input }, step))
    this.#host.later(this.#idOf('guard'), judged, (settled) => {
      if (settled.status === 'completed') this.#judged(settled.output, edited)
    })
  }

  #judged(judged: Judged, edited: boolean): void {
    const { name } = this.#record
    recordVerdict(this.#host.task, name, judged)
    if (judged.type === 'refuse') return this.#refuse(judged.error)
    if (judged.type === 'replace') {
      if (edited) return this.#refuse(new DeniedError('the guard would change what was approved'))
      const result = this.#parse(judged.value)
      if ('faults' in result) {
        const text = `what the guard made of the arguments does not fit: ${describeFaults(result.faults)}`
        return this.#refuse(new DeniedError(text))
      }
      this.#record.input = result.value
    }
    this.#passed(edited)
  }

  /** The guard has nothing against it; the tool says who has to approve. */
  #passed(edited: boolean): void {
    if (edited) return this.#flow.send({ type: 'check.passed', approval: undefined })
    let approval: Approval | false | undefined
    try {
      const { approve } = this.#tool.kind === 'function' ? this.#tool : { approve: undefined }
      approval = approve?.(this.#record.input as never)
      if (approval) checkApproval(this.#tool.name, approval)
    } catch (thrown) {
      return this.#refuse(toTroupeError(thrown))
    }
    this.#approval = approval || undefined
    this.#flow.send({ type: 'check.passed', approval: this.#approval && termsOf(this.#approval) })
  }

  #refuse(error: TroupeError): void {
    this.#refusal = error
    this.#flow.send({ type: 'check.refused' })
  }

  #parse(value: unknown): ReturnType<typeof parseWith> {
    const schema = schemaOf(this.#tool)
    return schema ? parseWith(schema, value) : { value }
  }

  #askPeople(timeoutMs: number, escalated: boolean): void {
    if (!this.#approval) return
    this.#people.ask(this.#approval, { timeoutMs, escalated }, (decision) => {
      if (decision.type === 'call.denied') this.#refusal = decision.error
      if (decision.type === 'call.edited') this.#record.input = decision.input
      this.#flow.send({ type: decision.type })
    })
  }

  #run(): void {
    const { task } = this.#host
    const { name, key, input } = this.#record
    const isAgain = this.#record.hasStarted
    this.#record.isCleared = true
    this.#record.hasStarted = true
    if (isAgain) task.cell.log.info({ tool: name, key }, 'a tool whose result was lost is run again')
    task.record({ type: 'tool.started', name, key, input })
    if (this.#tool.kind === 'agent') return this.#hand(this.#tool.agent)
    const tool = this.#tool
    this.#host.later(this.#idOf('tool'), this.#call(tool), (settled) => {
      // It was told already how it ended.
      if (this.#isTimedOut) return
      if (settled.status === 'failed') this.#failed(settled.error)
      else this.#completed(settled.output)
    })
  }

  async #call(tool: FunctionTool): Promise<unknown> {
    const step = new StepScope(this.#host.task, this.#record.key, this.#aborter.signal)
    const output = parsedOutput(tool, await tool.run(this.#record.input as never, step))
    // Kept even when the attempt is over by now: what is finished never runs again.
    this.#record.result ??= resultFor(tool.name, output, tool.maxResultChars)
    return output
  }

  #hand(agent: AnyAgent): void {
    this.#host.ask(agent, this.#record.input, definitionOf(agent).input, (outcome) => {
      if (outcome.status !== 'completed') return this.#failed(errorOf(outcome))
      this.#record.result = resultFor(this.#tool.name, outcome.output)
      this.#completed(outcome.output)
    })
  }

  #completed(output: unknown): void {
    this.#ended({ status: 'completed', output })
    this.#flow.send({ type: 'tool.settled' })
  }

  #failed(error: TroupeError): void {
    // It has an end that is known: another attempt may try it again.
    this.#record.hasStarted = false
    this.#ended(outcomeOf(error))
    this.#refusal = error
    this.#flow.send({ type: 'tool.settled' })
  }

  #ended(outcome: Outcome): void {
    const { name, key } = this.#record
    this.#host.task.record({ type: 'tool.ended', name, key, outcome })
  }

  #end(how: Extract<ToolCallEffect, { type: 'call.end' }>['how']): void {
    switch (how) {
      case 'undecided': {
        const text = `nobody decided on "${this.#tool.name}" in time`
        return this.#fail(new DeniedError(text, 'UNDECIDED'))
      }
      case 'timed-out': {
        this.#isTimedOut = true
        const error = new TimeoutError(`"${this.#tool.name}"`, this.#timeoutMs)
        this.#ended(outcomeOf(error))
        return this.#fail(error, 'whether it was done is not known')
      }
      case 'settled':
      case 'refused':
        return this.#refusal ? this.#fail(this.#refusal) : this.#host.settled()
      case 'dropped':
        return this.#host.settled()
    }
  }

  /** The model reads of it, or it ends the task: as the tool has it, but what ends the run ends it anyway. */
  #fail(error: TroupeError, note?: string): void {
    const outcome = outcomeOf(error) as Failure
    const isFinal = outcome.status === 'exhausted' || outcome.status === 'unknown'
    if (isFinal || (this.#tool.kind === 'function' && this.#tool.onError === 'fail')) {
      return this.#host.failed(outcome)
    }
    if (error instanceof DefectError) {
      const { name, key } = this.#record
      this.#host.task.cell.log.warn({ err: error, tool: name, key }, 'a tool threw, and the model was told')
    }
    this.#record.result = { text: textOfError(error, note), failed: true }
    this.#host.settled()
  }
}

const schemaOf = (tool: ToolDefinition): Schema | undefined =>
  tool.kind === 'function' ? tool.input : definitionOf(tool.agent).input

const parsedOutput = ({ name, output }: FunctionTool, given: unknown): unknown => {
  if (!output) return given
  const result = parseWith(output, given)
  if ('value' in result) return result.value
  // It was done: to try again would not mend what its code gives.
  const text = `what "${name}" gave does not fit its output: ${describeFaults(result.faults)}`
  throw new DefectError(text, undefined)
}
