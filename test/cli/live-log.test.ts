/** The live log of `--faults`: what is worth a line, and what the line says. */
import { describe, expect, it } from 'vitest'
import { TimeoutError } from '../../src/contracts/errors.ts'
import type { SystemEvent } from '../../src/contracts/system.ts'
import { logLine } from '../../src/cli/live-log.ts'

const plain = (_style: unknown, text: string): string => text
const line = (event: object): string | undefined =>
  logLine({ at: 1_250, ...event } as SystemEvent, 1_000, plain)

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

  it('does not let a message steer the terminal', () => {
    const error = new TimeoutError('\u001b[2Jtechnical', 150)
    expect(line({ type: 'task.retried', agent: 'a', error, delayMs: 50 })).not.toContain('\u001b')
  })
})
