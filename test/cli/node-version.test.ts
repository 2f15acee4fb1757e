/** The command on a Node that is too old: it says so before it loads what that Node cannot load. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root, run } from '../tools.ts'
import { folder } from './program.ts'

const { file } = folder()

/** The entry alone: what it would load is not there. */
const entry = (): Promise<string> =>
  file('cli.mjs', stripTypeScriptTypes(readFileSync(join(root, 'src/cli.ts'), 'utf8')))

const pretending = (version: string): string => {
  const code = `Object.defineProperty(process, 'version', { value: 'v${version}' })
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  return `data:text/javascript,${encodeURIComponent(code)}`
}

it.each(['20.20.2', '22.17.9'])('%s is told which one is needed, as wrong usage', async (version) => {
  const ended = await run(process.execPath, ['--import', pretending(version), await entry(), 'help'])
  expect(ended).toEqual({
    code: 2,
    stdout: '',
    stderr: `Troupe needs Node 22.18 or newer, this is v${version}\n`,
  })
})

it.each(['22.18.0', '23.0.0'])('%s is new enough', async (version) => {
  const { stderr } = await run(process.execPath, ['--import', pretending(version), await entry(), 'help'])
  expect(stderr).toContain('command.ts')
})

const SYSTEM_NODE = '/usr/bin/node'
const found = existsSync(SYSTEM_NODE) ? execFileSync(SYSTEM_NODE, ['-v'], { encoding: 'utf8' }).trim() : ''

it.runIf(/^v(18|20)\./.test(found))('an old Node can read the entry', async () => {
  expect(await run(SYSTEM_NODE, [await entry(), 'help'])).toEqual({
    code: 2,
    stdout: '',
    stderr: `Troupe needs Node 22.18 or newer, this is ${found}\n`,
  })
})
