/** Sees to a batch while it is at work: shows how far it is, and what to do when something comes in between. */
import { DefectError, toTroupeError, type TroupeError } from '../contracts/errors.ts'
import type { System, SystemEvent } from '../contracts/system.ts'
import { onAccident, type Accident } from './accidents.ts'
import type { Batch } from './batch.ts'
import type { Delivery } from './deliver.ts'
import { leftAfter, type Incidents } from './ending.ts'
import type { Input } from './input.ts'
import { onInterrupt } from './interrupts.ts'
import { logLine } from './live-log.ts'
import { described } from './place.ts'
import type { Terminal } from './terminal.ts'

/** What is attended. */
export type Attended = Readonly<{
  system: System
  work: Batch
  delivery: Delivery
  input: Input
  screen: Terminal
  /** Ends the log of the system: what follows from giving up is no news. */
  hush: () => void
  /** Whether to log what breaks and how it is mended. */
  faults: boolean
}>

/** Sees to it until `end`. */
export interface Attendance {
  /** Does something that may fail, now or later: then the batch is given up. */
  attempt(what: string, action: () => unknown): void
  end(): Incidents
}

/** Begins at once. */
export function attend(attended: Attended): Attendance {
  const { system, work, delivery, input, screen, hush } = attended
  // What ends the work does not wait for an answer.
  const { alert: say } = screen
  let interrupted = false
  let gaveUp = false
  const giveUp = (text: string, error: TroupeError): void => {
    say(text)
    hush()
    gaveUp = true
    work.giveUp(error)
  }
  const stopShowing = [followEvents(attended), followCounts(attended)]

  const onEnd = onAccident((accident) => {
    if (accident.type === 'exit') return say(lastWords(delivery, input))
    const { text, error } = explained(accident, work.running)
    giveUp(text, error)
  })
  const ignoreInterrupts = onInterrupt(
    () => {
      interrupted = true
      say(
        `\nStopping: what is in hand (${work.running}) is finished, nothing new is taken. Ctrl-C again ends at once.`,
      )
      work.drain()
    },
    () => end(),
  )
  // After a shutdown that nobody asked for.
  system.terminated.catch((thrown: unknown) => {
    const error = toTroupeError(thrown)
    giveUp(`The system gave up: ${error.message}`, error)
  })
  const end = (): Incidents => {
    onEnd()
    process.on('uncaughtException', (error) => {
      // The work is over. What was wrong with it may still be found out.
      say(`Nobody caught an error: ${described(error)}`)
      process.exitCode = 1
    })
    ignoreInterrupts()
    for (const stop of stopShowing) stop()
    return { interrupted, gaveUp }
  }
  return {
    attempt: (what, action) => {
      const failed = (thrown: unknown): void =>
        giveUp(`${what} failed: ${described(thrown)}`, toTroupeError(thrown))
      try {
        Promise.resolve(action()).catch(failed)
      } catch (error) {
        failed(error)
      }
    },
    end,
  }
}

const followCounts = ({ work, input, screen }: Attended): (() => void) =>
  screen.follow(() => ({
    done: work.ended,
    failed: work.failed,
    running: work.running,
    share: input.share(),
  }))

// A system that nobody listens to makes no events, which is faster.
const followEvents = ({ system, screen, faults }: Attended): (() => void) => {
  if (!faults) return () => {}
  const startedAt = system.clock.now()
  const { paint, columns, say } = screen
  return system.events.subscribe((event: SystemEvent) => {
    const line = logLine(event, { startedAt, paint, columns: columns() })
    if (line !== undefined) say(line)
  })
}

const explained = (
  accident: Exclude<Accident, { type: 'exit' }>,
  running: number,
): { text: string; error: TroupeError } => {
  if (accident.type === 'uncaught') {
    const text = `nobody caught an error: ${described(accident.error)}`
    return { text: `The work is given up, since ${text}`, error: new DefectError(text, accident.error) }
  }
  const text = 'it waits for something that never comes'
  return {
    text: `The work is given up: nothing is left to happen, and ${running} in hand still wait.`,
    error: new DefectError(text, undefined),
  }
}

const lastWords = ({ lastLine }: Delivery, { name }: Input): string =>
  `The module ended the process (process.exit). ${leftAfter(name, lastLine)}`
