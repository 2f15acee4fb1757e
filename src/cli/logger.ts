/** The system's log as people read it: warnings and errors, each in a line of text. */
import type { Logger } from '../contracts/ports.ts'
import { oneLine, speech, type Paint } from './screen.ts'

const WIDTH = 300

/** A logger that hands on its lines. */
export function lineLogger(write: (line: string) => void, paint: Paint): Logger {
  const logger: Logger = {
    debug: () => {},
    info: () => {},
    warn: (fields, text) => write(`${paint('yellow', 'warning')}  ${said(fields, text)}`),
    error: (fields, text) => write(`${paint('red', 'error')}  ${said(fields, text)}`),
    child: () => logger,
  }
  return logger
}

/** Says nothing. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
}

const said = (fields: object, text: string | undefined): string => {
  const { err, error, ...rest } = fields as Record<string, unknown>
  const cause = err ?? error
  const reason = cause instanceof Error ? `: ${cause.message}` : ''
  const known = Object.entries(rest).map(([key, value]) => `${key} ${speech(value)}`)
  const details = known.length === 0 ? '' : ` (${known.join(', ')})`
  return oneLine(`${text ?? ''}${reason}${details}`, WIDTH)
}
