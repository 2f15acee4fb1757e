/** The graph of a plan: what is wrong with it, what can start, what a failure takes down. No statechart. */
import type { Fault, Outcome } from '../src/contracts/errors.ts'

/** One subtask of a plan. */
export interface PlanStep {
  readonly id: string
  /** The worker that it is for. */
  readonly to: string
  readonly input: unknown
  /** Ids of those that have to complete first. */
  readonly after: readonly string[]
  readonly complexity: number
}

/** How a subtask ended. */
export interface PlanDone {
  readonly id: string
  readonly to: string
  readonly outcome: Outcome
}

/** How subtasks of one plan have ended, by id. */
export type PlanResults = Readonly<Record<string, Outcome>>

/** What a plan has to fit. */
export interface PlanTerms {
  readonly workers: readonly string[]
  /** How the subtasks of earlier rounds ended. */
  readonly earlier: readonly PlanDone[]
}

/** Everything that keeps a plan from being carried out, each with its path. */
export const faultsOfPlan = (
  steps: readonly PlanStep[],
  { workers, earlier }: PlanTerms,
): readonly Fault[] => {
  const places = new Map<string, number>()
  for (const [at, { id }] of steps.entries()) if (!places.has(id)) places.set(id, at)
  const ended = new Map(earlier.map(({ id, outcome }) => [id, outcome.status]))
  const faults: Fault[] = []
  for (const [at, { id, to, after }] of steps.entries()) {
    const add = (path: string, message: string) => faults.push({ path: `${String(at)}.${path}`, message })
    const place = places.get(id)
    if (place !== at) add('id', `"${id}" is the id of subtask ${String(place)} too`)
    if (ended.get(id) === 'completed') add('id', `"${id}" has completed in an earlier round`)
    if (!workers.includes(to)) add('to', `there is no worker "${to}"; there are: ${workers.join(', ')}`)
    for (const [index, needed] of after.entries()) {
      const status = places.has(needed) ? 'completed' : ended.get(needed)
      if (status !== 'completed') add(`after.${String(index)}`, missing(needed, status))
    }
  }
  return [...faults, ...cyclesIn(steps, places)]
}

const missing = (id: string, status: string | undefined): string =>
  status === undefined
    ? `there is no subtask "${id}", in this round or an earlier one`
    : `"${id}" ended ${status} in an earlier round: plan it again, or do not wait for it`

/** Written `a -> b -> a`: a waits for b, which waits for a. Of cycles that share a subtask one is enough. */
const cyclesIn = (steps: readonly PlanStep[], places: ReadonlyMap<string, number>): Fault[] => {
  const knot = knotOf(steps)
  const seen = new Set<string>()
  const faults: Fault[] = []
  for (const { id } of steps) {
    const path: string[] = []
    let next: string | undefined = id
    while (next !== undefined && !seen.has(next)) {
      seen.add(next)
      path.push(next)
      next = knot.get(next)
    }
    const start = next === undefined ? -1 : path.indexOf(next)
    if (next === undefined || start < 0) continue
    const message = `waits for itself: ${[...path.slice(start), next].join(' -> ')}`
    faults.push({ path: `${String(places.get(next))}.after`, message })
  }
  return faults
}

/** What is left when all that can be carried out is taken away: each with one of them that it waits for. */
const knotOf = (steps: readonly PlanStep[]): ReadonlyMap<string, string> => {
  const left = new Map(steps.map((step) => [step.id, step]))
  const waitsFor = ({ after }: PlanStep): string | undefined => after.find((id) => left.has(id))
  const dependents = Map.groupBy(
    steps.flatMap((step) => step.after.map((id) => ({ id, step }))),
    ({ id }) => id,
  )
  const free = steps.filter((step) => waitsFor(step) === undefined)
  // It grows while it is walked.
  for (const { id } of free) {
    if (!left.delete(id)) continue
    for (const { step } of dependents.get(id) ?? []) if (waitsFor(step) === undefined) free.push(step)
  }
  return new Map([...left.values()].map((step) => [step.id, waitsFor(step) ?? step.id]))
}

/** In the order in which they are to start: by complexity, then as declared. Earlier rounds are over. */
export const queueOf = (steps: readonly PlanStep[]): readonly PlanStep[] => {
  const ids = new Set(steps.map(({ id }) => id))
  return steps
    .map((step) => ({ ...step, after: step.after.filter((id) => ids.has(id)) }))
    .toSorted((a, b) => b.complexity - a.complexity)
}

/** Those of a queue whose dependencies have completed; so many at most. */
export const readyIn = (
  queue: readonly PlanStep[],
  results: PlanResults,
  most: number,
): readonly PlanStep[] => {
  const isDone = (id: string): boolean => Object.hasOwn(results, id) && results[id]?.status === 'completed'
  const ready: PlanStep[] = []
  for (const step of queue) {
    if (ready.length >= most) break
    if (step.after.every(isDone)) ready.push(step)
  }
  return ready
}

/** Ids of those in a queue that wait for this one, or for one that does. */
export const dependentsIn = (queue: readonly PlanStep[], id: string): ReadonlySet<string> => {
  const found = new Set([id])
  for (let before = 0; before !== found.size;) {
    before = found.size
    for (const step of queue) if (step.after.some((needed) => found.has(needed))) found.add(step.id)
  }
  found.delete(id)
  return found
}
