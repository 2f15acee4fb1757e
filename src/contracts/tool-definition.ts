/** What stands behind a `Tool`. Not exported by `troupe`. */
import type { AnyAgent } from './agents.ts'
import type { MaybePromise, Schema } from './schemas.ts'
import type { Approval, Effect, StepContext, Tool } from './tools.ts'

/** A function that a model may call, or an agent that it may hand work to. */
export type ToolDefinition = FunctionTool | AgentTool

/** What models are told of a tool, and what a crash does to it. */
interface Offered {
  /** As models know it: letters, digits, `_` and `-`, at most 64. */
  readonly name: string
  readonly description: string
  readonly effect: Effect
  /** Whether the effect was chosen, rather than left to its default. */
  readonly isDeclared: boolean
}

/** The options of `tool`, with their defaults filled in. */
export interface FunctionTool extends Offered {
  readonly kind: 'function'
  readonly input: Schema
  /** What models are told of the input where `input` only checks it: JSON Schema of an object. */
  readonly told?: object | undefined
  readonly output: Schema | undefined
  readonly run: (input: never, ctx: StepContext) => MaybePromise<unknown>
  readonly approve: ((input: never) => Approval | false) | undefined
  readonly timeoutMs: number
  readonly onError: 'tell-model' | 'fail'
  readonly maxResultChars: number
}

/** An agent as a tool: each call is a task of its own. */
export interface AgentTool extends Offered {
  readonly kind: 'agent'
  readonly agent: AnyAgent
}

/** A tool that one of our factories made. */
export class DefinedTool<in I, out O> implements Tool<I, O> {
  readonly name: string
  readonly description: string
  readonly effect: Effect
  readonly #definition: ToolDefinition

  constructor(definition: ToolDefinition) {
    this.name = definition.name
    this.description = definition.description
    this.effect = definition.effect
    this.#definition = definition
  }

  /** What stands behind a tool; `undefined` for an object that no factory made. */
  static definitionOf(tool: object): ToolDefinition | undefined {
    return tool instanceof DefinedTool ? tool.#definition : undefined
  }
}
