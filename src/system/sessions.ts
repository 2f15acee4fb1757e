/**
 * Conversations over several runs. The runs of a session go one after the other, so that each reads what the one before
 * has said. In memory: the last 1_000 sessions are kept.
 */
import type { ModelMessage } from '../contracts/ports.ts'
import type { SessionInfo, Sessions } from '../contracts/runs.ts'
import { Thread } from '../contracts/thread.ts'

const SESSIONS_KEPT = 1_000

interface Entry {
  messages: readonly ModelMessage[]
  /** Stands for so many of them where they are read. */
  summary: { readonly count: number; readonly message: ModelMessage } | undefined
  updatedAt: number
  /** Whether a run of it is at work. */
  isBusy: boolean
  readonly waiting: (() => void)[]
}

export class SessionBook implements Sessions {
  readonly #now: () => number
  /** The one that was used last comes last. */
  readonly #entries = new Map<string, Entry>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** Calls back with the conversation so far, at once or when the runs before it have ended. */
  enter(id: string, begin: (thread: Thread) => void): void {
    const entry = this.#use(id)
    const start = (): void => {
      entry.isBusy = true
      begin(new Thread(readable(entry)))
    }
    if (entry.isBusy) entry.waiting.push(start)
    else start()
  }

  /** The run at work has ended: what it has said is kept, and the next one begins. */
  leave(id: string, thread?: Thread): void {
    const entry = this.#use(id)
    if (thread) keep(entry, thread)
    entry.isBusy = false
    entry.waiting.shift()?.()
  }

  async get(id: string): Promise<readonly ModelMessage[] | undefined> {
    return this.#entries.get(id)?.messages
  }

  async list({ limit = 100, after }: Parameters<Sessions['list']>[0] = {}): Promise<readonly SessionInfo[]> {
    const newest = [...this.#entries].toReversed()
    const from = after === undefined ? 0 : newest.findIndex(([id]) => id === after) + 1
    return newest
      .slice(from, from + limit)
      .map(([id, { updatedAt, messages }]) => ({ id, updatedAt, messages: messages.length }))
  }

  async delete(id: string): Promise<boolean> {
    const entry = this.#entries.get(id)
    if (!entry) return false
    entry.messages = []
    entry.summary = undefined
    // Its runs still go one after the other.
    if (!entry.isBusy) this.#entries.delete(id)
    return true
  }

  #use(id: string): Entry {
    const entry = this.#entries.get(id) ?? {
      messages: [],
      summary: undefined,
      updatedAt: 0,
      isBusy: false,
      waiting: [],
    }
    entry.updatedAt = this.#now()
    this.#entries.delete(id)
    this.#entries.set(id, entry)
    if (this.#entries.size > SESSIONS_KEPT) this.#forgetOldest()
    return entry
  }

  #forgetOldest(): void {
    // The one in hand comes last.
    for (const [id, { isBusy }] of [...this.#entries].slice(0, -SESSIONS_KEPT)) {
      if (!isBusy) this.#entries.delete(id)
    }
  }
}

const readable = ({ messages, summary }: Entry): readonly ModelMessage[] =>
  summary ? [summary.message, ...messages.slice(summary.count)] : messages

const keep = (entry: Entry, thread: Thread): void => {
  const { summary } = thread
  if (summary) {
    // An earlier summary, which stood first in what was read, stood for others.
    const count = summary.count + (entry.summary ? entry.summary.count - 1 : 0)
    // Else they were deleted meanwhile.
    if (count <= entry.messages.length) entry.summary = { count, message: summary.message }
  }
  entry.messages = [...entry.messages, ...thread.said()]
}
