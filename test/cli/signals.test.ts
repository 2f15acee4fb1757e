/** Ctrl-C and SIGTERM: the first one drains, the second one ends the process at once. */
import { describe, expect, it } from 'vitest'
import { end, folder, results, said, start, texts } from './program.ts'

const { file } = folder()

/** The command over a file or standard input, once it has done the first record. */
const busy = async (input: string, lines?: string) => {
  const child = start('run', texts, '--input', input, '--json')
  const ended = end(child)
  const stopping = said(child.stderr, 'Stopping')
  const first = said(child.stdout, '"ONE"')
  if (lines !== undefined) child.stdin.write(lines)
  await first
  return { child, ended, stopping }
}

describe.each(['SIGINT', 'SIGTERM'] as const)('%s', (signal) => {
  it('finishes what is in hand, says what was left, and exits with 130', async () => {
    const { child, ended } = await busy('-', '"one"\n"slow300"\n')
    child.kill(signal)
    const { code, stdout, stderr } = await ended
    expect(code).toBe(130)
    expect(results(stdout).map(({ line, outcome }) => `${line} ${outcome.status}`)).toEqual([
      '1 completed',
      '2 completed',
    ])
    expect(stderr).toContain('Stopping: what is in hand (1) is finished')
    expect(stderr).toContain('Left undone of standard input: what comes after line 2')
    expect(stderr).toMatch(/2 records in .*: completed 2/)
  })

  it('ends at once the second time', async () => {
    const { child, ended, stopping } = await busy('-', '"one"\n"slow50000"\n')
    child.kill(signal)
    await stopping
    child.kill('SIGINT')
    const { code, stdout, stderr } = await ended
    expect(code).toBe(130)
    expect(results(stdout)).toHaveLength(1)
    expect(stderr).not.toContain('The module ended the process')
  })

  it('says that nothing was left, if the input has come to its end', async () => {
    const { child, ended } = await busy(await file('two.jsonl', '"one"\n"slow300"\n'))
    child.kill(signal)
    const { code, stdout, stderr } = await ended
    expect(code).toBe(130)
    expect(results(stdout)).toHaveLength(2)
    expect(stderr).toMatch(/Nothing was left of .*two\.jsonl\./)
  })

  it('before anything was read leaves all of it', async () => {
    const child = start('run', texts, '--input', '-', '--faults')
    const ended = end(child)
    await said(child.stderr, 'at work')
    child.kill(signal)
    const { code, stdout, stderr } = await ended
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
    expect(stderr).toContain('Left undone of standard input: all of it.')
  })
})
