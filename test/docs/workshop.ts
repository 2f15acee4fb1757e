/** Where the code of the docs is type-checked and run: a folder that looks like a user's project. */
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { entries } from '../entries.ts'
import { node, root, tsc, type Ended } from '../tools.ts'
import type { Block } from './blocks.ts'

/** A folder with a module for each block. */
export interface Workshop extends AsyncDisposable {
  /** What the compiler says of all blocks; lines are those of the page. */
  check(): Promise<string>
  run(block: Block): Promise<Ended>
}

/** Opens a workshop for some blocks. Dispose of it when done. */
export const workshop = async (blocks: readonly Block[]): Promise<Workshop> => {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-docs-'))
  const fileOf = ({ page, line }: Block): string => join(folder, `${page.replaceAll('/', '-')}-${line}.ts`)

  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config()))
  for (const block of blocks) {
    // Empty lines in front, so that an error tells the line of the page.
    await writeFile(fileOf(block), '\n'.repeat(block.line - 1) + block.code)
  }
  return {
    check: async () => (blocks.length === 0 ? '' : (await tsc(folder)).stdout),
    run: (block) => node(['--import', join(root, 'test/use-sources.ts'), fileOf(block)]),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

const config = (): object => ({
  extends: join(root, 'tsconfig.json'),
  compilerOptions: {
    rootDir: '/',
    moduleDetection: 'force',
    paths: Object.fromEntries([...entries()].map(([name, file]) => [name, [file]])),
  },
  include: ['*.ts'],
})
