/** How a compiled machine moves: which transition is taken, what it does, and what follows until nothing is due. */
import type { AnyStateMachine } from 'xstate'
import type { Leaves } from './leaves.ts'
import { planner } from './plans.ts'
import type { Candidate, Run } from './run.ts'

/** Moves the runs of one machine. */
export interface Stepper {
  /** Enters the first states. */
  enter(run: Run): void
  /** Takes one transition. */
  take(run: Run, candidate: Candidate): void
  /** Takes eventless transitions, and those of raised events, until there are none. */
  settle(run: Run): void
}

/** Makes the stepper of a machine; plans are made as they are needed. */
export const stepperOf = (machine: AnyStateMachine, leaves: Leaves): Stepper => {
  const plans = planner(machine, leaves.of)
  const first = plans.initial()
  const maxIterations = machine.options?.maxIterations ?? Infinity

  const take = (run: Run, candidate: Candidate): void => {
    const plan = (candidate.plan ??= plans.plan(run.leaf, candidate.transition))
    const { operations, to } = plan
    run.changed = false
    for (const operation of operations) operation(run)
    if (to === run.leaf) return
    run.leaf = to
    run.changed = true
  }

  return {
    enter: (run) => {
      for (const operation of first.operations) operation(run)
      run.leaf = first.to
    },
    take,
    settle: (run) => {
      let isDue = true
      for (let iterations = 1; run.status === 'active'; iterations += 1) {
        if (iterations > maxIterations) throw endless(maxIterations)
        const due = isDue ? firstOf(run.leaf.always, run) : undefined
        if (due) {
          take(run, due)
          // One that changes nothing is not taken again until something has happened.
          isDue = run.changed
          continue
        }
        if (!run.advance()) return
        const chosen = choose(leaves.row(run.leaf, run.event.type).candidates, run)
        if (chosen) take(run, chosen)
        isDue = true
      }
    },
  }
}

const endless = (maxIterations: number): Error =>
  new Error(`Infinite loop detected: more than ${maxIterations} microsteps without reaching a stable state`)

const firstOf = (candidates: readonly Candidate[], run: Run): Candidate | undefined => {
  for (const candidate of candidates) {
    if (!candidate.check || candidate.check(run)) return candidate
  }
  return undefined
}

/**
 * The first enabled transition for the run's event.
 * @throws what XState throws when a guard does: an error that names the guard, here with the original as its cause
 */
export const choose = (candidates: readonly Candidate[], run: Run): Candidate | undefined => {
  let asked: Candidate | undefined
  try {
    for (const candidate of candidates) {
      if (!candidate.check) return candidate
      asked = candidate
      if (candidate.check(run)) return candidate
    }
  } catch (error) {
    throw guardFailure(asked as Candidate, run.event.type, error)
  }
  return undefined
}

const guardFailure = ({ transition }: Candidate, eventType: string, cause: unknown): Error => {
  const { guard, source } = transition
  const name =
    typeof guard === 'string' ? guard : typeof guard === 'object' ? (guard as { type: string }).type : ''
  const label = name ? `'${name}' ` : ''
  const message = (cause as Error | undefined)?.message
  return new Error(
    `Unable to evaluate guard ${label}in transition for event '${eventType}' in state node '${source.id}':\n${message}`,
    { cause },
  )
}
