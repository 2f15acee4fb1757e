/** What goes wrong around the command: modules, inputs, outputs. Nothing is lost in silence, and nobody reads a stack. */
import { existsSync, openSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { root } from '../tools.ts'
import { end, fed, folder, program, results, start, texts, troupe } from './program.ts'

const { file, path } = folder()

let modules = 0
/** Runs a module over two records; results as JSON. `work` is the body of its agent's `run`. */
const running = async (code: string, ...args: string[]) => {
  const module = await file(`module-${++modules}.ts`, code)
  const input = await file('two.jsonl', '"one"\n"two"\n')
  const ended = await troupe('run', module, '--input', input, '--json', ...args)
  expect(ended.stderr).not.toMatch(/^ +at /m)
  return ended
}
const team = (run: string, before = ''): string =>
  `import { agent } from 'troupe'\n${before}\nexport default agent('a', { run: ${run} })\n`

describe('a module', () => {
  it.concurrent.each([
    ['throws', "throw new Error('no key')", 'failed while it was loaded: no key (at '],
    ['throws what is no error', "throw 'no key'", 'failed while it was loaded: no key'],
    ['throws nothing at all', 'throw undefined', 'failed while it was loaded: undefined'],
    ['is no TypeScript', 'export default {{', 'failed while it was loaded: '],
    [
      'imports a package that is not there',
      "import 'not-installed-package'",
      'npm install not-installed-package',
    ],
    ['imports a file that is not there', "import './nothing.js'", 'An import names its file with the ending'],
    ['imports what is not there', "import { agnt } from 'troupe'\nagnt()", "an export named 'agnt'"],
    [
      'makes an agent that cannot be',
      team('(t) => t', "agent('', { run: () => 1 })"),
      'an agent needs a name',
    ],
    [
      'never finishes loading',
      'await new Promise(() => {})',
      'waits at its top level for something that never comes',
    ],
    ['ends the process', 'process.exit(0)', 'ended the process (process.exit) while it was loaded'],
    [
      'breaks meanwhile',
      "setTimeout(() => { throw new Error('late') })\nawait new Promise(() => setInterval(() => {}, 99))",
      'late (at ',
    ],
  ])('that %s exits with 1 and says so', async (_, code, message) => {
    const { code: exit, stdout, stderr } = await running(code)
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' })
    expect(stderr).toContain(message)
  })

  it.concurrent.each([
    ['enum', 'enum Colour { Red }\nexport default Colour'],
    ['parameter property', 'class A { constructor(private a: string) {} }\nexport default A'],
    ['namespace', 'namespace A { export const a = 1 }\nexport default A'],
  ])('with TypeScript that Node cannot strip (%s) is wrong usage, with the place', async (_, code) => {
    const { code: exit, stderr } = await running(code)
    expect(exit).toBe(2)
    expect(stderr).toMatch(/cannot be loaded: .*\(at .*module-\d+\.ts:1\)\. Node strips types only: no enums/)
  })

  it('without a default export offers what it has, and runs what is chosen', async () => {
    const code = `import { agent } from 'troupe'
      export const first = agent('first', { run: (t) => t })
      export const second = agent('second', { run: (t) => t + '!' })`
    const none = await running(code)
    expect(none.code).toBe(2)
    expect(none.stderr).toContain('or choose with --agent: first, second')
    const { code: exit, stdout } = await running(code, '--agent', 'second')
    expect(exit).toBe(0)
    expect(results(stdout)[0]).toMatchObject({ outcome: { output: 'one!' }, path: ['second'] })
  })

  it('may print: standard output stays data', async () => {
    const { code, stdout, stderr } = await running(
      team("(t) => { console.log('debugging', { t }); return t }", "console.info('loading')"),
    )
    expect(code).toBe(0)
    expect(results(stdout)).toHaveLength(2)
    expect(stderr).toContain("loading\ndebugging { t: 'one' }\n")
  })

  it.concurrent.each([
    [
      'throws where nobody catches it',
      team("(t) => (setTimeout(() => { throw new Error('loose') }), new Promise(() => {}))"),
    ],
    [
      'forgets a promise that rejects',
      team("(t) => (Promise.reject(new Error('loose')), new Promise(() => {}))"),
    ],
  ])('that %s is given up: what is in hand fails, and is written', async (_, code) => {
    const { code: exit, stdout, stderr } = await running(code)
    expect(exit).toBe(1)
    expect(results(stdout).map(({ line, outcome }) => `${line} ${outcome.status}`)).toEqual([
      '1 failed',
      '2 failed',
    ])
    expect(stderr).toMatch(
      /The work is given up, since nobody caught an error: loose \(at .*module-\d+\.ts:\d+:\d+\)/,
    )
  })

  it('that waits for what never comes is given up', async () => {
    const { code, stdout, stderr } = await running(
      `import { agent } from 'troupe'
       export default agent('a', { timeoutMs: Infinity, run: (t) => t === 'one' ? t : new Promise(() => {}) })`,
    )
    expect(code).toBe(1)
    expect(results(stdout).map(({ line, outcome }) => `${line} ${outcome.status}`)).toEqual([
      '1 completed',
      '2 failed',
    ])
    expect(stderr).toContain('nothing is left to happen, and 1 in hand still wait')
  })

  it('that ends the process cannot make it look well', async () => {
    const { code, stdout, stderr } = await running(team("(t) => t === 'one' ? t : process.exit(0)"))
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(
      /The module ended the process \(process\.exit\)\. Left undone of .*two\.jsonl: all of it\./,
    )
  })

  it('that keeps the process open does not keep the command', async () => {
    const { code, stdout, stderr } = await running(team('(t) => t', 'setInterval(() => {}, 1_000)'))
    expect(code).toBe(0)
    expect(results(stdout)).toHaveLength(2)
    expect(stderr).toContain('something of the module still runs')
  })

  it('that asks a person is told that nobody answers', async () => {
    const { code, stdout, stderr } = await running(
      "import { human } from 'troupe'\nexport default human('desk', { timeoutMs: 50 })",
    )
    expect(code).toBe(1)
    expect(results(stdout)[1]).toMatchObject({
      outcome: { status: 'rejected', error: { code: 'UNDECIDED' } },
    })
    expect(stderr.match(/"desk" asks a person, and nobody can answer here/g)).toHaveLength(1)
  })

  it('whose sabotage fails, or brings the system down, exits with 1', async () => {
    const faults = (sabotage: string): string => `import { agent, fromBehavior } from 'troupe'
      export const faults = agent('a', { run: (t, ctx) => ctx.sleep(10_000) })
      export const sabotage = ${sabotage}`
    const clumsy = await running(faults("async () => { throw new Error('clumsy') }"), '--faults')
    expect(clumsy.code).toBe(1)
    expect(clumsy.stderr).toMatch(/The export "sabotage" of ".*" failed: clumsy \(at /)
    const fatal = await running(
      faults(`(system) => {
        const start = () => fromBehavior(() => () => {})
        const ref = system.spawn(start(), { restart: 'permanent' })
        const kill = () => { system.kill(ref); setTimeout(kill, 5) }
        setTimeout(kill, 50)
      }`),
      '--faults',
    )
    expect(fatal.code).toBe(1)
    expect(fatal.stderr).toContain('The system gave up: ')
    expect(results(fatal.stdout).map(({ outcome }) => outcome.status)).toEqual(['failed', 'failed'])
  })
})

describe('an input', () => {
  it('with a line of 30 MB loses that line, in little memory', async () => {
    const input = await file('long.jsonl', `"a"\n"${'x'.repeat(30 * 2 ** 20)}"\n"b"\n`)
    const { code, stdout, stderr } = await troupe('run', texts, '--input', input, '--json')
    expect(code).toBe(1)
    expect(results(stdout).map(({ line, outcome }) => `${line} ${outcome.status}`)).toEqual([
      '1 completed',
      '2 failed',
      '3 completed',
    ])
    expect(stderr).toContain('line 2: the line is longer than 8 MB, the most that is read')
  })

  it('with bytes of all kinds loses what is none, and nothing else', async () => {
    const bytes = Buffer.concat([
      Buffer.from('\uFEFFid,text\r\n1,nul \u0000 inside\r\n2,'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('\r\n3,"open\r\n4,fine\r\n5\r\n6,"two\nlines"\r\n'),
    ])
    const { code, stdout, stderr } = await troupe(
      'run',
      texts,
      '--input',
      await file('odd.csv', bytes),
      '--json',
    )
    expect(code).toBe(1)
    expect(results(stdout).map(({ line, id, outcome }) => [line, id, outcome.status])).toEqual([
      [2, '1', 'completed'],
      [3, undefined, 'failed'],
      [4, undefined, 'failed'],
      [5, '4', 'completed'],
      [6, undefined, 'failed'],
      [7, '6', 'completed'],
    ])
    expect(stderr).toContain('line 3: the line is not UTF-8: save the file in that encoding')
    expect(stderr).toContain('line 4: not CSV: a quote is opened and not closed')
    expect(stderr).toContain('line 6: text: expected 2 columns (id, text), got 1')
  })

  it('without records is nothing to do, and no failure', async () => {
    for (const [name, content] of [
      ['empty.jsonl', ''],
      ['blank.jsonl', '\n\n'],
      ['header.csv', 'id,text\n'],
    ] as const) {
      const { code, stdout, stderr } = await troupe('run', texts, '--input', await file(name, content))
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
      expect(stderr).toMatch(new RegExp(`^There is nothing to do: .*${name} has no records\\.\n$`))
    }
  })

  it('reports the first faults only, and counts the rest', async () => {
    const { code, stdout, stderr } = await fed('{oops\n'.repeat(25))
    expect(code).toBe(1)
    expect(results(stdout)).toHaveLength(25)
    expect(stderr.match(/^line \d+: not JSON/gm)).toHaveLength(20)
    expect(stderr).toContain('... and 5 more did not complete: see their results')
  })

  it('says why a record failed, wherever its result goes', async () => {
    const { code, stderr } = await fed('"fail"\n', '--out', path('failed.jsonl'))
    expect(code).toBe(1)
    expect(stderr).toContain('line 1: failed: as you wish')
  })

  it('that comes as standard input is not written over either', async () => {
    const both = await file('both.jsonl', '"a"\n')
    const child = spawn(process.execPath, [program, 'run', texts, '--input', '-', '--out', both], {
      cwd: root,
      stdio: [openSync(both, 'r'), 'ignore', 'ignore'],
    })
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(2)
    expect(await readFile(both, 'utf8')).toBe('"a"\n')
  })
})

describe('an output', () => {
  const full = existsSync('/dev/full')

  it.runIf(full).each([1, 5_000])(
    'on a full disk is said, whether the results are few or many: %i',
    async (count) => {
      const input = await file('many.jsonl', '"a"\n'.repeat(count))
      const { code, stderr } = await troupe('run', texts, '--input', input, '--out', '/dev/full')
      expect(code).toBe(1)
      expect(stderr).toMatch(
        /^\/dev\/full could not be written: ENOSPC.*\nLeft undone of .*many\.jsonl: all of it\.\n$/,
      )
    },
  )

  it.runIf(full).each([['--json'], []])('of the process on a full disk is said too %s', async (...args) => {
    const child = spawn(process.execPath, [program, 'run', texts, ...args], {
      cwd: root,
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    })
    let stderr = ''
    child.stderr?.on('data', (part: Buffer) => (stderr += part.toString()))
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(1)
    expect(stderr).toMatch(
      /^standard output could not be written: ENOSPC.*\nLeft undone of .*: all of it\.\n$/,
    )
  })

  it('whose reader has gone ends the work, without a word, whatever is in hand', async () => {
    const child = start('run', texts, '--input', '-', '--json')
    const ended = end(child)
    child.stdin.on('error', () => {})
    child.stdout.once('data', () => {
      child.stdout.destroy()
      child.stdin.write('"slow100"\n"slow50000"\n')
    })
    child.stdin.write('"one"\n')
    const { code, stderr } = await ended
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
  })

  it('holds each result once, one a line, whatever its size', async () => {
    const input = await file('wide.jsonl', `"${'y'.repeat(2 ** 20)}"\n`.repeat(20))
    const out = path('wide-out.jsonl')
    const { code } = await troupe('run', texts, '--input', input, '--out', out)
    expect(code).toBe(0)
    expect((await stat(out)).size).toBeGreaterThan(20 * 2 ** 20)
    expect(results(await readFile(out, 'utf8')).map(({ line }) => line)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    )
  })
})
