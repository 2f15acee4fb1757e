/** The vocabulary: errors and the outcomes they stand for, protocols by themselves, and the clock of tests. */
import {
  BudgetError,
  CancelledError,
  CircuitOpenError,
  ConfigurationError,
  ConflictError,
  createSystem,
  DefectError,
  defineProtocol,
  DeliveryError,
  DeniedError,
  InvalidMessageError,
  NotProvidedError,
  ProviderError,
  RestartLimitError,
  TimeoutError,
  TroupeError,
  UnknownEffectError,
} from 'troupe'
import { manualClock } from 'troupe/testing'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { errorOf, outcomeOf, toTroupeError } from '../../src/contracts/errors.ts'
import { diaryLogger } from './system.ts'

const invalid = (code: InvalidMessageError['code']): InvalidMessageError => new InvalidMessageError('x', { code, faults: [] })

/** Error, outcome, whether it is worth another try. */
const table: readonly (readonly [error: TroupeError, status: string, retryable: boolean])[] = [
  [new ConfigurationError('x'), 'failed', false],
  [new NotProvidedError('x'), 'failed', false],
  [invalid('INVALID_INPUT'), 'rejected', false],
  [invalid('INVALID_MESSAGE'), 'failed', false],
  [invalid('INVALID_OUTPUT'), 'failed', true],
  [invalid('INVALID_PLAN'), 'failed', false],
  [new DeliveryError('MAILBOX_FULL', 'x'), 'rejected', true],
  [new DeliveryError('NO_SUCH_ACTOR', 'x'), 'rejected', false],
  [new TimeoutError('x', 1), 'failed', true],
  [new ProviderError('x', { code: 'RATE_LIMITED', retryable: true, retryAfterMs: 5 }), 'failed', true],
  [new ProviderError('x', { code: 'BAD_REQUEST', retryable: false }), 'failed', false],
  [new CircuitOpenError('a', 5), 'rejected', false],
  [new BudgetError('hops', 1, 2), 'exhausted', false],
  [new DeniedError('no'), 'rejected', false],
  [new ConflictError('key', 1, 2), 'rejected', true],
  [new CancelledError('enough'), 'cancelled', false],
  [new UnknownEffectError({ name: 'pay', key: 'k', step: 1 }), 'unknown', false],
  [new RestartLimitError('/x', 1, 2), 'failed', false],
  [new DefectError('x', new Error('x')), 'failed', false],
]

describe.each(table)('%s', (error, status, retryable) => {
  it(`stands for "${status}"`, () => {
    expect(outcomeOf(error).status).toBe(status)
  })

  it('is thrown back as it was', () => {
    const outcome = outcomeOf(error)
    if (outcome.status === 'completed') throw new Error('an error never completes')
    const back = errorOf(outcome)
    if (status === 'exhausted' || status === 'cancelled' || status === 'unknown') expect(back).toEqual(error)
    else expect(back).toBe(error)
  })

  it(`is worth another try: ${String(retryable)}`, () => {
    expect(error.retryable).toBe(retryable)
  })

  it('crosses a bus as plain JSON', () => {
    const json = JSON.parse(JSON.stringify(error)) as object
    expect(json).toEqual(error.toJSON())
    expect(json).toMatchObject({ name: error.constructor.name, code: error.code, message: error.message })
  })
})

it('anything else that is thrown is a defect, with the original as its cause', () => {
  const thrown = new RangeError('x')
  expect(toTroupeError(thrown)).toMatchObject({ code: 'DEFECT', message: 'x', cause: thrown })
  expect(toTroupeError('text')).toMatchObject({ code: 'DEFECT', message: 'text', cause: 'text' })
  const known = new TimeoutError('x', 1)
  expect(toTroupeError(known)).toBe(known)
})

describe('a protocol', () => {
  const P = defineProtocol({ a: z.object({ n: z.coerce.number() }), b: { payload: z.string(), reply: z.number() } })

  it('parses, and gives what was parsed', () => {
    expect(P.parse({ type: 'a', payload: { n: '1' } })).toEqual({ type: 'a', payload: { n: 1 } })
    expect(P.parse({ type: 'b', payload: 'x' })).toEqual({ type: 'b', payload: 'x' })
  })

  it.each([null, undefined, 'text', 1, {}, { type: 1 }, { type: 'c' }, { type: 'toString' }, { type: 'b', payload: 1 }])(
    'refuses %j',
    (message) => {
      expect(() => P.parse(message)).toThrow(expect.objectContaining({ code: 'INVALID_MESSAGE', faults: [expect.anything()] }))
    },
  )
})

describe('the manual clock', () => {
  it('stands still until it is moved', () => {
    const clock = manualClock(1_000)
    expect([clock.now(), clock.now()]).toEqual([1_000, 1_000])
  })

  it('fires each timer at its own time, in order, also those that timers start', async () => {
    const clock = manualClock()
    const fired: string[] = []
    const note = (name: string) => (): void => void fired.push(`${name} at ${clock.now()}`)
    clock.setTimeout(note('late'), 20)
    clock.setTimeout(() => (note('early')(), clock.setTimeout(note('nested'), 5)), 10)
    clock.setTimeout(note('same time'), 10)
    clock.clearTimeout(clock.setTimeout(note('never'), 10))
    clock.setTimeout(note('too late'), 21)
    await clock.advance(20)
    expect(fired).toEqual(['early at 10', 'same time at 10', 'nested at 15', 'late at 20'])
    expect(clock.now()).toBe(20)
  })

  it('lets systems settle between two timers', async () => {
    const clock = manualClock()
    const system = await createSystem({ clock, logger: diaryLogger([]) })
    const seen: number[] = []
    clock.setTimeout(() => void Promise.resolve().then(() => seen.push(clock.now())), 1)
    clock.setTimeout(() => {}, 2)
    await clock.advance(5)
    expect(seen).toEqual([1])
    await system.stop()
  })
})
