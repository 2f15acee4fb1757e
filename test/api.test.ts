/**
 * The public API as it is declared: programs and type tests written against the declarations
 * compile unchanged against the sources. What they name and the project lacks shows as an error of the compiler.
 */
import { expect, it } from 'vitest'
import { node, tsc } from './tools.ts'

const withSources = ['--import', './test/use-sources.ts']

it('compiles the examples and type tests of the declarations', async () => {
  const { stdout, code } = await tsc('test/api')

  expect(stdout).toBe('')
  expect(code).toBe(0)
}, 60_000)

it("runs under Node's own test runner", async () => {
  const { stdout, code } = await node([...withSources, '--test', 'test/api/examples/slow.test.ts'])

  expect(stdout).toContain('pass 1')
  expect(code).toBe(0)
})

it('runs a first program', async () => {
  const { stdout, stderr } = await node([...withSources, 'test/api/tests/consumer.ts'])

  expect(stderr).toBe('')
  expect(stdout).toBe('hello! 5\n')
})
