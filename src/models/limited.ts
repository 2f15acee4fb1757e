/** The entry `troupe/models/limited`: keeps a model within what its provider allows. How is in `gate.ts`. */
import { ConfigurationError } from '../contracts/errors.ts'
import { clockOf, hasMemory, isCached, isRemembered, tokensOf, withMemory } from '../contracts/model-notes.ts'
import type { Clock, Model, ModelEvent, ModelRequest } from '../contracts/ports.ts'
import type { Options } from '../contracts/schemas.ts'
import { Gate } from './gate.ts'

/**
 * Waits its turn, fair between runs. Models that are given the same `limits` object share it.
 *
 * Within any 60 seconds no more requests begin than `requestsPerMinute`, and no more than `tokensPerMinute` are used. What
 * a request uses is estimated before: a token for every four characters that it sends, and for the answer
 * `maxOutputTokens`, or what answers used on average so far. Once its usage is known, that counts instead. A request that
 * is larger than a whole minute's allowance goes alone.
 * @throws ConfigurationError for a limit that lets nothing pass
 */
export function limited(
  model: Model,
  limits: Options<{
    requestsPerMinute: number
    tokensPerMinute: number
    concurrency: number
  }>,
): Model {
  check(model, limits)
  const made: Model = {
    name: model.name,
    provider: model.provider,
    price: model.price,
    complete: (request, signal) => inTurn(model, limits, { request, signal }),
  }
  return hasMemory(model) ? withMemory(made, (request, signal) => isRemembered(model, request, signal)) : made
}

type Limits = Parameters<typeof limited>[1]

interface Call {
  readonly request: ModelRequest
  readonly signal: AbortSignal
}

async function* inTurn(model: Model, limits: Limits, { request, signal }: Call): AsyncGenerator<ModelEvent> {
  const turn = await gateOf(limits, clockOf(signal)).enter(request, signal)
  // A model may never notice that it was cancelled: nobody waits for it.
  const leave = (): void => turn.end()
  signal.addEventListener('abort', leave, { once: true })
  if (signal.aborted) leave()
  try {
    for await (const event of model.complete(request, signal)) {
      if (event.type === 'end') turn.used(isCached(event.result) ? 'nothing' : event.result.usage)
      yield event
    }
  } catch (thrown) {
    turn.used(thrown instanceof Error ? tokensOf(thrown) : undefined)
    throw thrown
  } finally {
    signal.removeEventListener('abort', leave)
    turn.end()
  }
}

// By clock: the minutes of one system are not those of another one that keeps its own time.
const gates = new WeakMap<Limits, WeakMap<Clock, Gate>>()

const gateOf = (limits: Limits, clock: Clock): Gate => {
  const ofLimits = gates.get(limits) ?? new WeakMap<Clock, Gate>()
  gates.set(limits, ofLimits)
  const gate = ofLimits.get(clock) ?? new Gate(limits, clock)
  ofLimits.set(clock, gate)
  return gate
}

const check = ({ name }: Model, limits: Limits): void => {
  for (const [limit, value] of Object.entries(limits)) {
    if (value !== undefined && !(value >= 1)) {
      throw new ConfigurationError(`"${name}": \`${limit}\` is at least 1, not ${String(value)}`)
    }
  }
}
