/**
 * Coordinated shutdown: phases in order, the tasks of a phase at the same time, each phase and the whole bounded in time.
 * It runs once; what fails or takes too long is logged, and the rest goes on. What the tasks do is not its business.
 */
import { ConfigurationError } from '../contracts/errors.ts'
import type { MaybePromise, Unsubscribe } from '../contracts/schemas.ts'
import type { Phase, SystemOptions } from '../contracts/system.ts'
import type { Kernel } from './kernel.ts'

type Task = { readonly name: string; readonly run: (signal: AbortSignal) => MaybePromise<void> }
type Options = NonNullable<SystemOptions['shutdown']>
type Status = 'completed' | 'failed' | 'timed-out'

const PHASES = ['unready', 'stop-intake', 'drain', 'hand-off', 'flush', 'stop-actors', 'disconnect', 'close'] as const
/** These two wait for actors, which have limits of their own: they get what the phases after them do not need. */
const BY_ACTORS: readonly string[] = ['drain', 'stop-actors']
const TIMEOUT_MS = 30_000
const PHASE_TIMEOUT_MS = 5_000

export class Shutdown {
  readonly #kernel: Kernel
  readonly #options: Options
  readonly #order: readonly string[]
  readonly #whenOver: () => void
  readonly #tasks = new Map<string, Set<Task>>()
  #running: Promise<void> | undefined
  readonly #begun = new Set<string>()

  /**
   * @param whenOver comes last, also after phases of one's own
   * @throws ConfigurationError for phases that wait for each other or for one that is not there, and for no time at all
   */
  constructor(kernel: Kernel, whenOver: () => void, options: Options = {}) {
    checkLimits(options)
    this.#kernel = kernel
    this.#options = options
    this.#whenOver = whenOver
    this.#order = orderOf(options.phases ?? {})
  }

  /** @throws ConfigurationError for a phase that is not there, or has begun */
  add(phase: Phase, name: string, run: Task['run']): Unsubscribe {
    if (!this.#order.includes(phase)) {
      throw new ConfigurationError(`there is no shutdown phase "${phase}"; there are: ${this.#order.join(', ')}`)
    }
    if (this.#begun.has(phase)) {
      const later = this.#order.filter((other) => !this.#begun.has(other)).join(', ') || 'none'
      throw new ConfigurationError(`the shutdown phase "${phase}" has begun; to come: ${later}`)
    }
    const task = { name, run }
    let tasks = this.#tasks.get(phase)
    if (!tasks) this.#tasks.set(phase, (tasks = new Set()))
    tasks.add(task)
    return () => void tasks.delete(task)
  }

  get started(): boolean {
    return this.#running !== undefined
  }

  run(): Promise<void> {
    return (this.#running ??= this.#all())
  }

  async #all(): Promise<void> {
    const kernel = this.#kernel
    const deadline = kernel.timers.now() + (this.#options.timeoutMs ?? TIMEOUT_MS)
    for (const phase of this.#order) {
      this.#begun.add(phase)
      const status = await this.#phase(phase, this.#limitOf(phase, deadline))
      kernel.events.emit({ type: 'shutdown.phase', at: kernel.now(), phase, status })
    }
    this.#whenOver()
  }

  #limitOf(phase: string, deadline: number): number {
    const { timeoutMs = TIMEOUT_MS, phaseTimeoutMs = PHASE_TIMEOUT_MS, phases = {} } = this.#options
    const left = Math.max(0, deadline - this.#kernel.timers.now())
    const own = phases[phase]?.timeoutMs
    if (own !== undefined || !BY_ACTORS.includes(phase)) return Math.min(left, own ?? phaseTimeoutMs)
    // One run that hangs must not cost the actors their time to stop, or a journal its flush.
    const later = this.#order.slice(this.#order.indexOf(phase) + 1)
    const working = later.filter((name) => this.#tasks.get(name)?.size).length
    return Math.max(left / 2, left - working * Math.min(phaseTimeoutMs, timeoutMs / 10))
  }

  async #phase(phase: string, limitMs: number): Promise<Status> {
    const tasks = this.#tasks.get(phase)
    if (!tasks?.size) return 'completed'
    const kernel = this.#kernel
    const abort = new AbortController()
    const open = new Set(tasks)
    let status: Status = 'completed'
    const run = async (task: Task): Promise<void> => {
      try {
        // One of its phase may have taken it back.
        if (tasks.has(task)) await task.run(abort.signal)
      } catch (error) {
        if (!abort.signal.aborted) status = 'failed'
        kernel.log.error({ err: error, phase, task: task.name }, 'a shutdown task failed')
      }
      open.delete(task)
    }
    await new Promise<void>((resolve) => {
      const timer = kernel.timers.start(kernel.now() + limitMs, () => {
        status = 'timed-out'
        abort.abort()
        const late = [...open].map(({ name }) => name)
        kernel.log.error({ phase, limitMs, tasks: late }, 'a shutdown phase took too long')
        resolve()
      })
      const finish = async (): Promise<void> => {
        await Promise.all([...open].map(run))
        kernel.timers.cancel(timer)
        resolve()
      }
      void finish()
    })
    return status
  }
}

const checkLimits = ({ timeoutMs, phaseTimeoutMs, phases = {} }: Options): void => {
  const ofPhases = Object.entries(phases).map(([phase, own]) => [`phases.${phase}.timeoutMs`, own.timeoutMs] as const)
  for (const [name, ms] of [['timeoutMs', timeoutMs], ['phaseTimeoutMs', phaseTimeoutMs], ...ofPhases] as const) {
    if (ms !== undefined && !(ms >= 0)) {
      throw new ConfigurationError(`shutdown.${name} is a number of milliseconds from 0, not ${String(ms)}`)
    }
  }
}

/** The phases in topological order: our own keep theirs, and each of the user's goes right after what it waits for. */
const orderOf = (own: Readonly<Record<string, { readonly after: readonly string[] }>>): readonly string[] => {
  const after = new Map<string, string[]>(PHASES.map((phase, i) => [phase, PHASES.slice(Math.max(0, i - 1), i)]))
  for (const [phase, { after: before }] of Object.entries(own)) {
    after.set(phase, [...(after.get(phase) ?? []), ...before])
  }
  for (const [phase, before] of after) {
    const missing = before.find((other) => !after.has(other))
    if (missing === undefined) continue
    const known = [...after.keys()].join(', ')
    throw new ConfigurationError(`the shutdown phase "${phase}" comes after "${missing}", which is not there: ${known}`)
  }
  const order: string[] = []
  const waitsFor = (phase: string): string | undefined => after.get(phase)?.find((other) => !order.includes(other))
  const waiting = new Set([...Object.keys(own), ...PHASES])
  while (waiting.size > 0) {
    const next = [...waiting].find((phase) => waitsFor(phase) === undefined)
    if (next === undefined) {
      throw new ConfigurationError(`shutdown phases wait for each other: ${circleIn(waiting, waitsFor).join(' after ')}`)
    }
    order.push(next)
    waiting.delete(next)
  }
  return order
}

/** Each of these waits for one of them: followed far enough, that leads around. */
const circleIn = (waiting: ReadonlySet<string>, waitsFor: (phase: string) => string | undefined): string[] => {
  const trail: string[] = []
  let [phase] = waiting
  while (phase !== undefined && !trail.includes(phase)) {
    trail.push(phase)
    phase = waitsFor(phase)
  }
  return phase === undefined ? trail : [...trail.slice(trail.indexOf(phase)), phase]
}
