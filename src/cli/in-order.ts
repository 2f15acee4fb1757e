/**
 * Works on many items at once and gives the results in the order of the items. Bounded: at most `window` items are
 * between the source and the consumer, finished or not, so that a slow item makes the source wait.
 */

/** How much at once, and when to take nothing more. */
export interface InOrderOptions {
  /** Items worked on at once. */
  readonly concurrency: number
  /** Items taken from the source and not yet given on; at least `concurrency`. */
  readonly window: number
  /** Ends the reading: what was taken is finished. */
  readonly stop: AbortSignal
}

/**
 * The results of `work`, in order. `work` must not reject. An error of the source comes after the results of what was
 * read before it.
 */
export async function* inOrder<T, R>(
  source: AsyncIterable<T>,
  work: (item: T) => Promise<R>,
  { concurrency, window, stop }: InOrderOptions,
): AsyncGenerator<R> {
  const iterator = source[Symbol.asyncIterator]()
  const queue: Promise<R>[] = []
  const changed = signal()
  let running = 0
  let state: 'reading' | 'done' | { failed: unknown } = 'reading'
  let halted = stop.aborted
  let halt: () => void = () => {}
  const onStop = (): void => {
    halted = true
    halt()
    changed.wake()
  }
  stop.addEventListener('abort', onStop, { once: true })

  // Not a race with a promise that lives as long as the input: each race would leave a reaction on it.
  const nextItem = (): Promise<IteratorResult<T> | undefined> =>
    new Promise((resolve, reject) => {
      halt = () => resolve(undefined)
      iterator.next().then(resolve, reject)
    })
  const start = (item: T): void => {
    running++
    queue.push(
      work(item).finally(() => {
        running--
        changed.wake()
      }),
    )
    changed.wake()
  }
  const hasRoom = (): boolean => running < concurrency && queue.length < window
  const read = async (): Promise<void> => {
    while (!halted) {
      if (!hasRoom()) {
        await changed.next()
        continue
      }
      const next = await nextItem()
      if (halted || !next || next.done) return
      start(next.value)
    }
  }
  const reading = read().then(
    () => (state = 'done'),
    (error: unknown) => (state = { failed: error }),
  )
  void reading.finally(changed.wake)

  try {
    for (;;) {
      const head = queue[0]
      if (head) {
        // The place is free once the consumer has come back for the next result.
        yield await head
        void queue.shift()
        changed.wake()
      } else if (state === 'reading') await changed.next()
      else break
    }
    if (typeof state === 'object') throw (state as { failed: unknown }).failed
  } finally {
    stop.removeEventListener('abort', onStop)
    onStop()
    // Not awaited: a source that waits for its next chunk would never answer.
    void iterator.return?.().catch(() => {})
  }
}

/** Wakes whoever waits; a wake without a waiter is kept by nobody, so waiters look before they wait. */
const signal = (): { wake: () => void; next: () => Promise<void> } => {
  let waiting: (() => void)[] = []
  return {
    wake: () => {
      const all = waiting
      waiting = []
      for (const resolve of all) resolve()
    },
    next: () => new Promise((resolve) => waiting.push(resolve)),
  }
}
