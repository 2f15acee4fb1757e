/** The tools of one agent: what they are, how models are told of them, and how their calls are read. */
import type { AnyAgent } from '../src/contracts/agents.ts'
import { ConfigurationError } from '../src/contracts/errors.ts'
import type { ModelRequest, ToolCall } from '../src/contracts/ports.ts'
import { parseWith } from '../src/contracts/protocol.ts'
import { definition, type DefinedAgent } from '../src/contracts/agent-definition.ts'
import { DefinedTool, type FunctionTool, type ToolDefinition } from '../src/contracts/tool-definition.ts'
import { DefinedMcp, type ToolSource } from '../src/contracts/tool-source.ts'
import type { AnyTool, Mcp } from '../src/contracts/tools.ts'
import { definitionOf } from './definition.ts'
import { takenBy } from './pattern.ts'
import { formOf, formOfInput, readJson, type Form, type Reading } from './form.ts'
import { checkToolName } from './tool.ts'

/** What may stand in the `tools` of an agent. */
export type Offered = AnyTool | AnyAgent | Mcp

/**
 * What stands behind the tools of an agent. An agent among them is known by its name.
 * @throws ConfigurationError for what is no tool, or a name that two of them have
 */
export const toolsOf = (owner: string, offered: readonly Offered[]): readonly ToolDefinition[] => {
  const tools = offered.flatMap((one) => (DefinedMcp.sourceOf(one) ? [] : [toolOf(owner, one)]))
  const names = new Set<string>()
  for (const { name } of tools) {
    if (names.has(name)) throw new ConfigurationError(`"${owner}" has two tools named "${name}"`)
    names.add(name)
  }
  return tools
}

/** Those among them that give their tools at run time. */
export const sourcesOf = (offered: readonly Offered[]): readonly ToolSource[] => {
  const sources = offered.flatMap((one) => DefinedMcp.sourceOf(one) ?? [])
  return [...new Set(sources)]
}

const toolOf = (owner: string, offered: Offered): ToolDefinition => {
  if (isAgent(offered)) return agentTool(offered)
  const known = DefinedTool.definitionOf(offered)
  if (known) return known
  throw new ConfigurationError(`"${owner}": a tool is made by \`tool(...)\` or \`mcp(...)\`, or is an agent`)
}

const isAgent = (offered: Offered): offered is AnyAgent => definition in offered

/**
 * An agent as a tool.
 * @param name as the model knows it. Default: its own
 * @throws ConfigurationError for a name that providers refuse
 */
export const agentTool = (agent: AnyAgent, name = agent.name): ToolDefinition => {
  checkToolName(name, 'a tool, as an agent that a model may call needs it')
  const { effect } = (agent as DefinedAgent)[definition]
  return { kind: 'agent', name, description: agent.description ?? '', effect, isDeclared: true, agent }
}

/** A tool with the form of its arguments. */
interface Entry {
  readonly tool: ToolDefinition
  readonly form: Form
}

/** The tools of an agent, ready for its model. */
export class Toolbox {
  readonly tools: readonly ToolDefinition[]
  /** As models are told of them. */
  readonly offers: ModelRequest['tools']
  readonly #entries: ReadonlyMap<string, Entry>

  /** @throws ConfigurationError for arguments that JSON cannot express */
  constructor(tools: readonly ToolDefinition[]) {
    this.tools = tools
    this.#entries = new Map(tools.map((tool) => [tool.name, { tool, form: formOfTool(tool) }]))
    this.offers = [...this.#entries.values()].map(({ tool: { name, description }, form }) => ({
      name,
      description,
      input: form.schema,
    }))
  }

  /** The tool that a call means, with its arguments parsed; or what is wrong with it, in the words for the model. */
  read({ name, input }: ToolCall): { tool: ToolDefinition; reading: Reading } | { missing: string } {
    const entry = this.#entries.get(name)
    if (entry) return { tool: entry.tool, reading: readArguments(entry.form, input) }
    const names = [...this.#entries.keys()].join(', ')
    return { missing: `there is no tool "${name}": ${names === '' ? 'you have none' : `you have ${names}`}` }
  }
}

const formOfTool = (tool: ToolDefinition): Form => {
  if (tool.kind === 'function') return formOfFunction(tool)
  const { input, name } = definitionOf(tool.agent)
  const taken = takenBy(tool.agent)
  const form = formOfInput(taken, `the input of the agent "${name}"`)
  if (input || !taken) return form
  // Each part of a pattern parses for itself.
  return {
    ...form,
    read: (written) => {
      const reading = form.read(written)
      return 'faults' in reading ? reading : { value: form.unwrap(written) }
    },
  }
}

const formOfFunction = ({ name, input, told }: FunctionTool): Form =>
  told
    ? { schema: told, read: (written) => parseWith(input, written), unwrap: (written) => written }
    : formOf(input, `the input of the tool "${name}"`)

// Some providers write nothing at all for a tool without arguments.
const readArguments = (form: Form, written: string): Reading => {
  const json = readJson(written.trim() === '' ? '{}' : written)
  return 'faults' in json ? json : form.read(json.value)
}
