/** Waits that end: by a signal, or by time. */
import { abortedBy, TimeoutError, TroupeError } from '../contracts/errors.ts'
import type { Clock } from '../contracts/ports.ts'

/** Settles with the promise, or rejects when the signal aborts; what comes after that is left. */
export const unlessAborted = async <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> => {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(reasonOf(signal))
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** How long something may take, and who may give it up before. */
export interface Bounds {
  readonly clock: Clock
  readonly limitMs: number
  readonly signal: AbortSignal
  /** What it is, for people, when it is too late. */
  readonly what: () => string
}

/** @throws TimeoutError rejects with it, or with what `signal` was aborted with */
export const within = async <T>(
  { clock, limitMs, signal, what }: Bounds,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const late = new AbortController()
  const timer = clock.setTimeout(() => late.abort(new TimeoutError(what(), limitMs)), limitMs)
  const both = AbortSignal.any([signal, late.signal])
  try {
    return await unlessAborted(work(both), both)
  } catch (thrown) {
    // Whoever is told by a signal to stop may say so in words of its own.
    throw both.aborted ? reasonOf(both) : thrown
  } finally {
    clock.clearTimeout(timer)
  }
}

const reasonOf = (signal: AbortSignal): TroupeError =>
  signal.reason instanceof TroupeError ? signal.reason : abortedBy(signal)
