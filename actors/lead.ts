/**
 * An attempt of an orchestrator, around the work of its lead: the machine of `machines/orchestrator.ts` with
 * its effects performed. Every delegation comes by here, a function's and a model's, on its way to the task.
 */
import type { AnyEventObject } from 'xstate'
import { orchestratorMachine, type OrchestratorEffect } from '../machines/orchestrator.ts'
import type { AnyAgent, Ctx, HandoffContext, TaskOptions } from '../src/contracts/agents.ts'
import type { Interpreter } from '../src/contracts/behavior.ts'
import { errorOf, type Outcome, type TroupeError } from '../src/contracts/errors.ts'
import { beyondHops } from '../src/contracts/hops.ts'
import type { Schema } from '../src/contracts/schemas.ts'
import type { DelegateOptions, EndOfWork, StartWork, TaskScope, Work } from '../src/contracts/task-scope.ts'
import type { TaskEvent } from '../src/contracts/run-scope.ts'
import { Delegation } from './delegation.ts'
import { failureOf, type Failure } from './failure.ts'
import { shortened } from './form.ts'
import { historyOf } from './history.ts'
import { InnerTask } from './inner-task.ts'
import type { Branches } from './pattern.ts'

/** What a lead hands work over by. */
export interface Lead {
  /** A function for each delegate. */
  delegateBy(ask: Ctx['ask']): Readonly<Record<string, Delegate>>
}

type Delegate = (input: never, options?: TaskOptions) => Promise<unknown>

/** The work of a lead that has these delegates. */
export const leading =
  (delegates: Branches, workOf: (lead: Lead) => StartWork): StartWork =>
  (input, task) => {
    const lead = new LeadWork(task, delegates)
    lead.begin(workOf(lead), input)
    return lead
  }

/** How much of what a model said stands in the events. */
const REASON_CHARS = 300

/**
 * How deep the calls may be in which a lead awaits an answer, so that it has gone on before it is taken for
 * done.
 */
const TURNS_TO_REACT = 32

interface Open {
  readonly key: string
  readonly agent: AnyAgent
  readonly round: number
  /** What a function awaits. */
  answer?: Delegation<unknown>
}

/** A delegation that failed. */
interface Failed {
  readonly outcome: Failure
  readonly answer: Delegation<unknown> | undefined
}

/** To its task it is the work; to the lead it is the task. */
class LeadWork extends InnerTask implements Work, Lead {
  readonly #delegates: Branches
  readonly #flow: Interpreter<typeof orchestratorMachine>
  readonly #open = new Map<string, Open>()
  readonly #failed: Failed[] = []
  #results: HandoffContext['results']
  /**
   * From 1: what a function hands over once it has the answer to a delegation of the round before. It has as many rounds
   * as hops, so that it does not go on for ever. A model has turns for that.
   */
  #round = 1
  #isEnding = false
  #work: Work | undefined
  /** The delegate that is to be asked next, and why. */
  #next: { readonly key: string; readonly reason: string | undefined } | undefined
  #asked: Open | undefined
  /** How the last delegation ended. */
  #last: string | undefined
  /** What the model says at the moment, and what it said before it called its tools. */
  #saying = ''
  #said = ''
  #done: { readonly parsed: Schema | undefined; readonly last: boolean | undefined } | undefined

  constructor(task: TaskScope, delegates: Branches) {
    super(task)
    this.#delegates = delegates
    this.#results = task.meta.handoff?.results ?? []
    const { cell, definition } = task
    // Of a model its conversation is shown.
    this.#flow = definition.turns
      ? cell.aside(orchestratorMachine, this)
      : cell.interpret(orchestratorMachine, this, task)
    this.#flow.start(undefined)
  }

  begin(start: StartWork, input: unknown): void {
    try {
      this.#work = start(input, this)
    } catch (thrown) {
      this.done(failureOf(thrown))
    }
  }

  delegateBy(ask: Ctx['ask']): Readonly<Record<string, Delegate>> {
    const delegate =
      (key: string, agent: AnyAgent): Delegate =>
      (input, options) => {
        this.#next = { key, reason: undefined }
        this.#asked = undefined
        const answer = Delegation.of(ask(agent, input, options))
        // It may have been refused: then nothing is open.
        this.#next = undefined
        if (this.#asked) (this.#asked as Open).answer = answer
        return answer
      }
    return Object.fromEntries(Object.entries(this.#delegates).map(([key, agent]) => [key, delegate(key, agent)]))
  }

  override delegate(agent: AnyAgent, input: unknown, options: DelegateOptions = {}): string {
    const next = this.#next
    this.#next = undefined
    if (!next) return this.task.delegate(agent, input, options)
    const { key, reason = this.#last } = next
    const round = this.#round
    // Beyond the hops it is refused.
    const hops = beyondHops(this.meta, this.request.hops + round) ? round : 1
    const alternatives = Object.keys(this.#delegates).filter((other) => other !== key)
    this.record({ type: 'decision.made', kind: 'route', chosen: key, alternatives, reason })
    this.record({ type: 'handoff.made', to: agent.name, hops: this.request.hops + hops })
    const handoff = this.#handoff(agent, input)
    const id = this.task.delegate(agent, input, { ...options, hops, handoff })
    this.#asked = { key, agent, round }
    this.#open.set(id, this.#asked)
    this.#flow.send({ type: 'work.delegated' })
    this.#endWhenBeyond(this.request.hops + round - 1)
    return id
  }

  /** It was told that no hops are left, and goes on. */
  #endWhenBeyond(hops: number): void {
    const outcome = beyondHops(this.meta, hops)
    if (!outcome || this.#isEnding) return
    this.#isEnding = true
    // In a turn of its cell: this is one of its code's.
    this.cell.pipe(Promise.resolve(), () => ({ type: 'work.exhausted', lead: this, outcome }))
  }

  responded(id: string, outcome: Outcome): void {
    const open = this.#open.get(id)
    this.#open.delete(id)
    if (open) this.#keep(open, outcome)
    if (open && !this.definition.turns) this.#round = Math.max(this.#round, open.round + 1)
    this.#work?.responded?.(id, outcome)
    if (open) this.#settled()
  }

  override withdraw(id: string, reason: string): void {
    this.task.withdraw(id, reason)
    if (this.#open.delete(id)) this.#settled()
  }

  override done(outcome: Outcome, parsed?: Schema, last?: boolean): void {
    this.#done = { parsed, last }
    if (outcome.status !== 'completed') return this.#flow.send({ type: 'lead.failed', outcome })
    this.#flow.send({ type: 'lead.returned', output: outcome.output, missed: this.#missed() })
  }

  receive(message: AnyEventObject): void {
    if (message['lead'] !== this) return this.#work?.receive?.(message)
    if (message.type === 'work.exhausted') return this.done(message['outcome'] as Failure)
    this.#flow.send({ type: 'delegation.settled', missed: this.#missed() })
  }

  ended(end: EndOfWork): void {
    this.#open.clear()
    this.#work?.ended?.(end)
  }

  perform({ outcome }: OrchestratorEffect): void {
    this.task.done(outcome, this.#done?.parsed, this.#done?.last)
  }

  override record(event: TaskEvent): void {
    this.task.record(event)
    if (event.type === 'text.delta') this.#saying += event.text
    if (event.type === 'model.ended') {
      this.#said = shortened(this.#saying.trim(), REASON_CHARS)
      this.#saying = ''
    }
    // A model's call of an agent follows at once.
    if (event.type === 'tool.started') {
      const isDelegate = Object.hasOwn(this.#delegates, event.name)
      this.#next = isDelegate ? { key: event.name, reason: this.#said || undefined } : undefined
    }
  }

  override retrying(error: TroupeError, delayMs: number): void {
    this.#saying = ''
    this.task.retrying(error, delayMs)
  }

  #keep({ key, agent, answer }: Open, outcome: Outcome): void {
    this.#results = [...this.#results, { agent: agent.name, outcome }]
    if (outcome.status === 'completed') {
      this.#last = `"${key}" completed`
      return
    }
    this.#last = `"${key}" ended ${outcome.status}: ${errorOf(outcome).message}`
    if (answer) this.#failed.push({ outcome, answer })
  }

  #settled(): void {
    if (this.#flow.value !== 'waiting') return this.#flow.send({ type: 'delegation.settled' })
    // Its answer may be what the lead's code waits for to delegate further.
    this.cell.pipe(reacted(), () => ({ type: 'work.settled', lead: this }))
  }

  #missed(): Failure | undefined {
    return this.#failed.find(({ answer }) => answer?.isSeen === false)?.outcome
  }

  #handoff(agent: AnyAgent, request: unknown): HandoffContext {
    const { definition, cell, meta } = this.task
    return {
      from: definition.name,
      to: agent.name,
      request,
      results: this.#results,
      history: historyOf(this.task),
      session: meta.run.session,
      at: cell.now(),
    }
  }
}

const reacted = async (): Promise<void> => {
  for (let turn = 0; turn < TURNS_TO_REACT; turn += 1) await Promise.resolve()
}
