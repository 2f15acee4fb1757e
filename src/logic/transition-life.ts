/** Runs `fromTransition` logic in the cell itself: it needs no actor, only a state and a function. */
import type { ActorLogic, AnyActorRef, EventObject, Snapshot } from 'xstate'
import type { Host, Life } from './life.ts'

type Transition = ActorLogic<Snapshot<unknown>, EventObject, unknown>

/** Whether logic comes from `fromTransition`: a function in `config`, and nothing to start. */
export const isTransition = (logic: object): logic is Transition =>
  'config' in logic && typeof logic.config === 'function' && !('start' in logic) && 'getInitialSnapshot' in logic

/** Its first state; a throw passes on. */
export const runTransition = (logic: Transition, host: Host, input: unknown): Life =>
  new TransitionLife(logic, host, logic.getInitialSnapshot(undefined as never, input))

class TransitionLife implements Life {
  readonly handled = true
  readonly #logic: Transition
  readonly #host: Host
  #snapshot: Snapshot<unknown>
  #cached: object | undefined

  constructor(logic: Transition, host: Host, snapshot: Snapshot<unknown>) {
    this.#logic = logic
    this.#host = host
    this.#snapshot = snapshot
  }

  receive(event: EventObject): void {
    this.#snapshot = this.#logic.transition(this.#snapshot, event, this.#scope() as never)
  }

  discard(): void {}

  snapshot(): Snapshot<unknown> {
    return this.#snapshot
  }

  persisted(): Snapshot<unknown> {
    return this.#logic.getPersistedSnapshot(this.#snapshot)
  }

  #scope(): object {
    const host = this.#host
    return (this.#cached ??= {
      get self(): AnyActorRef {
        return host.self
      },
      get system() {
        return host.self.system
      },
      id: host.id,
      sessionId: host.id,
      logger: (...args: unknown[]) => host.context.log.info({ args }, 'log'),
      defer: (fn: () => void) => queueMicrotask(fn),
      emit: (event: EventObject) => host.emitted(event),
      stopChild: () => {},
      actionExecutor: () => {},
    })
  }
}
