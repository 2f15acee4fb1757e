/**
 * What a system is plugged into: models, stores, a bus, a clock, a logger. Each is implemented in one file
 * and tested by its contract suite. Cancellation is an argument, last. What a port throws that is not a
 * TroupeError becomes a ProviderError that is not retried.
 */
import type { AgentMessage } from './messages.ts'
import type { MaybePromise, Options, Unsubscribe } from './schemas.ts'

/** A language model. It never retries: retries live in the step that calls it. */
export interface Model {
  readonly name: string
  readonly provider: string
  readonly price?: Price | undefined

  /**
   * Streams text, then the result: `end` comes once and last.
   * @throws ProviderError
   */
  complete(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>
}

/** What a model streams. */
export type ModelEvent =
  { readonly type: 'text'; readonly text: string } | { readonly type: 'end'; readonly result: ModelResult }

/** One call of a model. */
export type ModelRequest = Readonly<{
  messages: readonly ModelMessage[]
  /** `input` is JSON Schema. */
  tools: readonly { name: string; description: string; input: object }[]
  /** JSON Schema of the answer; without it text. */
  output?: object | undefined
  settings: ModelSettings
  /** Idempotency key of the call. */
  key: string
}>

/** One message of a transcript. */
export type ModelMessage =
  | { readonly role: 'system' | 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string; readonly calls: readonly ToolCall[] }
  | { readonly role: 'tool'; readonly callId: string; readonly text: string; readonly failed: boolean }

/** A tool call of a model. */
export type ToolCall = Readonly<{
  id: string
  name: string
  /** JSON as the model wrote it, unchecked. */
  input: string
}>

/** What a call of a model gave. */
export type ModelResult = Readonly<{
  text: string
  calls: readonly ToolCall[]
  finish: 'stop' | 'calls' | 'length' | 'refusal'
  usage?: Omit<Usage, 'usd'> | undefined
}>

/** Settings that every provider understands. */
export type ModelSettings = Options<{
  temperature: number
  maxOutputTokens: number
  reasoning: 'none' | 'low' | 'medium' | 'high'
  toolChoice: 'auto' | 'none' | 'required'
}>

/** Tokens and money spent. */
export type Usage = Readonly<{
  inputTokens: number
  cachedTokens: number
  outputTokens: number
  /** `undefined` for a model without a price. */
  usd?: number | undefined
}>

/** USD per million tokens. */
export type Price = Readonly<{
  input: number
  cachedInput?: number | undefined
  output: number
}>

/** Journals and tables of runs, timers, approvals and the rest. Values are encoded by the system. */
export interface Store {
  readonly durable: boolean

  /**
   * Opens and migrates.
   * @throws ConflictError rejects with `STORE_LOCKED`
   */
  open(namespace: string): Promise<void>

  /**
   * All or nothing, and durable when it resolves.
   * @throws ConflictError rejects with `CONFLICT` or `STALE_EPOCH`: nothing was written
   * @throws ProviderError rejects with `STORE`: the state is unknown
   */
  commit(writes: readonly Write[], lease?: { name: string; epoch: number }): Promise<void>

  journal(run: string, fromSeq?: number): AsyncIterable<{ readonly seq: number; readonly value: string }>
  get(table: Table, key: string): Promise<Row | undefined>

  /** By `due`, then by key. `after` is the key to go on from; `dueBefore` is absolute milliseconds. */
  list(
    table: Table,
    query: {
      tag?: string | undefined
      dueBefore?: number | undefined
      after?: string | undefined
      limit: number
    },
  ): Promise<readonly Row[]>

  /**
   * Gives the new epoch, to the holder the same one again; `undefined` when somebody else holds the lease.
   */
  acquire(lease: string, owner: string, ttlMs: number): Promise<number | undefined>
  release(lease: string, epoch: number): Promise<void>
  close(): Promise<void>
}

/** One write of a commit. */
export type Write =
  // `(run, seq)` is unique and gapless from 1.
  | { readonly type: 'append'; readonly run: string; readonly seq: number; readonly value: string }
  | {
      readonly type: 'put'
      readonly table: Table
      readonly key: string
      readonly value: string
      readonly tag?: string | undefined
      readonly due?: number | undefined
      /** The version that must be there; 0: the row must not exist. */
      readonly expect?: number | undefined
    }
  | {
      readonly type: 'delete'
      readonly table: Table
      readonly key: string
      readonly expect?: number | undefined
    }

/** The tables of a store. */
export type Table = 'run' | 'blob' | 'timer' | 'approval' | 'circuit' | 'session' | 'board' | 'actor'

/** One row of a table. */
export type Row = Readonly<{
  key: string
  /** Encoded by the system. */
  value: string
  version: number
  /** Indexed. */
  tag?: string | undefined
  /** Absolute milliseconds, indexed. */
  due?: number | undefined
}>

/** Carries messages between processes. Never the only copy of anything. */
export interface Bus {
  /** @throws ProviderError `BUS` */
  publish(address: string, message: AgentMessage): MaybePromise<void>
  /** First in, first out per publisher. */
  subscribe(address: string, handler: (message: AgentMessage) => void): MaybePromise<Unsubscribe>
  close(): MaybePromise<void>
}

/** The one source of time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  setTimeout(fn: () => void, ms: number): unknown
  clearTimeout(id: unknown): void
  /** For virtual clocks: each system hands in its `settle`, so that time moves when all is quiet. */
  attach?(settle: () => Promise<void>): Unsubscribe
}

/** Fields first, text second: a pino logger fits. */
export interface Logger {
  debug(fields: object, text?: string): void
  info(fields: object, text?: string): void
  warn(fields: object, text?: string): void
  error(fields: object, text?: string): void
  child(fields: object): Logger
}
