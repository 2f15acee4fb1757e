/** An effect for `invoke` that has a name and a key. What is recorded of it, the store decides. */
import { fromPromise, type PromiseActorLogic } from 'xstate'
import { contextOf, nextStep } from '../src/contracts/context-of.ts'
import type { MaybePromise, Options } from '../src/contracts/schemas.ts'
import type { Effect, StepContext } from '../src/contracts/tools.ts'

/** An effect for `invoke` that is recorded once. `effect` defaults to `idempotent`. */
export function fromStep<O, I = undefined>(
  name: string,
  fn: (input: I, step: StepContext) => MaybePromise<O>,
  _options?: Options<{ effect: Effect }>,
): PromiseActorLogic<O, I> {
  return fromPromise<O, I>(async ({ input, self, signal }) => {
    const { log } = contextOf({ self })
    const { key, runId } = nextStep({ self }, name)
    return fn(input, { signal, key, runId, log })
  })
}
