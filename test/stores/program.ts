/** Starts programs that use stores, and follows what they print. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { root } from '../tools.ts'

/** A running program. */
export interface Program {
  readonly child: ChildProcess
  readonly lines: readonly string[]
  /** Resolves when so many lines were printed, or it ended. */
  printed(lines: number): Promise<void>
  /** Ends it as a power switch would, and waits for that. */
  kill(): Promise<void>
  readonly ended: Promise<void>
}

/** Starts a file of `test/stores`, or other code for Node. */
export const start = (args: readonly string[], options: SpawnOptions = {}): Program => {
  const child = spawn(process.execPath, ['--import', join(root, 'test/use-sources.ts'), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  })
  const lines: string[] = []
  const waiting: { lines: number; resolve: () => void }[] = []
  const ended = once(child, 'close').then(() => waiting.forEach(({ resolve }) => resolve()))
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line)
      for (const { lines: many, resolve } of waiting) if (lines.length >= many) resolve()
    })
  }
  return {
    child,
    lines,
    printed: (many) =>
      new Promise((resolve) => {
        if (lines.length >= many || child.exitCode !== null) resolve()
        else waiting.push({ lines: many, resolve })
      }),
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
    ended,
  }
}

/** The highest line of each run that a writer said was acknowledged. */
export const acknowledged = (lines: readonly string[]): Map<string, number> =>
  new Map(
    lines
      .map((line) => line.split(' '))
      .flatMap(([run = '', seq]) => (run.startsWith('run-') ? [[run, Number(seq)] as const] : [])),
  )
