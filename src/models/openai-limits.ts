/** One limiter for each key: what a provider allows, it allows to the key, whatever models it is used for. */
import { isDeepStrictEqual } from 'node:util'
import { ConfigurationError } from '../contracts/errors.ts'
import type { Model } from '../contracts/ports.ts'
import { limited } from './limited.ts'
import { addressOf, keyOf, type Access } from './openai-client.ts'

type Limits = Parameters<typeof limited>[1]

/** By address and key, for as long as the process lives. `by`: the model that was given them. */
const limitsOfKeys = new Map<string, { readonly limits: Limits; readonly by: string }>()

/**
 * A model within the limits of its key: those that are given here, or that another model with this key was
 * given. Where the key is not known yet, that is found out when the model is used first.
 * @throws ConfigurationError for limits that let nothing pass, or that differ from those of another model
 */
export const limitedByKey = (model: Model, access: Access, limits: Limits | undefined): Model => {
  const found = (): Limits | undefined => {
    const key = keyOf(access)
    if (key === undefined) return undefined
    const id = `${addressOf(access) ?? ''} ${key}`
    if (limits && !limitsOfKeys.has(id)) limitsOfKeys.set(id, { limits, by: model.name })
    const known = limitsOfKeys.get(id)
    if (limits && known && !isDeepStrictEqual({ ...limits }, { ...known.limits }))
      throw conflict(model, limits, known)
    return known?.limits
  }
  // Whether the limits can be at all is not put off until the key is known.
  if (limits) limited(model, limits)
  found()
  let own: Model | undefined
  const gate = (): Model => {
    const shared = own ? undefined : found()
    if (shared) own = limited(model, shared)
    return own ?? model
  }
  return { ...model, complete: (request, signal) => gate().complete(request, signal) }
}

const conflict = (model: Model, limits: Limits, known: { limits: Limits; by: string }): ConfigurationError =>
  new ConfigurationError(
    `models with the same key share their limits: "${model.name}" is given ${JSON.stringify(limits)}, ` +
      `"${known.by}" was given ${JSON.stringify(known.limits)}. Give both the same; for limits of ` +
      'one model alone wrap it in limited(...)',
  )
