/** What waits for people: questions and approvals. One decision counts, once. In memory: it lives as long as the process. */
import { DeniedError, InvalidMessageError } from '../contracts/errors.ts'
import { describeFaults } from '../contracts/protocol.ts'
import type { ApprovalRequest, Approvals, Decided } from '../contracts/runs.ts'
import type { Stream } from '../contracts/schemas.ts'
import type { Question } from '../contracts/tasks.ts'
import type { Core } from './cell.ts'
import { EventStream } from './event-stream.ts'

const KEPT = 1_000

interface Entry {
  request: ApprovalRequest
  readonly question: Question
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

  /** Puts a question up. @returns takes it back: its task waits no longer */
  ask(runId: string, question: Question): () => void {
    const request: ApprovalRequest = { ...question.request, runId, status: 'waiting', decisions: [] }
    this.#entries.set(request.id, { request, question })
    this.#forgetOldest()
    this.#waiting.emit(request)
    return () => this.#close(request.id, 'superseded')
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
    const checked = entry.question.check(output)
    if ('faults' in checked) {
      throw new InvalidMessageError(`the answer to "${entry.request.name}" does not fit: ${describeFaults(checked.faults)}`, {
        code: 'INVALID_OUTPUT',
        faults: checked.faults,
        agent: entry.request.agent,
      })
    }
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

  /** Tools to be approved come with models: questions are answered. */
  async approve(id: string, { by }: { by: string }): Promise<Decided> {
    return this.#refused(this.#entries.get(id), by) ?? 'not-allowed'
  }

  async edit(id: string, { by }: { by: string; input: unknown }): Promise<Decided> {
    return this.#refused(this.#entries.get(id), by) ?? 'not-allowed'
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

  #close(id: string, status: 'superseded' | 'expired'): void {
    const entry = this.#entries.get(id)
    if (entry?.request.status !== 'waiting') return
    const { deadline } = entry.request
    const late = deadline !== undefined && this.#kernel.now() >= deadline
    entry.request = { ...entry.request, status: late ? 'expired' : status }
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
