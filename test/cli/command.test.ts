/** The command as people run it: what goes in, what comes out, and what is wrong usage. */
import { mkdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { fed, folder, results, texts as team, troupe } from './program.ts'

const { file, path } = folder()

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
    const input = await file('in.csv', '\uFEFFid,text\r\nx,"one, two"\r\ny,three\r\n')
    const out = path('out.jsonl')
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

describe('what the agent is given', () => {
  it('is the record as it is, where a person or a machine has no contract for it', async () => {
    const module = await file(
      'whole.ts',
      `import { agent, human, parallel } from 'troupe'
       const told = { transition: (s) => s, getInitialSnapshot: (_, input) => ({ status: 'done', output: input, input }),
         getPersistedSnapshot: (s) => s }
       const machine = agent('machine', { machine: told })
       const person = human('person', { answer: (asked) => JSON.stringify(asked) })
       export default parallel('both', { branches: { machine, person }, join: ({ machine, person }) =>
         ({ machine: machine.output, person: person.output }) })`,
    )
    const input = await file('whole.jsonl', '{"id":"a","text":"hello"}\n"bare"\n')
    const { stdout } = await troupe('run', module, '--input', input, '--json')
    expect(results(stdout).map(({ id, outcome }) => ({ id, outcome }))).toEqual([
      {
        id: 'a',
        outcome: {
          status: 'completed',
          output: { machine: { id: 'a', text: 'hello' }, person: '{"id":"a","text":"hello"}' },
        },
      },
      { outcome: { status: 'completed', output: { machine: 'bare', person: '"bare"' } } },
    ])
  })
})

describe('wrong usage', () => {
  it.concurrent.each([
    [[], 'Usage: troupe'],
    [['dance'], "unknown command 'dance'"],
    [['rnu'], 'Did you mean run?'],
    [['help', 'rnu'], 'Did you mean run?'],
    [['--loud'], "unknown option '--loud'"],
    [['run'], "missing required argument 'module'"],
    [['run', ''], 'the name of the module is empty: name a file'],
    [['run', team, 'more'], 'too many arguments'],
    [['run', team, '--concurency', '3'], 'Did you mean --concurrency?'],
    [['run', 'test/nowhere.ts'], 'there is no module "test/nowhere.ts"'],
    [['run', 'test/cli/fixtures'], 'is a folder: name the module in it'],
    [['run', 'package.json'], 'a module is a .ts, .js or .mjs file'],
    [['run', 'test/cli/fixtures/no-default/team.ts'], 'no default export: write `export default`'],
    [['run', 'test/cli/fixtures/no-agent/team.ts'], 'is an object and no agent: export what `agent`'],
    [['run', 'test/cli/fixtures/no-agent/team.ts', '--faults'], 'has no export "faults"'],
    [['run', team, '--agent'], 'argument missing'],
    [['run', team, '--agent', 'nobody'], 'has no agent called "nobody". It has: double, echo, pick, root'],
    [['run', team, '--agent', 'dubble'], 'Did you mean "double"?'],
    [['run', team, '--input'], 'argument missing'],
    [['run', team, '--input', ''], '--input needs the name of a .jsonl or .csv file, or -'],
    [['run', team, '--input', 'nowhere.jsonl'], 'there is no input file "nowhere.jsonl"'],
    [['run', team, '--input', 'test'], 'is a folder: --input takes a .jsonl or .csv file'],
    [['run', team, '--out'], 'argument missing'],
    [['run', team, '--out', ''], '--out needs the name of a file'],
    [['run', team, '--out', '-'], 'Without it the results go to standard output'],
    [['run', team, '--out', 'test'], 'it is a folder: name a file in it'],
    [['run', team, '--out', 'no/such/folder/out.jsonl'], 'its folder is not there'],
    [['run', team, '--out', team], 'would overwrite the module'],
    ...['0', '1.5', 'many', '10001'].map((n): [string[], string] => [
      ['run', team, '--concurrency', n],
      `argument '${n}' is invalid. It has to be a whole number from 1 to 10000, such as 16.`,
    ]),
    ...['0', '-1', 'all'].map((n): [string[], string] => [
      ['run', team, '--limit', n],
      `argument '${n}' is invalid. It has to be a whole number from 1; without it all are taken.`,
    ]),
  ])('%j exits with 2 and says what to do', async (args, message) => {
    const { code, stdout, stderr } = await troupe(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr).not.toContain('    at ')
  })

  it('is to write the results over the input, which stays as it is', async () => {
    const input = await file('only.jsonl', '"a"\n')
    const { code, stderr } = await troupe('run', team, '--input', input, '--out', `${path('.')}/./only.jsonl`)
    expect(code).toBe(2)
    expect(stderr).toContain('would overwrite the input')
    expect(await readFile(input, 'utf8')).toBe('"a"\n')
  })

  it('costs nobody their earlier results', async () => {
    const out = await file('earlier.jsonl', 'earlier\n')
    const input = await file('header.csv', 'id,id\n1,2\n')
    const { code, stdout, stderr } = await troupe('run', team, '--input', input, '--out', out)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('"id" twice')
    expect(await readFile(out, 'utf8')).toBe('earlier\n')
  })

  it('is to leave it open which sample is meant, or to have none', async () => {
    await mkdir(path('samples'))
    const module = await file(
      'samples/team.ts',
      "import { agent } from 'troupe'\nexport default agent('a', { run: (t) => t })\n",
    )
    const none = await troupe('run', module)
    expect(none.code).toBe(2)
    expect(none.stderr).toContain('there is no sample (.jsonl or .csv) beside "team.ts"')
    await file('samples/a.jsonl', '')
    await file('samples/b.csv', '')
    const two = await troupe('run', module)
    expect(two.code).toBe(2)
    expect(two.stderr).toContain('lie a.jsonl, b.csv: choose one with --input')
  })

  it('is not to ask for the version or for help, which has examples and fits 80 columns', async () => {
    for (const args of [['--help'], ['help'], ['run', '--help'], ['help', 'run'], ['--version']]) {
      const { code, stdout, stderr } = await troupe(...args)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toContain(args[0] === '--version' ? '.' : '$ troupe run team.ts')
      for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    }
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
