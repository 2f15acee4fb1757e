/**
 * Pools: one address in front of many actors that do the same. A message is handed on in its envelope, so that a reply
 * goes to whoever asked the pool.
 */
import type { EventObject } from 'xstate'
import type { CellScope, Incarnation } from '../src/contracts/behavior.ts'
import { ConfigurationError } from '../src/contracts/errors.ts'
import type { Behavior } from '../src/contracts/logic.ts'
import type { AnyRef, Service } from '../src/contracts/messages.ts'
import type { MessageToAny, Routees } from '../src/contracts/supervision.ts'
import { cellLogic } from './cell-logic.ts'
import { routings, type Routing, type RoutingStrategy } from './routing.ts'

/**
 * Logic that spreads messages over routees. Without any, messages are dead letters, `no-routee`. Routees that are gone
 * for good leave it; with the last one of given actors or of its own the pool ends. Its own routees are restarted.
 * @throws ConfigurationError for `consistent-hash` without `hash`, and for a size that is no number of actors
 */
export function pool<R extends Routees>(options: {
  routees: R
  /** Default `round-robin`. */
  strategy?: 'round-robin' | 'random' | 'least-loaded' | 'consistent-hash' | 'broadcast' | undefined
  /** Required by `consistent-hash`: ConfigurationError without. */
  hash?: ((message: MessageToAny<NoInfer<R>>) => string) | undefined
}): Behavior<MessageToAny<R>>
export function pool(options: PoolOptions): Behavior<EventObject> {
  const { routees, strategy = 'round-robin', hash } = options
  if (strategy === 'consistent-hash' && !hash) throw new ConfigurationError('a pool with consistent-hash needs `hash`')
  if ('size' in routees && !(Number.isInteger(routees.size) && routees.size >= 0)) {
    throw new ConfigurationError(`a pool cannot have ${routees.size} routees`)
  }
  return cellLogic<EventObject>((scope) => new Pool(scope, { ...options, strategy }))
}

interface PoolOptions {
  routees: Routees
  strategy?: RoutingStrategy | undefined
  hash?: ((message: never) => string) | undefined
}

/** What says that a routee is gone for good, also one that the pool had before a restart. Known by identity: nobody else can say so. */
const ends = new WeakMap<EventObject, AnyRef>()

class Pool implements Incarnation<EventObject> {
  readonly #scope: CellScope<EventObject>
  readonly #routing: Routing
  #routees: readonly AnyRef[] = []

  constructor(scope: CellScope<EventObject>, { routees, strategy = 'round-robin', hash }: PoolOptions) {
    this.#scope = scope
    this.#routing = routings[strategy]({
      random: () => scope.random(),
      load: (routee) => scope.queueLength(routee),
      hash: (message) => hash?.(message as never) ?? '',
    })
    if ('service' in routees) this.#follow(routees)
    else this.#take('logic' in routees ? this.#start(routees) : routees)
  }

  receive(message: EventObject): void {
    const gone = ends.get(message)
    if (gone) return this.#leave(gone)
    const chosen = this.#routees.length === 0 ? [] : this.#routing.choose(this.#routees, message)
    if (chosen.length === 0) return this.#scope.deadLetter('no-routee')
    for (const routee of chosen) this.#scope.forward(routee)
  }

  #follow(service: Service<never>): void {
    const unsubscribe = this.#scope.receptionist.subscribe(service, (listed) => this.#change(listed))
    this.#scope.signal.addEventListener('abort', unsubscribe, { once: true })
  }

  #start({ logic, size }: Extract<Routees, { readonly logic: unknown }>): readonly AnyRef[] {
    return Array.from({ length: size }, (_, n) =>
      this.#scope.children.start(logic, { id: `routee-${n + 1}`, restart: 'permanent' }),
    )
  }

  #take(routees: readonly AnyRef[]): void {
    this.#routees = routees
    for (const routee of new Set(routees)) {
      const end = { type: 'pool.routee-ended' }
      ends.set(end, routee)
      this.#scope.watch(routee, end)
    }
  }

  #leave(gone: AnyRef): void {
    this.#change(this.#routees.filter((routee) => routee !== gone))
    if (this.#routees.length === 0) this.#scope.exit()
  }

  #change(routees: readonly AnyRef[]): void {
    const stay = new Set(routees)
    for (let index = this.#routees.length - 1; index >= 0; index -= 1) {
      const routee = this.#routees[index]
      if (routee && !stay.has(routee)) this.#routing.left?.(index)
    }
    this.#routees = routees
  }
}
