/** The default log: pino, warnings and worse, as JSON lines to standard error. */
import pino from 'pino'
import type { Logger } from '../contracts/ports.ts'

/** Synchronous, so that the last words of a process are not lost. */
export const pinoLogger = (): Logger => pino({ level: 'warn' }, pino.destination({ fd: 2, sync: true }))
