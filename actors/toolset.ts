/** All tools of one agent: its own, and those of servers, which are known only once they are asked for. */
import type { FunctionTool, ToolDefinition } from '../src/contracts/tool-definition.ts'
import type { ToolSource } from '../src/contracts/tool-source.ts'
import type { TaskScope } from '../src/contracts/task-scope.ts'
import { warnOfMany } from './many-tools.ts'
import { Toolbox } from './toolbox.ts'

type Lists = readonly (readonly FunctionTool[])[]

/** The tools of an agent. */
export class Toolset {
  readonly #own: readonly ToolDefinition[]
  readonly #sources: readonly ToolSource[]
  #lists: Lists = []
  #toolbox: Toolbox

  /** @throws ConfigurationError for arguments that JSON cannot express */
  constructor(own: readonly ToolDefinition[], sources: readonly ToolSource[]) {
    this.#own = own
    this.#sources = sources
    this.#toolbox = new Toolbox(own)
  }

  /** Those that need not be asked for; `undefined` where others are to be. */
  get ready(): Toolbox | undefined {
    return this.#sources.length === 0 ? this.#toolbox : undefined
  }

  /** All of them, as they are now. @throws a TroupeError rejects with it */
  async open(task: TaskScope, signal: AbortSignal): Promise<Toolbox> {
    const { clock, log } = task.cell
    const lists = await Promise.all(
      this.#sources.map((source) => source.tools({ holder: task.cell.hold(source), clock, log, signal })),
    )
    if (lists.every((list, i) => list === this.#lists[i])) return this.#toolbox
    const tools = [...this.#own, ...named(lists.flat(), this.#own)]
    warnOfMany(log, task.definition.name, tools.length)
    this.#lists = lists
    this.#toolbox = new Toolbox(tools)
    return this.#toolbox
  }
}

/** Under names that providers take and nobody else has. What can keep its name keeps it. */
const named = (tools: readonly FunctionTool[], own: readonly ToolDefinition[]): readonly FunctionTool[] => {
  const taken = new Set(own.map(({ name }) => name))
  const names = new Map<FunctionTool, string>()
  const isSafe = ({ name }: FunctionTool): boolean => name === safe(name)
  for (const tool of [...tools.filter(isSafe), ...tools.filter((tool) => !isSafe(tool))]) {
    const name = free(safe(tool.name), taken)
    taken.add(name)
    names.set(tool, name)
  }
  return tools.map((tool) => ({ ...tool, name: names.get(tool) ?? tool.name }))
}

const MOST_CHARS = 64

const safe = (name: string): string => name.replaceAll(/[^\w-]/g, '_').slice(0, MOST_CHARS) || '_'

const free = (name: string, taken: ReadonlySet<string>): string => {
  let unique = name
  for (let n = 2; taken.has(unique); n += 1) {
    const end = `_${String(n)}`
    unique = name.slice(0, MOST_CHARS - end.length) + end
  }
  return unique
}
