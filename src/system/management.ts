/** What is asked of supervisors. */
import type { EventObject } from 'xstate'
import { DeliveryError } from '../contracts/errors.ts'
import type { AnyRef } from '../contracts/messages.ts'
import { ask } from './asks.ts'
import type { Cell, Core } from './cell.ts'

/** Waits as long as the supervisor takes: children may take their time to stop. */
export const manage = async (
  kernel: Core,
  from: Cell | undefined,
  supervisor: AnyRef,
  request: EventObject & Readonly<Record<string, unknown>>,
): Promise<unknown> => {
  if (!kernel.cellOf(supervisor)?.alive) {
    throw new DeliveryError('NO_SUCH_ACTOR', `${supervisor.address} has ended`)
  }
  return ask({ kernel, from }, supervisor, request, { timeoutMs: Infinity })
}
