/**
 * A table for the terminal: the first and the last column to the left, numbers between them to the right. Where it does
 * not fit, each row becomes a paragraph.
 */
import type { Paint, Style } from './screen.ts'
import { padded, startOf, widthOf } from './width.ts'

/** A cell. Styles do not count as width. */
export type Cell = Readonly<{ text: string; style?: Style | undefined }>

/** What a table is made of. */
export type Table = Readonly<{ head: readonly string[]; rows: readonly (readonly Cell[])[] }>

const GAP = '  '

/** The table, without a newline at its end, in lines of at most `width` columns. */
export function tableOf(table: Table, width: number, paint: Paint): string {
  const { head, rows } = table
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => widthOf(row[i]?.text ?? ''))),
  )
  const needed = widths.reduce((sum, column) => sum + column + GAP.length, -GAP.length)
  return needed <= width ? inColumns(table, widths, paint) : inParagraphs(table, width, paint)
}

const inColumns = ({ head, rows }: Table, widths: readonly number[], paint: Paint): string => {
  const last = head.length - 1
  const fit = (text: string, i: number): string => {
    if (i === last) return text
    const width = widths[i] ?? 0
    return i === 0 ? padded(text, width) : text.padStart(width)
  }
  const lines = rows.map((row) =>
    row.map(({ text, style }, i) => (style ? paint(style, fit(text, i)) : fit(text, i))).join(GAP),
  )
  const title = head.map((name, i) => paint('bold', fit(name, i))).join(GAP)
  const rule = paint('dim', widths.map((width) => '─'.repeat(width)).join(GAP))
  return [title, rule, ...lines].join('\n')
}

const inParagraphs = ({ head, rows }: Table, width: number, paint: Paint): string =>
  rows
    .map(([first, ...cells]) => {
      const name = startOf(first?.text ?? '', width)
      const lines = ['']
      for (const [i, cell] of cells.entries()) {
        const text = `${head[i + 1] ?? ''} ${cell.text}`
        const line = lines.at(-1) ?? ''
        const more = line === '' ? `  ${text}` : `${line}, ${text}`
        if (widthOf(more) <= width || line === '') lines[lines.length - 1] = more
        else lines.push(`  ${text}`)
      }
      return [first?.style ? paint(first.style, name) : name, ...lines].join('\n')
    })
    .join('\n')
