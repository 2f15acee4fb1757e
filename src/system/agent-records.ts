/** What is known of agents whatever happens to their cells: circuits and figures, by path. */
import type { AgentMetrics } from '../contracts/system.ts'
import type { CircuitRecord, MetricsRecord } from '../contracts/agent-record.ts'
import { noUsage } from '../contracts/usage.ts'
import type { Cell } from './cell.ts'

export interface AgentRecord {
  readonly name: string
  readonly path: string
  readonly circuit: CircuitRecord
  readonly metrics: MetricsRecord
  /** How it stood when its cell was let go. */
  state: AgentMetrics['state'] | undefined
  /**
   * The last task that ended. V8 drops the code that it has optimized for objects of which none is left: between two
   * runs that would be all tasks.
   */
  last: object | undefined
}

/** A record for an agent that has done nothing yet. */
export const freshRecord = (name: string, path: string): AgentRecord => ({
  name,
  path,
  circuit: {
    state: 'closed',
    epoch: 0,
    failures: 0,
    trips: 0,
    openUntil: undefined,
    mode: 'normal',
    results: [],
  },
  metrics: {
    completed: 0,
    failed: 0,
    retried: 0,
    totalMs: 0,
    durationsMs: [],
    messagesIn: 0,
    messagesOut: 0,
    usage: noUsage,
  },
  state: undefined,
  last: undefined,
})

/** Whether its circuit is anything but new. */
export const isTripped = ({ circuit: { state, failures } }: AgentRecord): boolean => state !== 'closed' || failures > 0

/** How the lifecycle of an agent stands; `undefined` when nobody can say. */
export const stateOf = (cell: Cell | undefined): AgentMetrics['state'] | undefined => {
  const value = cell?.powers?.interpreter?.value as AgentMetrics['state'] | object | undefined
  return typeof value === 'object' ? 'openCircuit' : value
}
