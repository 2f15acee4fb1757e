/** What is refused when a supervisor is defined. */
import { expect, it } from 'vitest'
import { fromBehavior, supervisor } from 'troupe'

const logic = fromBehavior(() => () => {})
const refused = expect.objectContaining({ name: 'ConfigurationError' })

it('refuses two children of one name', () => {
  const children = [
    { id: 'a', logic },
    { id: 'a', logic },
  ]
  expect(() => supervisor({ children })).toThrow(refused)
})

it('refuses limits and waits that cannot be', () => {
  expect(() => supervisor({ intensity: -1 })).toThrow(refused)
  expect(() => supervisor({ periodMs: 0 })).toThrow(refused)
  expect(() => supervisor({ perChild: { intensity: NaN } })).toThrow(refused)
  expect(() => supervisor({ backoff: { minMs: 10, maxMs: 5 } })).toThrow(refused)
  expect(() => supervisor({ backoff: { jitter: -1 } })).toThrow(refused)
  expect(() => supervisor({ strategy: 'dynamic', child: { logic }, maxChildren: -1 })).toThrow(refused)
})

it('refuses dynamic children without a template', () => {
  expect(() => supervisor({ strategy: 'dynamic' } as never)).toThrow(refused)
})

it('takes everything else as it is', () => {
  expect(supervisor({}).supervisor).toBe(true)
  expect(() => supervisor({ intensity: 0, backoff: { minMs: 20_000 } })).not.toThrow()
})
