/**
 * What the events of a run say about who did the work: the path it took, and how long each agent needed. Who only
 * advised (the `by` of a router) worked too, but the work was not handed to them: they are timed, not in the path.
 */
import type { AnyAgent } from '../contracts/agents.ts'
import type { RunEvent } from '../contracts/runs.ts'
import { durations, type Durations } from './durations.ts'
import { agentsOf, definitionOf } from './team.ts'

/** Follows one run. */
export interface Trail {
  add(event: RunEvent): void
  /** The agents that handled the work in the order in which they started, the root first, each named once. */
  readonly path: readonly string[]
}

/** The clockwork of all runs. */
export interface Trails {
  follow(): Trail
  /** By agent, over all runs. */
  readonly durations: ReadonlyMap<string, Durations>
  /** By agent, over all runs: how many of its calls a model has answered, not from a cache. */
  readonly modelCalls: ReadonlyMap<string, number>
}

/** Follows the runs of this agent. */
export function trailsOf(root: AnyAgent): Trails {
  const isAdviser = advisersBelow(root)
  const times = new Map<string, Durations>()
  const calls = new Map<string, number>()
  const called = (agent: string): void => void calls.set(agent, (calls.get(agent) ?? 0) + 1)
  const timed = (agent: string, ms: number): void => {
    const known = times.get(agent) ?? durations()
    times.set(agent, known)
    known.add(ms)
  }
  return { durations: times, modelCalls: calls, follow: () => trail({ isAdviser, timed, called }) }
}

interface Task {
  readonly agent: string
  readonly at: number
  /** It advises, or works for who does. */
  readonly advises: boolean
}

type Told = Readonly<{
  isAdviser: IsAdviser
  timed: (agent: string, ms: number) => void
  called: (agent: string) => void
}>

const trail = ({ isAdviser, timed, called }: Told): Trail => {
  const tasks = new Map<string, Task>()
  const path: string[] = []
  const start = ({ agent, at, taskId, parentTaskId = '' }: RunEvent): void => {
    // A further attempt at the same task.
    if (tasks.has(taskId)) return
    const parent = tasks.get(parentTaskId)
    const advises = parent !== undefined && (parent.advises || isAdviser(parent.agent, agent))
    tasks.set(taskId, { agent, at, advises })
    if (!advises && !path.includes(agent)) path.push(agent)
  }
  return {
    path,
    add: (event) => {
      if (event.type === 'task.started') start(event)
      if (event.type === 'model.ended' && !event.cached) called(event.agent)
      if (event.type !== 'task.ended') return
      const task = tasks.get(event.taskId)
      if (task) timed(task.agent, event.at - task.at)
    },
  }
}

type IsAdviser = (asker: string, agent: string) => boolean

/** Who advises whom: the `by` of each router. */
const advisersBelow = (root: AnyAgent): IsAdviser => {
  const advisers = new Map<string, ReadonlySet<string>>()
  for (const [name, agent] of agentsOf([root])) {
    const { parts } = definitionOf(agent)
    advisers.set(name, new Set(parts.filter(({ role }) => role === 'by').map((part) => part.agent.name)))
  }
  return (asker, agent) => advisers.get(asker)?.has(agent) ?? false
}
