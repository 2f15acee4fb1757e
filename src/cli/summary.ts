/** What a whole run of the command came to: how each agent did, and how the records ended. */
import type { AgentMetrics, CircuitControl } from '../contracts/system.ts'
import type { Outcome } from '../contracts/errors.ts'
import type { Durations } from './durations.ts'
import { counted, outcomeStyle, type Paint } from './screen.ts'
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

const HEAD = ['agent', 'done', 'failed', 'retried', 'p50 ms', 'p95 ms', 'circuit']
const ORDER: readonly Outcome['status'][] = [
  'completed',
  'failed',
  'rejected',
  'exhausted',
  'cancelled',
  'unknown',
]

/** The summary for people, ended by a newline: the table of agents, then the count of each outcome. */
export function summaryOnScreen(summary: Summary, width: number, paint: Paint): string {
  const { records, ms, outcomes, agents } = summary
  const rows = agents.map(({ agent, done, failed, retried, p50Ms, p95Ms, circuit }) => [
    { text: agent, style: 'cyan' as const },
    { text: counted(done) },
    { text: counted(failed), ...(failed > 0 && { style: 'red' as const }) },
    { text: counted(retried), ...(retried > 0 && { style: 'yellow' as const }) },
    { text: p50Ms === undefined ? '-' : counted(p50Ms) },
    { text: p95Ms === undefined ? '-' : counted(p95Ms) },
    { text: circuit ?? '-', ...(circuit && circuit !== 'closed' && { style: 'red' as const }) },
  ])
  const table = agents.length === 0 ? '' : `${tableOf({ head: HEAD, rows }, width, paint)}\n\n`
  const counts = ORDER.flatMap((status) => {
    const count = outcomes[status]
    return count === undefined ? [] : [`${paint(outcomeStyle(status), status)} ${counted(count)}`]
  })
  const total = `${counted(records)} ${records === 1 ? 'record' : 'records'}`
  return `${table}${total} in ${duration(ms)}: ${counts.join(', ')}\n`
}

/** Milliseconds as people read them: 12 ms, 1.5 s, 2 min 05 s, 1 h 02 min. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  // Not 60.0 s.
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`
  const seconds = Math.round(ms / 1_000)
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60]
  const two = (part: number): string => String(part).padStart(2, '0')
  return hours > 0 ? `${counted(hours)} h ${two(minutes)} min` : `${minutes} min ${two(seconds % 60)} s`
}
