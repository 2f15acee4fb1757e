/** Where results and words go: streams whose slowness slows the work, and whose loss ends it. */
import { createWriteStream, realpathSync } from 'node:fs'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { finished } from 'node:stream/promises'
import { UsageError } from './usage-error.ts'

/** A stream that is written to at its own speed. */
export interface Output {
  /** @throws the stream's error rejects with it, also on every later write */
  write(text: string): Promise<void>
  /** Resolves when everything is written. Standard output stays open. */
  close(): Promise<void>
}

/** A stream of the process. */
export function standardOutput(stream: NodeJS.WriteStream): Output {
  const write = writerOf(stream)
  return { write, close: () => write('') }
}

/**
 * A file, emptied first.
 * @throws UsageError rejects with it when the file cannot be written, or is the input itself
 */
export async function fileOutput(file: string, input: string | undefined): Promise<Output> {
  if (input !== undefined && sameFile(file, input))
    throw new UsageError(`--out would overwrite the input "${input}"`)
  const stream = createWriteStream(file)
  try {
    await once(stream, 'open')
  } catch (error) {
    throw new UsageError(`"${file}" cannot be written: ${(error as Error).message}`)
  }
  return {
    write: writerOf(stream),
    close: async () => {
      stream.end()
      await finished(stream)
    },
  }
}

/** Whether the reader of a pipe has gone: nobody wants the rest. */
export const isBrokenPipe = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException | null)?.code === 'EPIPE'

const writerOf = (stream: NodeJS.WritableStream): ((text: string) => Promise<void>) => {
  let failed: Error | undefined
  stream.on('error', (error: Error) => (failed = error))
  return async (text) => {
    if (failed) throw failed
    if (!stream.write(text)) await once(stream, 'drain')
  }
}

const sameFile = (a: string, b: string): boolean => realPath(a) === realPath(b)

const realPath = (file: string): string => {
  try {
    return realpathSync(file)
  } catch {
    return resolve(file)
  }
}
