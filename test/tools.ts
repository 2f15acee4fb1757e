/** Runs the programs that tests and checks need: the compiler, Node, npm. They share this process's Node. */
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project's folder. */
export const root = fileURLToPath(new URL('../', import.meta.url))

/** How a program ended. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end, without input and colours. An exit code does not make it reject. */
export const run = (command: string, args: readonly string[], cwd = root): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '', FORCE_COLOR: undefined }
    const child = execFile(command, args, { cwd, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error)
      else resolve({ code: Number(error?.code ?? 0), stdout, stderr })
    })
    child.stdin?.end()
  })

/** Runs Node on a file or with options. */
export const node = (args: readonly string[], cwd?: string): Promise<Ended> =>
  run(process.execPath, args, cwd)

/** Type-checks a project. What it finds is in `stdout`. */
export const tsc = (project: string): Promise<Ended> => {
  const compiler = createRequire(import.meta.url).resolve('typescript/package.json')
  return node([join(dirname(compiler), 'bin/tsc'), '--pretty', 'false', '-p', project])
}
