/** Models for tests that misbehave in ways a script does not. */
import { noUsage } from '../../src/contracts/usage.ts'
import type { Model, ModelEvent, ModelRequest, ModelResult } from '../../src/index.ts'

/** A model made of one function. It costs nothing. */
export const handmade = (
  complete: (request: ModelRequest, signal: AbortSignal) => AsyncIterable<ModelEvent>,
  rest: Partial<Model> = {},
): Model & { readonly requests: ModelRequest[]; readonly signals: AbortSignal[] } => {
  const requests: ModelRequest[] = []
  const signals: AbortSignal[] = []
  return {
    name: 'handmade',
    provider: 'tests',
    price: { input: 0, output: 0 },
    ...rest,
    requests,
    signals,
    complete: (request, signal) => {
      requests.push(request)
      signals.push(signal)
      return complete(request, signal)
    },
  }
}

/** An answer as the end of a stream. */
export const end = (result: Partial<ModelResult>): ModelEvent => ({
  type: 'end',
  result: { text: '', calls: [], finish: 'stop', usage: noUsage, ...result },
})

/** Never says anything, whatever it is told, and does not care whether anybody waits. */
export const mute = () =>
  handmade(async function* () {
    await new Promise(() => {})
    yield end({})
  })
