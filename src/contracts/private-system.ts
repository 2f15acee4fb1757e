/**
 * How `agent.logic` reaches a system: agents may not import the kernel, so the kernel puts its way to run one agent
 * once here when it is loaded. Not exported by `troupe`.
 */
import type { AnyAgent } from './agents.ts'
import { NotProvidedError, type Outcome } from './errors.ts'

/** Runs an agent once in a system of its own, in memory, which stops when the outcome is there. */
export type PrivateSystem = (agent: AnyAgent, input: unknown) => PrivateRun

/** One such run. */
export interface PrivateRun {
  /** Never rejects. */
  readonly outcome: Promise<Outcome>
  cancel(reason: string): void
}

let provided: PrivateSystem | undefined

/** Called once by the kernel. */
export const providePrivateSystem = (system: PrivateSystem): void => {
  provided = system
}

/** @throws NotProvidedError when the kernel is not loaded */
export const privateSystem = (): PrivateSystem => {
  if (!provided) throw new NotProvidedError('`agent.logic` needs the runtime: import `troupe` first')
  return provided
}
