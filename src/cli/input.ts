/** Where the records come from: a file, standard input, or the sample beside the module. */
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, relative } from 'node:path'
import { readCsv } from './csv.ts'
import type { Item } from './item.ts'
import { readJsonl } from './jsonl.ts'
import { linesOf } from './lines.ts'
import { UsageError } from './usage-error.ts'

/** An input that is open. */
export interface Input {
  /** As people call it. */
  readonly name: string
  /** Undefined for standard input. */
  readonly file: string | undefined
  readonly items: AsyncIterable<Item>
  /** Lets go of the file, or of standard input. */
  close(): void
}

/**
 * Opens what `--input` names; without it the only .jsonl or .csv file beside the module. `-` is JSONL from `stdin`.
 * @throws UsageError rejects with it when there is no such file, or no single sample
 */
export async function openInput(
  named: string | undefined,
  module: string,
  stdin: NodeJS.ReadStream,
): Promise<Input> {
  if (named === '-') {
    return {
      name: 'standard input',
      file: undefined,
      items: readJsonl(linesOf(stdin)),
      close: () => stdin.destroy(),
    }
  }
  const file = named ?? (await sampleBeside(module))
  await mustBeReadable(file)
  const bytes = createReadStream(file)
  const lines = linesOf(bytes)
  const items = isCsv(file) ? readCsv(lines) : readJsonl(lines)
  return { name: relative('', file) || file, file, items, close: () => bytes.destroy() }
}

const isCsv = (file: string): boolean => ['.csv', '.tsv'].includes(extname(file).toLowerCase())

const mustBeReadable = async (file: string): Promise<void> => {
  const found = await stat(file).catch(() => undefined)
  if (!found) throw new UsageError(`there is no input file "${file}"`)
  if (found.isDirectory())
    throw new UsageError(`"${file}" is a folder: --input takes a .jsonl or .csv file, or -`)
}

const sampleBeside = async (module: string): Promise<string> => {
  const folder = dirname(module)
  const samples = (await readdir(folder)).filter((name) => /\.(jsonl|csv)$/i.test(name)).toSorted()
  const [sample] = samples
  if (sample === undefined) {
    throw new UsageError(
      `there is no sample (.jsonl or .csv) beside "${basename(module)}": name a file with --input, or - for standard input`,
    )
  }
  if (samples.length > 1) {
    throw new UsageError(`beside "${basename(module)}" lie ${samples.join(', ')}: choose one with --input`)
  }
  return join(folder, sample)
}
