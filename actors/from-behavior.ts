/** Logic from a function: the plainest actor. */
import type { AnyEventObject, EventObject } from 'xstate'
import type { ActorContext } from '../src/contracts/actors.ts'
import type { Behavior } from '../src/contracts/logic.ts'
import { cellLogic } from './cell-logic.ts'

/**
 * Logic from a function: `setup` runs at the start and again at a restart, and gives the handler of messages. It needs a
 * Troupe system: under plain `createActor` it is NotProvidedError.
 */
export function fromBehavior<M extends EventObject = AnyEventObject, I = undefined>(
  setup: (ctx: ActorContext<M, I>) => (message: M) => void,
): Behavior<M, I> {
  return cellLogic<M, I>((scope) => ({ receive: setup(scope) }))
}
