/**
 * Plants one fault after the other in a copy of the project and runs the tests that must notice: `npm run mutants`. A fault
 * that survives, or that no longer fits the code, fails the run. Words after the command choose faults by name.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { node, root } from '../tools.ts'
import { mutants, type Mutant } from './mutants.ts'
import { planted } from './plant.ts'

/** As many as there are cores on the smallest machine that runs this. */
const AT_A_TIME = 2
/** A fault may make a test wait for ever. */
const LONGEST_MS = 60_000

interface Verdict {
  readonly passed: number
  readonly failed: number
  /** What went wrong before any test. */
  readonly broken: string | undefined
}

const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
const LEFT_OUT = ['node_modules', 'dist', '.git', 'coverage']

/** A copy of the project that may be broken. */
const copy = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-mutants-'))
  cpSync(root, folder, { recursive: true, filter: (path) => !LEFT_OUT.includes(relative(root, path)) })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir')
  return folder
}

const test = async (folder: string, files: readonly string[], bail = true, longestMs = LONGEST_MS): Promise<Verdict> => {
  const output = join(folder, 'report.json')
  rmSync(output, { force: true })
  const options = ['--reporter=json', `--outputFile=${output}`, '--testTimeout=5000', ...(bail ? ['--bail=1'] : [])]
  const ended = await Promise.race([node([vitest, 'run', ...options, ...files], folder), late(longestMs)])
  if (ended === undefined) return { passed: 0, failed: 1, broken: undefined }
  const said = ended.stdout + ended.stderr
  if (!existsSync(output)) return { passed: 0, failed: 0, broken: said }
  const { numPassedTests: passed, numFailedTests: failed } = JSON.parse(readFileSync(output, 'utf8')) as Report
  return { passed, failed, broken: passed + failed > 0 ? undefined : said }
}

/** What is read of a report of vitest. */
interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
}

const late = (ms: number): Promise<undefined> =>
  new Promise((resolve) => void setTimeout(resolve, ms, undefined).unref())

/** Whether the tests notice. */
const isKilled = async (folder: string, mutant: Mutant): Promise<boolean> => {
  const path = join(folder, mutant.file)
  const source = readFileSync(path, 'utf8')
  writeFileSync(path, planted(mutant))
  try {
    const { failed, broken } = await test(folder, mutant.tests)
    if (broken) throw new Error(`"${mutant.name}": no test ran\n${broken}`)
    return failed > 0
  } finally {
    writeFileSync(path, source)
  }
}

const chosen = mutants.filter(({ name }) => process.argv.slice(2).every((word) => name.includes(word)))
const folders = Array.from({ length: AT_A_TIME }, copy)
let survived = 0
try {
  if (chosen.length === 0) throw new Error('no fault has a name with these words')
  for (const mutant of chosen) planted(mutant)
  const files = [...new Set(chosen.flatMap(({ tests }) => tests))]
  const sound = await test(folders[0] ?? root, files, false, 5 * LONGEST_MS)
  if (sound.broken || sound.failed > 0) {
    throw new Error(`the tests fail without a fault: ${sound.failed} of ${sound.failed + sound.passed}\n${sound.broken ?? ''}`)
  }
  console.log(`${sound.passed} tests pass without a fault`)
  const queue = [...chosen]
  const work = async (folder: string): Promise<void> => {
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const started = performance.now()
      const killed = await isKilled(folder, mutant)
      if (!killed) survived += 1
      const seconds = ((performance.now() - started) / 1_000).toFixed(1)
      console.log(`${killed ? 'killed  ' : 'SURVIVED'}  ${seconds.padStart(5)} s  ${mutant.name}`)
    }
  }
  await Promise.all(folders.map(work))
  console.log(`${chosen.length - survived} of ${chosen.length} killed`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}
if (survived > 0) process.exitCode = 1
