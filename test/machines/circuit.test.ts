/** The window of a circuit. */
import { describe, expect, it } from 'vitest'
import { isTripped, recordResult, type CallResult, type CircuitWindow } from '../../machines/circuit.ts'

const byCalls: CircuitWindow = {
  calls: 4,
  ms: undefined,
  minCalls: 3,
  failureRate: 0.5,
  slowMs: 100,
  slowRate: 0.75,
}
const byTime: CircuitWindow = { ...byCalls, ms: 1_000 }

const call = (at: number, kind: 'good' | 'failed' | 'slow'): CallResult => ({
  at,
  failed: kind === 'failed',
  slow: kind === 'slow',
})

const record = (window: CircuitWindow, ...calls: CallResult[]): CallResult[] => {
  const results: CallResult[] = []
  for (const result of calls) recordResult(results, result, window)
  return results
}

describe('a window over the last calls', () => {
  it('keeps so many and forgets the oldest', () => {
    const kept = record(byCalls, ...[1, 2, 3, 4, 5].map((at) => call(at, 'good')))
    expect(kept.map(({ at }) => at)).toEqual([2, 3, 4, 5])
  })

  it('judges nothing before there are enough', () => {
    expect(isTripped(record(byCalls, call(1, 'failed'), call(2, 'failed')), byCalls)).toBe(false)
    expect(isTripped(record(byCalls, call(1, 'failed'), call(2, 'failed'), call(3, 'good')), byCalls)).toBe(
      true,
    )
  })

  it('opens at exactly its rate of failures', () => {
    const half = record(byCalls, call(1, 'failed'), call(2, 'good'), call(3, 'good'), call(4, 'failed'))
    expect(isTripped(half, byCalls)).toBe(true)
    expect(isTripped(half.slice(1), byCalls)).toBe(false)
  })

  it('opens at its rate of slow calls, failed or not', () => {
    const slow = record(byCalls, call(1, 'slow'), call(2, 'slow'), call(3, 'slow'), call(4, 'good'))
    expect(isTripped(slow, byCalls)).toBe(true)
    expect(isTripped(slow, { ...byCalls, slowRate: 0.8 })).toBe(false)
  })

  it('cannot ask for more calls than it holds', () => {
    const greedy = { ...byCalls, minCalls: 100 }
    const failures = [1, 2, 3, 4].map((at) => call(at, 'failed'))
    expect(isTripped(record(greedy, ...failures), greedy)).toBe(true)
  })

  it('never opens on nothing', () => {
    expect(isTripped([], { ...byCalls, minCalls: 0 })).toBe(false)
  })
})

describe('a window over time', () => {
  it('forgets what is as old as the window', () => {
    const kept = record(byTime, call(0, 'failed'), call(1, 'failed'), call(1_000, 'good'))
    expect(kept.map(({ at }) => at)).toEqual([1, 1_000])
  })

  it('does not clamp the least number of calls', () => {
    const greedy = { ...byTime, minCalls: 5 }
    const failures = [1, 2, 3, 4].map((at) => call(at, 'failed'))
    expect(isTripped(record(greedy, ...failures), greedy)).toBe(false)
  })
})
