/** A cell as running logic sees it. */
import type { AnyActorRef, EventObject, InspectionEvent } from 'xstate'
import type { ActorContext } from '../contracts/actors.ts'
import { toTroupeError } from '../contracts/errors.ts'
import type { Host } from '../logic/life.ts'
import type { Cell } from './cell.ts'
import type { Powers } from './core.ts'
import type { Timer } from './timers.ts'

export class CellHost implements Host {
  readonly #cell: Cell
  readonly #powers: Powers

  constructor(cell: Cell, powers: Powers) {
    this.#cell = cell
    this.#powers = powers
  }

  get id(): string {
    return this.#cell.name
  }

  get context(): ActorContext<EventObject, unknown> {
    return this.#powers as unknown as ActorContext<EventObject, unknown>
  }

  get inspector(): ((event: InspectionEvent) => void) | undefined {
    return this.#cell.kernel.inspector
  }

  get self(): AnyActorRef {
    return this.#cell.kernel.live(this.#cell) as unknown as AnyActorRef
  }

  startTimer(at: number, fire: () => void): unknown {
    const cell = this.#cell
    const powers = this.#powers
    // Once it is ending its logic is over, though its children may take their time to go.
    return cell.kernel.timers.start(at, () => cell.signal(() => !powers.over && cell.receiving && fire()))
  }

  cancelTimer(timer: unknown): void {
    this.#cell.kernel.timers.cancel(timer as Timer)
  }

  ended(result: { output: unknown } | { error: unknown }): void {
    if (this.#powers.over) return
    const cell = this.#cell
    if ('output' in result) cell.output = result.output
    const error = 'error' in result ? toTroupeError(result.error) : undefined
    cell.kernel.requestExit(cell, error ? { type: 'error', error } : { type: 'normal' })
  }

  changed(): void {
    this.#cell.more?.live?.changed()
  }

  emitted(event: EventObject): void {
    this.#cell.more?.live?.emitted(event)
  }

  undeliverable(event: EventObject): void {
    const { kernel } = this.#cell
    const mail = kernel.mail(event, this.#cell)
    kernel.sent += 1
    kernel.deadLetter(mail, this.#cell, 'stopped')
  }
}
