/** One line on standard error that says how far the work is. Only on a terminal, and never in the way of other text. */

/** The line. */
export interface Progress {
  /** Shows these counts, soon. */
  show(counts: { done: number; running: number }): void
  /** Takes the line away, so that something else can be written. */
  clear(): void
}

const EVERY_MS = 100
const ERASE = '\r\u001b[2K'

/** A progress line on a stream; nothing when `shown` is false. */
export function progressOn(stream: NodeJS.WritableStream, shown: boolean): Progress {
  if (!shown) return { show: () => {}, clear: () => {} }
  const startedAt = performance.now()
  let visible = false
  let lastAt = -Infinity
  return {
    show: ({ done, running }) => {
      const now = performance.now()
      if (now - lastAt < EVERY_MS) return
      lastAt = now
      visible = true
      const rate = Math.round((done / Math.max(1, now - startedAt)) * 1_000)
      stream.write(`${ERASE}${done} done, ${running} in hand, ${rate} a second`)
    },
    clear: () => {
      if (visible) stream.write(ERASE)
      visible = false
      lastAt = -Infinity
    },
  }
}
