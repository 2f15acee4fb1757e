/** `createSystem` with its defaults: real time, a log to standard error, memory. */
import { realClock } from './contracts/clock.ts'
import { NotProvidedError } from './contracts/errors.ts'
import type { Logger } from './contracts/ports.ts'
import type { System, SystemOptions } from './contracts/system.ts'
import { providePrivate, startSystem } from './system/start-system.ts'
import { pinoLogger } from './telemetry/pino-logger.ts'

let log: Logger | undefined

/**
 * A system that is started and has recovered its unfinished runs.
 * @throws ConfigurationError rejects with it
 * @throws NotProvidedError rejects with it
 * @throws ConflictError rejects with `STORE_LOCKED`
 */
export async function createSystem(options: SystemOptions = {}): Promise<System> {
  if (options.store?.durable) {
    throw new NotProvidedError('this version keeps runs in memory only: leave `store` out, or give it `memory()`')
  }
  return startSystem(options, {
    clock: options.clock ?? realClock,
    log: options.logger ?? (log ??= pinoLogger()),
    bus: options.bus,
    seed: options.seed ?? crypto.randomUUID(),
    freeze: process.env['NODE_ENV'] !== 'production',
  })
}

providePrivate(() => createSystem())
