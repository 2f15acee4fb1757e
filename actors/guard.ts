/** `guard`, and how a guard is asked. It fails closed: one that throws, or says what nobody understands, refuses. */
import { DeniedError } from '../src/contracts/errors.ts'
import type { MaybePromise } from '../src/contracts/schemas.ts'
import type { TaskScope } from '../src/contracts/task-scope.ts'
import type { Guard, Verdict } from '../src/contracts/tools.ts'
import { keyOf } from './step-scope.ts'

/** Checks on what goes into an agent, what comes out, and which tools it calls; as a value of its own. */
export function guard<I = string, O = string>(guard: Guard<I, O>): Guard<I, O> {
  return guard
}

/** Where a task keeps what its guard has let in. */
export const letInKey = (task: TaskScope): string => keyOf(task, 'guard.input', 1)

/** What a guard has said. */
export type Judged =
  | { readonly type: 'pass' }
  | { readonly type: 'replace'; readonly value: unknown }
  | { readonly type: 'refuse'; readonly error: DeniedError }

/** Asks a guard. Never rejects. */
export const judge = async (
  task: TaskScope,
  what: string,
  ask: () => MaybePromise<Verdict<unknown>>,
): Promise<Judged> => {
  const { definition, cell } = task
  try {
    const verdict: unknown = await ask()
    if (verdict === undefined) return { type: 'pass' }
    if (typeof verdict === 'object' && verdict !== null) {
      if ('refuse' in verdict) return { type: 'refuse', error: new DeniedError(String(verdict.refuse)) }
      if ('replace' in verdict) return { type: 'replace', value: verdict.replace }
    }
    const text = `the guard of "${definition.name}" gave no verdict for ${what}`
    return { type: 'refuse', error: new DeniedError(text) }
  } catch (thrown) {
    if (thrown instanceof DeniedError) return { type: 'refuse', error: thrown }
    cell.log.error({ err: thrown, agent: definition.name }, 'a guard threw')
    return { type: 'refuse', error: new DeniedError(`the guard of "${definition.name}" failed on ${what}`) }
  }
}

/** Adds a verdict that changes something to the run's events. */
export const recordVerdict = (task: TaskScope, what: string, judged: Judged): void => {
  if (judged.type === 'pass') return
  const alternatives = ['pass', 'replace', 'refuse'].filter((other) => other !== judged.type)
  const reason = judged.type === 'refuse' ? `${what}: ${judged.error.reason}` : what
  task.record({ type: 'decision.made', kind: 'guard', chosen: judged.type, alternatives, reason })
}
