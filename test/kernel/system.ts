/** What the tests of the kernel share: a system on a clock that stands still, and what is told of it. */
import { createSystem, fromBehavior, type DeadLetter, type Logger, type System, type SystemEvent, type SystemOptions } from 'troupe'
import { manualClock, type ManualClock } from 'troupe/testing'

/** A message of tests: a type and whatever comes with it. */
export interface Say {
  readonly type: string
  readonly [field: string]: unknown
}

/** A system with its diary. */
export interface Lab {
  readonly system: System
  readonly clock: ManualClock
  readonly events: SystemEvent[]
  readonly dead: DeadLetter[]
  /** What the logger was given, as `level text`. */
  readonly logged: string[]
  /** Types and reasons of the dead letters since the last time. */
  buried(): string[]
  settle(): Promise<void>
}

/** A system on a manual clock, that is quiet and remembers. */
export const lab = async (options: SystemOptions = {}): Promise<Lab> => {
  const clock = (options.clock as ManualClock | undefined) ?? manualClock()
  const logged: string[] = []
  const system = await createSystem({ seed: 1, logger: diaryLogger(logged), ...options, clock })
  const events: SystemEvent[] = []
  const dead: DeadLetter[] = []
  let told = 0
  system.events.subscribe((event) => events.push(event))
  system.deadLetters.subscribe((letter) => dead.push(letter))
  return {
    system,
    clock,
    events,
    dead,
    logged,
    buried: () => {
      const fresh = dead.slice(told)
      told = dead.length
      return fresh.map(({ message, reason }) => `${message.type} ${reason}`)
    },
    settle: () => system.settle(),
  }
}

/** Remembers every log line; also those of its children. */
export const diaryLogger = (lines: string[]): Logger => {
  const at = (level: string) => (_: object, text?: string): void => void lines.push(`${level} ${text ?? ''}`)
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  }
  return logger
}

/** Logic that writes what it gets into `heard`. */
export const listener = (heard: string[]) => fromBehavior<Say>(() => ({ type }) => void heard.push(type))

/** A promise and what settles it. */
export const later = <T = void>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } =>
  Promise.withResolvers<T>()

/** How a promise stands once all is quiet: `open`, or how it ended. */
export const standing = (promise: Promise<unknown>): Promise<unknown> =>
  new Promise((resolve) => {
    promise.then(
      (value) => resolve({ value }),
      (error: unknown) => resolve({ error }),
    )
    setImmediate(() => resolve('open'))
  })

/** What a promise rejects with; it has to. */
export const failure = async (promise: Promise<unknown>): Promise<Error & { code?: string }> => {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not reject')
}

/** The sums add up: every message that was sent is somewhere. */
export const balanced = ({ system }: Lab): boolean => {
  const { sent, handled, expired, deadLettered, queued } = system.stats()
  return sent === handled + expired + deadLettered + queued
}
