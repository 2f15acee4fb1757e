/** What is refused when a supervisor is defined. */
import { expect, it } from 'vitest'
import { createSystem, fromBehavior, supervisor } from 'troupe'

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

/** What the root of a system and every supervisor have in common. */
const limits: [string, object][] = [
  ['intensity is 0 or more, not -1', { intensity: -1 }],
  ['intensity is 0 or more, not NaN', { intensity: NaN }],
  ['intensity is 0 or more, not 3', { intensity: '3' }],
  ['periodMs is more than 0, not 0', { periodMs: 0 }],
  ['perChild.intensity is 0 or more, not -1', { perChild: { intensity: -1 } }],
  ['perChild.periodMs is more than 0, not NaN', { perChild: { periodMs: NaN } }],
  ['backoff.minMs is 0 or more, and finite, not -1', { backoff: { minMs: -1 } }],
  ['backoff.maxMs is minMs or more, which is 10, not 5', { backoff: { minMs: 10, maxMs: 5 } }],
  ['backoff.jitter is 0 or more, and finite, not NaN', { backoff: { jitter: NaN } }],
  ['backoff.resetMs is 0 or more, not -1', { backoff: { resetMs: -1 } }],
]

it.each(limits)('refuses limits that cannot be, of a supervisor and of the root of a system alike: %s', async (message, options) => {
  const error = { name: 'ConfigurationError', message }
  expect(() => supervisor(options)).toThrow(expect.objectContaining(error))
  await expect(createSystem({ supervision: options })).rejects.toMatchObject(error)
})

it.each([
  [{ strategy: 'all-for-one' }, "strategy is 'one-for-one', 'one-for-all', 'rest-for-one', 'dynamic', not 'all-for-one'"],
  [{ autoShutdown: 'always' }, "autoShutdown is 'never', 'any-significant', 'all-significant', not 'always'"],
  [{ children: [{ id: 'a', logic, restart: 'always' }] }, `restart of "a" is 'permanent', 'transient', 'temporary', not 'always'`],
  [{ children: [{ id: 'a', logic, shutdownMs: -1 }] }, `shutdownMs of "a" is 0 or more, 'infinity' or 'brutal-kill', not -1`],
  [{ children: [{ id: 'a', logic, mailbox: { stash: Number.NaN } }] }, 'mailbox.stash of "a" is a number from 0, not NaN'],
  [{ strategy: 'dynamic', child: { logic, shutdownMs: 'soon' } }, "shutdownMs of the child of a dynamic supervisor is 0 or more, 'infinity' or 'brutal-kill', not soon"],
  [{ strategy: 'dynamic', child: { logic }, maxChildren: NaN }, 'maxChildren is 0 or more, not NaN'],
])('refuses what no supervisor knows: %j', (options, message) => {
  expect(() => supervisor(options as never)).toThrow(expect.objectContaining({ name: 'ConfigurationError', message }))
})

it.each([{ autoShutdown: 'any-significant' }, { strategy: 'one-for-all' }])('refuses %j of the root of a system', async (options) => {
  await expect(createSystem({ supervision: options as never })).rejects.toMatchObject({ name: 'ConfigurationError' })
})

it('refuses dynamic children without a template', () => {
  expect(() => supervisor({ strategy: 'dynamic' } as never)).toThrow(refused)
})

it('takes everything else as it is', () => {
  expect(supervisor({}).supervisor).toBe(true)
  expect(() => supervisor({ intensity: 0, backoff: { minMs: 20_000 } })).not.toThrow()
})
