/** What a whole run of the command came to: how each agent did, and how the records ended. */
import type { AgentMetrics, CircuitControl } from '../contracts/system.ts'
import type { Outcome } from '../contracts/errors.ts'
import type { Durations } from './durations.ts'
import { outcomeStyle, type Paint } from './screen.ts'
import { tableOf } from './table.ts'

/** The summary as data. */
export type Summary = Readonly<{
  records: number
  ms: number
  outcomes: Readonly<Partial<Record<Outcome['status'], number>>>
  agents: readonly AgentSummary[]
}>

/** One agent's row. */
export type AgentSummary = Readonly<{
  agent: string
  done: number
  failed: number
  retried: number
  p50Ms: number | undefined
  p95Ms: number | undefined
  circuit: CircuitControl['state'] | undefined
}>

/** The row of an agent. */
export const agentSummary = (
  { agent, completed, failed, retried }: AgentMetrics,
  times: Durations | undefined,
  circuit: CircuitControl['state'] | undefined,
): AgentSummary => ({
  agent,
  done: completed,
  failed,
  retried,
  p50Ms: times?.percentile(0.5),
  p95Ms: times?.percentile(0.95),
  circuit,
})

/** The summary for people: the table of agents, then the count of each outcome. */
export function summaryOnScreen({ records, ms, outcomes, agents }: Summary, paint: Paint): string {
  const rows = agents.map(({ agent, done, failed, retried, p50Ms, p95Ms, circuit }) => [
    { text: agent, style: 'cyan' as const },
    { text: String(done) },
    { text: String(failed), ...(failed > 0 && { style: 'red' as const }) },
    { text: String(retried), ...(retried > 0 && { style: 'yellow' as const }) },
    { text: p50Ms === undefined ? '-' : `${p50Ms}` },
    { text: p95Ms === undefined ? '-' : `${p95Ms}` },
    { text: circuit ?? '-', ...(circuit && circuit !== 'closed' && { style: 'red' as const }) },
  ])
  const table = tableOf(['agent', 'done', 'failed', 'retried', 'p50 ms', 'p95 ms', 'circuit'], rows, paint)
  const counts = (Object.entries(outcomes) as [Outcome['status'], number][])
    .map(([status, count]) => `${paint(outcomeStyle(status), status)} ${count}`)
    .join(', ')
  const took = ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
  return `${table}\n\n${records} ${records === 1 ? 'record' : 'records'} in ${took}: ${counts || 'nothing to do'}\n`
}
