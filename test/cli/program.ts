/** Runs the command as people do: the built program in a process of its own. `npm run build` comes first. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { Result } from '../../src/cli/result.ts'
import { root } from '../tools.ts'

/** The built command. */
export const program = join(root, 'dist/src/cli.js')
/** A team that takes text. */
export const texts = 'test/cli/fixtures/texts/team.ts'

/** How it ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Starts the command; its standard input is open. */
export const start = (...args: string[]): ChildProcessWithoutNullStreams => {
  if (!existsSync(program)) throw new Error('the command is not built: npm run build')
  return spawn(process.execPath, [program, ...args], {
    cwd: root,
    env: { ...process.env, FORCE_COLOR: undefined, NODE_OPTIONS: undefined },
  })
}

/** Its end, and all that it said. */
export const end = async (child: ChildProcessWithoutNullStreams): Promise<Ended> => {
  const text = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text.stdout += part))
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text.stderr += part))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, ...text }
}

/** Runs it to its end, without input. */
export const troupe = (...args: string[]): Promise<Ended> => {
  const child = start(...args)
  child.stdin.end()
  return end(child)
}

/** Runs the team that takes text over this input, with results as JSON. */
export const fed = (input: string, ...args: string[]): Promise<Ended> => {
  const child = start('run', texts, '--input', '-', '--json', ...args)
  child.stdin.end(input)
  return end(child)
}

/** Result lines, parsed: all of them have to be JSON. */
export const results = (text: string): Result[] =>
  text === ''
    ? []
    : text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Result)

/** Until a stream has said this. */
export const said = (stream: NodeJS.ReadableStream, text: string): Promise<void> =>
  new Promise((resolve) => {
    let all = ''
    stream.on('data', (part: Buffer) => {
      all += part.toString()
      if (all.includes(text)) resolve()
    })
  })

/** A folder for the files of a test file, in which modules find `troupe`. */
export interface Folder {
  /** Writes a file and gives its path. */
  file(name: string, content: string | Uint8Array): Promise<string>
  /** The path of a file that is not there yet. */
  path(name: string): string
}

/** One for each test file that asks. */
export const folder = (): Folder => {
  let path: string
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'troupe-'))
    await mkdir(join(path, 'node_modules'))
    await symlink(root, join(path, 'node_modules/troupe'), 'junction')
  })
  afterAll(() => rm(path, { recursive: true, force: true }))
  return {
    file: async (name, content) => {
      await writeFile(join(path, name), content)
      return join(path, name)
    },
    path: (name) => join(path, name),
  }
}
