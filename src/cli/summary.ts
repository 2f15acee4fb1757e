/** What a whole run of the command came to: how each agent did, and how the records ended. */
import type { AgentMetrics, CircuitControl } from '../contracts/system.ts'
import type { Outcome } from '../contracts/errors.ts'
import type { Usage } from '../contracts/ports.ts'
import { addUsage, noUsage } from '../contracts/usage.ts'
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
  /** What it used of a model; `usd` is missing when that is not known. */
  model?: Readonly<{ calls: number }> & Usage
}>

/** What is known of an agent beside its metrics. */
export type Observed = Readonly<{
  times: Durations | undefined
  circuit: CircuitControl['state'] | undefined
  /** Calls that a model answered. */
  calls: number | undefined
}>

/** The row of an agent. */
export const agentSummary = (
  { agent, completed, failed, retried, usage }: AgentMetrics,
  { times, circuit, calls = 0 }: Observed,
): AgentSummary => ({
  agent,
  done: completed,
  failed,
  retried,
  p50Ms: times?.percentile(0.5),
  p95Ms: times?.percentile(0.95),
  circuit,
  // A call that failed may have used tokens all the same.
  ...((calls > 0 || usage.inputTokens > 0) && { model: { calls, ...usage } }),
})

const HEAD = ['agent', 'done', 'failed', 'retried', 'p50 ms', 'p95 ms']
const OF_MODELS = ['calls', 'tokens in', 'tokens out', 'cost']
const ORDER: readonly Outcome['status'][] = [
  'completed',
  'failed',
  'rejected',
  'exhausted',
  'cancelled',
  'unknown',
]

/**
 * The summary for people, ended by a newline: the table of agents, what was used of models, then the count of
 * each outcome.
 */
export function summaryOnScreen(summary: Summary, width: number, paint: Paint): string {
  const { records, ms, outcomes, agents } = summary
  const used = agents.flatMap(({ model }) => (model ? [model] : []))
  // Where no cost is known one word says it for all.
  const ofModels = used.length === 0 ? [] : OF_MODELS.slice(0, used.some(isPriced) ? undefined : -1)
  const rows = agents.map(({ agent, done, failed, retried, p50Ms, p95Ms, circuit, model }) => [
    { text: agent, style: 'cyan' as const },
    { text: counted(done) },
    { text: counted(failed), ...(failed > 0 && { style: 'red' as const }) },
    { text: counted(retried), ...(retried > 0 && { style: 'yellow' as const }) },
    { text: p50Ms === undefined ? '-' : counted(p50Ms) },
    { text: p95Ms === undefined ? '-' : counted(p95Ms) },
    ...figuresOf(model).slice(0, ofModels.length),
    { text: circuit ?? '-', ...(circuit && circuit !== 'closed' && { style: 'red' as const }) },
  ])
  const head = [...HEAD, ...ofModels, 'circuit']
  const table = agents.length === 0 ? '' : `${tableOf({ head, rows }, width, paint)}\n\n`
  const counts = ORDER.flatMap((status) => {
    const count = outcomes[status]
    return count === undefined ? [] : [`${paint(outcomeStyle(status), status)} ${counted(count)}`]
  })
  const total = `${counted(records)} ${records === 1 ? 'record' : 'records'}`
  const spent = used.length === 0 ? '' : `${spentIn(used)}\n`
  return `${table}${spent}${total} in ${duration(ms)}: ${counts.join(', ')}\n`
}

type Used = NonNullable<AgentSummary['model']>

const isPriced = ({ usd }: Used): boolean => usd !== undefined

const figuresOf = (model: Used | undefined): { text: string }[] =>
  model
    ? [counted(model.calls), counted(model.inputTokens), counted(model.outputTokens), dollars(model.usd)].map(
        (text) => ({ text }),
      )
    : OF_MODELS.map(() => ({ text: '-' }))

const spentIn = (used: readonly Used[]): string => {
  const calls = used.reduce((sum, model) => sum + model.calls, 0)
  const { inputTokens, outputTokens, usd } = used.reduce<Usage>(addUsage, noUsage)
  const tokens = `${counted(inputTokens)} tokens in, ${counted(outputTokens)} out`
  const cost = usd === undefined ? 'cost unknown' : dollars(usd)
  return `${counted(calls)} ${calls === 1 ? 'call' : 'calls'} of models: ${tokens}, ${cost}`
}

// To a cent, and what is less than ten of them to its first two figures: $1.25, $0.0042.
const money = new Intl.NumberFormat('en', {
  style: 'currency',
  currency: 'USD',
  maximumFractionDigits: 2,
  minimumSignificantDigits: 2,
  maximumSignificantDigits: 2,
  roundingPriority: 'morePrecision',
})

const dollars = (usd: number | undefined): string => (usd === undefined ? 'unknown' : money.format(usd))

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
