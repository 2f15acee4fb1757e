/** The command whose reader has gone before it has read anything. */
import { spawn } from 'node:child_process'
import { expect, it } from 'vitest'
import { root } from '../tools.ts'

it.concurrent.each([
  ['help', ['help', 'run'], 0],
  ['the version', ['--version'], 0],
])('which shows %s ends without a word', { timeout: 60_000 }, async (_, args, exit) => {
  const child = spawn(process.execPath, ['--import', './test/use-sources.ts', 'src/cli.ts', ...args], {
    cwd: root,
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  child.stdout.destroy()
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (part: string) => (said += part))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  expect({ code, said }).toEqual({ code: exit, said: '' })
})
