/** Typed messages: the schemas of payloads and replies by message type, and the check at the border. */
import type { EventObject } from 'xstate'
import { z } from 'zod'
import { ConfigurationError, InvalidMessageError, type Fault } from './errors.ts'
import type { Contracts, MessagesOf, Protocol, Service, Topic } from './messages.ts'
import type { Schema } from './schemas.ts'

/**
 * Types `tell`, `ask`, `publish` and the events of a machine, and checks what comes from outside. A contract
 * is the schema of the payload, or of payload and reply.
 *
 * In process an event stays as it is. On a bus or in a store, an event without `payload` travels with its
 * remaining fields as payload.
 * @throws ConfigurationError for a type that starts with `xstate.`
 */
export function defineProtocol<const C extends Contracts>(contracts: C): Protocol<MessagesOf<C>> {
  const schemas = new Map<string, Schema>()
  for (const [type, contract] of Object.entries(contracts)) {
    if (type.startsWith('xstate.')) {
      throw new ConfigurationError(`"${type}": types that start with "xstate." belong to XState`)
    }
    schemas.set(type, 'payload' in contract ? contract.payload : contract)
  }
  return {
    parse: (message) => parseMessage(schemas, message) as MessagesOf<C>,
    topic: (name): Topic<MessagesOf<C>> => ({ name }),
    service: (name): Service<MessagesOf<C>> => ({ name, service: true }),
  }
}

const parseMessage = (schemas: ReadonlyMap<string, Schema>, message: unknown): EventObject => {
  const type = typeof message === 'object' && message !== null && 'type' in message ? message.type : undefined
  if (typeof type !== 'string') {
    throw invalid('a message is an object with a text as its `type`', [
      { path: 'type', message: `expected a text, got ${typeof type}` },
    ])
  }
  const schema = schemas.get(type)
  if (!schema) {
    const known = [...schemas.keys()].join(', ')
    throw invalid(`"${type}" is not in the protocol`, [
      { path: 'type', message: `expected one of: ${known}` },
    ])
  }
  const payload = (message as { payload?: unknown }).payload
  const result = parseWith(schema, payload)
  if ('faults' in result) {
    const faults = result.faults.map((fault) => ({ ...fault, path: under('payload', fault.path) }))
    throw invalid(`"${type}" does not fit its contract: ${describeFaults(faults)}`, faults)
  }
  return result.value === payload ? (message as EventObject) : { ...(message as EventObject), ...{ payload: result.value } }
}

const under = (root: string, path: string): string => (path === '' ? root : `${root}.${path}`)

const invalid = (message: string, faults: readonly Fault[]): InvalidMessageError =>
  new InvalidMessageError(message, { code: 'INVALID_MESSAGE', faults })

/** What a schema makes of a value, or the path of each fault. Schemas that need to wait are refused. */
export const parseWith = (schema: Schema, value: unknown): { value: unknown } | { faults: readonly Fault[] } => {
  const result = z.core.safeParse(schema, value)
  if (result.success) return { value: result.data }
  return {
    faults: result.error.issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message })),
  }
}

/** The faults in one line, as people read them. */
export const describeFaults = (faults: readonly Fault[]): string =>
  faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')
