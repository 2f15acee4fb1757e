/** `batch`: collects calls of many tasks into one, for backends that take lists. */
import { realClock } from '../src/contracts/clock.ts'
import { ConfigurationError, DefectError } from '../src/contracts/errors.ts'
import type { MaybePromise, Options } from '../src/contracts/schemas.ts'

/**
 * Collects calls from many tasks into one, for a `run` whose backend takes lists. Results in the order of the
 * inputs; a throw fails every call of that batch.
 *
 * It belongs to no system, so it waits in real time. With `waitMs: 0` it takes what is called in the same turn of the
 * event loop, which tests with a manual clock can rely on.
 * @throws ConfigurationError for a size below 1 or a wait below 0
 * @throws DefectError rejects with it when `fn` gives another number of results than it was given inputs
 */
export function batch<I, O>(
  fn: (inputs: readonly I[]) => MaybePromise<readonly O[]>,
  options: Options<{
    /** Default 50. */
    size: number
    /** How long the first one waits for others. Default 10. */
    waitMs: number
  }> = {},
): (input: I) => Promise<O> {
  const { size = 50, waitMs = 10 } = options
  if (!(size >= 1)) throw new ConfigurationError(`the \`size\` of a batch is at least 1, not ${String(size)}`)
  if (!(waitMs >= 0))
    throw new ConfigurationError(`the \`waitMs\` of a batch is at least 0, not ${String(waitMs)}`)
  let open: Call<I, O>[] | undefined

  const send = (calls: readonly Call<I, O>[]): void => {
    if (open === calls) open = undefined
    void settle(fn, calls)
  }
  return (input) =>
    new Promise((resolve, reject) => {
      const call = { input, resolve, reject }
      if (!open) {
        const calls = (open = [call])
        later(() => {
          if (open === calls) send(calls)
        }, waitMs)
      } else open.push(call)
      if (open.length >= size) send(open)
    })
}

interface Call<I, O> {
  readonly input: I
  readonly resolve: (output: O) => void
  readonly reject: (error: unknown) => void
}

const later = (fn: () => void, ms: number): void => {
  if (ms === 0) setImmediate(fn)
  else realClock.setTimeout(fn, ms)
}

const settle = async <I, O>(
  fn: (inputs: readonly I[]) => MaybePromise<readonly O[]>,
  calls: readonly Call<I, O>[],
): Promise<void> => {
  try {
    const outputs = checked(await fn(calls.map(({ input }) => input)), calls.length)
    for (const [place, output] of outputs.entries()) calls[place]?.resolve(output)
  } catch (thrown) {
    for (const { reject } of calls) reject(thrown)
  }
}

const checked = <O>(outputs: readonly O[], expected: number): readonly O[] => {
  if (Array.isArray(outputs) && outputs.length === expected) return outputs
  const got = Array.isArray(outputs) ? `${String(outputs.length)} results` : `no list but ${typeof outputs}`
  const text = `the function of a batch gave ${got} for ${String(expected)} inputs: it has to give one for each, in their order`
  throw new DefectError(text, undefined)
}
