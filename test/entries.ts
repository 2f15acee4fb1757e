/**
 * The package's entries as sources, so that tests and the code in the docs import `troupe` by its own name
 * without a build.
 */
import { readFileSync } from 'node:fs'

const root = new URL('../', import.meta.url)

type Manifest = { name: string; exports: Record<string, string | { default: string }> }

/** The file of each entry by what is imported: `troupe/testing` is `/.../src/testing.ts`. */
export const entries = (): Map<string, string> => {
  const manifest: Manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
  return new Map(
    Object.entries(manifest.exports).flatMap(([entry, target]) => {
      if (typeof target === 'string') return []
      const source = target.default.replace('./dist/', '').replace(/\.js$/, '.ts')
      return [[entry.replace('.', manifest.name), new URL(source, root).pathname] as const]
    }),
  )
}
