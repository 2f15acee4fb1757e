/** What the lifecycle of an agent knows, takes and asks for; and the arithmetic of its circuit. No states. */
import type { CircuitControl } from '../src/contracts/system.ts'

/** How the circuit stands. `isolated`, `disabled` and `metrics-only` are set by hand. */
export type CircuitState = CircuitControl['state']

/** The numbers that do not change. */
export interface AgentInput {
  /** Tasks in flight. For information: the mailbox keeps it. */
  readonly concurrency: number
  /** In a row, opens the circuit. */
  readonly failures: number
  readonly openMs: number
  readonly maxOpenMs: number
  /** Permits while half open. */
  readonly probes: number
  /** Share of bad probes that opens it again, once all have a result; 0: the first bad one does. */
  readonly missRate: number
  readonly probeTimeoutMs: number
  /** Whether a fallback answers what an open circuit refuses. */
  readonly fallback: boolean
}

/** Counters, all bounded but `running` (by the mailbox's gate) and `trips`. */
export interface AgentContext {
  readonly limits: AgentInput
  readonly circuit: CircuitState
  /** Tasks in flight. */
  readonly running: number
  /** Counted ones in a row, at most `limits.failures`. */
  readonly failures: number
  /** How often in a row it has opened; 0 once the probes were good. */
  readonly trips: number
  /** Absolute milliseconds; `undefined` while closed or isolated. */
  readonly openUntil: number | undefined
  /** Probes without a result. */
  readonly probing: number
  /** Good probes. */
  readonly passed: number
  /** Bad probes. */
  readonly missed: number
}

/** What happens to an agent. `at` is absolute milliseconds; `late`: under a permit of an older epoch. */
export type AgentEvent =
  | { readonly type: 'task.request'; readonly id: string; readonly at: number }
  // A further attempt of a task in flight.
  | { readonly type: 'attempt.requested'; readonly id: string; readonly at: number }
  | {
      readonly type: 'attempt.failed'
      readonly at: number
      /** For the circuit; one that does not count gives its permit back. */
      readonly counts: boolean
      readonly late: boolean
      readonly probe: boolean
      /** The window says so. */
      readonly trip: boolean
    }
  | {
      readonly type: 'task.settled'
      readonly at: number
      readonly failed: boolean
      /** Its last attempt was good, under a permit that it still held. */
      readonly good: boolean
      readonly late: boolean
      /** It still held a probe's permit. */
      readonly probe: boolean
      /** The window says so: too many were slow. */
      readonly trip: boolean
    }
  | { readonly type: 'open.timer'; readonly at: number }
  | { readonly type: 'probe.timer'; readonly at: number }
  | {
      readonly type: 'circuit.set'
      readonly mode: 'normal' | 'isolated' | 'disabled' | 'metrics-only'
      readonly at: number
    }
  // What was known before the agent restarted.
  | {
      readonly type: 'circuit.restored'
      readonly circuit: Exclude<CircuitState, 'half-open'>
      readonly failures: number
      readonly trips: number
      readonly openUntil: number | undefined
      readonly at: number
    }

/** What the lifecycle asks for. */
export type AgentEffect =
  | { readonly type: 'task.start'; readonly id: string; readonly probe: boolean }
  // The circuit is open, but there is a fallback.
  | { readonly type: 'task.divert'; readonly id: string; readonly retryAfterMs: number }
  | { readonly type: 'task.reject'; readonly id: string; readonly retryAfterMs: number }
  | { readonly type: 'attempt.grant'; readonly id: string; readonly probe: boolean }
  | { readonly type: 'attempt.deny'; readonly id: string; readonly retryAfterMs: number }
  // At `at` the event `<key>.timer` is due.
  | { readonly type: 'timer.arm'; readonly key: 'open' | 'probe'; readonly at: number }
  | { readonly type: 'timer.cancel'; readonly key: 'open' | 'probe' }
  | { readonly type: 'circuit.changed'; readonly from: CircuitState; readonly to: CircuitState }

/** How long it stays open this time: twice as long after each bad probe. */
export const openFor = ({ limits, trips }: AgentContext): number =>
  Math.min(limits.openMs * 2 ** trips, limits.maxOpenMs)

/** When it is worth asking again; where nobody can know, after `openMs`. */
export const retryAfter = ({ circuit, openUntil, limits }: AgentContext, at: number): number =>
  circuit === 'open' && openUntil !== undefined ? Math.max(0, openUntil - at) : limits.openMs

/** Whether its time to stay open is over. */
export const isDue = ({ openUntil }: AgentContext, at: number): boolean =>
  openUntil !== undefined && at >= openUntil

/** Whether a permit of the half-open circuit is left. */
export const hasProbeLeft = ({ probing, passed, missed, limits }: AgentContext): boolean =>
  probing + passed + missed < limits.probes

/** What a result of a probe decides. */
export const judgeProbe = (context: AgentContext, good: boolean): 'open' | 'close' | 'wait' => {
  const { missRate, probes } = context.limits
  const missed = context.missed + (good ? 0 : 1)
  if (missRate === 0 && missed > 0) return 'open'
  if (context.passed + (good ? 1 : 0) + missed < probes) return 'wait'
  return missRate > 0 && missed / probes >= missRate ? 'open' : 'close'
}

/** The state that a mode set by hand stands for. */
export const stateOf = (mode: 'normal' | 'isolated' | 'disabled' | 'metrics-only'): CircuitState =>
  mode === 'normal' ? 'closed' : mode
