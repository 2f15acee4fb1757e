/** The faults that `npm run mutants` plants: each still fits the code. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { mutants } from './mutants/mutants.ts'
import { planted } from './mutants/plant.ts'
import { root } from './tools.ts'

describe('a planted fault', () => {
  it.each(mutants)('fits its file once, and has tests: $name', (mutant) => {
    expect(planted(mutant)).toContain(mutant.replacement)
    expect(mutant.tests.filter((file) => !existsSync(join(root, file)))).toEqual([])
    expect(mutant.tests).not.toEqual([])
  })

  it('has a name of its own', () => {
    const names = mutants.map(({ name }) => name)

    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
  })

  it('that has lost its text says where', () => {
    const lost = { ...mutants[0]!, name: 'lost', text: 'nowhere to be found' }

    expect(() => planted(lost)).toThrow(`"lost": ${lost.file} has its text 0 times; adapt test/mutants/mutants.ts`)
  })
})
