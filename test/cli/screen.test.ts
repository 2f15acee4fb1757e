/** What the command shows: lines, tables, percentiles, results as JSON. */
import { describe, expect, it } from 'vitest'
import { DefectError, TimeoutError, type Outcome } from '../../src/contracts/errors.ts'
import { durations } from '../../src/cli/durations.ts'
import { progressOn } from '../../src/cli/progress.ts'
import { resultLine } from '../../src/cli/result.ts'
import { oneLine, resultOnScreen, speech } from '../../src/cli/screen.ts'
import { summaryOnScreen } from '../../src/cli/summary.ts'
import { tableOf } from '../../src/cli/table.ts'

const plain = (_style: unknown, text: string): string => text
const result = (outcome: Outcome) => ({ line: 4, id: 't4', outcome, path: ['triage', 'billing'], ms: 12 })

describe('text on a terminal', () => {
  it('stays in one line and within its width', () => {
    expect(oneLine('one\n\ttwo   three', 40)).toBe('one two three')
    expect(oneLine('abcdefgh', 5)).toBe('abcd…')
  })

  it('cannot steer the terminal or turn the reading direction', () => {
    expect(oneLine('a\u001b[2Jb\u009bc\u202ed', 40)).toBe('a [2Jb c d')
  })

  it('says the answer of an object, else its JSON', () => {
    expect(speech('hello')).toBe('hello')
    expect(speech({ answer: 'yes', confidence: 1 })).toBe('yes')
    expect(speech({ total: 3 })).toBe('{"total":3}')
    expect(speech(undefined)).toBe('')
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

  it('is one line of JSON, errors as data', () => {
    const line = resultLine(result({ status: 'failed', error: new DefectError('oops', undefined) }))
    expect(JSON.parse(line)).toMatchObject({
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
    expect(JSON.parse(resultLine(result({ status: 'completed', output: circle })))).toMatchObject({
      line: 4,
      outcome: { status: 'failed', error: { code: 'DEFECT' } },
    })
  })
})

describe('a table', () => {
  it('lines its columns up, numbers to the right, whatever the styles', () => {
    const starred = (_style: unknown, text: string): string => `*${text}*`
    const rows = [
      [{ text: 'a', style: 'cyan' as const }, { text: '10' }, { text: 'closed' }],
      [{ text: 'longer' }, { text: '7' }, { text: 'open' }],
    ]
    expect(tableOf(['agent', 'done', 'circuit'], rows, plain)).toBe(
      ['agent   done  circuit', '──────  ────  ───────', 'a         10  closed', 'longer     7  open'].join(
        '\n',
      ),
    )
    expect(tableOf(['agent', 'done', 'circuit'], rows, starred)).toContain('*a     *    10  closed')
  })

  it('ends the summary with the count of each outcome', () => {
    const summary = {
      records: 3,
      ms: 1_500,
      outcomes: { completed: 2, failed: 1 },
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
    const text = summaryOnScreen(summary, plain)
    expect(text).toMatch(/billing +2 +1 +4 +1 +9 +open/)
    expect(text).toMatch(/triage +3 +0 +0 +- +- +-/)
    expect(text).toContain('3 records in 1.5 s: completed 2, failed 1')
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

describe('the progress line', () => {
  const stream = () => {
    const written: string[] = []
    return {
      written,
      write: (text: string) => written.push(text) > 0,
    } as unknown as NodeJS.WritableStream & {
      written: string[]
    }
  }

  it('is not there when it is not to be shown', () => {
    const target = stream()
    const line = progressOn(target, false)
    line.show({ done: 1, running: 2 })
    line.clear()
    expect(target.written).toEqual([])
  })

  it('is taken away before other text, once', () => {
    const target = stream()
    const line = progressOn(target, true)
    line.show({ done: 1, running: 2 })
    line.clear()
    line.clear()
    expect(target.written).toHaveLength(2)
    expect(target.written[0]).toContain('1 done, 2 in hand')
  })
})
