#!/usr/bin/env node
/**
 * The command `troupe`. Looks at the version of Node before anything is loaded that needs it: this file imports nothing,
 * and is written so that any Node that knows modules can read it.
 */
const LEAST = [22, 18] as const
const USAGE = 2

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1])) {
  await import('./command.ts')
} else {
  console.error(`Troupe needs Node ${LEAST.join('.')} or newer, this is ${process.version}`)
  process.exitCode = USAGE
}
