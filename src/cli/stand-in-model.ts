/** Stands for whatever model a team is made with, where nothing is run: it is never called. */
import { ProviderError } from '../contracts/errors.ts'
import type { Model } from '../contracts/ports.ts'

export const standInModel: Model = {
  name: 'the model',
  provider: 'none',
  complete: () => {
    throw new ProviderError('this model only stands in for one', { code: 'UNAVAILABLE', retryable: false })
  },
}
