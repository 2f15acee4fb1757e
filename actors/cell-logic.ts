/** Logic of ours that only a system can run. */
import type { EventObject, Snapshot } from 'xstate'
import { incarnate, type CellLogic, type CellScope, type Incarnation } from '../src/contracts/behavior.ts'
import { NotProvidedError } from '../src/contracts/errors.ts'
import type { Behavior } from '../src/contracts/logic.ts'

/** Makes logic of what is to happen at each start. The rest of it is for XState's types: it says that it needs a system. */
export const cellLogic = <M extends EventObject, I = undefined>(
  start: (scope: CellScope<M, I>, input: I) => Incarnation<M>,
): Behavior<M, I> & CellLogic<M, I> => ({
  [incarnate]: start,
  transition: needsSystem,
  getInitialSnapshot: needsSystem,
  getPersistedSnapshot: (snapshot: Snapshot<undefined>) => snapshot,
})

const needsSystem = (): never => {
  throw new NotProvidedError('this logic runs in a system only: system.spawn(logic)')
}
