/** Carries messages between the systems of one process. For tests and single processes; nothing survives exit. */
import { ProviderError } from '../contracts/errors.ts'
import type { AgentMessage } from '../contracts/messages.ts'
import type { Bus } from '../contracts/ports.ts'

type Handler = (message: AgentMessage) => void

/**
 * A bus to hand to each system that shares it. Messages arrive after the publisher's turn, in the order of `publish`; a
 * handler that throws is no concern of the publisher and of the other handlers: its error is lost.
 */
export function inProcessBus(): Bus {
  const handlers = new Map<string, Set<Handler>>()
  let closed = false
  const deliver = (address: string, message: AgentMessage): void => {
    for (const handler of [...(handlers.get(address) ?? [])]) {
      try {
        handler(message)
      } catch {
        // The port has nobody to tell: subscribers guard themselves.
      }
    }
  }
  const refuseWhenClosed = (): void => {
    if (closed) throw new ProviderError('the bus is closed', { code: 'BUS', retryable: false })
  }
  return {
    publish: (address, message) => {
      refuseWhenClosed()
      queueMicrotask(() => deliver(address, message))
    },
    subscribe: (address, handler) => {
      refuseWhenClosed()
      const own: Handler = (message) => handler(message)
      let subscribed = handlers.get(address)
      if (!subscribed) handlers.set(address, (subscribed = new Set()))
      subscribed.add(own)
      return () => {
        if (subscribed.delete(own) && subscribed.size === 0) handlers.delete(address)
      }
    },
    close: () => {
      closed = true
      handlers.clear()
    },
  }
}
