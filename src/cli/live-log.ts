/** What goes wrong in a system and how it is mended, as it happens: a line for each event that a watcher wants to see. */
import type { Outcome } from '../contracts/errors.ts'
import type { SystemEvent } from '../contracts/system.ts'
import { oneLine, outcomeStyle, type Paint, type Style } from './screen.ts'
import { padded } from './width.ts'

type Entry = readonly [style: Style, who: string, what: string]

const NAME_WIDTH = 16
const TIME_WIDTH = 8
/** Below it an event takes two lines. */
const NARROW = 60

/** How a log is shown. `startedAt`: milliseconds since the epoch. No line is wider than `columns`. */
export type LogStyle = Readonly<{ startedAt: number; paint: Paint; columns: number }>

/** The line for an event; nothing for what goes well. */
export function logLine(event: SystemEvent, { startedAt, paint, columns }: LogStyle): string | undefined {
  const entry = entryOf(event)
  if (!entry) return undefined
  const [style, who, what] = entry
  const at = 'at' in event ? `+${((event.at - startedAt) / 1_000).toFixed(2)} s` : ''
  const name = padded(oneLine(who, NAME_WIDTH), NAME_WIDTH)
  const head = `${paint('dim', at.padStart(TIME_WIDTH))}  ${paint('bold', name)}`
  if (columns < NARROW) return `${head}\n  ${paint(style, oneLine(what, columns - 2))}`
  return `${head}  ${paint(style, oneLine(what, columns - NAME_WIDTH - TIME_WIDTH - 4))}`
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
