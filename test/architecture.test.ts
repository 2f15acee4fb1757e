/** The shape of the project: who imports whom, and what every file must keep to. */
import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { violations } from './architecture/violations.ts'

const root = new URL('..', import.meta.url).pathname
const ours = ['src', 'actors', 'machines', 'test', 'docs'].map((folder) => `${folder}/**/*.ts`)
// Copied as they are published, as a user writes them.
const notOurs = (path: string): boolean => path.startsWith('test/api/')

describe('the project', () => {
  it('keeps to its layers and rules', () => {
    const paths = globSync(ours, { cwd: root }).filter((path) => !notOurs(path))
    const files = new Map(paths.map((path) => [path, readFileSync(root + path, 'utf8')]))

    const found = violations(files).map(
      ({ file, line, rule, message }) => `${file}:${line} ${rule}: ${message}`,
    )

    expect(files.size).toBeGreaterThan(10)
    expect(found).toEqual([])
  })
})

describe('a planted violation is found:', () => {
  const planted: [rule: string, title: string, path: string, source: string][] = [
    ['imports', 'contracts run code of xstate', 'src/contracts/x.ts', `import { createActor } from 'xstate'`],
    ['imports', 'contracts reach up', 'src/contracts/x.ts', `import type { A } from '../system/a.ts'`],
    ['imports', 'a machine uses Node', 'machines/x.ts', `import { join } from 'node:path'`],
    ['imports', 'a machine knows a behaviour', 'machines/x.ts', `import type { A } from '../actors/a.ts'`],
    ['imports', 'a behaviour knows the kernel', 'actors/x.ts', `import { a } from '../src/system/a.ts'`],
    ['imports', 'logic knows the kernel', 'src/logic/x.ts', `export { a } from '../system/a.ts'`],
    ['imports', 'the kernel runs XState itself', 'src/system/x.ts', `import { createActor } from 'xstate'`],
    ['imports', 'the kernel knows a store', 'src/system/x.ts', `export * from '../stores/memory.ts'`],
    ['imports', 'a store knows the kernel', 'src/stores/x.ts', `type A = import('../system/a.ts').A`],
    ['imports', 'a store knows another adapter', 'src/stores/x.ts', `import { a } from '../bus/a.ts'`],
    ['imports', 'a piece of the command loads the kernel', 'src/cli/x.ts', `await import('../system/a.ts')`],
    ['imports', 'the entry is imported from inside', 'src/system/x.ts', `import { a } from '../index.ts'`],
    ['imports', 'the package imports itself by name', 'src/cli.ts', `import { agent } from 'troupe'`],
    ['imports', 'a new folder has no layer', 'src/attic/x.ts', ''],
    ['endings', 'an import without .ts', 'src/system/x.ts', `import { a } from './a'`],
    ['endings', 'an import of what is emitted', 'test/x.ts', `import { a } from './a.js'`],
    ['purity', 'a machine reads the clock', 'machines/x.ts', 'export const a = () => Date.now()'],
    ['purity', 'a machine makes a date', 'machines/x.ts', 'export const a = () => new Date()'],
    ['purity', 'a machine throws dice', 'machines/x.ts', 'export const a = () => Math.random()'],
    ['purity', 'a machine hides its dice', 'machines/x.ts', 'const { random } = Math'],
    ['purity', 'a machine waits', 'machines/x.ts', 'setTimeout(() => {}, 1)'],
    ['purity', 'a machine asks the process', 'machines/x.ts', 'export const a = process.env'],
    ['purity', 'a machine prints', 'machines/x.ts', `console.log('a')`],
    ['purity', 'a machine calls out', 'machines/x.ts', `fetch('http://a')`],
    ['purity', 'a machine makes ids', 'machines/x.ts', 'export const a = { crypto }'],
    ['escapes', 'any in an annotation', 'src/system/x.ts', 'export const a: any = 1'],
    ['escapes', 'any in a cast', 'actors/x.ts', 'export const a = 1 as any'],
    ['escapes', 'an ignored error', 'src/logic/x.ts', '// @ts-ignore\nexport const a = 1'],
    ['escapes', 'an expected error', 'src/logic/x.ts', '/* @ts-expect-error */\nexport const a = 1'],
    ['defaults', 'a default export', 'actors/x.ts', 'export default 1'],
    ['defaults', 'a default export by name', 'docs/examples/x.ts', 'const a = 1\nexport { a as default }'],
    ['index', 'an inner index', 'actors/index.ts', ''],
    ['names', 'a drawer for everything', 'src/system/utils.ts', ''],
  ]

  it.each(planted)('%s: %s', (rule, _title, path, source) => {
    const found = violations(new Map([[path, `/** What it is for. */\n${source}\n`]]))

    expect(found.map((violation) => [violation.rule, violation.file])).toEqual([[rule, path]])
  })

  it.each([
    ['no header', `import { a } from './a.ts'\n/** A. */\nexport const b = a\n`],
    ['a header that is no doc comment', '// What it is for.\nexport const b = 1\n'],
  ])('header: %s', (_title, source) => {
    expect(violations(new Map([['test/x.ts', source]]))).toMatchObject([{ rule: 'header' }])
  })

  it('cycles: through types, and from a file to itself', () => {
    const files = new Map([
      ['actors/a.ts', `/** A. */\nimport type { B } from './b.ts'\n`],
      ['actors/b.ts', `/** B. */\nexport * from './c.ts'\n`],
      ['actors/c.ts', `/** C. */\nimport { a } from './a.ts'\n`],
      ['actors/d.ts', `/** Leads into the cycle. */\nimport { a } from './a.ts'\n`],
      ['actors/e.ts', `/** E. */\nimport type { E } from './e.ts'\n`],
    ])

    expect(violations(files).map(({ rule, message }) => `${rule}: ${message}`)).toEqual([
      'cycles: actors/a.ts -> actors/b.ts -> actors/c.ts -> actors/a.ts',
      'cycles: actors/e.ts -> actors/e.ts',
    ])
  })
})

describe('what is allowed is not reported:', () => {
  it.each([
    ['contracts name types of xstate', 'src/contracts/x.ts', `import type { EventObject } from 'xstate'`],
    ['a machine counts', 'machines/x.ts', `export const a = ({ Date: 1 }).Date + Math.max(1, 2)`],
    ['the kernel reads files', 'src/system/x.ts', `import { readFile } from 'node:fs/promises'`],
    ['a command with #!', 'src/cli.ts', `import { run } from './cli/run.ts'`],
    ['a team', 'docs/examples/a/team.ts', 'export default 1'],
    ['the index of machines', 'machines/index.ts', `export { a } from './a.ts'`],
    ['the word any in text', 'src/system/x.ts', `export const a = 'as any' // any`],
  ])('%s', (_title, path, source) => {
    const file = `#!/usr/bin/env node\n/** What it is for. */\n${source}\n`

    expect(violations(new Map([[path, file]]))).toEqual([])
  })
})
