/** The options of a supervisor: their defaults, and what is refused when it is defined. */
import type { AnyChildSpec } from '../src/contracts/behavior.ts'
import { ConfigurationError } from '../src/contracts/errors.ts'
import type { Intensity, SupervisorOptions } from '../src/contracts/supervision.ts'
import type { RestartLimit } from '../machines/restart-window.ts'
import type { Strategy } from '../machines/supervisor-protocol.ts'
import type { Backoff } from './backoff.ts'

/** What all children of a dynamic supervisor have in common. */
export type ChildTemplate = Omit<AnyChildSpec, 'id' | 'input' | 'significant'>

/** What a supervisor is given, whatever the logic of its children. */
export interface GivenOptions extends SupervisorOptions {
  strategy?: Strategy | undefined
  children?: readonly AnyChildSpec[] | undefined
  child?: ChildTemplate | undefined
  maxChildren?: number | undefined
}

/** With the defaults filled in. */
export interface SupervisorSettings {
  readonly strategy: Strategy
  readonly limit: RestartLimit
  readonly perChild: RestartLimit | undefined
  readonly backoff: Backoff | undefined
  readonly autoShutdown: 'never' | 'any-significant' | 'all-significant'
  readonly children: readonly AnyChildSpec[]
  readonly template: ChildTemplate | undefined
  readonly maxChildren: number
}

/** @throws ConfigurationError */
export const supervisorSettings = (given: GivenOptions): SupervisorSettings => {
  const settings = {
    strategy: given.strategy ?? 'one-for-one',
    limit: limitOf(given),
    perChild: given.perChild && limitOf(given.perChild),
    backoff: given.backoff && backoffOf(given.backoff),
    autoShutdown: given.autoShutdown ?? 'never',
    children: given.children ?? [],
    template: given.child,
    maxChildren: given.maxChildren ?? Infinity,
  } as const
  demand(settings.maxChildren >= 0, 'maxChildren must not be negative')
  demand((settings.strategy === 'dynamic') === (settings.template !== undefined), 'a `child` belongs to `dynamic`')
  const ids = new Set<string>()
  for (const spec of settings.children) {
    demand(!ids.has(spec.id), `two children are named "${spec.id}"`)
    ids.add(spec.id)
    checkSpec(spec, settings)
  }
  return settings
}

/** @throws ConfigurationError when the child could never end its supervisor, though it is said to count */
export const checkSpec = (
  { id, significant, restart = 'permanent' }: AnyChildSpec,
  { autoShutdown }: Pick<SupervisorSettings, 'autoShutdown'>,
): void => {
  if (!significant) return
  demand(restart !== 'permanent', `"${id}" is permanent: it never ends by itself, so it cannot be significant`)
  demand(autoShutdown !== 'never', `"${id}" is significant, but its supervisor's autoShutdown is never`)
}

const limitOf = ({ intensity = 3, periodMs = 5_000 }: Intensity): RestartLimit => {
  demand(intensity >= 0, 'intensity must not be negative')
  demand(periodMs > 0, 'periodMs must be more than 0')
  return { intensity, periodMs }
}

const backoffOf = (given: NonNullable<SupervisorOptions['backoff']>): Backoff => {
  const { minMs = 200, jitter = 0.2 } = given
  const { maxMs = Math.max(minMs, 10_000) } = given
  const { resetMs = (minMs + maxMs) / 2 } = given
  demand(minMs >= 0 && maxMs >= minMs, 'backoff: minMs must not be negative nor more than maxMs')
  demand(jitter >= 0 && resetMs >= 0, 'backoff: jitter and resetMs must not be negative')
  return { minMs, maxMs, jitter, resetMs }
}

const demand = (holds: boolean, otherwise: string): void => {
  if (!holds) throw new ConfigurationError(otherwise)
}
