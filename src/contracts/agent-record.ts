/** What is kept of an agent outside any incarnation of it: its circuit and its figures. Not exported by `troupe`. */
import type { Usage } from './ports.ts'
import type { CircuitControl } from './system.ts'

/** The state of a circuit outside any incarnation. Written by the agent. */
export interface CircuitRecord {
  state: CircuitControl['state']
  epoch: number
  /** In a row, while it is closed. */
  failures: number
  trips: number
  openUntil: number | undefined
  mode: 'normal' | 'isolated' | 'disabled' | 'metrics-only'
  /** Results of the window, oldest first. */
  readonly results: { at: number; failed: boolean; slow: boolean }[]
}

/** `system.circuit(agent).set(...)`. For an agent that is not running the kernel writes the record's `mode`. */
export type CircuitSet = { readonly type: 'circuit.set'; readonly mode: CircuitRecord['mode'] }

/** What `system.metrics()` counts. */
export interface MetricsRecord {
  completed: number
  failed: number
  retried: number
  totalMs: number
  /** The last so many durations, for percentiles. */
  readonly durationsMs: number[]
  messagesIn: number
  messagesOut: number
  usage: Usage
}
