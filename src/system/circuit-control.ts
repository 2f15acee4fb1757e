/** An agent's circuit, to be looked at and set by hand. */
import type { AnyAgent } from '../contracts/agents.ts'
import type { CircuitControl } from '../contracts/system.ts'
import type { Kernel } from './kernel.ts'

export const circuitOf = (kernel: Kernel, agent: AnyAgent): CircuitControl => {
  const cell = kernel.agents.cellOf(agent)
  const { circuit } = kernel.agents.recordOf(cell)
  return {
    get state() {
      return circuit.state
    },
    get retryAfterMs() {
      return circuit.openUntil === undefined ? 0 : Math.max(0, circuit.openUntil - kernel.now())
    },
    set: (mode) => {
      if (cell.receiving) kernel.tellBare(cell, { type: 'circuit.set', mode })
      else circuit.mode = mode
    },
  }
}
