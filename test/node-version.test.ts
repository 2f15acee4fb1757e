/** The check before `npm start` and `npm test`. It is run here as if on other versions of Node. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { root } from './tools.ts'

const check = (version: string): { code: number; said: string } => {
  const ended = { code: 0, said: '' }
  const process = {
    version: `v${version}`,
    versions: { node: version },
    execPath: '/usr/bin/node',
    exit: (code: number) => Object.assign(ended, { code }),
  }
  const console = { error: (said: string) => Object.assign(ended, { said }) }
  runInNewContext(readFileSync(join(root, 'test/node-version.cjs'), 'utf8'), { process, console })
  return ended
}

it.each(['22.18.0', '22.20.1', '24.0.0'])('lets Node %s pass', (version) => {
  expect(check(version)).toEqual({ code: 0, said: '' })
})

it.each(['18.20.0', '20.20.2', '22.17.9'])('stops Node %s and says what to do', (version) => {
  const { code, said } = check(version)

  expect(code).toBe(1)
  expect(said).toContain(`this is v${version}`)
  expect(said).toContain('npm ci --ignore-scripts=false')
})

it('asks for the same Node as package.json', () => {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

  expect(engines.node).toBe('>=22.18')
})
