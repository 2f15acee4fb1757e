/**
 * `orchestrator`: a lead that hands work to delegates, as a function or as a model that has them as tools.
 */
import type {
  Agent,
  AnyAgent,
  Contract,
  Ctx,
  Fixed,
  In,
  Out,
  TaskOptions,
  Turns,
} from '../src/contracts/agents.ts'
import { ConfigurationError } from '../src/contracts/errors.ts'
import type { Given, MaybePromise, Returned, Schema, Written } from '../src/contracts/schemas.ts'
import type { StartWork } from '../src/contracts/task-scope.ts'
import type { TurnsDefinition } from '../src/contracts/agent-settings.ts'
import type { Part } from '../src/contracts/team.ts'
import { defineAgent, ofPatterns, type Defaults } from './definition.ts'
import { guarded } from './guarded.ts'
import { leading } from './lead.ts'
import { partsOf, type Branches } from './pattern.ts'
import { runFunction } from './run-work.ts'
import { agentTool } from './toolbox.ts'
import { turnsOf } from './turns.ts'

/**
 * A lead that hands work to delegates: a function with `ctx.delegate`, or a model that has them as tools.
 * It waits for open delegations. A delegate's backup is its `fallback`.
 *
 * A delegation that fails is for the lead to judge. One that it never looked at, by `await` or `catch`, fails
 * the lead, which would else give an answer that hides it. A lead that fails calls back what is open.
 * @throws ConfigurationError without delegates, without exactly one of `run` and `model`, or when a model
 * would have two tools of one name
 */
export function orchestrator<
  T extends Branches,
  I = string,
  IS extends Schema | undefined = undefined,
  S extends Schema | undefined = undefined,
  R = string,
>(
  name: string,
  options: { delegates: T } & Contract<IS, I, S, R> &
    (
      | { run: (input: Given<IS, I>, ctx: LeadCtx<T>) => Returned<S, R>; model?: never }
      | (Turns<Given<IS, I>> & { run?: never })
    ),
): Agent<Fixed<Written<IS, I>>, Fixed<Given<S, R>>>
export function orchestrator(name: string, given: object): AnyAgent {
  const options = given as AnyOptions
  const { delegates, input, output, guard, listen, run, model } = options
  if (Object.keys(delegates ?? {}).length === 0)
    throw new ConfigurationError(`"${name}" needs at least one delegate`)
  if ((run === undefined) === (model === undefined))
    throw new ConfigurationError(`"${name}" needs either \`run\` or \`model\``)
  const { work, turns } = run ? { work: byFunction(delegates, run) } : byModel(name, options)
  return defineAgent<never, unknown>(
    name,
    options,
    {
      input,
      takes: 'text',
      output,
      guard,
      listen: listen && { topics: listen.topics ?? [], handle: listen.handle },
      work: guarded(work, guard),
      turns,
      shape: { kind: 'orchestrator' },
      parts: [...partsOf('delegate', delegates), ...toolsAmong(delegates, turns)],
    },
    turns ? ofModels : ofPatterns,
  )
}

/** What the `run` of an orchestrator is given. */
export interface LeadCtx<T> extends Ctx {
  /** By key: hands over a task, and gives its answer. Rejects as `ask` does. */
  readonly delegate: {
    readonly [K in keyof T]: (input: In<T[K]>, options?: TaskOptions) => Promise<Out<T[K]>>
  }
}

type AnyContract = Contract<Schema | undefined, never, Schema | undefined, never>

type AnyOptions = { delegates: Branches; run?: Run; model?: unknown } & AnyContract

type Run = (input: never, ctx: LeadCtx<Branches>) => MaybePromise<unknown>

type Way = { readonly work: StartWork; readonly turns?: TurnsDefinition | undefined }

/** Its calls of the model may fail; the parts have limits of their own. */
const ofModels: Defaults = { ...ofPatterns, attempts: 3 }

const byFunction = (delegates: Branches, run: Run): StartWork =>
  leading(delegates, (lead) =>
    runFunction((input, ctx) => run(input, Object.assign(ctx, { delegate: lead.delegateBy(ctx.ask) }))),
  )

const byModel = (name: string, options: AnyOptions): Way => {
  const { delegates, output, guard } = options
  const tools = Object.entries(delegates).map(([key, agent]) => agentTool(agent, key))
  const { work, turns } = turnsOf(name, options as unknown as Turns<never>, { output, guard, tools })
  for (const tool of turns.tools.slice(tools.length)) {
    if (!Object.hasOwn(delegates, tool.name)) continue
    throw new ConfigurationError(`"${name}" has a delegate and a tool named "${tool.name}": give one another name`)
  }
  return { work: leading(delegates, () => work), turns }
}

/** The agents among the tools of its model that are no delegates. */
const toolsAmong = (delegates: Branches, turns: TurnsDefinition | undefined): readonly Part[] =>
  (turns?.tools ?? []).flatMap((tool) =>
    tool.kind === 'agent' && !Object.hasOwn(delegates, tool.name)
      ? [{ role: 'tool' as const, key: tool.name, agent: tool.agent }]
      : [],
  )
