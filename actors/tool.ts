/** `tool`: a function that a model may call. How a call goes is in `tool-call.ts`. */
import type { z } from 'zod'
import { ConfigurationError } from '../src/contracts/errors.ts'
import type { Given, Returned, Schema } from '../src/contracts/schemas.ts'
import { DefinedTool, type FunctionTool } from '../src/contracts/tool-definition.ts'
import type { AnyTool, Approval, Effect, StepContext, Tool } from '../src/contracts/tools.ts'
import { formOf } from './form.ts'

/**
 * A function that a model may call. What the model wrote is parsed by `input` first; an invalid call is named
 * to the model, as one of the turn's `repairs`.
 * @throws ConfigurationError for a name or a schema that models cannot be given
 */
export function tool<IS extends Schema, S extends Schema | undefined = undefined, R = unknown>(
  name: string,
  options: {
    description?: string | undefined
    input: IS
    output?: S
    run: (input: z.output<IS>, ctx: StepContext) => Returned<S, R>
    /** Says who has to approve these arguments. `false`: no approval is needed. */
    approve?: ((input: z.output<IS>) => Approval | false) | undefined
    /** Default `once`: it fails closed. */
    effect?: Effect | undefined
    /** Default 30_000. */
    timeoutMs?: number | undefined
    /** What an error or a denial does: the model reads of it, or it ends the task. Default `tell-model`. */
    onError?: 'tell-model' | 'fail' | undefined
    /** Default 20_000; a longer result is cut, with a note. */
    maxResultChars?: number | undefined
  },
): Tool<z.input<IS>, Given<S, R>>
export function tool(name: string, given: object): AnyTool {
  const { description = '', effect, ...options } = given as GivenTool
  checkToolName(name, 'a tool')
  checkLimits(name, options)
  // Found here rather than in the first conversation.
  formOf(options.input, `the input of the tool "${name}"`)
  return new DefinedTool<never, unknown>({
    kind: 'function',
    name,
    description,
    effect: effect ?? 'once',
    isDeclared: effect !== undefined,
    input: options.input,
    output: options.output,
    run: options.run,
    approve: options.approve,
    timeoutMs: options.timeoutMs ?? 30_000,
    onError: options.onError ?? 'tell-model',
    maxResultChars: options.maxResultChars ?? DEFAULT_RESULT_CHARS,
  })
}

/** How much of a result a model is given. */
export const DEFAULT_RESULT_CHARS = 20_000

/** @throws ConfigurationError for a name that providers refuse */
export const checkToolName = (name: string, what: string): void => {
  if (/^[\w-]{1,64}$/.test(name)) return
  throw new ConfigurationError(
    `"${name}" cannot name ${what}: providers take letters, digits, "_" and "-", at most 64 of them`,
  )
}

type GivenTool = Pick<FunctionTool, 'input' | 'output' | 'run'> & {
  readonly [K in 'description' | 'effect' | 'approve' | 'timeoutMs' | 'onError' | 'maxResultChars']?:
    FunctionTool[K] | undefined
}

const checkLimits = (name: string, { timeoutMs = 1, maxResultChars = 1 }: Partial<GivenTool>): void => {
  if (!(timeoutMs >= 1)) {
    throw new ConfigurationError(`"${name}": timeoutMs is at least 1, not ${String(timeoutMs)}`)
  }
  if (!(maxResultChars >= 1)) {
    throw new ConfigurationError(`"${name}": maxResultChars is at least 1, not ${String(maxResultChars)}`)
  }
}
