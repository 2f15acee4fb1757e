/** Text as it may be shown on a terminal: in lines that fit, without what could steer the terminal. */
import { inspect, styleText } from 'node:util'
import { DefectError, type Outcome, type TroupeError } from '../contracts/errors.ts'
import { placeOf } from './place.ts'
import type { Result } from './result.ts'
import { padded, startOf, widthOf } from './width.ts'

/** The colours of `util.styleText`. */
export type Style = Parameters<typeof styleText>[0]

/** Styles text for the stream that it goes to; plain for pipes and under NO_COLOR. */
export const painter =
  (stream: NodeJS.WriteStream) =>
  (style: Style, text: string): string =>
    styleText(style, text, { stream })

/** How a painter is passed on. */
export type Paint = ReturnType<typeof painter>

// Controls, and marks that reorder or hide text.
const STEERING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu

/** One line of at most `width` columns. */
export function oneLine(text: string, width: number): string {
  // Cut first: an answer may be megabytes long.
  const clean = text
    .trimStart()
    .slice(0, width * 4)
    .replace(STEERING, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return widthOf(clean) <= width ? clean : `${startOf(clean, Math.max(0, width - 1))}…`
}

/** A value as JSON to the last character, in lines of its own; what could steer the terminal is escaped. */
export const exactly = (value: unknown): string =>
  jsonOf(value).replace(STEERING, (marks) =>
    marks.replace(/[^\n]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  )

const jsonOf = (value: unknown): string => {
  try {
    return JSON.stringify(value, null, 2) ?? 'nothing'
  } catch {
    return inspect(value, { depth: Infinity })
  }
}

/** A number as people read it: 10,003. */
export const counted = (count: number): string => count.toLocaleString('en')

/** What an output says: a text, the `answer`, `text` or `message` of an object, else its JSON. */
export function speech(output: unknown): string {
  if (typeof output === 'string') return output
  if (typeof output === 'object' && output !== null) {
    const said = ['answer', 'text', 'message'].map((key) => (output as Record<string, unknown>)[key])
    const text = said.find((value) => typeof value === 'string')
    if (text !== undefined) return text
  }
  try {
    return JSON.stringify(output) ?? ''
  } catch {
    return inspect(output, { breakLength: Infinity })
  }
}

const MARKS: Readonly<Record<Outcome['status'], readonly [Style, string]>> = {
  completed: ['green', '✓'],
  failed: ['red', '✗'],
  rejected: ['yellow', '⊘'],
  exhausted: ['magenta', '∅'],
  cancelled: ['gray', '–'],
  unknown: ['magenta', '?'],
}

/** The style of an outcome's name. */
export const outcomeStyle = (status: Outcome['status']): Style => MARKS[status][0]

const ID_WIDTH = 10
const LONGEST_PATH = 50
/** Below it a result takes two lines. */
const NARROW = 60

/** One result as people read it: mark, id, path, what was said. No line is wider than `width` columns. */
export function resultOnScreen({ line, id, outcome, path }: Result, width: number, paint: Paint): string {
  const [style, mark] = MARKS[outcome.status]
  const narrow = width < NARROW
  const name = padded(
    oneLine(id === undefined || id === '' ? `line ${line}` : String(id), ID_WIDTH),
    ID_WIDTH,
  )
  const pathWidth = narrow
    ? Math.max(1, width - ID_WIDTH - 4)
    : Math.min(LONGEST_PATH, Math.round(width * 0.36))
  const way = oneLine(path.join(' → ') || '(not run)', pathWidth)
  const head = `${paint(style, mark)} ${paint('bold', name)}  `
  if (narrow) return `${head}${paint('cyan', way)}\n  ${oneLine(told(outcome), Math.max(1, width - 2))}`
  const said = oneLine(told(outcome), width - ID_WIDTH - pathWidth - 6)
  return `${head}${paint('cyan', padded(way, pathWidth))}  ${said}`
}

/** What came out of a run, in words: the answer, or why there is none. */
export const told = (outcome: Outcome): string => {
  switch (outcome.status) {
    case 'completed':
      return speech(outcome.output)
    case 'failed':
    case 'rejected':
      return `${outcome.status}: ${withPlace(outcome.error)}`
    case 'exhausted':
      return `exhausted: ${outcome.spent} of ${outcome.cap} ${outcome.what}`
    case 'cancelled':
      return `cancelled: ${outcome.reason}`
    case 'unknown':
      return `unknown: nobody knows whether "${outcome.effect.name}" was done`
  }
}

/** A defect with the line of the user's code that threw, unless its message tells it. */
const withPlace = (error: TroupeError): string => {
  const place = error instanceof DefectError ? placeOf(error.cause) : undefined
  const { message } = error
  return place === undefined || message.includes(place) ? message : `${message} (at ${place})`
}
