/** What the command shows: lines, tables, percentiles, results as JSON. When and where is in `terminal.test.ts`. */
import { describe, expect, it } from 'vitest'
import { DefectError, TimeoutError, type Outcome } from '../../src/contracts/errors.ts'
import { durations } from '../../src/cli/durations.ts'
import { asJson } from '../../src/cli/result.ts'
import { oneLine, resultOnScreen, speech, told } from '../../src/cli/screen.ts'
import { duration, summaryOnScreen } from '../../src/cli/summary.ts'
import { tableOf } from '../../src/cli/table.ts'
import { widthOf } from '../../src/cli/width.ts'

const plain = (_style: unknown, text: string): string => text
const result = (outcome: Outcome) => ({ line: 4, id: 't4', outcome, path: ['triage', 'billing'], ms: 12 })

describe('text on a terminal', () => {
  it('stays in one line and within its width', () => {
    expect(oneLine('one\n\ttwo   three', 40)).toBe('one two three')
    expect(oneLine('abcdefgh', 5)).toBe('abcd…')
  })

  it('is measured in columns: some characters take two, some none', () => {
    expect(['abc', '退款', 'ひらカ', '한글', '👍', 'e\u0301', 'ｶﾅ', 'Ä—…'].map(widthOf)).toEqual([
      3, 4, 6, 4, 2, 1, 2, 3,
    ])
    expect(oneLine('退款在哪里', 7)).toBe('退款在…')
    expect(oneLine('退款在哪里', 6)).toBe('退款…')
    expect(oneLine('退款', 4)).toBe('退款')
  })

  it('begins with the first word, however much space is before it', () => {
    expect(oneLine(`${'\n '.repeat(500)}hello`, 20)).toBe('hello')
  })

  it('is cheap to get from a very long one', () => {
    expect(oneLine('x'.repeat(50_000_000), 10)).toBe(`${'x'.repeat(9)}…`)
  })

  it('cannot steer the terminal or turn the reading direction', () => {
    expect(oneLine('a\u001b[2Jb\u009bc\u202ed', 40)).toBe('a [2Jb c d')
  })

  it('says the answer of an object, else its JSON', () => {
    expect(speech('hello')).toBe('hello')
    expect(speech({ answer: 'yes', confidence: 1 })).toBe('yes')
    expect(speech({ total: 3 })).toBe('{"total":3}')
    expect(speech(undefined)).toBe('')
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    expect(speech(circle)).toContain('Circular')
  })
})

describe('a result', () => {
  it('is one line for people, with the way that the work took', () => {
    const text = resultOnScreen(result({ status: 'completed', output: { answer: 'Refunded.' } }), 120, plain)
    expect(text.replace(/ +/g, ' ')).toBe('✓ t4 triage → billing Refunded.')
  })

  it('names an outcome other than completed', () => {
    const text = resultOnScreen(
      result({ status: 'failed', error: new TimeoutError('billing', 50) }),
      120,
      plain,
    )
    expect(text).toContain('failed: billing took longer than 50 ms')
  })

  it('names the line of the code that threw, once', () => {
    const thrown = new TypeError('no rate')
    thrown.stack = 'TypeError: no rate\n    at run (/else/where/team.ts:6:96)'
    const shown = (error: DefectError): string => told({ status: 'failed', error })
    expect(shown(new DefectError('no rate', thrown))).toMatch(/^failed: no rate \(at .*where\/team\.ts:6:96\)$/)
    const placed = shown(new DefectError('no rate', thrown)).replace('failed: ', '')
    expect(shown(new DefectError(placed, thrown))).toBe(`failed: ${placed}`)
    expect(shown(new DefectError('no rate', 'no rate'))).toBe('failed: no rate')
  })

  it('takes two lines on a narrow terminal, and no line is wider than the terminal', () => {
    const long = {
      ...result({ status: 'completed', output: '退款 '.repeat(100) }),
      id: 'a-very-long-identifier',
      path: ['triage', 'second-opinion', 'billing', 'front-desk'],
    }
    for (const width of [20, 40, 59, 60, 80, 140]) {
      const lines = resultOnScreen(long, width, plain).split('\n')
      expect(lines).toHaveLength(width < 60 ? 2 : 1)
      expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width)
    }
  })

  it('is called by its line where its id is empty', () => {
    const text = resultOnScreen({ ...result({ status: 'completed', output: 'x' }), id: '' }, 120, plain)
    expect(text).toMatch(/^✓ line 4 /)
  })

  it('is one line of JSON, errors as data', () => {
    const { text } = asJson(result({ status: 'failed', error: new DefectError('oops', undefined) }))
    expect(text.indexOf('\n')).toBe(text.length - 1)
    expect(JSON.parse(text)).toMatchObject({
      line: 4,
      id: 't4',
      outcome: { status: 'failed', error: { name: 'DefectError', code: 'DEFECT', message: 'oops' } },
      path: ['triage', 'billing'],
      ms: 12,
    })
  })

  it('fails, and is not lost, when JSON cannot hold its output', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    const written = asJson(result({ status: 'completed', output: circle }))
    const failed = { line: 4, outcome: { status: 'failed', error: { code: 'DEFECT' } } }
    expect(written.result).toMatchObject(failed)
    expect(JSON.parse(written.text)).toMatchObject(failed)
  })
})

describe('a table', () => {
  it('lines its columns up, numbers to the right, whatever the styles', () => {
    const starred = (_style: unknown, text: string): string => `*${text}*`
    const rows = [
      [{ text: 'a', style: 'cyan' as const }, { text: '10' }, { text: 'closed' }],
      [{ text: 'longer' }, { text: '7' }, { text: 'open' }],
    ]
    const table = { head: ['agent', 'done', 'circuit'], rows }
    expect(tableOf(table, 21, plain)).toBe(
      ['agent   done  circuit', '──────  ────  ───────', 'a         10  closed', 'longer     7  open'].join(
        '\n',
      ),
    )
    expect(tableOf(table, 21, starred)).toContain('*a     *    10  closed')
  })

  it('becomes a paragraph for each row where it does not fit', () => {
    const rows = [[{ text: 'second-opinion' }, { text: '10' }, { text: '7' }, { text: 'half-open' }]]
    const text = tableOf({ head: ['agent', 'done', 'failed', 'circuit'], rows }, 24, plain)
    expect(text).toBe('second-opinion\n  done 10, failed 7\n  circuit half-open')
  })

  it('ends the summary with the count of each outcome', () => {
    const summary = {
      records: 10_003,
      ms: 1_500,
      outcomes: { failed: 1, completed: 10_002 },
      agents: [
        { agent: 'billing', done: 2, failed: 1, retried: 4, p50Ms: 1, p95Ms: 9, circuit: 'open' as const },
        {
          agent: 'triage',
          done: 3,
          failed: 0,
          retried: 0,
          p50Ms: undefined,
          p95Ms: undefined,
          circuit: undefined,
        },
      ],
    }
    const text = summaryOnScreen(summary, 80, plain)
    expect(text).toMatch(/billing +2 +1 +4 +1 +9 +open/)
    expect(text).toMatch(/triage +3 +0 +0 +- +- +-/)
    expect(text).toContain('10,003 records in 1.5 s: completed 10,002, failed 1')
    for (const line of summaryOnScreen(summary, 40, plain).split('\n').slice(0, -2))
      expect(line.length).toBeLessThanOrEqual(40)
  })

  it('has no table where no agent has done anything', () => {
    const text = summaryOnScreen({ records: 1, ms: 3, outcomes: { failed: 1 }, agents: [] }, 80, plain)
    expect(text).toBe('1 record in 3 ms: failed 1\n')
  })

  it('says how long it took in words that fit', () => {
    expect([7.4, 999, 1_234, 59_949, 59_950, 125_000, 3_725_000].map(duration)).toEqual([
      '7 ms',
      '999 ms',
      '1.2 s',
      '59.9 s',
      '1 min 00 s',
      '2 min 05 s',
      '1 h 02 min',
    ])
  })
})

describe('percentiles of durations', () => {
  it('are those of what was added', () => {
    const times = durations()
    for (let ms = 1; ms <= 100; ms++) times.add(ms)
    expect(times.percentile(0.5)).toBe(50)
    expect(times.percentile(0.95)).toBe(95)
    expect(durations().percentile(0.5)).toBeUndefined()
  })

  it('hold three digits of long ones', () => {
    const times = durations()
    times.add(123_456)
    expect(times.percentile(0.5)).toBe(123_000)
  })
})
