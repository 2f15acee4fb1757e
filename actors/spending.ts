/** What one call of a model takes from the budgets that it is under: held before it begins, settled when it is over. */
import type { Account, Charge, Hold } from '../src/contracts/account.ts'
import { abortedBy } from '../src/contracts/errors.ts'
import { hasMemory, isCached, isRemembered, isUnasked, tokensOf } from '../src/contracts/model-notes.ts'
import type { Model, ModelRequest, ModelResult } from '../src/contracts/ports.ts'
import { priced, tokensIn } from '../src/contracts/usage.ts'

/** A call of a model. */
export interface ModelCall {
  readonly model: Model
  readonly request: ModelRequest
  readonly signal: AbortSignal
}

const nothing: Charge = { usd: 0, tokens: 0, calls: 0 }
const oneCall: Charge = { usd: 0, tokens: 0, calls: 1 }

/**
 * Holds what the call may take, and waits for that where other calls in flight may leave it.
 * @throws BudgetError rejects with it when a cap is reached
 * @throws CancelledError rejects with it when the signal aborts
 */
export const beginSpending = async (account: Account, call: ModelCall): Promise<Spending> => {
  const { model, request, signal } = call
  // Whoever has asked for the same has begun the call, and it is one.
  if (isRemembered(model, request, signal)) return new Spending(account, call, nothing)
  const estimate = estimateOf(account, call)
  const spending = new Spending(account, call, estimate)
  const hold = await holdOf(account, call, estimate)
  if (!hold) return new Spending(account, call, nothing)
  if (signal.aborted) {
    hold.settle(nothing)
    throw abortedBy(signal)
  }
  spending.settle = (used) => hold.settle(used)
  signal.addEventListener('abort', spending.release, { once: true })
  return spending
}

/** `undefined`: there is nothing to hold, as the answer has come to be known. */
const holdOf = async (account: Account, call: ModelCall, estimate: Charge): Promise<Hold | undefined> => {
  const { model, request, signal } = call
  try {
    return await account.hold(estimate, signal, hasMemory(model))
  } catch (error) {
    if (!signal.aborted && isRemembered(model, request, signal)) return undefined
    throw error
  }
}

/** Of one call that has begun. */
export class Spending {
  /** Gives back what was held; for a call that holds nothing it is what it has used. */
  settle: (used: Charge) => void
  readonly #account: Account
  readonly #call: ModelCall
  readonly #estimate: Charge
  #isReleased = false

  constructor(account: Account, call: ModelCall, estimate: Charge) {
    this.#account = account
    this.#call = call
    this.#estimate = estimate
    this.settle = (used) => account.spend(used)
  }

  /** It was cancelled. What it holds is returned at once: its model may never notice. */
  readonly release = (): void => {
    this.#isReleased = true
    this.settle(oneCall)
  }

  answered(result: ModelResult): void {
    if (isCached(result)) return this.#end(nothing)
    const { usage } = result
    if (usage) this.#account.noteAnswer(usage.outputTokens)
    const { usd, tokens, calls } = this.#estimate
    // What the provider does not count is counted as it was estimated.
    if (!usage) return this.#end({ usd, tokens, calls })
    this.#end({
      usd: priced(usage, this.#call.model.price).usd ?? 0,
      tokens: usage.inputTokens + usage.outputTokens,
      calls,
    })
  }

  failed(error: Error): void {
    const tokens = tokensOf(error)
    const { calls } = this.#estimate
    if (!tokens) return this.#end(isUnasked(error) ? nothing : { usd: 0, tokens: 0, calls })
    this.#end({
      usd: priced(tokens, this.#call.model.price).usd ?? 0,
      tokens: tokens.inputTokens + tokens.outputTokens,
      calls,
    })
  }

  #end(used: Charge): void {
    this.#call.signal.removeEventListener('abort', this.release)
    if (!this.#isReleased) return this.settle(used)
    // It was counted as a call when it was cancelled.
    this.#account.spend({ ...used, calls: used.calls - oneCall.calls })
  }
}

const estimateOf = (account: Account, { model, request }: ModelCall): Charge => {
  if (!account.caps('tokens') && !account.caps('usd')) return oneCall
  const inputTokens = Math.ceil(tokensIn(request))
  const outputTokens = Math.ceil(request.settings.maxOutputTokens ?? account.averageAnswer)
  const usd = priced({ inputTokens, cachedTokens: 0, outputTokens }, model.price).usd ?? 0
  return { usd, tokens: inputTokens + outputTokens, calls: 1 }
}
