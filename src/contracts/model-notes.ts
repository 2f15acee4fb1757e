/**
 * What a model and the step that calls it tell each other beside the port: the time that counts, what a failed call has
 * cost, and which answers come from a cache. A model that knows nothing of this works all the same.
 */
import { realClock } from './clock.ts'
import type { Clock, Model, ModelRequest, ModelResult, Usage } from './ports.ts'

/** What a call has used up, before it is priced. */
export type Tokens = Omit<Usage, 'usd'>

// A field, since a map of signals would cost each call more than the call.
const clockKey: unique symbol = Symbol('troupe.clock')

type Timed = AbortSignal & { [clockKey]?: Clock }

const costs = new WeakMap<Error, Tokens>()
const cached = new WeakSet<ModelResult>()
const unasked = new WeakSet<Error>()
const memories = new WeakMap<Model, Memory>()

/** Whether a model would answer this request without asking its provider. */
export type Memory = (request: ModelRequest, signal: AbortSignal) => boolean

/** The system's clock, for a model that waits. Given the signal of the call; real time for a signal of others. */
export const clockOf = (signal: AbortSignal): Clock => (signal as Timed)[clockKey] ?? realClock

/** Says which clock counts for the call that this signal belongs to. A wrapper that makes signals hands it on. */
export const provideClock = (signal: AbortSignal, clock: Clock): void => {
  ;(signal as Timed)[clockKey] = clock
}

/** What a call had used up when it failed with this error; `undefined`: the provider did not say. */
export const tokensOf = (error: Error): Tokens | undefined => costs.get(error)

/** Notes what a call had used up when it failed. @returns the same error */
export const withTokens = <E extends Error>(error: E, tokens: Tokens): E => {
  costs.set(error, tokens)
  return error
}

/** Whether an answer came from a cache: it is given again, and costs nothing. */
export const isCached = (result: ModelResult): boolean => cached.has(result)

/** Marks an answer as one from a cache. @returns the same result */
export const asCached = (result: ModelResult): ModelResult => {
  cached.add(result)
  return result
}

/** Says how to find out what a model answers from memory. @returns the same model */
export const withMemory = <M extends Model>(model: M, memory: Memory): M => {
  memories.set(model, memory)
  return model
}

/** Whether it answers anything without asking its provider. */
export const hasMemory = (model: Model): boolean => memories.has(model)

/** Whether the answer is known, or on its way to somebody else: then asking for it costs nothing. */
export const isRemembered = (model: Model, request: ModelRequest, signal: AbortSignal): boolean =>
  memories.get(model)?.(request, signal) === true

/** Notes that a call failed before its provider was asked. @returns the same error */
export const asUnasked = <E>(error: E): E => {
  if (error instanceof Error) unasked.add(error)
  return error
}

/** Whether a call failed before its provider was asked. */
export const isUnasked = (error: Error): boolean => unasked.has(error)
