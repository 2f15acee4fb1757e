/** Where results and words go: streams whose slowness slows the work, and whose loss ends it. */
import { fstatSync, statSync, type Stats } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import type { Writable } from 'node:stream'
import { UsageError } from './usage-error.ts'

/** A stream that is written to at its own speed. */
export interface Output {
  /**
   * Resolves when more can be taken. `whenWritten` is called once the text has left the process.
   * @throws the stream's error rejects with it, also on every later write
   */
  write(text: string, whenWritten?: () => void): Promise<void>
  /**
   * Resolves when everything is written; of a file that is the end.
   * @throws the stream's error rejects with it
   */
  flush(): Promise<void>
}

/** A stream that stays open, such as standard output. */
export function streamOutput(stream: Writable): Output {
  let failed: Error | undefined
  stream.on('error', (error: Error) => (failed = error))
  return {
    write: async (text, whenWritten) => {
      if (failed) throw failed
      const written = whenWritten && ((error?: Error | null) => void (error || whenWritten()))
      if (!stream.write(text, written)) await once(stream, 'drain')
    },
    flush: async () => {
      if (failed) throw failed
      await new Promise<void>((resolve, reject) => {
        stream.write('', (error) => (error ? reject(error) : resolve()))
      })
    },
  }
}

/** What the results must not be written over. */
export type Taken = Readonly<{ what: string; file: string | number }>

/**
 * A file. What was in it goes when the first result comes, so that a run that cannot begin costs nobody their results.
 * @throws UsageError rejects with it when the file cannot be written, or is one of `taken`
 */
export async function fileOutput(file: string, taken: readonly Taken[]): Promise<Output> {
  if (file === '') throw new UsageError('--out needs the name of a file, such as --out results.jsonl')
  if (file === '-') {
    throw new UsageError(
      '--out takes a file. Without it the results go to standard output; --json makes them JSONL there',
    )
  }
  const same = taken.find((other) => isSame(file, other.file))
  if (same) throw new UsageError(`--out would overwrite ${same.what}: name another file`)
  const handle = await opened(file)
  let output: Output | undefined
  const begun = async (): Promise<Output> => {
    // A device or a pipe cannot be emptied.
    if ((await handle.stat()).isFile()) await handle.truncate(0)
    return (output ??= outputTo(handle))
  }
  return {
    write: async (text, whenWritten) => (output ?? (await begun())).write(text, whenWritten),
    flush: async () => (output ?? (await begun())).flush(),
  }
}

/** Whether the reader of a pipe has gone: nobody wants the rest. */
export const isBrokenPipe = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException | null)?.code === 'EPIPE'

const opened = async (file: string): Promise<FileHandle> => {
  try {
    return await open(file, 'a')
  } catch (error) {
    throw new UsageError(`--out "${file}" cannot be written: ${reasonOf(error as NodeJS.ErrnoException)}`)
  }
}

const reasonOf = ({ code, message }: NodeJS.ErrnoException): string => {
  if (code === 'EISDIR') return 'it is a folder: name a file in it'
  if (code === 'ENOENT') return 'its folder is not there: make it first'
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return 'that is not allowed'
  return message
}

const outputTo = (handle: FileHandle): Output => {
  const stream = handle.createWriteStream()
  return {
    write: streamOutput(stream).write,
    flush: async () => {
      stream.end()
      await finished(stream)
    },
  }
}

/** By what lies behind the names: links lead to the same file. */
const isSame = (file: string, other: string | number): boolean => {
  const [one, two] = [statOf(file), statOf(other)]
  return one !== undefined && two !== undefined && two.isFile() && one.dev === two.dev && one.ino === two.ino
}

const statOf = (file: string | number): Stats | undefined => {
  try {
    return typeof file === 'number' ? fstatSync(file) : statSync(file)
  } catch {
    return undefined
  }
}
