/** Ctrl-C and SIGTERM: the first one drains, the second one ends the process at once. */

/** The exit code of a command that was interrupted. */
export const INTERRUPTED = 130

/** Listens until the returned function is called. `leave` comes right before the end of the process. */
export function onInterrupt(drain: () => void, leave: () => void): () => void {
  let count = 0
  const listener = (): void => {
    if (++count === 1) return drain()
    leave()
    process.exit(INTERRUPTED)
  }
  process.on('SIGINT', listener)
  process.on('SIGTERM', listener)
  return () => {
    process.off('SIGINT', listener)
    process.off('SIGTERM', listener)
  }
}
