/**
 * One line on standard error that says how far the work is. Only on a terminal, never wider than it, and never in the
 * way of other text: whoever writes takes it away first, and it comes back by itself.
 */
import { counted } from './screen.ts'

/** How far the work is. */
export type Counts = Readonly<{
  done: number
  /** Of those, how many did not complete. */
  failed: number
  running: number
  /** Of the input, from 0 to 1; `undefined` where nobody knows. */
  share: number | undefined
}>

/** The line. */
export interface Progress {
  /** Takes the line away, so that something else can be written. */
  clear(): void
  /** Takes it away for good. */
  end(): void
}

/** Where a line can be drawn. */
export type Screen = Readonly<{ write: (text: string) => unknown; columns: () => number }>

// Rare enough to be read, and not to matter to whoever does the work.
const EVERY_MS = 200
const ERASE = '\r\u001b[2K'

/** No line: for pipes. */
export const noProgress: Progress = { clear: () => {}, end: () => {} }

/** Draws a line now and then until it ends. It alone does not keep the process alive. */
export function progressOn({ write, columns }: Screen, counts: () => Counts): Progress {
  const startedAt = performance.now()
  let visible = false
  const clear = (): void => {
    if (visible) write(ERASE)
    visible = false
  }
  const draw = (): void => {
    visible = true
    // The last column stays free: some terminals wrap as soon as it is filled.
    write(`${ERASE}${progressLine(counts(), performance.now() - startedAt, columns() - 1)}`)
  }
  const timer = setInterval(draw, EVERY_MS).unref()
  return {
    clear,
    end: () => {
      clearInterval(timer)
      clear()
    },
  }
}

/** What the line says after so many milliseconds: what matters most comes first, and the rest as far as it fits. */
export function progressLine({ done, failed, running, share }: Counts, ms: number, columns: number): string {
  const parts = [
    `${counted(done)} done`,
    ...(failed > 0 ? [`${counted(failed)} not completed`] : []),
    `${counted(running)} in hand`,
    ...(share === undefined ? [] : [`${Math.floor(share * 100)}% of the input`]),
    elapsed(ms),
    rate(done, ms),
  ]
  return parts.reduce((line, part) => {
    const longer = `${line}, ${part}`
    return longer.length <= columns ? longer : line
  })
}

/** 0:05, 12:30, 1:02:03. */
const elapsed = (ms: number): string => {
  const seconds = Math.floor(ms / 1_000)
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60]
  const two = (part: number): string => String(part).padStart(2, '0')
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`
}

const rate = (done: number, ms: number): string => {
  const perSecond = (done / Math.max(1, ms)) * 1_000
  if (perSecond >= 1 || done === 0) return `${counted(Math.round(perSecond))} a second`
  return `${counted(Math.round(perSecond * 60))} a minute`
}
