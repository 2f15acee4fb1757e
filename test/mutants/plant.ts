/** Puts a fault into the text of the file that it is for. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../tools.ts'
import type { Mutant } from './mutants.ts'

/** Gives the file with the fault in it. @throws Error when the text is not there, or not once */
export const planted = ({ name, file, text, replacement }: Mutant): string => {
  const source = readFileSync(join(root, file), 'utf8')
  const times = source.split(text).length - 1
  if (times !== 1) throw new Error(`"${name}": ${file} has its text ${times} times; adapt test/mutants/mutants.ts`)
  return source.replace(text, () => replacement)
}
