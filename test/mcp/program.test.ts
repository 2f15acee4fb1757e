/** Whole programs: what is left of them when they end, and what they say when the package is missing. */
import { expect, it } from 'vitest'
import { node } from '../tools.ts'
import { isAlive } from './servers.ts'

const withSources = ['--import', './test/use-sources.ts']

it.each(['stop', 'exit'])('a program that ends by `%s` leaves no server behind', async (how) => {
  const { code, stdout, stderr } = await node([...withSources, 'test/mcp/program.ts', how])
  const [status, pid] = stdout.split('\n')

  expect({ code, status, stderr }).toEqual({ code: 0, status: 'completed', stderr: '' })
  expect(Number(pid)).toBeGreaterThan(0)
  while (isAlive(Number(pid))) await new Promise((resolve) => setImmediate(resolve))
})

const missing = '`mcp` needs a package that is not installed: npm install @modelcontextprotocol/client'

it('the package is asked for where it is missing, and by nobody who does not need it', async () => {
  const without = [...withSources, '--import', './test/mcp/without-client.ts']
  const { code, stdout } = await node([...without, 'test/mcp/program.ts', 'stop'])

  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `${missing}\nno call\n`,
  })
})
