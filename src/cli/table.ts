/** A table for the terminal: the first and the last column to the left, numbers between them to the right. */
import type { Paint, Style } from './screen.ts'

/** A cell. Styles do not count as width. */
export type Cell = Readonly<{ text: string; style?: Style | undefined }>

const GAP = '  '

/** The table, without a newline at its end. */
export function tableOf(head: readonly string[], rows: readonly (readonly Cell[])[], paint: Paint): string {
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]?.text.length ?? 0)),
  )
  const last = head.length - 1
  const fit = (text: string, i: number): string => {
    if (i === last) return text
    const width = widths[i] ?? 0
    return i === 0 ? text.padEnd(width) : text.padStart(width)
  }
  const lines = rows.map((row) =>
    row.map(({ text, style }, i) => (style ? paint(style, fit(text, i)) : fit(text, i))).join(GAP),
  )
  const title = head.map((name, i) => paint('bold', fit(name, i))).join(GAP)
  const rule = paint('dim', widths.map((width) => '─'.repeat(width)).join(GAP))
  return [title, rule, ...lines].join('\n')
}
