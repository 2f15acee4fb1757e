/**
 * Works on many items at once and gives the results in the order of the items. Bounded: at most `window` items are
 * between the source and the consumer, finished or not, and what the finished ones weigh is bounded too, so that a slow
 * item makes the source wait.
 */

/** How much at once, and when to take nothing more. */
export interface InOrderOptions<R> {
  /** Items worked on at once. */
  readonly concurrency: number
  /** Items taken from the source and not yet given on; at least `concurrency`. */
  readonly window: number
  /** What a finished result costs while it waits for its turn. Default: nothing. */
  readonly weigh?: (result: R) => number
  /** Once the finished results weigh so much together, nothing more is taken. What is in hand may still add to it. */
  readonly maxWeight?: number
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
  { concurrency, window, weigh = () => 0, maxWeight = Infinity, stop }: InOrderOptions<R>,
): AsyncGenerator<R> {
  const iterator = source[Symbol.asyncIterator]()
  const queue: Promise<R>[] = []
  const changed = signal()
  let running = 0
  let weight = 0
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
  const finished = async (item: T): Promise<R> => {
    try {
      const result = await work(item)
      weight += weigh(result)
      return result
    } finally {
      running--
      changed.wake()
    }
  }
  const start = (item: T): void => {
    running++
    queue.push(finished(item))
    changed.wake()
  }
  const hasRoom = (): boolean => running < concurrency && queue.length < window && weight < maxWeight
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
        const result = await head
        yield result
        weight -= weigh(result)
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
