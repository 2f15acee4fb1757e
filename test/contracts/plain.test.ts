/** What people are shown of a value. */
import { expect, it } from 'vitest'
import { plain } from '../../src/contracts/plain.ts'

const circle: Record<string, unknown> = { name: 'round' }
circle['itself'] = circle
const shared = { n: 1 }

it.each<[string, unknown, unknown]>([
  ['plain data as it is', { a: [1, 'b', null] }, { a: [1, 'b', null] }],
  ['nothing as nothing', undefined, undefined],
  ['a date as its text', new Date(0), '1970-01-01T00:00:00.000Z'],
  ['a large whole number as its digits', { cents: 10n ** 20n }, { cents: '100000000000000000000' }],
  ['a map as its entries', new Map([['a', { n: 1 }]]), [['a', { n: 1 }]]],
  ['a set as its members', new Set(['a', 'b']), ['a', 'b']],
  ['an error by name and message', new RangeError('too far'), { name: 'RangeError', message: 'too far' }],
  ['a circle where it closes', circle, { name: 'round', itself: '[circular]' }],
  ['what is there twice, twice', { one: shared, two: [shared, shared] }, { one: { n: 1 }, two: [{ n: 1 }, { n: 1 }] }],
])('shows %s', (_, value, shown) => {
  expect(plain(value)).toEqual(shown)
})

it('is a copy', () => {
  const given = { list: [1] }
  const shown = plain(given) as typeof given
  given.list.push(2)
  expect(shown).toEqual({ list: [1] })
})
