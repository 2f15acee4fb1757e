/** The entry `troupe/models/cached`: answers the same request from memory. */
import { createHash } from 'node:crypto'
import { ConfigurationError } from '../contracts/errors.ts'
import { clockOf, withMemory } from '../contracts/model-notes.ts'
import type { Clock, Model, ModelEvent, ModelRequest, ModelResult } from '../contracts/ports.ts'
import { again, SharedCall } from './shared-call.ts'

/**
 * The key is model, messages, tools, schema and settings. Failures are not kept, nor are refusals and answers that were
 * cut. What is answered from memory uses no tokens. Of equal requests at the same time one asks the model and the others
 * listen in; it goes on as long as one of them is left. Who gave it up and tries again asks anew.
 * @throws ConfigurationError for an option that keeps nothing
 */
export function cached(
  model: Model,
  options: {
    ttlMs: number
    /** Default 1_000; the least recently used goes first. */
    maxEntries?: number | undefined
  },
): Model {
  const { ttlMs, maxEntries = 1_000 } = options
  check(model, { ttlMs, maxEntries })
  // By clock: what is old in one system is not in another one that keeps its own time.
  const memories = new WeakMap<Clock, Memory>()
  const memoryOf = (clock: Clock): Memory => {
    const memory = memories.get(clock) ?? new Memory({ ttlMs, maxEntries }, clock)
    memories.set(clock, memory)
    return memory
  }
  const made: Model = {
    name: model.name,
    provider: model.provider,
    price: model.price,
    complete: (request, signal) => answer(model, memoryOf(clockOf(signal)), { request, signal }),
  }
  return withMemory(made, (request, signal) => memoryOf(clockOf(signal)).knows(keyOf(model, request), request))
}

interface Asked {
  readonly request: ModelRequest
  readonly signal: AbortSignal
}

async function* answer(model: Model, memory: Memory, { request, signal }: Asked): AsyncGenerator<ModelEvent> {
  const key = keyOf(model, request)
  const known = memory.get(key)
  if (known) {
    if (known.text !== '') yield { type: 'text', text: known.text }
    yield { type: 'end', result: known }
    return
  }
  yield* memory.callOf(key, model, request).listen(signal, request.key)
}

interface Entry {
  readonly result: ModelResult
  readonly until: number
}

/** The answers of one model under one clock, the least recently used first, and the calls in flight. */
class Memory {
  readonly clock: Clock
  readonly #limits: { readonly ttlMs: number; readonly maxEntries: number }
  readonly #entries = new Map<string, Entry>()
  readonly #calls = new Map<string, SharedCall>()

  constructor(limits: { readonly ttlMs: number; readonly maxEntries: number }, clock: Clock) {
    this.#limits = limits
    this.clock = clock
  }

  get(key: string): ModelResult | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    if (entry.until <= this.clock.now()) return undefined
    this.#entries.set(key, entry)
    return entry.result
  }

  /** Whether it has the answer, or waits for it. */
  knows(key: string, request: ModelRequest): boolean {
    const entry = this.#entries.get(key)
    return this.#joinable(key, request) !== undefined || (entry !== undefined && entry.until > this.clock.now())
  }

  /** The call in flight for this key, or a new one, whose answer is kept. */
  callOf(key: string, model: Model, request: ModelRequest): SharedCall {
    const known = this.#joinable(key, request)
    if (known) return known
    const call = new SharedCall(model, request, this.clock)
    this.#calls.set(key, call)
    call.ended = (result) => {
      if (this.#calls.get(key) === call) this.#calls.delete(key)
      if (result?.finish === 'stop' || result?.finish === 'calls') this.#keep(key, result)
    }
    return call
  }

  /** Who has given up a call does not wait for it once more: others may keep it going, though it hangs. */
  #joinable(key: string, request: ModelRequest): SharedCall | undefined {
    const call = this.#calls.get(key)
    return call?.wasLeftBy(request.key) ? undefined : call
  }

  #keep(key: string, result: ModelResult): void {
    const until = this.clock.now() + this.#limits.ttlMs
    this.#entries.set(key, { result: again(result), until })
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > this.#limits.maxEntries && oldest !== undefined) this.#entries.delete(oldest)
  }
}

const keyOf = ({ provider, name }: Model, { messages, tools, output, settings }: ModelRequest): string => {
  const text = JSON.stringify([provider, name, messages, tools, output ?? null, settings], sorted)
  return createHash('sha256').update(text).digest('base64')
}

/** Two objects with the same entries are the same, whatever their order. */
const sorted = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value

const check = ({ name }: Model, limits: { readonly ttlMs: number; readonly maxEntries: number }): void => {
  for (const [limit, value] of Object.entries(limits)) {
    if (!(value >= 1)) {
      throw new ConfigurationError(`cached "${name}": \`${limit}\` is at least 1, not ${String(value)}`)
    }
  }
}
