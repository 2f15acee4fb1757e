/** People who are asked whether a tool may run: their terms checked, the request put up in the inbox and taken back. */
import type { ApprovalTerms } from '../machines/tool-call.ts'
import { ConfigurationError, type TroupeError } from '../src/contracts/errors.ts'
import { plain } from '../src/contracts/plain.ts'
import type { ApprovalRequest } from '../src/contracts/runs.ts'
import type { Question } from '../src/contracts/run-scope.ts'
import type { Approval } from '../src/contracts/tools.ts'
import type { CallHost } from './call-host.ts'
import type { CallRecord } from './transcript.ts'

const DAY_MS = 86_400_000

/** What people have decided. */
export type Decided =
  | { readonly type: 'call.approved' }
  | { readonly type: 'call.edited'; readonly input: unknown }
  | { readonly type: 'call.denied'; readonly error: TroupeError }

/** How people are asked. */
export interface Asking {
  /** `Infinity`: as long as they like. */
  readonly timeoutMs: number
  /** Those who were asked first have not decided in time. */
  readonly escalated: boolean
}

type Decision = Parameters<Question['decided']>

/** One request at a time, for one call. */
export class PeopleAsked {
  readonly #host: CallHost
  readonly #record: CallRecord
  readonly #check: Question['check']
  #takeBack: (() => ApprovalRequest | undefined) | undefined

  /** @param check parses other arguments than those of the model */
  constructor(host: CallHost, record: CallRecord, check: Question['check']) {
    this.#host = host
    this.#record = record
    this.#check = check
  }

  ask(approval: Approval, asking: Asking, then: (decided: Decided) => void): void {
    const { task } = this.#host
    const request = this.#requestFor(approval, asking)
    const decided = new Promise<Decision>((resolve) => {
      const decide: Question['decided'] = (...decision) => resolve(decision)
      this.#takeBack = task.meta.run.ask({ request, check: this.#check, decided: decide })
    })
    this.#host.later(`decision ${this.#record.key}`, decided, (settled) => {
      if (settled.status === 'completed') this.#decided(settled.output, then)
    })
    const waiting: ApprovalRequest = { ...request, runId: task.meta.run.id, status: 'waiting', decisions: [] }
    task.record({ type: 'approval.requested', request: waiting })
    this.#host.waits(true)
  }

  /** Nobody has to decide any more. */
  takeBack(): void {
    if (!this.#takeBack) return
    const request = this.#takeBack()
    this.#ended(request)
  }

  #requestFor(approval: Approval, { timeoutMs, escalated }: Asking): Question['request'] {
    const { task } = this.#host
    const { key, name, input } = this.#record
    return {
      id: escalated ? `${key}/escalated` : key,
      agent: task.definition.name,
      kind: 'tool',
      name,
      input: plain(input),
      ...peopleOf(approval, escalated),
      deadline: timeoutMs === Infinity ? undefined : task.cell.now() + timeoutMs,
    }
  }

  #decided([decision, request]: Decision, then: (decided: Decided) => void): void {
    // Taken back in the same moment.
    if (!this.#takeBack) return
    this.#ended(request)
    if (decision.verdict === 'denied') then({ type: 'call.denied', error: decision.error })
    else if (decision.output === undefined) then({ type: 'call.approved' })
    else then({ type: 'call.edited', input: (decision.output as { input: unknown }).input })
  }

  #ended(request: ApprovalRequest | undefined): void {
    this.#takeBack = undefined
    if (request) this.#host.task.record({ type: 'approval.decided', request })
    this.#host.waits(false)
  }
}

/** How long people have, and whether others follow. */
export const termsOf = ({ timeoutMs = DAY_MS, otherwise }: Approval): ApprovalTerms => ({
  timeoutMs,
  escalates: typeof otherwise === 'object',
})

/** @throws ConfigurationError when nobody could approve, or anybody: an empty list would let everyone decide */
export const checkApproval = (name: string, approval: Approval): void => {
  const given: unknown = approval
  if (typeof given !== 'object' || given === null || !('by' in given)) {
    const expected = 'gives `false` or `{ by }`'
    throw new ConfigurationError(`\`approve\` of "${name}" ${expected}, not ${String(given)}`)
  }
  const { by, of } = peopleOf(approval, false)
  const others = peopleOf(approval, true)
  if (by.length === 0 || others.by.length === 0) {
    throw new ConfigurationError(`\`approve\` of "${name}" names nobody`)
  }
  if (Number.isInteger(of) && of >= 1 && of <= by.length) return
  throw new ConfigurationError(
    `\`approve\` of "${name}": ${String(of)} cannot approve, of ${String(by.length)} who may`,
  )
}

const peopleOf = (
  { by, of = 1, otherwise }: Approval,
  escalated: boolean,
): { readonly by: readonly string[]; readonly of: number } => {
  const chosen = escalated && typeof otherwise === 'object' ? otherwise.escalate : by
  // Nobody decides twice.
  const people = typeof chosen === 'string' ? [chosen] : [...new Set(chosen)]
  // Fewer may be asked after them than had to agree.
  return { by: people, of: escalated ? Math.min(of, people.length) : of }
}
