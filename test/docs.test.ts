/** The code in README.md and docs/*.md compiles, runs, and prints what the page says. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { blocksOf, type Block } from './docs/blocks.ts'
import { workshop, type Workshop } from './docs/workshop.ts'
import { stubServer, type StubServer } from './models/stub-server.ts'
import { root } from './tools.ts'

describe('the pages', () => {
  const pages = globSync(['README.md', 'docs/*.md', 'docs/coming-from/*.md'], { cwd: root }).toSorted()
  const blocks = pages.flatMap((page) => blocksOf(page, readFileSync(join(root, page), 'utf8')))
  let shop: Workshop
  let provider: StubServer

  beforeAll(async () => {
    shop = await workshop(blocks)
    // What the pages ask of OpenAI is answered here.
    provider = await stubServer()
    vi.stubEnv('OPENAI_BASE_URL', provider.url)
    vi.stubEnv('OPENAI_API_KEY', 'none')
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    await provider[Symbol.asyncDispose]()
    await shop[Symbol.asyncDispose]()
  })

  it('compile', async () => {
    expect(await shop.check()).toBe('')
  }, 60_000)

  for (const block of blocks.filter(({ runs }) => runs)) {
    it(`run: ${block.page}, line ${block.line}`, async () => {
      const { code, stdout, stderr } = await shop.run(block)

      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      if (block.prints !== undefined) expect(stdout).toBe(block.prints)
    })
  }
})

describe('docs/systems.md', () => {
  const page = readFileSync(join(root, 'docs/systems.md'), 'utf8')

  it('has a row for each of the 27 systems, and one for each example', () => {
    const numbers = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, number]) => Number(number))
    expect([...new Set(numbers)]).toEqual(Array.from({ length: 27 }, (_, i) => i + 1))
    const named = [...page.matchAll(/^\| \d+ \|.*?\]\(examples\/([^/]+)\//gm)].map(([, folder]) => folder ?? '')
    const folders = globSync('docs/examples/*/team.ts', { cwd: root }).map((file) => file.split('/')[2] ?? '')
    expect(named.toSorted()).toEqual(folders.toSorted())
  })
})

describe('docs/dependencies.md', () => {
  it('has one line for each dependency, and no other', () => {
    const page = readFileSync(join(root, 'docs/dependencies.md'), 'utf8')
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const [, users = '', developers = ''] = page.split('\n## ')
    const named = (section: string): string[] => section.match(/(?<=^\| `)[^`]+(?=` \|)/gm) ?? []

    expect(named(users).toSorted()).toEqual(Object.keys(manifest.dependencies).toSorted())
    expect(named(developers).toSorted()).toEqual(Object.keys(manifest.devDependencies).toSorted())
  })
})

describe('the check of the pages', () => {
  const page = `# Title
\`\`\`ts
import { z } from 'zod'
console.log(await z.string().parseAsync('one'))
\`\`\`
It prints
\`\`\`text
one
\`\`\`
\`\`\`ts no-run
const two: number = 'two'
\`\`\`
\`\`\`bash
npm start
\`\`\`
`

  it('finds code, where it is, and what it prints', () => {
    expect(blocksOf('a.md', page)).toMatchObject([
      { line: 3, runs: true, prints: 'one\n' },
      { line: 11, runs: false, code: "const two: number = 'two'\n" },
    ])
  })

  it('runs code as a module with the packages of the project', async () => {
    const blocks = blocksOf('docs/a.md', page)
    await using shop = await workshop(blocks)

    expect(await shop.run(blocks[0] as Block)).toEqual({ code: 0, stdout: 'one\n', stderr: '' })
  })

  it('names page and line of what does not compile', async () => {
    await using shop = await workshop(blocksOf('docs/a.md', page))

    expect(await shop.check()).toMatch(/docs-a\.md-11\.ts\(11,7\): error TS2322/)
  })
})
