/** What may befall the process while the command is at work: each would end it, and with it what is in hand. */

/** An accident. */
export type Accident =
  /** Something was thrown, or a promise rejected, where nobody catches it. */
  | Readonly<{ type: 'uncaught'; error: unknown }>
  /** Nothing is left that could go on: no timer, no socket, no file. */
  | Readonly<{ type: 'stuck' }>
  /** Somebody called `process.exit`: only what is done at once is still done. */
  | Readonly<{ type: 'exit' }>

/** Listens until the returned function is called. An exit that was to look like a success then is a failure. */
export function onAccident(listener: (accident: Accident) => void): () => void {
  const onUncaught = (error: unknown): void => listener({ type: 'uncaught', error })
  const onStuck = (): void => listener({ type: 'stuck' })
  const onExit = (code: number): void => {
    if (code === 0) process.exitCode = 1
    listener({ type: 'exit' })
  }
  process.on('uncaughtException', onUncaught)
  process.on('beforeExit', onStuck)
  process.on('exit', onExit)
  return () => {
    process.off('uncaughtException', onUncaught)
    process.off('beforeExit', onStuck)
    process.off('exit', onExit)
  }
}
