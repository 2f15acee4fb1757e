/** The command as people run it: the built program in a process of its own. `npm run build` comes first. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Result } from '../../src/cli/result.ts'

const root = join(import.meta.dirname, '../..')
const program = join(root, 'dist/src/cli.js')
const team = 'test/cli/fixtures/texts/team.ts'
let folder: string

beforeAll(async () => {
  if (!existsSync(program)) throw new Error('the command is not built: npm run build')
  folder = await mkdtemp(join(tmpdir(), 'troupe-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const start = (...args: string[]): ChildProcessWithoutNullStreams =>
  spawn(process.execPath, [program, ...args], { cwd: root, env: { ...process.env, FORCE_COLOR: undefined } })

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const end = async (child: ChildProcessWithoutNullStreams): Promise<Ended> => {
  const text = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text.stdout += part))
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text.stderr += part))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, ...text }
}

const troupe = (...args: string[]): Promise<Ended> => {
  const child = start(...args)
  child.stdin.end()
  return end(child)
}
const fed = (input: string, ...args: string[]): Promise<Ended> => {
  const child = start('run', team, '--input', '-', '--json', ...args)
  child.stdin.end(input)
  return end(child)
}
const results = (text: string): Result[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Result)

/** Until a stream has said this. */
const said = (stream: NodeJS.ReadableStream, text: string): Promise<void> =>
  new Promise((resolve) => {
    let all = ''
    stream.on('data', (part: Buffer) => {
      all += part.toString()
      if (all.includes(text)) resolve()
    })
  })

describe('troupe run', () => {
  it('runs the default export over the sample beside the module, and ends with the table', async () => {
    const { code, stdout, stderr } = await troupe('run', team)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/✓ a +root → echo +ONE/)
    expect(stdout).toMatch(/✓ line 3 +root → echo +THREE/)
    expect(stdout).toMatch(/agent +done +failed +retried +p50 ms +p95 ms +circuit/)
    expect(stdout).toMatch(/echo +3 +0 +0 +\S+ +\S+ +closed/)
    expect(stdout).toMatch(/3 records in .*: completed 3/)
  })

  it('writes one line a record, in the order of the input, with id and path', async () => {
    const { code, stdout } = await fed('{"id":"t1","text":"slow50"}\n{"id":2,"text":"b"}\n"c"\n')
    expect(code).toBe(0)
    expect(results(stdout)).toEqual([
      {
        line: 1,
        id: 't1',
        outcome: { status: 'completed', output: 'SLOW50' },
        path: ['root', 'echo'],
        ms: expect.any(Number),
      },
      {
        line: 2,
        id: 2,
        outcome: { status: 'completed', output: 'B' },
        path: ['root', 'echo'],
        ms: expect.any(Number),
      },
      {
        line: 3,
        outcome: { status: 'completed', output: 'C' },
        path: ['root', 'echo'],
        ms: expect.any(Number),
      },
    ])
  })

  it('keeps standard output to data under --json, and shows the table elsewhere', async () => {
    const { stdout, stderr } = await fed('"a"\n')
    expect(results(stdout)).toHaveLength(1)
    expect(stderr).toContain('p95 ms')
  })

  it('makes a failed result of a line that cannot be read, names it, and goes on', async () => {
    const { code, stdout, stderr } = await fed('"a"\n{oops\n{"id":"x","body":1}\n"b"\n')
    expect(code).toBe(1)
    expect(results(stdout).map(({ outcome }) => outcome.status)).toEqual([
      'completed',
      'failed',
      'failed',
      'completed',
    ])
    expect(results(stdout)[2]).toMatchObject({
      line: 3,
      id: 'x',
      outcome: { error: { name: 'InvalidMessageError', details: { faults: [{ path: 'text' }] } } },
    })
    expect(stderr).toMatch(/line 2: not JSON/)
    expect(stderr).toMatch(/line 3: text: /)
  })

  it('exits with 1 when a record did not complete', async () => {
    const { code, stdout } = await fed('"fail"\n"b"\n')
    expect(code).toBe(1)
    expect(results(stdout)[0]).toMatchObject({ outcome: { status: 'failed', error: { code: 'DEFECT' } } })
    expect(results(stdout)[1]).toMatchObject({ outcome: { status: 'completed' } })
  })

  it('runs another agent of the module, and rejects what does not fit its contract by path', async () => {
    const { code, stdout, stderr } = await fed('{"n":4}\n{"n":"four"}\n', '--agent', 'double')
    expect(code).toBe(1)
    expect(results(stdout)[0]).toMatchObject({
      outcome: { status: 'completed', output: 8 },
      path: ['double'],
    })
    expect(results(stdout)[1]).toMatchObject({
      outcome: { status: 'rejected', error: { code: 'INVALID_INPUT' } },
    })
    expect(stderr).toMatch(/line 2: n: /)
  })

  it('reads CSV by column, writes results to a file, and gives the summary as JSON', async () => {
    const [input, out] = [join(folder, 'in.csv'), join(folder, 'out.jsonl')]
    await writeFile(input, '\uFEFFid,text\r\nx,"one, two"\r\ny,three\r\n')
    const { code, stdout } = await troupe('run', team, '--input', input, '--out', out, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ records: 2, outcomes: { completed: 2 } })
    expect(results(await readFile(out, 'utf8'))).toMatchObject([
      { line: 2, id: 'x', outcome: { output: 'ONE, TWO' } },
      { line: 3, id: 'y', outcome: { output: 'THREE' } },
    ])
  })

  it('stops after --limit records', async () => {
    const { stdout } = await fed('"a"\n"b"\n"c"\n', '--limit', '2')
    expect(results(stdout)).toHaveLength(2)
  })

  it('runs the export `faults` under --faults, and logs what breaks', async () => {
    const { code, stderr } = await troupe('run', team, '--faults', '--limit', '1')
    expect(code).toBe(0)
    expect(stderr).toMatch(/stumble .*tries again in/)
  })

  it('colours nothing in a pipe', async () => {
    const { stdout } = await troupe('run', team)
    expect(stdout).not.toContain('\u001b')
  })
})

describe('wrong usage', () => {
  it.each([
    [['run', 'test/nowhere.ts'], 'there is no module "test/nowhere.ts"'],
    [['run', 'test/cli/fixtures'], 'is a folder'],
    [['run', 'test/cli/fixtures/no-default/team.ts'], 'no default export'],
    [['run', 'test/cli/fixtures/no-agent/team.ts'], 'not an agent'],
    [['run', 'package.json'], 'cannot be loaded'],
    [['run', team, '--agent', 'nobody'], 'It has: double, echo, pick, root'],
    [['run', team, '--input', 'nowhere.jsonl'], 'there is no input file "nowhere.jsonl"'],
    [['run', team, '--out', 'no/such/folder/out.jsonl'], 'cannot be written'],
    [['run', team, '--concurrency', '0'], 'a whole number from 1'],
    [['run', team, '--what'], 'unknown option'],
    [['run'], 'missing required argument'],
    [['dance'], 'unknown command'],
  ])('%j exits with 2 and says what to do', async (args, message) => {
    const { code, stdout, stderr } = await troupe(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
  })

  it('is to write the results over the input, which stays as it is', async () => {
    const input = join(folder, 'only.jsonl')
    await writeFile(input, '"a"\n')
    const { code, stderr } = await troupe(
      'run',
      team,
      '--input',
      input,
      '--out',
      join(folder, '.', 'only.jsonl'),
    )
    expect(code).toBe(2)
    expect(stderr).toContain('would overwrite')
    expect(await readFile(input, 'utf8')).toBe('"a"\n')
  })

  it('is not a module that fails while it is loaded: that exits with 1', async () => {
    const { code, stderr } = await troupe('run', 'test/cli/fixtures/broken/team.ts')
    expect(code).toBe(1)
    expect(stderr).toContain('no key in the environment')
  })

  it('is not to ask for help, which has examples', async () => {
    for (const args of [['--help'], ['run', '--help']]) {
      const { code, stdout } = await troupe(...args)
      expect(code).toBe(0)
      expect(stdout).toContain('$ troupe run team.ts')
    }
  })
})

describe('Ctrl-C', () => {
  it('finishes what is in hand, says what was left, and exits with 130', async () => {
    const child = start('run', team, '--input', '-', '--json')
    const ended = end(child)
    const first = said(child.stdout, '"ONE"')
    child.stdin.write('"one"\n"slow300"\n')
    await first
    child.kill('SIGINT')
    const { code, stdout, stderr } = await ended
    expect(code).toBe(130)
    expect(results(stdout).map(({ line }) => line)).toEqual([1, 2])
    expect(stderr).toContain('Left undone of standard input: what comes after line 2')
  })

  it('ends at once the second time', async () => {
    const child = start('run', team, '--input', '-', '--json')
    const ended = end(child)
    const [first, stopping] = [said(child.stdout, '"ONE"'), said(child.stderr, 'Stopping')]
    child.stdin.write('"one"\n"slow50000"\n')
    await first
    child.kill('SIGINT')
    await stopping
    child.kill('SIGINT')
    expect((await ended).code).toBe(130)
  })
})

describe('the support desk', () => {
  const desk = 'docs/examples/support-desk/team.ts'

  it('completes every sample ticket', async () => {
    const { code, stdout } = await troupe('run', desk, '--json')
    expect(code).toBe(0)
    expect(results(stdout).length).toBeGreaterThanOrEqual(60)
    expect(results(stdout)[0]).toMatchObject({
      line: 1,
      path: ['triage', 'billing'],
      outcome: { status: 'completed' },
    })
  })

  it('completes every sample ticket with faults, and shows how they are mended', async () => {
    const { code, stdout, stderr } = await troupe('run', desk, '--faults')
    expect(code).toBe(0)
    expect(stdout).toMatch(/completed 79/)
    expect(stderr).toMatch(/technical .*circuit: closed → open/)
    expect(stderr).toMatch(/technical .*circuit: half-open → closed/)
    expect(stderr).toMatch(/falls back to front-desk/)
  })
})
