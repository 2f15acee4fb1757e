/** The options of a supervisor: their defaults, and what is refused when it is defined. */
import type { AnyChildSpec } from '../src/contracts/behavior.ts'
import type { Intensity, SupervisorOptions } from '../src/contracts/supervision.ts'
import type { RestartLimit } from '../machines/restart-window.ts'
import type { Strategy } from '../machines/supervisor-protocol.ts'
import type { Backoff } from './backoff.ts'
import { demand, demandNumber, demandOneOf } from './demand.ts'
import { checkSpawn, TEMPLATE } from './spawn-options.ts'

/** What all children of a dynamic supervisor have in common. */
export type ChildTemplate = Omit<AnyChildSpec, 'id' | 'input' | 'significant'>

/** What a supervisor is given, whatever the logic of its children. */
export interface GivenOptions extends SupervisorOptions {
  strategy?: Strategy | undefined
  children?: readonly AnyChildSpec[] | undefined
  child?: ChildTemplate | undefined
  maxChildren?: number | undefined
}

/** How children are restarted, with the defaults filled in; by supervisors, and by the root of a system. */
export interface RestartSettings {
  readonly limit: RestartLimit
  /** For each child as well. */
  readonly perChild: RestartLimit | undefined
  readonly backoff: Backoff | undefined
}

/** With the defaults filled in. */
export interface SupervisorSettings extends RestartSettings {
  readonly strategy: Strategy
  readonly autoShutdown: 'never' | 'any-significant' | 'all-significant'
  readonly children: readonly AnyChildSpec[]
  readonly template: ChildTemplate | undefined
  readonly maxChildren: number
}

const STRATEGIES: readonly string[] = ['one-for-one', 'one-for-all', 'rest-for-one', 'dynamic'] satisfies Strategy[]
const SHUTDOWNS: readonly string[] = ['never', 'any-significant', 'all-significant']

/** @throws ConfigurationError */
export const supervisorSettings = (given: GivenOptions): SupervisorSettings => {
  const settings = {
    ...restartSettings(given),
    strategy: given.strategy ?? 'one-for-one',
    autoShutdown: given.autoShutdown ?? 'never',
    children: given.children ?? [],
    template: given.child,
    maxChildren: given.maxChildren ?? Infinity,
  } as const
  demandOneOf('strategy', settings.strategy, STRATEGIES)
  demandOneOf('autoShutdown', settings.autoShutdown, SHUTDOWNS)
  demandNumber('maxChildren', settings.maxChildren, settings.maxChildren >= 0, '0 or more')
  demand((settings.strategy === 'dynamic') === (settings.template !== undefined), 'a `child` belongs to `dynamic`')
  if (settings.template) checkSpawn(TEMPLATE, settings.template)
  const ids = new Set<string>()
  for (const spec of settings.children) {
    demand(!ids.has(spec.id), `two children are named "${spec.id}"`)
    ids.add(spec.id)
    checkSpec(spec, settings)
  }
  return settings
}

/** @throws ConfigurationError */
export const restartSettings = ({ perChild, backoff, ...given }: SupervisorOptions): RestartSettings => ({
  limit: limitOf(given, ''),
  perChild: perChild && limitOf(perChild, 'perChild.'),
  backoff: backoff && backoffOf(backoff),
})

/** @throws ConfigurationError also when the child could never end its supervisor, though it is said to count */
export const checkSpec = (
  spec: AnyChildSpec,
  { autoShutdown }: Pick<SupervisorSettings, 'autoShutdown'>,
): void => {
  const { id, significant, restart = 'permanent' } = spec
  checkSpawn(id, spec)
  if (!significant) return
  demand(restart !== 'permanent', `"${id}" is permanent: it never ends by itself, so it cannot be significant`)
  demand(autoShutdown !== 'never', `"${id}" is significant, but its supervisor's autoShutdown is never`)
}

const limitOf = ({ intensity = 3, periodMs = 5_000 }: Intensity, of: string): RestartLimit => {
  demandNumber(`${of}intensity`, intensity, intensity >= 0, '0 or more')
  demandNumber(`${of}periodMs`, periodMs, periodMs > 0, 'more than 0')
  return { intensity, periodMs }
}

const backoffOf = (given: NonNullable<SupervisorOptions['backoff']>): Backoff => {
  const { minMs = 200, jitter = 0.2 } = given
  const { maxMs = Math.max(minMs, 10_000) } = given
  const { resetMs = (minMs + maxMs) / 2 } = given
  demandNumber('backoff.minMs', minMs, minMs >= 0 && minMs < Infinity, '0 or more, and finite')
  demandNumber('backoff.maxMs', maxMs, maxMs >= minMs, `minMs or more, which is ${String(minMs)}`)
  demandNumber('backoff.jitter', jitter, jitter >= 0 && jitter < Infinity, '0 or more, and finite')
  demandNumber('backoff.resetMs', resetMs, resetMs >= 0, '0 or more')
  return { minMs, maxMs, jitter, resetMs }
}
