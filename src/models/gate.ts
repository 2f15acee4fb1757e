/**
 * What lets the requests of a limited model pass: in flight, begun within the last minute, and by the tokens that those
 * use. Runs take turns, however many requests each of them has waiting.
 */
import { abortedBy, type CancelledError } from '../contracts/errors.ts'
import { asUnasked, type Tokens } from '../contracts/model-notes.ts'
import type { Clock, ModelRequest } from '../contracts/ports.ts'
import { tokensIn } from '../contracts/usage.ts'

/** `undefined`: without limit. */
export interface GateLimits {
  readonly requestsPerMinute?: number | undefined
  readonly tokensPerMinute?: number | undefined
  readonly concurrency?: number | undefined
}

/** The turn of one request. */
export interface Turn {
  /** What it has used; `undefined`: nobody knows, so that the estimate stays. `nothing`: it was not even asked. */
  used(tokens: Tokens | 'nothing' | undefined): void
  /** It is in flight no longer. */
  end(): void
}

const MINUTE_MS = 60_000

/** In tokens; how long an answer can become is not always known. */
interface Size {
  readonly input: number
  readonly answer: number | undefined
}

/** A request that has begun. */
interface Entry {
  readonly at: number
  tokens: number
  counts: boolean
}

interface Waiting {
  readonly run: string
  readonly size: Size
  readonly pass: (turn: Turn) => void
}

/** One for all that share limits and clock. */
export class Gate {
  readonly #limits: GateLimits
  readonly #clock: Clock
  /** What waits, by run; the first run is next. */
  readonly #runs = new Map<string, Waiting[]>()
  /** What began within the last minute, oldest first. */
  #begun: Entry[] = []
  #inFlight = 0
  #timer: unknown
  readonly #answers = { count: 0, tokens: 0 }

  constructor(limits: GateLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /** @throws CancelledError rejects with it when the signal aborts before its turn */
  enter(request: ModelRequest, signal: AbortSignal): Promise<Turn> {
    return new Promise((resolve, reject: (error: CancelledError) => void) => {
      if (signal.aborted) return reject(asUnasked(abortedBy(signal)))
      const leave = (): void => {
        this.#forget(waiting)
        reject(asUnasked(abortedBy(signal)))
      }
      const pass = (turn: Turn): void => {
        signal.removeEventListener('abort', leave)
        resolve(turn)
      }
      const waiting = { run: runOf(request), size: this.#sizeOf(request), pass }
      signal.addEventListener('abort', leave, { once: true })
      const queue = this.#runs.get(waiting.run)
      if (queue) queue.push(waiting)
      else this.#runs.set(waiting.run, [waiting])
      this.#advance()
    })
  }

  #forget(waiting: Waiting): void {
    const left = this.#runs.get(waiting.run)?.filter((other) => other !== waiting) ?? []
    if (left.length > 0) this.#runs.set(waiting.run, left)
    else this.#runs.delete(waiting.run)
    // The one behind it may be smaller.
    this.#advance()
  }

  #advance(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
    for (const [run, [first, ...others]] of this.#runs) {
      if (!first) continue
      const tokens = this.#estimate(first.size)
      if (!this.#hasRoom(tokens)) return
      // Behind all other runs.
      this.#runs.delete(run)
      if (others.length > 0) this.#runs.set(run, others)
      first.pass(this.#begin(tokens))
    }
  }

  #begin(tokens: number): Turn {
    const entry = { at: this.#clock.now(), tokens, counts: true }
    this.#begun.push(entry)
    this.#inFlight += 1
    let over = false
    return {
      used: (given) => {
        if (given === 'nothing') {
          entry.tokens = 0
          entry.counts = false
        } else if (given && given.inputTokens >= 0 && given.outputTokens >= 0) {
          entry.tokens = given.inputTokens + given.outputTokens
          this.#answers.count += 1
          this.#answers.tokens += given.outputTokens
        }
      },
      end: () => {
        if (over) return
        over = true
        this.#inFlight -= 1
        this.#advance()
      },
    }
  }

  /** Whether a request may begin now; where only time is in the way, it is tried again then. */
  #hasRoom(tokens: number): boolean {
    const { concurrency = Infinity } = this.#limits
    if (this.#inFlight >= concurrency) return false
    const now = this.#clock.now()
    this.#begun = this.#begun.filter(({ at, counts }) => counts && now - at < MINUTE_MS)
    const inTheWay = this.#lastInTheWay(tokens)
    if (!inTheWay) return true
    this.#timer = this.#clock.setTimeout(() => this.#advance(), inTheWay.at + MINUTE_MS - now)
    return false
  }

  /** The youngest of those that have to leave the minute before there is room. */
  #lastInTheWay(tokens: number): Entry | undefined {
    const { requestsPerMinute = Infinity, tokensPerMinute = Infinity } = this.#limits
    let requests = this.#begun.length
    let used = this.#begun.reduce((sum, entry) => sum + entry.tokens, 0)
    let last: Entry | undefined
    for (const entry of this.#begun) {
      if (requests < requestsPerMinute && used + tokens <= tokensPerMinute) return last
      last = entry
      requests -= 1
      used -= entry.tokens
    }
    return last
  }

  #sizeOf(request: ModelRequest): Size {
    if (this.#limits.tokensPerMinute === undefined) return { input: 0, answer: 0 }
    return { input: tokensIn(request), answer: request.settings.maxOutputTokens }
  }

  #estimate({ input, answer }: Size): number {
    const { count, tokens } = this.#answers
    return input + (answer ?? (count === 0 ? 0 : tokens / count))
  }
}

/** The key of a request is `run/task/step`, where only the run may have slashes in it. */
const runOf = ({ key }: ModelRequest): string => key.split('/').slice(0, -2).join('/') || key
