/**
 * A talk with the person at the terminal. While it is open the screen belongs to it: whoever else has
 * something to show asks `isOpen` and waits. Lines that were typed before a question was shown answer nothing.
 */
import { createInterface, type Interface } from 'node:readline'
import { setImmediate as turn } from 'node:timers/promises'

/** The person at the terminal. */
export interface Talk {
  /** Whether somebody is being asked right now. */
  readonly isOpen: boolean
  /** Whether nobody answers any more: the input has come to its end. */
  readonly isOver: boolean
  /** Resolves when nobody is being asked; at once when that is so already. */
  closed(): Promise<void>
  /** Has the screen for itself until `converse` has ended. One after the other. */
  open<T>(converse: (ask: Ask) => Promise<T>): Promise<T>
  /** Shows a line in between, and the question again. */
  interrupt(line: string): void
  /** Reads no more. */
  end(): void
}

/** Shows a text and waits for a line. `undefined`: the input has ended, or the signal has aborted. */
export type Ask = (text: string, signal: AbortSignal) => Promise<string | undefined>

/** The streams of a terminal. */
export type Ends = Readonly<{ stdin: NodeJS.ReadStream; stderr: NodeJS.WriteStream }>

/** What was typed ahead has come by then, and can be dropped. */
const TYPED_AHEAD_MS = 50

/** Reads nothing before the first question: a job in the background would be stopped for it. */
export function talkOn({ stdin, stderr }: Ends): Talk {
  let lines: Interface | undefined
  let isOpen = false
  let isOver = false
  let shown = ''
  let take: ((line: string | undefined) => void) | undefined
  let last: Promise<unknown> = Promise.resolve()
  let closed: Promise<void> = Promise.resolve()

  const given = (line: string | undefined): void => {
    const taken = take
    take = undefined
    taken?.(line)
  }
  const listen = async (): Promise<void> => {
    if (lines) return
    // Not as a terminal: the keys stay with the system, so that Ctrl-C interrupts.
    lines = createInterface({ input: stdin, terminal: false })
    lines.on('line', given)
    lines.on('close', () => {
      isOver = true
      if (take) stderr.write('\n')
      given(undefined)
    })
    await new Promise((resolve) => setTimeout(resolve, TYPED_AHEAD_MS))
  }
  const ask: Ask = (text, signal) =>
    new Promise((resolve) => {
      if (isOver || signal.aborted) return resolve(undefined)
      const abort = (): void => {
        stderr.write('\n')
        given(undefined)
      }
      take = (line) => {
        signal.removeEventListener('abort', abort)
        shown = ''
        resolve(line)
      }
      signal.addEventListener('abort', abort, { once: true })
      shown = text
      stderr.write(text)
    })
  const held = async <T>(converse: (ask: Ask) => Promise<T>): Promise<T> => {
    const { promise, resolve: close } = Promise.withResolvers<void>()
    isOpen = true
    closed = promise
    // Only a question keeps the process alive.
    stdin.ref?.()
    try {
      await listen()
      return await converse(ask)
    } finally {
      isOpen = false
      stdin.unref?.()
      close()
    }
  }
  return {
    get isOpen() {
      return isOpen
    },
    get isOver() {
      return isOver
    },
    closed: async () => {
      while (isOpen) await closed
    },
    open: (converse) => {
      const talk = last.then(() => held(converse))
      // What has waited is shown before the next question.
      last = talk.then(
        () => turn(),
        () => turn(),
      )
      return talk
    },
    interrupt: (line) => void stderr.write(`\n${line}\n${shown}`),
    end: () => lines?.close(),
  }
}
