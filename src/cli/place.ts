/** Where in the code of a user an error comes from, for people: not a stack, the line to look at. */
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

// A frame of a stack, or the line above it where Node shows what it could not read.
const FRAME = /^(?: +at (?:.*[ (])?)?(?<file>file:\/\/\/\S+?|\/[^\s():]+):(?<at>\d+(?::\d+)?)\)?$/gm

// The build or the sources of this package.
const OURS = new URL('../../', import.meta.url).href

/** Such as `team.ts:12:5`, from the folder in which the command runs; undefined when no line of the user's is in it. */
export function placeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  for (const { groups } of String(error.stack).matchAll(FRAME)) {
    const { file = '', at = '' } = groups ?? {}
    if (file.startsWith(OURS) || file.includes('/node_modules/')) continue
    return `${relative('', file.startsWith('file:') ? fileURLToPath(file) : file)}:${at}`
  }
  return undefined
}

/** What was thrown, in words, with its place. */
export function described(thrown: unknown): string {
  const place = placeOf(thrown)
  return `${messageOf(thrown)}${place === undefined ? '' : ` (at ${place})`}`
}

/** What was thrown, in words: anything can be thrown. */
export const messageOf = (thrown: unknown): string =>
  (thrown instanceof Error && (thrown.message || thrown.name)) || String(thrown)
