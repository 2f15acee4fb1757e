/** Which name somebody may have meant. */
import { expect, it } from 'vitest'
import { namesNear } from '../../src/cli/near.ts'

const names = ['billing', 'technical', 'triage', 'sales']

it('finds a name with a letter too many, too few, another or swapped, whatever its capitals', () => {
  for (const typed of ['biling', 'billling', 'bolling', 'iblling', 'Billing', 'billign'])
    expect(namesNear(typed, names)).toEqual(['billing'])
})

it('names all that are equally near', () => {
  expect(namesNear('sale', ['sales', 'scale', 'billing'])).toEqual(['sales', 'scale'])
})

it('finds nothing where nothing is near, and for nothing', () => {
  expect(namesNear('warehouse', names)).toEqual([])
  expect(namesNear('', names)).toEqual([])
  expect(namesNear('x', ['a', 'b'])).toEqual([])
  expect(namesNear('billing', [])).toEqual([])
})
