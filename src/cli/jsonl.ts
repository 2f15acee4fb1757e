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
    const { message } = error as SyntaxError
    return { line, fault: { path: '', message: `not JSON: ${message}` } }
  }
}
