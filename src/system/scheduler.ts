/**
 * Gives each ready actor its turn: a batch of messages, then the next actor, and after a slice of time the event loop.
 * So endless ping-pong starves neither timers nor third actors, and nobody's handler runs on the sender's stack.
 */
import { Queue } from './queue.ts'

const BATCH = 20
const SLICE_MS = 2
/** How many messages pass between two looks at the time. */
const LOOK_EVERY = 64
const SOON = Promise.resolve()

/** Something that can be ready. */
export interface Runnable {
  /** Set while it waits in the run queue. */
  ready: boolean
  /** Handles at most `batch` messages and tells how many; it stays ready while there is more. */
  turn(batch: number): number
  readonly pending: boolean
}

export class Scheduler {
  readonly #queue = new Queue<Runnable>()
  /** Whether a slice is about to begin. */
  scheduled = false
  running = false
  #halted = false
  #sinceLook = 0
  #sliceStart = performance.now()
  readonly #timed: () => void

  /** @param timed is told when actors begin to run, now and then while they do, and when they are done */
  constructor(timed: () => void) {
    this.#timed = timed
  }

  /** Whether some actor waits for its turn. */
  get busy(): boolean {
    return this.#queue.size > 0
  }

  ready(runnable: Runnable): void {
    if (runnable.ready || this.#halted) return
    runnable.ready = true
    this.#queue.push(runnable)
    if (!this.scheduled && !this.running) this.#schedule()
  }

  /** Nothing runs any more. */
  halt(): void {
    this.#halted = true
    for (const runnable of this.#queue.drain()) runnable.ready = false
  }

  /** Microtasks are quick but starve the event loop: past a slice the rest waits for its next turn. */
  #schedule(): void {
    this.scheduled = true
    if (this.#overSlice()) setImmediate(this.#afterLoop)
    // Much cheaper than `queueMicrotask`, which makes an asynchronous resource for each call.
    else void SOON.then(this.#run)
  }

  #overSlice(): boolean {
    this.#sinceLook += 1
    if (this.#sinceLook < LOOK_EVERY) return false
    this.#sinceLook = 0
    if (this.running) this.#timed()
    return performance.now() - this.#sliceStart > SLICE_MS
  }

  readonly #afterLoop = (): void => {
    this.#sliceStart = performance.now()
    this.#run()
  }

  readonly #run = (): void => {
    this.scheduled = false
    this.running = true
    this.#timed()
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        next.ready = false
        this.#sinceLook += next.turn(BATCH)
        if (next.pending) this.ready(next)
        if (this.#queue.size > 0 && this.#sinceLook >= LOOK_EVERY && this.#overSlice()) break
      }
    } finally {
      this.running = false
      this.#timed()
      if (this.#queue.size > 0) this.#yield()
    }
  }

  #yield(): void {
    this.scheduled = true
    setImmediate(this.#afterLoop)
  }
}
