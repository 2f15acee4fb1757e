/** Agents with a model: their options checked and filled in, and what their model is told first. */
import type { Turns } from '../src/contracts/agents.ts'
import { ConfigurationError } from '../src/contracts/errors.ts'
import type { ModelMessage } from '../src/contracts/ports.ts'
import type { Schema } from '../src/contracts/schemas.ts'
import type { StartWork, TaskScope } from '../src/contracts/task-scope.ts'
import type { TurnsDefinition } from '../src/contracts/agent-settings.ts'
import type { ToolDefinition } from '../src/contracts/tool-definition.ts'
import type { Guard } from '../src/contracts/tools.ts'
import { formOf } from './form.ts'
import { historyOf, textOf, trimmed } from './history.ts'
import { converse } from './model-work.ts'
import { sourcesOf, toolsOf } from './toolbox.ts'
import { Toolset } from './toolset.ts'
import type { Beginning } from './transcript.ts'

/** What an agent is told beside its options of turns. */
export interface TurnsRest {
  readonly output: Schema | undefined
  readonly guard: Guard<never, never> | undefined
  /** More tools than those of its options. */
  readonly tools?: readonly ToolDefinition[] | undefined
}

/**
 * Work by turns of a model.
 * @throws ConfigurationError
 */
export const turnsOf = (
  name: string,
  options: Turns<never>,
  { output, guard, tools: more = [] }: TurnsRest,
): { work: StartWork; turns: TurnsDefinition } => {
  const { model, maxTurns = 10, repairs = 1, settings = {}, session, instructions, prompt } = options
  checkModel(name, model)
  demand(name, 'maxTurns', maxTurns, 1)
  demand(name, 'repairs', repairs, 0)
  const reads = readsOf(name, session)
  const tools = [...more, ...toolsOf(name, options.tools ?? [])]
  const sources = sourcesOf(options.tools ?? [])
  const work = converse({
    model,
    tools: new Toolset(tools, sources),
    answer: output && formOf(output, `the output of "${name}"`),
    settings,
    maxTurns,
    repairs,
    guard: guard?.tool,
    session: reads,
    begin: (input, task) => begin({ instructions, prompt, session: reads }, input, task),
  })
  return { work, turns: { model, tools, sources, maxTurns, repairs, session: reads } }
}

const readsOf = (name: string, session: Turns<never>['session']): TurnsDefinition['session'] => {
  if (session === false) return false
  const { maxTokens = 32_000, trim = 'oldest' } = session ?? {}
  demand(name, 'session.maxTokens', maxTokens, 1)
  return { maxTokens, trim }
}

const checkModel = (name: string, model: unknown): void => {
  if (typeof model === 'object' && model !== null && 'complete' in model) return
  const wayOut = "make one, with `openai('...')` of troupe/models/openai for instance, or implement `Model`"
  throw new ConfigurationError(`"${name}": \`model\` is no model; ${wayOut}`)
}

const demand = (name: string, what: string, value: number, least: number): void => {
  if (value >= least) return
  throw new ConfigurationError(`"${name}": ${what} is at least ${String(least)}, not ${String(value)}`)
}

type Asked = Pick<Turns<never>, 'instructions' | 'prompt'> & Pick<TurnsDefinition, 'session'>

/** Instructions, the task, what was said before, and what was wrong with an earlier answer. */
const begin = ({ instructions, prompt, session }: Asked, input: unknown, task: TaskScope): Beginning => {
  const told = typeof instructions === 'function' ? instructions(input as never) : instructions
  const own: ModelMessage[] = [{ role: 'user', text: prompt ? prompt(input as never) : textOf(input) }]
  const { revision } = task.meta
  if (revision) {
    own.push(
      { role: 'assistant', text: textOf(revision.previous), calls: [] },
      { role: 'user', text: revisionText(revision.faults) },
    )
  }
  const history = session ? trimmed(historyOf(task), session.maxTokens) : { kept: [], dropped: [] }
  return { instructions: told, history, own }
}

const revisionText = (faults: readonly string[]): string =>
  [
    'Your work was sent back:',
    ...faults.map((fault) => `- ${fault}`),
    'Do it again, without these faults.',
  ].join('\n')
