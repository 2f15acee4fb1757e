/** Runs an agent over the records of an input, and gives how each ended, in order. Not where the results go. */
import type { AnyAgent } from '../contracts/agents.ts'
import {
  InvalidMessageError,
  outcomeOf,
  toTroupeError,
  type Outcome,
  type TroupeError,
} from '../contracts/errors.ts'
import { describeFaults } from '../contracts/protocol.ts'
import type { Run } from '../contracts/runs.ts'
import type { System } from '../contracts/system.ts'
import { inOrder } from './in-order.ts'
import { workOf, type Item, type Work } from './item.ts'
import type { Result, Written } from './result.ts'
import { told } from './screen.ts'
import { takesText } from './takes-text.ts'
import { trailsOf, type Trail, type Trails } from './trail.ts'

/** A batch at work. */
export interface Batch {
  /** In the order of the input. */
  readonly results: AsyncIterable<Ended>
  readonly trails: Trails
  /** Started and not ended. */
  readonly running: number
  /** Ended, whether their turn has come or not. */
  readonly ended: number
  /** Of those, how many did not complete. */
  readonly failed: number
  /** Whether the input was read to its end, or to the limit. */
  readonly allTaken: boolean
  /** Takes no more records; what is in hand is finished. */
  drain(): void
  /** Takes no more records; what is in hand fails with this and is called back. */
  giveUp(error: TroupeError): void
}

/** A record that has ended. While it waits for its turn it holds the text that is written of it, and nothing else. */
export type Ended = Readonly<{
  line: number
  status: Outcome['status']
  /** Why it did not complete. */
  problem: string | undefined
  text: string
}>

/** How a batch is worked on. */
export type BatchOptions = Readonly<{
  concurrency: number
  limit: number
  /** What is written of a result. */
  write: (result: Result) => Written
}>

// Room for the fast ones behind a slow one, without keeping the whole input.
const WINDOW_PER_TASK = 16
/** Characters of finished results that wait for a slow one before them. */
const MAX_WAITING = 16 * 1024 * 1024

const OF_INPUT: readonly string[] = ['INVALID_MESSAGE', 'INVALID_INPUT']

/** Starts nothing before `results` are read. */
export function batch(
  system: System,
  agent: AnyAgent,
  items: AsyncIterable<Item>,
  options: BatchOptions,
): Batch {
  const { concurrency, limit, write } = options
  const stop = new AbortController()
  const trails = trailsOf(agent)
  const inHand = new Set<Lose>()
  const text = takesText(agent)
  let allTaken = false
  let ended = 0
  let failed = 0

  const settled = async ({ line, id, input }: Work): Promise<Result> => {
    if ('error' in input)
      return { line, id, outcome: { status: 'failed', error: input.error }, path: [], ms: 0 }
    const startedAt = performance.now()
    const trail = trails.follow()
    const outcome = await outcomeUnlessLost(() => system.submit(agent, input.value as never), trail, inHand)
    return { line, id, outcome, path: trail.path, ms: Math.round(performance.now() - startedAt) }
  }
  const endOf = async (item: Item): Promise<Ended> => {
    const written = write(await settled(workOf(item, text)))
    const { line, outcome } = written.result
    ended++
    if (outcome.status !== 'completed') failed++
    return { line, status: outcome.status, problem: problemOf(outcome), text: written.text }
  }
  return {
    trails,
    results: inOrder(
      firstOf(items, limit, () => (allTaken = true)),
      endOf,
      {
        concurrency,
        window: concurrency * WINDOW_PER_TASK,
        weigh: (result) => result.text.length,
        maxWeight: MAX_WAITING,
        stop: stop.signal,
      },
    ),
    get running() {
      return inHand.size
    },
    get ended() {
      return ended
    },
    get failed() {
      return failed
    },
    get allTaken() {
      return allTaken
    },
    drain: () => stop.abort(),
    giveUp: (error) => {
      stop.abort()
      for (const lose of inHand) lose(error)
    },
  }
}

type Lose = (error: TroupeError) => void

/** The outcome of a run, with its trail complete; of a run that was given up, that error. */
const outcomeUnlessLost = async (
  submit: () => Run<unknown>,
  trail: Trail,
  inHand: Set<Lose>,
): Promise<Outcome> => {
  let lose: Lose = () => {}
  try {
    const run = submit()
    const lost = new Promise<Outcome>((resolve) => {
      lose = (error) => {
        resolve(outcomeOf(error))
        run.cancel(error.message)
      }
    })
    inHand.add(lose)
    return await Promise.race([followed(run, trail), lost])
  } catch (error) {
    return outcomeOf(toTroupeError(error))
  } finally {
    inHand.delete(lose)
  }
}

const followed = async (run: Run<unknown>, trail: Trail): Promise<Outcome> => {
  for await (const event of run.events()) trail.add(event)
  return run.outcome
}

/** What is wrong with the record, else why the run did not complete. */
const problemOf = (outcome: Outcome): string | undefined => {
  if (outcome.status === 'completed') return undefined
  if (outcome.status === 'failed' || outcome.status === 'rejected') {
    const { error } = outcome
    if (error instanceof InvalidMessageError && OF_INPUT.includes(error.code))
      return describeFaults(error.faults)
  }
  return told(outcome)
}

async function* firstOf<T>(items: AsyncIterable<T>, limit: number, whenTaken: () => void): AsyncGenerator<T> {
  let taken = 0
  for await (const item of items) {
    // Before the last one is given away: nobody may come back for more.
    if (++taken >= limit) whenTaken()
    yield item
    if (taken >= limit) return
  }
  whenTaken()
}
