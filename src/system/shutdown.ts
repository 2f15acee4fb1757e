/**
 * Coordinated shutdown: phases in order, the tasks of a phase at the same time, each phase and the whole bounded in time.
 * It runs once; what fails or takes too long is logged, and the rest goes on.
 */
import { ConfigurationError } from '../contracts/errors.ts'
import type { MaybePromise, Unsubscribe } from '../contracts/schemas.ts'
import type { Phase, SystemOptions } from '../contracts/system.ts'
import type { Kernel } from './kernel.ts'

type Task = { readonly name: string; readonly run: (signal: AbortSignal) => MaybePromise<void> }
type Status = 'completed' | 'failed' | 'timed-out'

const PHASES = ['unready', 'stop-intake', 'drain', 'hand-off', 'flush', 'stop-actors', 'disconnect', 'close'] as const
/** These two wait for actors, which have limits of their own: only the whole shutdown's limit bounds them. */
const BY_ACTORS: readonly string[] = ['drain', 'stop-actors']

export class Shutdown {
  readonly #kernel: Kernel
  readonly #options: NonNullable<SystemOptions['shutdown']>
  readonly #order: readonly string[]
  readonly #tasks = new Map<string, Set<Task>>()
  #running: Promise<void> | undefined
  readonly #passed = new Set<string>()

  /** @throws ConfigurationError for phases that wait for each other, or for one that is not there */
  constructor(kernel: Kernel, options: SystemOptions['shutdown'] = {}) {
    this.#kernel = kernel
    this.#options = options
    this.#order = orderOf(options.phases ?? {})
  }

  /** @throws ConfigurationError for a phase that is not there, or is over */
  add(phase: Phase, name: string, run: Task['run']): Unsubscribe {
    if (!this.#order.includes(phase)) {
      throw new ConfigurationError(`there is no shutdown phase "${phase}"; there are: ${this.#order.join(', ')}`)
    }
    if (this.#passed.has(phase)) throw new ConfigurationError(`the shutdown phase "${phase}" is over`)
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
    const { timeoutMs = 30_000, phaseTimeoutMs = 5_000, phases = {} } = this.#options
    const kernel = this.#kernel
    const deadline = kernel.now() + timeoutMs
    for (const phase of this.#order) {
      this.#passed.add(phase)
      const left = Math.max(0, deadline - kernel.now())
      const own = BY_ACTORS.includes(phase) ? left : Math.min(left, phases[phase]?.timeoutMs ?? phaseTimeoutMs)
      const tasks = [...(this.#tasks.get(phase) ?? [])]
      const status = tasks.length === 0 ? 'completed' : await this.#phase(phase, tasks, own)
      kernel.events.emit({ type: 'shutdown.phase', at: kernel.now(), phase, status })
    }
  }

  async #phase(phase: string, tasks: readonly Task[], limitMs: number): Promise<Status> {
    const kernel = this.#kernel
    const abort = new AbortController()
    let status: Status = 'completed'
    const run = async (task: Task): Promise<void> => {
      try {
        await task.run(abort.signal)
      } catch (error) {
        if (!abort.signal.aborted) status = 'failed'
        kernel.log.error({ err: error, phase, task: task.name }, 'a shutdown task failed')
      }
    }
    await new Promise<void>((resolve) => {
      const timer = kernel.timers.start(kernel.now() + limitMs, () => {
        status = 'timed-out'
        abort.abort()
        kernel.log.error({ phase, limitMs }, 'a shutdown phase took too long')
        resolve()
      })
      const finish = async (): Promise<void> => {
        await Promise.all(tasks.map(run))
        kernel.timers.cancel(timer)
        resolve()
      }
      void finish()
    })
    return status
  }
}

/** The phases in topological order; our own keep theirs. */
const orderOf = (own: Readonly<Record<string, { readonly after: readonly string[] }>>): readonly string[] => {
  const after = new Map<string, string[]>(PHASES.map((phase, i) => [phase, PHASES.slice(Math.max(0, i - 1), i)]))
  for (const [phase, { after: before }] of Object.entries(own)) {
    after.set(phase, [...(after.get(phase) ?? []), ...before])
  }
  const order: string[] = []
  const visit = (phase: string, trail: readonly string[]): void => {
    if (order.includes(phase)) return
    if (trail.includes(phase)) {
      throw new ConfigurationError(`shutdown phases wait for each other: ${[...trail, phase].join(' after ')}`)
    }
    const before = after.get(phase)
    if (!before) throw new ConfigurationError(`there is no shutdown phase "${phase}"`)
    for (const other of before) visit(other, [...trail, phase])
    order.push(phase)
  }
  // A phase of one's own goes right after what it waits for.
  for (const phase of [...Object.keys(own), ...PHASES]) visit(phase, [])
  return order
}
