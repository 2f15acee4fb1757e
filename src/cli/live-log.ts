/** What goes wrong in a system and how it is mended, as it happens: a line for each event that a watcher wants to see. */
import type { Outcome } from '../contracts/errors.ts'
import type { SystemEvent } from '../contracts/system.ts'
import { oneLine, outcomeStyle, type Paint, type Style } from './screen.ts'

type Entry = readonly [style: Style, who: string, what: string]

const NAME_WIDTH = 16

/** The line for an event; nothing for what goes well. `startedAt`: milliseconds since the epoch. */
export function logLine(
  event: SystemEvent,
  startedAt: number,
  paint: Paint,
  width = 120,
): string | undefined {
  const entry = entryOf(event)
  if (!entry) return undefined
  const [style, who, what] = entry
  const at = 'at' in event ? `+${((event.at - startedAt) / 1_000).toFixed(2)} s` : ''
  const name = oneLine(who, NAME_WIDTH).padEnd(NAME_WIDTH)
  return `${paint('dim', at.padStart(8))}  ${paint('bold', name)}  ${paint(style, oneLine(what, width - NAME_WIDTH - 12))}`
}

const entryOf = (event: SystemEvent): Entry | undefined => {
  switch (event.type) {
    case 'task.retried':
      return ['yellow', event.agent, `tries again in ${Math.round(event.delayMs)} ms: ${event.error.message}`]
    case 'task.ended':
      return event.outcome.status === 'completed'
        ? undefined
        : [outcomeStyle(event.outcome.status), event.agent, ending(event.outcome)]
    case 'decision.made':
      return event.kind === 'fallback' ? ['blue', event.agent, fallingBack(event)] : undefined
    case 'circuit.changed':
      return [event.to === 'closed' ? 'green' : 'red', event.agent, `circuit: ${event.from} → ${event.to}`]
    case 'actor.restarted':
      return ['green', event.ref.path, `restarted, generation ${event.generation}`]
    case 'actor.start-failed':
      return ['red', event.ref.path, `did not start: ${event.error.message}`]
    case 'message.failed':
      return ['red', event.ref.path, `crashed on "${event.message.type}": ${event.error.message}`]
    case 'supervisor.gave-up':
      return ['red', event.ref.path, `gave up: ${event.error.message}`]
    case 'message.dead':
      return [
        'yellow',
        pathOf(event.letter.message.to),
        `dead letter "${event.letter.message.type}": ${event.letter.reason}`,
      ]
    default:
      return undefined
  }
}

const pathOf = (address: string): string => address.replace(/^troupe:\/\/[^/]*/, '')

const fallingBack = ({ chosen, reason }: { chosen: string; reason?: string | undefined }): string =>
  `falls back to ${chosen}${reason === undefined ? '' : `: ${reason}`}`

const ending = (outcome: Outcome): string =>
  outcome.status === 'failed' || outcome.status === 'rejected'
    ? `${outcome.status}: ${outcome.error.message}`
    : outcome.status
