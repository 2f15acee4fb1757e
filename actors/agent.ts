/** `agent`: a contract, a way to do the work, and resilience around it. How it lives is in `agent-cell.ts`. */
import type { AnyActorLogic, InputFrom, OutputFrom } from 'xstate'
import type { Agent, AnyAgent, ByModel, ByRun, Common, Fixed, Turns } from '../src/contracts/agents.ts'
import { ConfigurationError } from '../src/contracts/errors.ts'
import type { Given, Options, Schema, Written } from '../src/contracts/schemas.ts'
import type { AgentDefinition } from '../src/contracts/agent-definition.ts'
import type { StartWork } from '../src/contracts/task-scope.ts'
import type { TurnsDefinition } from '../src/contracts/agent-settings.ts'
import { defineAgent, ofAgents, ofModels, type Making } from './definition.ts'
import { guarded } from './guarded.ts'
import { runFunction } from './run-work.ts'
import { turnsOf } from './turns.ts'

/**
 * An agent whose work is a machine or other XState logic: one instance per task, its `input` is the task's
 * input, its `output` the answer.
 */
export function agent<L extends AnyActorLogic>(
  name: string,
  options: { machine: L; run?: never; model?: never } & Common<InputFrom<L>, OutputFrom<L>>,
): Agent<InputFrom<L>, OutputFrom<L>>
/**
 * An agent whose work is a function (`run`) or turns of a model (`model`). Its input defaults to text; its
 * output to what `run` returns, with a model to text.
 */
export function agent<
  I = string,
  IS extends Schema | undefined = undefined,
  S extends Schema | undefined = undefined,
  R = string,
>(
  name: string,
  options: ByRun<IS, I, S, R> | ByModel<IS, I, S>,
): Agent<Fixed<Written<IS, I>>, Fixed<Given<S, R>>>
export function agent(name: string, given: object): AnyAgent {
  const options = given as AnyOptions
  const { input, output, listen, effect, guard } = options
  const { work, shape, turns, parts } = workOf(name, options)
  const making: Making = {
    input,
    takes: options.machine === undefined ? 'text' : 'anything',
    output,
    effect,
    guard,
    listen: listen && { topics: listen.topics ?? [], handle: listen.handle },
    work: guarded(work, guard),
    shape,
    turns,
    parts: parts ?? [],
  }
  const defaults = turns ? ofModels : ofAgents
  return defineAgent<never, unknown>(name, options as Common<never, unknown>, making, defaults)
}

type AnyOptions = Partial<
  Pick<
    ByRun<Schema | undefined, never, Schema | undefined, never>,
    'input' | 'output' | 'listen' | 'effect' | 'guard'
  >
> & { run?: unknown; machine?: unknown; model?: unknown }

type Way = Pick<AgentDefinition, 'work' | 'shape'> & Options<Pick<AgentDefinition, 'turns' | 'parts'>>

/** @throws ConfigurationError unless there is exactly one way to do the work */
const workOf = (name: string, options: AnyOptions): Way => {
  const { run, machine, model, output, guard } = options
  const ways = [run, machine, model].filter((way) => way !== undefined).length
  if (ways !== 1)
    throw new ConfigurationError(`"${name}" needs exactly one of \`run\`, \`machine\` and \`model\``)
  if (model !== undefined) {
    const { work, turns } = turnsOf(name, options as Turns<never>, { output, guard })
    return { work, shape: { kind: 'model' }, turns, parts: agentsAmong(turns) }
  }
  return run === undefined
    ? { work: runLogic(machine as AnyActorLogic), shape: { kind: 'machine' } }
    : { work: runFunction(run as Parameters<typeof runFunction>[0]), shape: { kind: 'function' } }
}

const agentsAmong = ({ tools }: TurnsDefinition): AgentDefinition['parts'] =>
  tools.flatMap((tool) => (tool.kind === 'agent' ? [{ role: 'tool', key: tool.name, agent: tool.agent }] : []))

/** One instance of the logic per attempt, in a cell of its own. */
const runLogic =
  (logic: AnyActorLogic): StartWork =>
  (input, task): ReturnType<StartWork> => {
    const id = task.execute(logic, input)
    return {
      responded: (answered, outcome) => {
        if (answered === id) task.done(outcome)
      },
    }
  }
