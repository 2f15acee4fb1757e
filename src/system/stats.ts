/** The account of a system's messages. What is queued is counted where it lies, so that the account can be checked. */
import type { System } from '../contracts/system.ts'
import type { Cell } from './cell.ts'
import type { Kernel } from './kernel.ts'

export const statsOf = (kernel: Kernel): ReturnType<System['stats']> => ({
  sent: kernel.sent,
  handled: kernel.handled,
  expired: kernel.expired,
  deadLettered: kernel.deadLettered,
  queued: queuedBelow(kernel.root),
  actors: kernel.actors,
  runs: kernel.runs.inFlight,
})

const queuedBelow = (cell: Cell): number => {
  let queued = cell.mailbox.size + (cell.more?.stash?.length ?? 0)
  if (cell.mail && cell.kernel.fate !== 'kept') queued += 1
  for (const child of cell.children ?? []) queued += queuedBelow(child)
  return queued
}
