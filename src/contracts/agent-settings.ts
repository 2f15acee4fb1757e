/** An agent's options, with their defaults filled in, beside what does its work. Not exported by `troupe`. */
import type { AnyAgent, Bid, Circuit, Mailbox, Retry } from './agents.ts'
import type { AgentMessage } from './messages.ts'
import type { Model } from './ports.ts'
import type { MaybePromise, Schema } from './schemas.ts'
import type { Part, Shape } from './team.ts'
import type { ToolDefinition } from './tool-definition.ts'
import type { ToolSource } from './tool-source.ts'
import type { Effect, Guard } from './tools.ts'

/** What is known of an agent without what does its work. */
export interface AgentSettings {
  readonly name: string
  readonly input: Schema | undefined
  /** What its input is where it has no schema: a text, anything, or what these agents take, which get the same. */
  readonly takes: 'text' | 'anything' | readonly AnyAgent[]
  readonly output: Schema | undefined
  /** Per attempt; `Infinity`: none. */
  readonly timeoutMs: number
  readonly retry: Required<{ [K in keyof Retry]: NonNullable<Retry[K]> }>
  readonly circuit: ResolvedCircuit | false
  readonly concurrency: number
  readonly mailbox: Mailbox | undefined
  readonly fallback: AnyAgent | undefined
  readonly capabilities: readonly string[]
  readonly bid: ((task: never, load: { running: number; queued: number }) => MaybePromise<Bid | undefined>) | undefined
  readonly guard: Guard<never, never> | undefined
  /** What becomes of an attempt whose result a crash lost. */
  readonly effect: Effect
  readonly listen:
    | { readonly topics: readonly string[]; readonly handle: (message: AgentMessage, ctx: never) => MaybePromise<void> }
    | undefined
  /** How that is done, for graphs and checks. */
  readonly shape: Shape
  /** The agents that it is made of. */
  readonly parts: readonly Part[]
  /** Whom `ctx.help` of the tasks below asks, instead of all agents of the system. */
  readonly team: readonly AnyAgent[] | undefined
  /** Where the work is turns of a model. */
  readonly turns: TurnsDefinition | undefined
}

/** Turns of a model, with their defaults filled in. */
export interface TurnsDefinition {
  readonly model: Model
  readonly tools: readonly ToolDefinition[]
  /** Where more tools come from, once they are asked for. */
  readonly sources: readonly ToolSource[]
  readonly maxTurns: number
  readonly repairs: number
  /** How much it reads of what was said before; `false`: it takes no part in conversations. */
  readonly session: { readonly maxTokens: number; readonly trim: 'oldest' | 'summary' } | false
}

/** `Circuit` with its defaults; `window` stays off unless given. */
export type ResolvedCircuit = {
  readonly [K in Exclude<keyof Circuit, 'window'>]-?: NonNullable<Circuit[K]>
} & {
  readonly window:
    | {
        readonly calls: number
        readonly ms: number | undefined
        readonly minCalls: number
        readonly failureRate: number
        readonly slowMs: number
        readonly slowRate: number
      }
    | undefined
}
