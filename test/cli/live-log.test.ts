/** The live log of `--faults`: what is worth a line, and what the line says. */
import { describe, expect, it } from 'vitest'
import { TimeoutError } from '../../src/contracts/errors.ts'
import type { SystemEvent } from '../../src/contracts/system.ts'
import { logLine } from '../../src/cli/live-log.ts'

const plain = (_style: unknown, text: string): string => text
const line = (event: object, columns = 120): string | undefined =>
  logLine({ at: 1_250, ...event } as SystemEvent, { startedAt: 1_000, paint: plain, columns })

describe('the live log', () => {
  it('says when, who and what', () => {
    const text = line({ type: 'circuit.changed', agent: 'technical', from: 'closed', to: 'open' })
    expect(text?.replace(/ +/g, ' ').trim()).toBe('+0.25 s technical circuit: closed → open')
  })

  it('has a line for each fault and each mending', () => {
    const error = new TimeoutError('technical', 150)
    const ref = { path: '/account' }
    expect(line({ type: 'task.retried', agent: 'a', error, delayMs: 50 })).toContain('tries again in 50 ms')
    expect(line({ type: 'task.ended', agent: 'a', outcome: { status: 'failed', error } })).toContain('150 ms')
    expect(line({ type: 'decision.made', agent: 'a', kind: 'fallback', chosen: 'desk' })).toContain(
      'falls back to desk',
    )
    expect(line({ type: 'actor.restarted', ref, generation: 2 })).toContain('restarted')
    expect(line({ type: 'supervisor.gave-up', ref, error })).toContain('gave up')
  })

  it('is silent about what goes well', () => {
    expect(line({ type: 'task.started', agent: 'a' })).toBeUndefined()
    expect(
      line({ type: 'task.ended', agent: 'a', outcome: { status: 'completed', output: 1 } }),
    ).toBeUndefined()
    expect(line({ type: 'decision.made', agent: 'a', kind: 'route', chosen: 'b' })).toBeUndefined()
  })

  it('takes two lines on a narrow terminal, none of them wider than it', () => {
    const error = new TimeoutError('the technical department', 150)
    const text = line({ type: 'task.retried', agent: 'a', error, delayMs: 50 }, 40) ?? ''
    const lines = text.split('\n')
    expect(lines).toHaveLength(2)
    for (const one of lines) expect(one.length).toBeLessThanOrEqual(40)
    expect(lines[1]).toMatch(/^ {2}tries again in 50 ms: /)
  })

  it('does not let a message steer the terminal', () => {
    const error = new TimeoutError('\u001b[2Jtechnical', 150)
    expect(line({ type: 'task.retried', agent: 'a', error, delayMs: 50 })).not.toContain('\u001b')
  })
})
