/** What the person at the terminal sees: results or data on standard output, everything else on standard error. */
import { standardOutput } from './output.ts'
import { progressOn, type Progress } from './progress.ts'
import { resultLine, type Result } from './result.ts'
import { painter, resultOnScreen, type Paint } from './screen.ts'
import { summaryOnScreen, type Summary } from './summary.ts'

/** The terminal, or the pipes in its place. */
export interface Terminal {
  readonly progress: Progress
  /** For standard error. */
  readonly paint: Paint
  /** A line on standard error. */
  say(line: string): void
  /** A result on standard output, in the words of people or as JSON. */
  result(result: Result): Promise<void>
  summary(summary: Summary): Promise<void>
}

/** How it is shown. `out`: results go to a file. */
export type Shown = Readonly<{ json?: boolean; out?: string; faults?: boolean }>

const PIPE_WIDTH = 140

/** The terminal of this process. */
export function terminal({ json = false, out, faults = false }: Shown): Terminal {
  const { stdout, stderr } = process
  const resultsOnTerminal = !json && out === undefined && stdout.isTTY
  const progress = progressOn(stderr, stderr.isTTY && !resultsOnTerminal && !faults)
  const data = standardOutput(stdout)
  const forPeople = painter(stdout)
  const width = stdout.columns ?? PIPE_WIDTH
  return {
    progress,
    paint: painter(stderr),
    say: (line) => {
      progress.clear()
      stderr.write(`${line}\n`)
    },
    result: (result) =>
      data.write(`${json ? resultLine(result) : resultOnScreen(result, width, forPeople)}\n`),
    summary: async (summary) => {
      progress.clear()
      if (!json) return data.write(`\n${summaryOnScreen(summary, forPeople)}`)
      // Standard output is data only: the results, or when they are in a file the summary.
      if (out !== undefined) return data.write(`${JSON.stringify(summary)}\n`)
      stderr.write(`\n${summaryOnScreen(summary, painter(stderr))}`)
    },
  }
}
