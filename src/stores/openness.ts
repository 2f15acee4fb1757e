/** Whether a store is open, and for whom: the same words of refusal from each. */
import { ConfigurationError, ProviderError } from '../contracts/errors.ts'

/** Tells whether there is anything to open: not when it is open under this namespace already. */
export const opens = (open: string | undefined, namespace: string): boolean => {
  if (namespace === '') {
    throw new ConfigurationError('a store is opened under a namespace, and this one is empty')
  }
  if (open === undefined) return true
  if (open === namespace) return false
  throw new ConfigurationError(
    `this store is open as "${open}", so not as "${namespace}" too: give each system a store of its own`,
  )
}

/** Thrown by what needs an open store. */
export const notOpen = (): ProviderError =>
  new ProviderError('the store is not open: `open` comes first, and nothing goes on after `close`', {
    code: 'STORE',
    retryable: false,
  })
