/** What waits for people: questions and approvals. One decision counts, once. In memory: it lives as long as the process. */
import { DeniedError, InvalidMessageError } from '../contracts/errors.ts'
import { plain } from '../contracts/plain.ts'
import { describeFaults } from '../contracts/protocol.ts'
import type { ApprovalRequest, Approvals, Decided } from '../contracts/runs.ts'
import type { Stream } from '../contracts/schemas.ts'
import type { Question } from '../contracts/run-scope.ts'
import type { Core } from './cell.ts'
import { EventStream } from './event-stream.ts'

const KEPT = 1_000

interface Entry {
  request: ApprovalRequest
  readonly question: Question
  /** Other arguments than those of the model, once somebody has changed them. */
  edited?: { readonly input: unknown }
  /** How often that was. */
  edits: number
}

export class Inbox implements Approvals {
  readonly #kernel: Core
  readonly #entries = new Map<string, Entry>()
  readonly #waiting: EventStream<ApprovalRequest>

  constructor(kernel: Core) {
    this.#kernel = kernel
    this.#waiting = new EventStream(kernel.log)
  }

  get waiting(): Stream<ApprovalRequest> {
    return this.#waiting
  }

  /** Puts a question up. @returns takes it back: its task waits no longer; the request as it was left, if undecided */
  ask(runId: string, question: Question): () => ApprovalRequest | undefined {
    const entry: Entry = { request: { ...question.request, runId, status: 'waiting', decisions: [] }, question, edits: 0 }
    this.#put(entry)
    return () => this.#close(entry)
  }

  #put(entry: Entry): void {
    this.#entries.set(entry.request.id, entry)
    this.#forgetOldest()
    this.#waiting.emit(entry.request)
  }

  async list({ runId, by, status = 'waiting' }: Parameters<Approvals['list']>[0] = {}): Promise<readonly ApprovalRequest[]> {
    return [...this.#entries.values()]
      .map(({ request }) => request)
      .filter((request) => request.status === status)
      .filter((request) => runId === undefined || request.runId === runId)
      .filter((request) => by === undefined || mayDecide(request, by))
  }

  async answer(id: string, { by, output }: { by: string; output: unknown }): Promise<Decided> {
    const entry = this.#entries.get(id)
    const refused = this.#refused(entry, by)
    if (refused || !entry) return refused ?? 'superseded'
    if (entry.request.kind === 'tool') return 'not-allowed'
    const checked = check(entry, output, 'INVALID_OUTPUT')
    if (!this.#decide(entry, by, 'answered')) return 'recorded'
    entry.request = { ...entry.request, status: 'answered' }
    entry.question.decided({ verdict: 'answered', output: checked.value }, entry.request)
    return 'recorded'
  }

  async deny(id: string, { by, reason }: { by: string; reason: string }): Promise<Decided> {
    const entry = this.#entries.get(id)
    const refused = this.#refused(entry, by)
    if (refused || !entry) return refused ?? 'superseded'
    this.#decide(entry, by, 'denied', reason)
    entry.request = { ...entry.request, status: 'denied' }
    entry.question.decided({ verdict: 'denied', error: new DeniedError(reason) }, entry.request)
    return 'recorded'
  }

  /** Lets a tool run with the arguments that are shown. Questions are answered instead. */
  async approve(id: string, { by }: { by: string }): Promise<Decided> {
    const entry = this.#entries.get(id)
    const refused = this.#refused(entry, by)
    if (refused || !entry) return refused ?? 'superseded'
    if (entry.request.kind === 'question') return 'not-allowed'
    if (!this.#decide(entry, by, 'approved')) return 'recorded'
    const edited = entry.edited
    entry.request = { ...entry.request, status: edited ? 'edited' : 'approved' }
    entry.question.decided({ verdict: 'answered', output: edited }, entry.request)
    return 'recorded'
  }

  /** Who has approved other arguments has not approved these: they are shown under a new id, to whoever is still needed. */
  async edit(id: string, { by, input }: { by: string; input: unknown }): Promise<Decided> {
    const entry = this.#entries.get(id)
    const refused = this.#refused(entry, by)
    if (refused || !entry) return refused ?? 'superseded'
    if (entry.request.kind === 'question') return 'not-allowed'
    // A copy: what is shown to the next one is what runs, whatever the caller does with his.
    const edited = { input: check(entry, structuredClone(input), 'INVALID_INPUT').value }
    const old = entry.request
    entry.edited = edited
    entry.request = { ...old, input: plain(edited.input), decisions: [] }
    if (this.#decide(entry, by, 'edited')) {
      entry.request = { ...entry.request, status: 'edited' }
      entry.question.decided({ verdict: 'answered', output: edited }, entry.request)
      return 'recorded'
    }
    entry.edits += 1
    entry.request = { ...entry.request, id: `${entry.question.request.id}/edit-${entry.edits}` }
    this.#entries.set(id, { ...entry, request: { ...old, status: 'superseded' } })
    this.#put(entry)
    return 'recorded'
  }

  close(): void {
    this.#waiting.close()
  }

  #refused(entry: Entry | undefined, by: string): Decided | undefined {
    if (!entry) return 'superseded'
    const { request } = entry
    if (request.status === 'superseded') return 'superseded'
    if (request.status === 'expired') return 'expired'
    if (request.status !== 'waiting') return 'already-decided'
    if (request.deadline !== undefined && this.#kernel.now() >= request.deadline) return 'expired'
    if (!mayDecide(request, by)) return 'not-allowed'
    return request.decisions.some((decision) => decision.by === by) ? 'already-decided' : undefined
  }

  /** Whether enough people have decided now. */
  #decide(entry: Entry, by: string, verdict: string, reason?: string): boolean {
    const decision = { by, verdict, at: this.#kernel.now(), reason }
    const decisions = [...entry.request.decisions, decision]
    entry.request = { ...entry.request, decisions }
    return decisions.length >= entry.request.of
  }

  #close(entry: Entry): ApprovalRequest | undefined {
    if (entry.request.status !== 'waiting') return undefined
    const { deadline } = entry.request
    const late = deadline !== undefined && this.#kernel.now() >= deadline
    entry.request = { ...entry.request, status: late ? 'expired' : 'superseded' }
    return entry.request
  }

  #forgetOldest(): void {
    if (this.#entries.size <= KEPT) return
    for (const [id, { request }] of this.#entries) {
      if (request.status === 'waiting') continue
      this.#entries.delete(id)
      if (this.#entries.size <= KEPT) return
    }
  }
}

const mayDecide = ({ by }: ApprovalRequest, who: string): boolean => by.length === 0 || by.includes(who)

/** @throws InvalidMessageError */
const check = (entry: Entry, value: unknown, code: 'INVALID_INPUT' | 'INVALID_OUTPUT'): { value: unknown } => {
  const checked = entry.question.check(value)
  if (!('faults' in checked)) return checked
  const { faults } = checked
  const { name, agent } = entry.request
  const what = code === 'INVALID_OUTPUT' ? `the answer to "${name}"` : `what "${name}" is to be called with`
  throw new InvalidMessageError(`${what} does not fit: ${describeFaults(faults)}`, { code, faults, agent })
}
