/**
 * Reads CSV: a header, then objects by column. A record whose quotes or columns are wrong is an item with a fault, and
 * reading goes on at the next line, so that one stray quote does not swallow what follows it.
 */
import { parse, type CsvError } from 'csv-parse/sync'
import type { Fault } from '../contracts/errors.ts'
import type { Item } from './item.ts'
import type { Line } from './lines.ts'
import { UsageError } from './usage-error.ts'

/** How far a quoted field may run before its quote counts as never closed. */
const MAX_LINES = 1_000
const MAX_CHARS = 1024 * 1024

type Header = Readonly<{ columns: readonly string[]; delimiter: string }>
type Text = Readonly<{ line: number; text: string }>

/**
 * The records below the header. Columns are parted by what parts the header: comma, semicolon or tab. `line` is where
 * the record starts, the header's line counted.
 * @throws UsageError rejects with it when the header is missing or names a column twice
 */
export async function* readCsv(lines: AsyncIterable<Line>): AsyncGenerator<Item> {
  const ahead = lookAhead(lines)
  const header = headerOf(await firstLine(ahead))
  for (let entry = await ahead.next(); entry; entry = await ahead.next()) {
    if ('broken' in entry)
      yield { line: entry.line, fault: { path: '', message: `the line is ${entry.broken}` } }
    else if (!isBlank(entry.text)) yield await recordAt(entry, header, ahead)
  }
}

/** Takes as many lines as the quotes of a record need; gives back what turns out to belong to the next. */
const recordAt = async (first: Text, header: Header, ahead: LookAhead): Promise<Item> => {
  const taken: Line[] = []
  let text = first.text
  let open = leavesQuoteOpen(text, header.delimiter, false)
  while (open && taken.length < MAX_LINES && text.length < MAX_CHARS) {
    const next = await ahead.next()
    if (!next) break
    taken.push(next)
    if ('broken' in next) break
    text += `\n${next.text}`
    open = leavesQuoteOpen(next.text, header.delimiter, open)
  }
  const result = open ? { fault: unclosed } : fieldsOf(text, header)
  if ('fault' in result) {
    ahead.giveBack(taken)
    return { line: first.line, fault: result.fault }
  }
  return { line: first.line, value: result.value }
}

const unclosed: Fault = {
  path: '',
  message: 'a quote is opened and not closed: close it, or double it ("") where it belongs to the text',
}

// Tabs part columns.
const isBlank = (text: string): boolean => text.replaceAll(' ', '') === ''

/** Whether a quoted field goes on at the end of this line. Only a quote at the start of a field opens one. */
const leavesQuoteOpen = (text: string, delimiter: string, open: boolean): boolean => {
  let inside = open
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) {
    if (!inside) inside = at === 0 || text[at - 1] === delimiter
    else if (text[at + 1] === '"') at++
    else inside = false
  }
  return inside
}

const fieldsOf = (
  text: string,
  { columns, delimiter }: Header,
): { value: Record<string, string> } | { fault: Fault } => {
  const fields = split(text, delimiter)
  if ('fault' in fields) return fields
  if (fields.length !== columns.length) {
    const message = `expected ${columns.length} columns (${columns.join(', ')}), got ${fields.length}`
    return { fault: { path: columns[fields.length] ?? '', message } }
  }
  return { value: Object.fromEntries(columns.map((column, i) => [column, fields[i] as string])) }
}

const split = (text: string, delimiter: string): readonly string[] | { fault: Fault } => {
  try {
    const [fields] = parse(text, {
      delimiter,
      relax_column_count: true,
      record_delimiter: '\n',
    })
    return fields ?? []
  } catch (error) {
    return { fault: { path: '', message: `not CSV: ${reasonOf(error as CsvError, text)}` } }
  }
}

const reasonOf = ({ code, message }: CsvError, text: string): string => {
  const closes = code === 'CSV_INVALID_CLOSING_QUOTE'
  // In another line than the one that opens the field: rather the quote of another field.
  if (code === 'CSV_QUOTE_NOT_CLOSED' || (closes && text.includes('\n'))) return unclosed.message
  if (closes)
    return 'more text follows a quote that closes a field: double the quotes ("") that belong to the text'
  if (code === 'INVALID_OPENING_QUOTE')
    return 'a quote stands inside a field: put the whole field in quotes and double those inside ("")'
  return message
}

const headerOf = (text: string): Header => {
  const delimiter = [',', ';', '\t'].find((mark) => text.includes(mark)) ?? ','
  const columns = split(text, delimiter)
  if ('fault' in columns)
    throw new UsageError(`the header of the CSV cannot be read: ${columns.fault.message}`)
  const names = columns.map((name) => name.trim())
  const nameless = names.flatMap((name, i) => (name === '' ? [i + 1] : []))
  if (nameless.length > 1) {
    const which = `${nameless.slice(0, -1).join(', ')} and ${nameless.at(-1)}`
    throw new UsageError(
      `the header of the CSV does not name the columns ${which}: name them, or leave them out`,
    )
  }
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined)
    throw new UsageError(`the header of the CSV names the column "${twice}" twice: give each its own name`)
  return { columns: names, delimiter }
}

const firstLine = async (ahead: LookAhead): Promise<string> => {
  for (let entry = await ahead.next(); entry; entry = await ahead.next()) {
    if ('broken' in entry) throw new UsageError(`the header of the CSV is ${entry.broken}`)
    if (!isBlank(entry.text)) return entry.text
  }
  throw new UsageError('the CSV is empty: it needs a header, such as "id,text"')
}

interface LookAhead {
  next(): Promise<Line | undefined>
  giveBack(lines: readonly Line[]): void
}

const lookAhead = (lines: AsyncIterable<Line>): LookAhead => {
  const iterator = lines[Symbol.asyncIterator]()
  let kept: Line[] = []
  return {
    next: async () => {
      const again = kept.shift()
      if (again) return again
      const { value, done } = await iterator.next()
      return done ? undefined : value
    },
    giveBack: (again) => {
      kept = [...again, ...kept]
    },
  }
}
