/** Splits bytes into lines of text, in constant memory. Knows nothing of what the lines mean. */

/** A line without its end, or why it has no text. `line` counts from 1. */
export type Line = Readonly<{ line: number } & ({ text: string } | { broken: string })>

/** The longest line that is read, in bytes. */
const MAX_LINE_BYTES = 8 * 1024 * 1024

/** How much has been read so far, in bytes: up to the end of the last line that was taken. */
export interface Tally {
  bytes: number
}

const NEWLINE = 0x0a
const RETURN = 0x0d
const BOM = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * The lines of a stream of bytes: ended by LF or CRLF, the last one perhaps by nothing, a byte order mark taken off.
 * A line that is too long or no UTF-8 is `broken`, and reading goes on behind it.
 * @param maxBytes default `MAX_LINE_BYTES`
 * @param tally is kept up to date
 */
export async function* linesOf(
  source: AsyncIterable<Uint8Array>,
  maxBytes = MAX_LINE_BYTES,
  tally: Tally = { bytes: 0 },
): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let line = 1
  let parts: Buffer[] = []
  let size = 0

  const add = (bytes: Buffer): void => {
    // The rest of a line that is too long is counted but not kept.
    if (size <= maxBytes) parts.push(bytes)
    size += bytes.length
  }
  const take = (): Line => {
    const number = line++
    const bytes = withoutMarks(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts), number)
    const tooLong = size > maxBytes + 1
    tally.bytes += size + 1
    parts = []
    size = 0
    if (tooLong || bytes.length > maxBytes) return { line: number, broken: tooLongFor(maxBytes) }
    try {
      return { line: number, text: decoder.decode(bytes) }
    } catch {
      return { line: number, broken: 'not UTF-8: save the file in that encoding' }
    }
  }

  for await (const chunk of source) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let start = 0
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      add(bytes.subarray(start, end))
      start = end + 1
      yield take()
    }
    if (start < bytes.length) add(bytes.subarray(start))
  }
  if (size > 0) yield take()
}

const tooLongFor = (maxBytes: number): string => {
  const size = maxBytes % 2 ** 20 === 0 ? `${maxBytes / 2 ** 20} MB` : `${maxBytes} bytes`
  return `longer than ${size}, the most that is read`
}

const withoutMarks = (bytes: Buffer, line: number): Buffer => {
  const start = line === 1 && bytes.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0
  const end = bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length
  return bytes.subarray(start, Math.max(start, end))
}
