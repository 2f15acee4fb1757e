/**
 * Agents that the system was not given and that are no part of those: made for one call, say. Each has a cell while it
 * works or somebody has to do with it; of those that only wait, as many as here keep theirs.
 */
import type { AnyAgent } from '../contracts/agents.ts'
import type { AgentDefinition } from '../contracts/agent-definition.ts'
import type { AgentRecord } from './agent-records.ts'
import type { Cell } from './cell.ts'
import type { More } from './more.ts'
import { Queue } from './queue.ts'
import { isChildless } from './terminate.ts'

const KEPT = 1_000
/** For each newcomer. One leaves at the second look, so that four let the number go down again after a rush. */
const LOOKS = 4

/** An agent and what it has in the system. */
export interface Guest {
  readonly agent: AnyAgent
  readonly cell: Cell
  readonly record: AgentRecord
}

export class Guests {
  /** Those that were looked at longest ago come first, each with the messages that it had got by then. */
  readonly #waiting = new Queue<{ readonly guest: Guest; seen: number }>()
  readonly #leave: (guest: Guest) => void

  /** @param leave lets go of the cell of one that is idle, or has ended */
  constructor(leave: (guest: Guest) => void) {
    this.#leave = leave
  }

  add(guest: Guest): void {
    this.#waiting.push({ guest, seen: guest.record.metrics.messagesIn })
    for (let looks = 0; looks < LOOKS && this.#waiting.size > KEPT; looks += 1) this.#look()
  }

  #look(): void {
    const oldest = this.#waiting.shift()
    if (!oldest) return
    const { cell, record } = oldest.guest
    const { messagesIn } = record.metrics
    if (cell.state === 'terminated' || (oldest.seen === messagesIn && isIdle(cell))) return this.#leave(oldest.guest)
    oldest.seen = messagesIn
    this.#waiting.push(oldest)
  }
}

const isIdle = (cell: Cell): boolean => {
  const { listen } = cell.input as AgentDefinition
  const works = cell.ready || cell.inTurn || cell.piped > 0 || cell.mailbox.size > 0 || !isChildless(cell)
  return cell.state === 'running' && !works && !listen && !cell.gone?.length && (cell.more === undefined || !isKnown(cell.more))
}

/** Whether somebody would miss it. */
const isKnown = ({ watchers, links, live, releases }: More<Cell>): boolean =>
  Boolean(watchers?.size || links?.size || live) || (releases?.size ?? 0) > ONLY_BROADCAST

/** Every agent hears the topic of all; a name or a service comes on top of that. */
const ONLY_BROADCAST = 1
