/** A warning that an agent has more tools than its model chooses well among. */
import type { Logger } from '../src/contracts/ports.ts'

const MANY = 8

/** Warns from 9 tools on. */
export const warnOfMany = (log: Logger, agent: string, tools: number): void => {
  if (tools <= MANY) return
  log.warn({ agent, tools }, 'models choose badly among many tools: divide them among agents')
}
