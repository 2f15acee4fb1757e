/** Where the records come from: a file, standard input, or the sample beside the module. */
import { open, readdir, type FileHandle } from 'node:fs/promises'
import { basename, dirname, extname, join, relative } from 'node:path'
import { readCsv } from './csv.ts'
import type { Item } from './item.ts'
import { readJsonl } from './jsonl.ts'
import { linesOf, type Tally } from './lines.ts'
import { UsageError } from './usage-error.ts'

const STANDARD_INPUT = 0

/** An input that is open. */
export interface Input {
  /** As people call it. */
  readonly name: string
  /** Its path; of standard input its descriptor. */
  readonly file: string | number
  readonly items: AsyncIterable<Item>
  /** How much of it has been taken, from 0 to 1; `undefined` where its size is not known. */
  share(): number | undefined
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
      file: STANDARD_INPUT,
      items: readJsonl(linesOf(stdin)),
      share: () => undefined,
      close: () => stdin.destroy(),
    }
  }
  if (named === '')
    throw new UsageError('--input needs the name of a .jsonl or .csv file, or - for standard input')
  const file = named ?? (await sampleBeside(module))
  const { handle, size } = await opened(file)
  const bytes = handle.createReadStream()
  const tally: Tally = { bytes: 0 }
  const lines = linesOf(bytes, undefined, tally)
  const items = isCsv(file) ? readCsv(lines) : readJsonl(lines)
  return {
    name: relative('', file) || file,
    file,
    items,
    share: () => (size > 0 ? Math.min(1, tally.bytes / size) : undefined),
    close: () => bytes.destroy(),
  }
}

const isCsv = (file: string): boolean => ['.csv', '.tsv'].includes(extname(file).toLowerCase())

/** `size` is 0 for what has none: a pipe, a device. */
const opened = async (file: string): Promise<{ handle: FileHandle; size: number }> => {
  try {
    const handle = await open(file)
    const found = await handle.stat()
    if (!found.isDirectory()) return { handle, size: found.isFile() ? found.size : 0 }
    await handle.close()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new UsageError(`there is no input file "${file}"`)
    throw new UsageError(
      `the input "${file}" cannot be read: ${code === 'EACCES' ? 'that is not allowed' : message}`,
    )
  }
  throw new UsageError(`the input "${file}" is a folder: --input takes a .jsonl or .csv file, or -`)
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
