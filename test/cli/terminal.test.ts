/** Who sees what, and when: the progress line, standard output and standard error, on terminals and in pipes. */
import { PassThrough, Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { progressLine } from '../../src/cli/progress.ts'
import type { Result } from '../../src/cli/result.ts'
import { terminal, type Shown } from '../../src/cli/terminal.ts'

const ERASE = '\r\u001b[2K'

/** What both streams were given, in order, as they would share a screen. */
const screen = (given: { stdin?: boolean; stdout?: number; stderr?: number } & Shown = {}) => {
  const written: string[] = []
  const stream = (name: string, columns: number | undefined) =>
    Object.assign(
      new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          if (chunk.length > 0) written.push(`${name} ${chunk.toString()}`)
          done()
        },
      }),
      { isTTY: columns !== undefined, columns, getColorDepth: () => 1 },
    ) as unknown as NodeJS.WriteStream
  const stdout = stream('out', given.stdout)
  const stderr = stream('err', given.stderr)
  const keys = new PassThrough()
  const stdin = Object.assign(keys, { isTTY: given.stdin }) as unknown as NodeJS.ReadStream
  return { written, stdout, stderr, keys, shown: terminal(given, { stdin, stdout, stderr }) }
}

const counts = () => ({ done: 1_234, failed: 5, running: 2, share: 0.426 })
const result: Result = { line: 1, outcome: { status: 'completed', output: 'yes' }, path: ['a'], ms: 3 }
const summary = { records: 1, ms: 3, outcomes: { completed: 1 }, agents: [] }

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
})

describe('the progress line', () => {
  it('says what matters most first, and no more than fits', () => {
    const line = (columns: number): string => progressLine(counts(), 65_000, columns)
    expect(line(200)).toBe('1,234 done, 5 not completed, 2 in hand, 42% of the input, 1:05, 19 a second')
    expect(line(40)).toBe('1,234 done, 5 not completed, 2 in hand')
    for (let columns = 12; columns < 80; columns++) expect(line(columns).length).toBeLessThanOrEqual(columns)
  })

  it('speaks of minutes where the work is slow, of hours where it is long, and of a share where it is known', () => {
    const slow = { done: 60, failed: 0, running: 1, share: undefined }
    expect(progressLine(slow, 7_384_000, 200)).toBe('60 done, 1 in hand, 2:03:04, 0 a minute')
    expect(progressLine(slow, 600_000, 200)).toBe('60 done, 1 in hand, 10:00, 6 a minute')
  })

  it('moves by itself, also while no result comes', () => {
    const { written, shown } = screen({ stderr: 80 })
    let done = 0
    const end = shown.follow(() => ({ ...counts(), done: ++done }))
    vi.advanceTimersByTime(1_000)
    expect(written.filter((text) => text.includes('done'))).toHaveLength(5)
    end()
    vi.advanceTimersByTime(1_000)
    expect(written.at(-1)).toBe(`err ${ERASE}`)
    expect(written.filter((text) => text.includes('done'))).toHaveLength(5)
  })

  it('gives way to what is said and to results on the same screen, and comes back', async () => {
    const { written, shown } = screen({ stdout: 80, stderr: 80 })
    const end = shown.follow(counts)
    vi.advanceTimersByTime(200)
    shown.say('a line')
    vi.advanceTimersByTime(200)
    await shown.results.write('a result\n')
    await shown.results.write('another\n')
    vi.advanceTimersByTime(200)
    end()
    expect(written.map((text) => (text.includes('done') ? 'progress' : text))).toEqual([
      'progress',
      `err ${ERASE}`,
      'err a line\n',
      'progress',
      `err ${ERASE}`,
      'out a result\n',
      'out another\n',
      'progress',
      `err ${ERASE}`,
    ])
  })

  it('is not disturbed by results that go elsewhere', async () => {
    const { written, shown } = screen({ stderr: 80, json: true })
    const end = shown.follow(counts)
    vi.advanceTimersByTime(200)
    await shown.results.write('{}\n')
    expect(written).not.toContain(`err ${ERASE}`)
    end()
  })

  it('is never wider than the window, which may change', () => {
    const { written, stderr, shown } = screen({ stderr: 80 })
    const end = shown.follow(counts)
    vi.advanceTimersByTime(200)
    stderr.columns = 30
    vi.advanceTimersByTime(200)
    const [wide, narrow] = written.map((text) => text.replace(`err ${ERASE}`, '').length)
    expect(wide).toBeGreaterThan(60)
    expect(narrow).toBeLessThan(30)
    end()
  })

  it('is not there in a pipe, nor on a terminal that cannot take it away', () => {
    vi.stubEnv('TERM', 'dumb')
    for (const { written, shown } of [screen(), screen({ stdout: 80 }), screen({ stderr: 80 })]) {
      const end = shown.follow(counts)
      vi.advanceTimersByTime(1_000)
      end()
      expect(written).toEqual([])
    }
  })
})

describe('standard output', () => {
  it('has results and summary in the words of people', async () => {
    const { written, shown } = screen()
    expect(shown.written(result).text).toMatch(/^✓ line 1 +a +yes\n$/)
    await shown.summary(summary)
    expect(written).toEqual(['out \n1 record in 3 ms: completed 1\n'])
  })

  it('is data only under --json: the results, and the summary goes to standard error', async () => {
    const { written, shown } = screen({ json: true })
    expect(JSON.parse(shown.written(result).text)).toEqual(result)
    await shown.summary(summary)
    expect(written).toEqual(['err \n1 record in 3 ms: completed 1\n'])
  })

  it('is data only under --json with --out: the summary', async () => {
    const { written, shown } = screen({ json: true, out: 'results.jsonl' })
    expect(JSON.parse(shown.written(result).text)).toEqual(result)
    await shown.summary({ ...summary, records: 0 })
    expect(written.map((text) => JSON.parse(text.slice(4)) as unknown)).toEqual([{ ...summary, records: 0 }])
  })

  it('has no summary for people where there were no records', async () => {
    const { written, shown } = screen()
    await shown.summary({ ...summary, records: 0 })
    expect(written).toEqual([])
  })

  it('shows the results to whoever reads standard error, if it is their terminal', () => {
    expect(screen({ stdout: 80 }).shown.showsResults).toBe(true)
    expect(screen().shown.showsResults).toBe(false)
    expect(screen({ stdout: 80, json: true }).shown.showsResults).toBe(false)
    expect(screen({ stdout: 80, out: 'x' }).shown.showsResults).toBe(false)
  })

  it('is as wide as its terminal, and as a page in a pipe or where the terminal does not say', () => {
    const long = { ...result, outcome: { status: 'completed' as const, output: 'x'.repeat(1_000) } }
    const width = (columns?: number): number =>
      screen(columns === undefined ? {} : { stdout: columns }).shown.written(long).text.length - 1
    expect([width(100), width(), width(0)]).toEqual([100, 140, 140])
  })
})
