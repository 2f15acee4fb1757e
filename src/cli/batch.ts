/** Runs an agent over the records of an input, and gives how each ended, in order. Not where the results go. */
import type { AnyAgent } from '../contracts/agents.ts'
import { outcomeOf, toTroupeError, type Outcome, type TroupeError } from '../contracts/errors.ts'
import type { Run } from '../contracts/runs.ts'
import type { System } from '../contracts/system.ts'
import { inOrder } from './in-order.ts'
import { workOf, type Item, type Work } from './item.ts'
import type { Result } from './result.ts'
import { takesText } from './team.ts'
import { trailsOf, type Trail, type Trails } from './trail.ts'

/** A batch at work. */
export interface Batch {
  /** In the order of the input. */
  readonly results: AsyncIterable<Result>
  readonly trails: Trails
  /** Started and not ended. */
  readonly running: number
  /** Takes no more records; what is in hand is finished. */
  drain(): void
  /** Takes no more records; what is in hand fails with this. */
  giveUp(error: TroupeError): void
}

/** How a batch is worked on. */
export type BatchOptions = Readonly<{ concurrency: number; limit: number }>

// Room for the fast ones behind a slow one, without keeping the whole input.
const WINDOW_PER_TASK = 16

/** Starts nothing before `results` are read. */
export function batch(
  system: System,
  agent: AnyAgent,
  items: AsyncIterable<Item>,
  options: BatchOptions,
): Batch {
  const { concurrency, limit } = options
  const stop = new AbortController()
  const trails = trailsOf(agent)
  const inHand = new Set<(error: TroupeError) => void>()
  const text = takesText(agent)

  const settled = async ({ line, id, input }: Work): Promise<Result> => {
    if ('error' in input)
      return { line, id, outcome: { status: 'failed', error: input.error }, path: [], ms: 0 }
    const startedAt = performance.now()
    const trail = trails.follow()
    const outcome = await outcomeUnlessLost(() => system.submit(agent, input.value as never), trail, inHand)
    return { line, id, outcome, path: trail.path, ms: Math.round(performance.now() - startedAt) }
  }
  return {
    trails,
    results: inOrder(firstOf(items, limit), (item) => settled(workOf(item, text)), {
      concurrency,
      window: concurrency * WINDOW_PER_TASK,
      stop: stop.signal,
    }),
    get running() {
      return inHand.size
    },
    drain: () => stop.abort(),
    giveUp: (error) => {
      stop.abort()
      for (const lose of inHand) lose(error)
    },
  }
}

/** The outcome of a run, with its trail complete; of a run that a system gave up, that error. */
const outcomeUnlessLost = async (
  submit: () => Run<unknown>,
  trail: Trail,
  inHand: Set<(error: TroupeError) => void>,
): Promise<Outcome> => {
  let lose: (error: TroupeError) => void = () => {}
  const lost = new Promise<Outcome>((resolve) => (lose = (error) => resolve(outcomeOf(error))))
  inHand.add(lose)
  try {
    const run = submit()
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

async function* firstOf<T>(items: AsyncIterable<T>, limit: number): AsyncGenerator<T> {
  if (limit === 0) return
  let taken = 0
  for await (const item of items) {
    yield item
    if (++taken >= limit) return
  }
}
