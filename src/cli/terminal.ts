/** What the person at the terminal sees: results or data on standard output, everything else on standard error. */
import { streamOutput, type Output } from './output.ts'
import { noProgress, progressOn, type Counts } from './progress.ts'
import { asJson, type Result, type Written } from './result.ts'
import { painter, resultOnScreen, type Paint } from './screen.ts'
import { summaryOnScreen, type Summary } from './summary.ts'
import { talkOn, type Talk } from './talk.ts'

/** The terminal, or the pipes in its place. */
export interface Terminal {
  /** For standard error. */
  readonly paint: Paint
  /** Columns of standard error; they change with the window. */
  readonly columns: () => number
  /** Whether whoever reads standard error sees the results too. */
  readonly showsResults: boolean
  /** Where results go that go to no file. */
  readonly results: Output
  /** Shows how far the work is, where somebody watches, until the returned function is called. */
  follow(counts: () => Counts): () => void
  /** Where a person can be asked: not in pipes, nor where standard input holds the records. */
  readonly talk: Talk | undefined
  /** A line on standard error; while a person is asked something it waits. */
  say(line: string): void
  /** A line on standard error, at once. */
  alert(line: string): void
  /** A result as it is written: in the words of people, or as JSON. */
  written(result: Result): Written
  summary(summary: Summary): Promise<void>
}

/** How it is shown. `out`: results go to a file. `input`: `-` is standard input. */
export type Shown = Readonly<{ json?: boolean; out?: string; input?: string }>

// A file of results is read on a screen; what went wrong is worth a longer line.
const PIPE_COLUMNS = 140
const LOG_COLUMNS = 300
// What is narrower is no terminal.
const LEAST_COLUMNS = 20

/** The streams of a process. */
export type Streams = Readonly<{
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
}>

/** The terminal of this process. */
export function terminal({ json = false, out, input }: Shown, streams: Streams = process): Terminal {
  const { stdin, stdout, stderr } = streams
  // Whoever closes standard error does not want to be told.
  stderr.on('error', () => {})
  let progress = noProgress
  const data = streamOutput(stdout)
  const forPeople = painter(stdout)
  const columns = columnsOf(stdout, PIPE_COLUMNS)
  const logColumns = columnsOf(stderr, LOG_COLUMNS)
  const write = (text: string): void => {
    if (!talk?.isOpen) stderr.write(text)
  }
  // Both are the same screen as a rule.
  const makeRoom = (): void => {
    if (stdout.isTTY) progress.clear()
  }
  const talk = stdin.isTTY && stderr.isTTY && input !== '-' ? talkOn({ stdin, stderr }) : undefined
  const waiting: string[] = []
  const show = (line: string): void => {
    progress.clear()
    stderr.write(`${line}\n`)
  }
  const say = (line: string): void => {
    if (!talk?.isOpen) return show(line)
    if (waiting.push(line) === 1) void talk.closed().then(() => waiting.splice(0).forEach(show))
  }
  return {
    paint: painter(stderr),
    columns: logColumns,
    showsResults: stdout.isTTY && !json && out === undefined,
    results: {
      write: async (text, whenWritten) => {
        if (stdout.isTTY) await talk?.closed()
        makeRoom()
        return data.write(text, whenWritten)
      },
      flush: () => data.flush(),
    },
    follow: (counts) => {
      if (stderr.isTTY && process.env['TERM'] !== 'dumb')
        progress = progressOn({ write, columns: logColumns }, counts)
      return () => progress.end()
    },
    talk,
    say,
    alert: (line) => (talk?.isOpen ? talk.interrupt(line) : show(line)),
    written: (result) =>
      json || out !== undefined
        ? asJson(result)
        : { result, text: `${resultOnScreen(result, columns(), forPeople)}\n` },
    summary: async (summary) => {
      if (summary.records === 0 && !(json && out !== undefined)) return
      // Standard output is data only: the results, or when they are in a file the summary.
      if (json && out === undefined)
        return say(`\n${summaryOnScreen(summary, logColumns(), painter(stderr)).trimEnd()}`)
      makeRoom()
      await data.write(
        json ? `${JSON.stringify(summary)}\n` : `\n${summaryOnScreen(summary, columns(), forPeople)}`,
      )
      await data.flush()
    },
  }
}

/** Of a stream, each time it is asked. */
const columnsOf = (stream: NodeJS.WriteStream, inPipe: number) => (): number =>
  stream.isTTY && stream.columns > 0 ? Math.max(LEAST_COLUMNS, stream.columns) : inPipe
