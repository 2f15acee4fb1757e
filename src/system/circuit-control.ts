/** An agent's circuit, to be looked at and set by hand. */
import type { AnyAgent } from '../contracts/agents.ts'
import type { CircuitControl } from '../contracts/system.ts'
import type { CircuitRecord } from '../contracts/agent-record.ts'
import type { Kernel } from './kernel.ts'

export const circuitOf = (kernel: Kernel, agent: AnyAgent): CircuitControl => {
  // Each time anew: one that the system was not given may have left, and is then as good as new.
  const circuit = (): CircuitRecord => kernel.agents.recordOf(kernel.agents.cellOf(agent)).circuit
  return {
    get state() {
      return circuit().state
    },
    get retryAfterMs() {
      const { openUntil } = circuit()
      return openUntil === undefined ? 0 : Math.max(0, openUntil - kernel.timers.now())
    },
    set: (mode) => {
      const cell = kernel.agents.cellOf(agent)
      if (cell.receiving) kernel.tellBare(cell, { type: 'circuit.set', mode })
      else circuit().mode = mode
    },
  }
}
