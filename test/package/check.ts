/** `npm run package`: publint and Are the Types Wrong look at the packed tarball, not at the folder. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../tools.ts'
import { pack } from './tarball.ts'

const folder = await mkdtemp(join(tmpdir(), 'troupe-package-'))
try {
  const tarball = await pack(folder)
  await demand('publint', ['run', tarball, '--strict'])
  await demand('attw', [tarball, '--profile', 'esm-only', '--no-emoji', '--format', 'ascii'])
} finally {
  await rm(folder, { recursive: true })
}

async function demand(tool: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await run('npx', ['--no-install', tool, ...args])
  console.log(code === 0 ? `${tool} finds nothing` : `${tool} finds:\n${stdout}${stderr}`)
  if (code !== 0) process.exitCode = 1
}
