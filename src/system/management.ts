/** What is asked of supervisors. */
import type { EventObject } from 'xstate'
import { DeliveryError } from '../contracts/errors.ts'
import type { AnyRef } from '../contracts/messages.ts'
import { ask, type Outbound } from './asks.ts'

/** Waits as long as the supervisor takes: children may take their time to stop. */
export const manage = async (
  outbound: Outbound,
  supervisor: AnyRef,
  request: EventObject & Readonly<Record<string, unknown>>,
): Promise<unknown> => {
  if (!outbound.kernel.cellOf(supervisor)?.alive) {
    throw new DeliveryError('NO_SUCH_ACTOR', `${supervisor.address} has ended`)
  }
  return ask(outbound, supervisor, request, { timeoutMs: Infinity })
}
