/** The runs that have ended, as long as they are kept: the newest ones, up to a number and to what they weigh. */
import { Queue } from './queue.ts'

const KEPT = 1_000
/** About as many characters of input and output in all. */
const WEIGHT = 50_000_000

/** As much as is asked of a run. */
export interface Ended {
  readonly input: unknown
  readonly result: unknown
}

export class EndedRuns<R extends Ended> {
  readonly #runs = new Queue<R>()
  /** Of each, as it was when it ended. */
  readonly #weights = new Queue<number>()
  readonly #forget: (run: R) => void
  #weight = 0

  /** @param forget is called for each that is kept no longer */
  constructor(forget: (run: R) => void) {
    this.#forget = forget
  }

  add(run: R): void {
    const weight = weightOf(run)
    this.#runs.push(run)
    this.#weights.push(weight)
    this.#weight += weight
    // The last one is kept whatever it weighs.
    while (this.#runs.size > KEPT || (this.#weight > WEIGHT && this.#runs.size > 1)) {
      this.#weight -= this.#weights.shift()!
      this.#forget(this.#runs.shift()!)
    }
  }
}

const weightOf = ({ input, result }: Ended): number => weigh(input, 4) + weigh(result, 5)

const SAMPLE = 100

/** Roughly: what lies deep is not looked at, and of a long list only the beginning. */
const weigh = (value: unknown, depth: number): number => {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null || depth === 0) return 8
  if (ArrayBuffer.isView(value)) return value.byteLength
  if (Array.isArray(value)) {
    const sample = value.length > SAMPLE ? value.slice(0, SAMPLE) : value
    const sum = sample.reduce<number>((weight, item) => weight + weigh(item, depth - 1), 0)
    return value.length > SAMPLE ? (sum * value.length) / SAMPLE : sum
  }
  let weight = 0
  for (const key in value) weight += 8 + weigh((value as Record<string, unknown>)[key], depth - 1)
  return weight
}
