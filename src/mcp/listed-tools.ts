/** The tools that an MCP server lists, as tools of ours. */
import type { Tool as Listed } from '@modelcontextprotocol/client'
import type { Fault } from '../contracts/errors.ts'
import type { Logger } from '../contracts/ports.ts'
import type { Schema } from '../contracts/schemas.ts'
import type { FunctionTool } from '../contracts/tool-definition.ts'
import { objectChecked } from '../contracts/tool-source.ts'
import type { Approval, Effect, StepContext } from '../contracts/tools.ts'
import type { Sdk } from './load-client.ts'

/** What is wanted of the tools of a server. */
export interface Wishes {
  readonly only?: readonly string[] | undefined
  readonly effect?: Effect | undefined
  readonly approve?: ((call: { name: string; input: unknown }) => Approval | false) | undefined
}

/** A call, as the server is asked for it. */
export interface AskedCall {
  readonly name: string
  readonly effect: Effect
  readonly input: Readonly<Record<string, unknown>>
  readonly step: StepContext
}

/** What it takes to make tools of a list. */
export interface Making {
  readonly sdk: Sdk
  readonly wishes: Wishes
  readonly log: Logger
  readonly call: (call: AskedCall) => Promise<unknown>
}

/** Those that are wanted. What is wanted and not there is warned about. */
export const toolsOf = (listed: readonly Listed[], making: Making): readonly FunctionTool[] => {
  const { only } = making.wishes
  const names = listed.map(({ name }) => name)
  const missing = (only ?? []).filter((name) => !names.includes(name))
  if (missing.length > 0) {
    making.log.warn({ missing, names }, 'an MCP server lacks tools that are wanted of it')
  }
  // Of each list its own: it keeps all schemas that it has seen.
  const shared = new making.sdk.AjvJsonSchemaValidator()
  return listed
    .filter(({ name }) => only?.includes(name) ?? true)
    .map((tool) => {
      // It takes all schemas of one `$id` for the same.
      const validator = '$id' in tool.inputSchema ? new making.sdk.AjvJsonSchemaValidator() : shared
      return toolOf(tool, making, schemaOf(tool, validator, making.log))
    })
}

const toolOf = (tool: Listed, { wishes, call }: Making, input: Schema): FunctionTool => {
  const { name, description, title, inputSchema, annotations } = tool
  const { approve } = wishes
  const effect = wishes.effect ?? effectOf(annotations)
  return {
    kind: 'function',
    name,
    description: description ?? title ?? annotations?.title ?? '',
    effect: effect ?? 'once',
    isDeclared: effect !== undefined,
    input,
    told: withoutIds(inputSchema),
    output: undefined,
    run: (given: Readonly<Record<string, unknown>>, step) =>
      call({ name, effect: effect ?? 'once', input: given, step }),
    approve: approve && ((given: unknown) => approve({ name, input: given })),
    timeoutMs: 30_000,
    onError: 'tell-model',
    maxResultChars: 20_000,
  }
}

/** What may be run again, because it only reads or because it says so. */
const effectOf = (annotations: Listed['annotations']): Effect | undefined =>
  annotations?.readOnlyHint || annotations?.idempotentHint ? 'idempotent' : undefined

type Validator = InstanceType<Sdk['AjvJsonSchemaValidator']>

const schemaOf = ({ name, inputSchema }: Listed, validator: Validator, log: Logger): Schema => {
  try {
    const check = validator.getValidator(inputSchema as Parameters<Validator['getValidator']>[0])
    return objectChecked((value) => {
      const { valid, errorMessage } = check(value)
      return valid ? [] : faultsIn(errorMessage)
    })
  } catch (thrown) {
    log.warn({ err: thrown, tool: name }, 'the arguments of an MCP tool cannot be checked: the server has to')
    return objectChecked(() => [])
  }
}

/** Taken apart again: `data/a/0 must be number, data must have ...`. */
const faultsIn = (text: string): readonly Fault[] =>
  text.split(/, (?=data[/ ])/).map((part) => {
    const [, path, message] = /^data(\/\S*)? ([^]*)$/.exec(part) ?? []
    return { path: path?.slice(1).replaceAll('/', '.') ?? '', message: message ?? part }
  })

const withoutIds = (schema: object): object => {
  const { $schema: _, $id: __, ...rest } = schema as Record<string, unknown>
  return rest
}
