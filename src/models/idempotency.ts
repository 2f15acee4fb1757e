/** The header by which a server or a gateway knows a request that it has had before. Most ignore it. */
import { createHash } from 'node:crypto'

const SENDABLE = /^[\x21-\x7e]{1,255}$/

/** As in draft-ietf-httpapi-idempotency-key-header. A key that no header can carry is sent as its SHA-256. */
export const idempotencyHeader = (key: string): { 'Idempotency-Key': string } => ({
  'Idempotency-Key': SENDABLE.test(key) ? key : createHash('sha256').update(key).digest('hex'),
})
