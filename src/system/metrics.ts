/** What each agent has done so far. */
import type { AgentMetrics } from '../contracts/system.ts'
import { stateOf } from './agent-records.ts'
import type { Kernel } from './kernel.ts'

export const metricsOf = (kernel: Kernel): readonly AgentMetrics[] =>
  [...kernel.agents.records.values()].map(({ name, path, metrics, state }) => {
    const cell = kernel.at(path)
    const { completed, failed, retried, totalMs, durationsMs, messagesIn, messagesOut, usage } = metrics
    const ended = completed + failed
    const sorted = durationsMs.toSorted((a, b) => a - b)
    return {
      agent: name,
      state: stateOf(cell) ?? state ?? 'failed',
      running: cell?.children?.size ?? 0,
      queued: cell?.mailbox.size ?? 0,
      completed,
      failed,
      retried,
      totalMs,
      averageMs: ended === 0 ? 0 : totalMs / ended,
      p95Ms: sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] ?? 0,
      messagesIn,
      messagesOut,
      usage,
    }
  })
