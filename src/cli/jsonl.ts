/** Reads JSONL: one JSON value a line. Empty lines are passed over. */
import type { Item } from './item.ts'
import type { Line } from './lines.ts'

/** The values of the lines. A line that is not JSON is an item with a fault. */
export async function* readJsonl(lines: AsyncIterable<Line>): AsyncGenerator<Item> {
  for await (const entry of lines) {
    const { line } = entry
    if ('broken' in entry) yield { line, fault: { path: '', message: `the line is ${entry.broken}` } }
    else if (entry.text.trim() !== '') yield parsed(line, entry.text)
  }
}

const parsed = (line: number, text: string): Item => {
  try {
    return { line, value: JSON.parse(text) as unknown }
  } catch (error) {
    // The parser sees one line, and would call each line 1.
    const message = (error as SyntaxError).message.replace(
      /( in JSON)? at position \d+ \(line 1 (column \d+)\)/,
      ' at $2',
    )
    return { line, fault: { path: '', message: `not JSON: ${message}${hintFor(line, text)}` } }
  }
}

/** The ways out of what people try first: a file of plain text, or one JSON value over many lines. */
const hintFor = (line: number, text: string): string => {
  if (line !== 1) return ''
  const begins = text.trimStart()[0] ?? ''
  if (begins === '"') return ''
  if (begins === '[' || begins === '{')
    return ' (one value a line: `jq -c` writes JSON that way, `jq -c .[]` a list)'
  return ' (a line is a JSON value, such as "some text" in quotes or {"text":"..."})'
}
