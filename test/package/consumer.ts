/**
 * `npm run consumer`: a project of somebody else's. Installs the tarball into a fresh folder, type-checks a
 * first program there with a less strict compiler that checks our declarations too, runs it, and tries every
 * entry and the command. Needs the registry or npm's cache of it, so it is not part of `npm test`.
 */
import { strict as assert } from 'node:assert'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { entries } from '../entries.ts'
import { node, root, run, type Ended } from '../tools.ts'
import { pack } from './tarball.ts'

const peers = ['zod', 'xstate', 'typescript', '@types/node']

const compilerOptions = {
  target: 'es2022',
  // Without `esnext.disposable`: our declarations bring what they need.
  lib: ['es2022', 'dom'],
  strict: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  exactOptionalPropertyTypes: false,
  skipLibCheck: false,
  noEmit: true,
  types: ['node'],
}

const folder = await mkdtemp(join(tmpdir(), 'troupe-consumer-'))
try {
  await install()
  for (const module of ['nodenext', 'preserve']) await typeCheck(module)
  await runs()
} finally {
  await rm(folder, { recursive: true })
}

async function install(): Promise<void> {
  const tarball = await pack(folder)
  const versions = await Promise.all(peers.map(installed))
  const manifest = { name: 'consumer', private: true, type: 'module' }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await copyFile(join(root, 'test/api/tests/consumer.ts'), join(folder, 'consumer.ts'))
  const args = ['install', '--prefix', folder, '--prefer-offline', tarball, ...versions]
  await succeed('installs', run('npm', args, folder))
}

async function installed(name: string): Promise<string> {
  const manifest: { version: string } = JSON.parse(
    await readFile(join(root, 'node_modules', name, 'package.json'), 'utf8'),
  )
  return `${name}@${manifest.version}`
}

async function typeCheck(module: string): Promise<void> {
  const config = { compilerOptions: { ...compilerOptions, module }, include: ['*.ts'] }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
  await succeed(`type-checks as ${module}`, node(['node_modules/typescript/bin/tsc', '-p', '.'], folder))
}

async function runs(): Promise<void> {
  const { stdout } = await succeed('runs', node(['consumer.ts'], folder))
  assert.equal(stdout, 'hello! 5\n')

  const imports = [...entries().keys()].map((name) => `await import('${name}')`).join('\n')
  await succeed('imports every entry', node(['--input-type=module', '--eval', imports], folder))
  await succeed('has the command', run('npm', ['exec', '--prefix', folder, '--', 'troupe', '--help'], folder))
}

async function succeed(what: string, program: Promise<Ended>): Promise<Ended> {
  const ended = await program
  assert.equal(ended.code, 0, `a consumer ${what}:\n${ended.stdout}${ended.stderr}`)
  console.log(`a consumer ${what}`)
  return ended
}
