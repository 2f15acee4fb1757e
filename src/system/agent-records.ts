/** What is known of agents whatever happens to their cells: circuits and figures, by path. */
import type { CircuitRecord, MetricsRecord } from '../contracts/tasks.ts'

export interface AgentRecord {
  readonly name: string
  readonly path: string
  readonly circuit: CircuitRecord
  readonly metrics: MetricsRecord
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
  },
  last: undefined,
})
