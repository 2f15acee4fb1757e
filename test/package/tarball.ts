/** The package as it would be published. Needs a build; `npm run package` and `.ci/run` make one first. */
import { join } from 'node:path'
import { run, root } from '../tools.ts'

/** Packs the project into a folder and returns the path of the tarball. */
export const pack = async (folder: string): Promise<string> => {
  const { stdout, stderr, code } = await run('npm', [
    'pack',
    root,
    '--json',
    '--ignore-scripts',
    '--pack-destination',
    folder,
  ])
  if (code !== 0) throw new Error(stderr)
  return join(folder, fileName(JSON.parse(stdout)))
}

/** npm 12 gives an object by package name, older ones a list. */
const fileName = (packed: Record<string, { filename: string }>): string => {
  const [only] = Object.values(packed)
  if (!only) throw new Error('npm pack made no tarball')
  return only.filename
}
