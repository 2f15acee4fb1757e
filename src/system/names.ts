/** Names of single actors, and services that many actors stand for. Both are free before anybody hears of an end. */
import type { EventObject } from 'xstate'
import type { Receptionist } from '../contracts/actors.ts'
import { ConflictError, DeliveryError } from '../contracts/errors.ts'
import type { ActorRef, AnyRef, Service } from '../contracts/messages.ts'
import type { Unsubscribe } from '../contracts/schemas.ts'
import type { Cell, Core } from './cell.ts'

type Listener = (refs: readonly ActorRef[]) => void

export class Names implements Receptionist {
  readonly #kernel: Core
  readonly #names = new Map<string, { cell: Cell; release: () => void }>()
  readonly #services = new Map<string, Map<Cell, () => void>>()
  readonly #listeners = new Map<string, Set<Listener>>()

  constructor(kernel: Core) {
    this.#kernel = kernel
  }

  /** @throws ConflictError `NAME_TAKEN`: the first one stays */
  claim(name: string, ref: AnyRef): void {
    const cell = this.#living(ref)
    const holder = this.#names.get(name)?.cell
    if (holder === cell) return
    if (holder) throw new ConflictError(name, 'a free name', holder.ref.path, 'NAME_TAKEN')
    const release = (): void => void this.#names.delete(name)
    this.#names.set(name, { cell, release })
    ;(cell.rest.releases ??= new Set()).add(release)
  }

  free(name: string): void {
    const entry = this.#names.get(name)
    entry?.cell.more?.releases?.delete(entry.release)
    this.#names.delete(name)
  }

  /** A registered name, or a path. */
  lookup(name: string): ActorRef | undefined {
    const cell = this.#names.get(name)?.cell ?? this.#kernel.at(name)
    return cell?.alive ? (cell.ref) : undefined
  }

  register<M extends EventObject>(service: Service<M>, ref: ActorRef<M>): void {
    const cell = this.#living(ref)
    let members = this.#services.get(service.name)
    if (!members) this.#services.set(service.name, (members = new Map()))
    if (members.has(cell)) return
    const release = (): void => this.#leave(service.name, cell)
    members.set(cell, release)
    ;(cell.rest.releases ??= new Set()).add(release)
    this.#announce(service.name)
  }

  deregister<M extends EventObject>(service: Service<M>, ref: ActorRef<M>): void {
    const cell = this.#kernel.cellOf(ref)
    const release = cell && this.#services.get(service.name)?.get(cell)
    if (!release) return
    cell.more?.releases?.delete(release)
    release()
  }

  find<M extends EventObject>(service: Service<M>): readonly ActorRef<M>[] {
    return [...(this.#services.get(service.name)?.keys() ?? [])].map((cell) => cell.ref as ActorRef<M>)
  }

  subscribe<M extends EventObject>(
    service: Service<M>,
    listener: (refs: readonly ActorRef<M>[]) => void,
  ): Unsubscribe {
    let listeners = this.#listeners.get(service.name)
    if (!listeners) this.#listeners.set(service.name, (listeners = new Set()))
    const own: Listener = (refs) => listener(refs)
    listeners.add(own)
    own(this.find(service as Service<EventObject>))
    return () => void listeners.delete(own)
  }

  #leave(name: string, cell: Cell): void {
    const members = this.#services.get(name)
    members?.delete(cell)
    if (members?.size === 0) this.#services.delete(name)
    this.#announce(name)
  }

  #announce(name: string): void {
    const refs = this.find({ name, service: true }) as readonly ActorRef[]
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(refs)
      } catch (error) {
        this.#kernel.log.error({ err: error, service: name }, 'a listener of the receptionist threw')
      }
    }
  }

  #living(ref: AnyRef): Cell {
    const cell = this.#kernel.cellOf(ref)
    if (cell?.alive) return cell
    throw new DeliveryError('NO_SUCH_ACTOR', `${ref.address} has ended and cannot be registered`)
  }
}
