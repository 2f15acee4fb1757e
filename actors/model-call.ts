/** One call of a model: its stream read to the end, and its cost counted whether it ends well or not. */
import { ProviderError, TroupeError } from '../src/contracts/errors.ts'
import { isCached, provideClock, tokensOf } from '../src/contracts/model-notes.ts'
import type { Model, ModelRequest, ModelResult, Usage } from '../src/contracts/ports.ts'
import type { TaskScope } from '../src/contracts/task-scope.ts'
import { noUsage, priced } from '../src/contracts/usage.ts'
import { shortened } from './form.ts'
import { beginSpending } from './spending.ts'

/** How a model is asked. */
export interface Asking {
  readonly signal: AbortSignal
  /** Nobody is told of the text as it comes. */
  readonly isSilent?: boolean
}

/**
 * Asks a model once. Text is recorded as it comes.
 * @throws BudgetError rejects with it when a budget that it is under is spent: the model is not asked
 * @throws ProviderError rejects with it, or with another TroupeError that the model threw
 */
export const callModel = async (
  task: TaskScope,
  model: Model,
  request: ModelRequest,
  asking: Asking,
): Promise<ModelResult> => {
  const { signal } = asking
  provideClock(signal, task.cell.clock)
  const { account } = task.meta
  const spending = account && (await beginSpending(account, { model, request, signal }))
  try {
    const result = await resultOf(task, model, request, asking)
    const usage = usageOf(task, model, result)
    spending?.answered(result)
    task.cell.spend(usage)
    task.record({
      type: 'model.ended',
      model: model.name,
      finish: result.finish,
      usage,
      cached: isCached(result),
    })
    return usable(model, result)
  } catch (thrown) {
    const error = failureOf(model, thrown)
    spending?.failed(error)
    const tokens = tokensOf(error)
    if (tokens) task.cell.spend(priced(tokens, model.price))
    throw error
  }
}

const resultOf = async (
  task: TaskScope,
  model: Model,
  request: ModelRequest,
  { signal, isSilent = false }: Asking,
): Promise<ModelResult> => {
  const stream = model.complete(request, signal)[Symbol.asyncIterator]()
  // By hand, since a loop would wait for the stream to be closed.
  for (let next = await stream.next(); !next.done; next = await stream.next()) {
    const event = next.value
    if (event.type === 'end') {
      close(stream)
      return whole(model, event.result)
    }
    const isHeard = !isSilent && !signal.aborted && event.text !== ''
    if (isHeard) task.record({ type: 'text.delta', text: event.text })
  }
  const text = `the answer of "${model.name}" stopped before its end`
  throw new ProviderError(text, { code: 'UNAVAILABLE', retryable: true })
}

/** It has told all that it had to tell; what goes wrong while it tidies up changes nothing of that. */
const close = (stream: AsyncIterator<unknown>): void => {
  stream.return?.().then(undefined, () => {})
}

/** Models of others are not always what their types say. */
const whole = (model: Model, result: Partial<ModelResult> | undefined): ModelResult => {
  if (typeof result?.text === 'string' && Array.isArray(result.calls)) {
    return isCountable(result.usage) ? (result as ModelResult) : { ...(result as ModelResult), usage: undefined }
  }
  const text = `"${model.name}" ended without a result that has \`text\` and \`calls\``
  throw new ProviderError(text, { code: 'UNAVAILABLE', retryable: false })
}

/** Numbers that nobody can have used would undo what was counted before. */
const isCountable = (usage: ModelResult['usage']): boolean =>
  usage === undefined || (isCount(usage.inputTokens) && isCount(usage.cachedTokens) && isCount(usage.outputTokens))

const isCount = (tokens: number): boolean => tokens >= 0 && tokens < Infinity

/** Refusals and truncated answers are no answers. */
const usable = (model: Model, result: ModelResult): ModelResult => {
  if (result.finish === 'refusal') {
    const reason = result.text.trim() === '' ? '' : `: ${shortened(result.text.trim(), 300)}`
    throw new ProviderError(`"${model.name}" refused${reason}`, { code: 'REFUSED', retryable: false })
  }
  if (result.finish === 'length') {
    const text = `the answer of "${model.name}" was cut at its limit of tokens: raise \`settings.maxOutputTokens\``
    throw new ProviderError(text, { code: 'TRUNCATED', retryable: false })
  }
  return result
}

const failureOf = (model: Model, thrown: unknown): TroupeError => {
  if (thrown instanceof TroupeError) return thrown
  const reason = thrown instanceof Error ? thrown.message : String(thrown)
  const text = `"${model.name}" failed: ${reason}`
  return new ProviderError(text, { code: 'UNAVAILABLE', retryable: false, cause: thrown })
}

const told = new WeakSet<Model>()
const toldUnderBudget = new WeakSet<Model>()

/** What an answer has cost. That it is not known is said once for each model. */
const usageOf = (task: TaskScope, model: Model, result: ModelResult): Usage => {
  if (isCached(result)) return noUsage
  const usage = priced(result.usage, model.price)
  if (usage.usd === undefined) sayUnknown(task, model)
  return usage
}

const sayUnknown = (task: TaskScope, model: Model): void => {
  const isCapped = task.meta.account?.caps('usd') === true
  if ((isCapped ? toldUnderBudget : told).has(model)) return
  told.add(model)
  if (isCapped) toldUnderBudget.add(model)
  const why = model.price ? 'the model does not say what it uses' : 'the model has no price'
  const sequel = model.price ? 'counts an estimate' : 'does not count it: give it a `price`, or cap `tokens` or `calls`'
  const text = `${why}: its cost is not known${isCapped ? `, and \`budget.usd\` ${sequel}` : ''}`
  task.cell.log.warn({ model: model.name, provider: model.provider }, text)
}
