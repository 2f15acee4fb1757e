/** Tools that models call, guards around agents and tools, tools of MCP servers. An agent is a tool too. */
import type { types } from './phantom.ts'
import type { Logger } from './ports.ts'
import type { MaybePromise } from './schemas.ts'

/** A tool, as `tool`, `asTool` and the `tools` of an agent know it. */
export interface Tool<in I, out O> {
  readonly name: string
  readonly description: string
  readonly effect: Effect
  readonly [types]?: { input: (input: I) => void; output: O } | undefined
}

/** A tool with no matter what input and output. */
export type AnyTool = Tool<never, unknown>

/**
 * What happens to an effect whose result a crash lost: run again, run again with the same key, or park as
 * `unknown`.
 */
export type Effect = 'idempotent' | 'keyed' | 'once'

/** What every function that does something is given. */
export interface StepContext {
  /** Aborts when the task is cancelled or its time is over. */
  readonly signal: AbortSignal
  /** The same on every try of this step: hand it on as the idempotency key. */
  readonly key: string
  readonly runId: string
  readonly log: Logger
}

/** Who may approve, and what happens when nobody does. */
export interface Approval {
  /** Any one of these. */
  by: string | readonly string[]
  /** How many of them. Default 1. */
  of?: number | undefined
  /** Default 24 hours. */
  timeoutMs?: number | undefined
  /** Default `deny`: rejected with DeniedError `UNDECIDED`. */
  otherwise?: 'deny' | { escalate: string | readonly string[] } | undefined
}

/** A guard that throws refuses. */
export interface Guard<I = string, O = string> {
  input?: ((input: I, ctx: StepContext) => MaybePromise<Verdict<I>>) | undefined
  output?: ((output: O, ctx: StepContext) => MaybePromise<Verdict<O>>) | undefined
  tool?:
    ((call: { name: string; input: unknown }, ctx: StepContext) => MaybePromise<Verdict<unknown>>) | undefined
}

/** Nothing: pass. `replace`: go on with this instead. `refuse`: DeniedError with this reason. */
export type Verdict<T> = undefined | void | { replace: T } | { refuse: string }

/** A server's tools, for the `tools` of an agent. */
export interface Mcp {
  readonly kind: 'mcp'
  close(): Promise<void>
}
