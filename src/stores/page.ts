/**
 * Where a page of `list` begins. Rows with a time come first, by time and key; then those without, by key.
 */
import { above } from './stored-text.ts'

/**
 * The first places that may be on the page, among the rows with a time and those without. Keys are stored
 * text.
 */
export interface Start {
  /** `undefined`: the page is past them. */
  readonly dated: { readonly due: number; readonly key: string } | undefined
  readonly undated: string
}

const first = { due: -Infinity, key: '' }

/**
 * Behind a row. Where that is gone its time is not known: rows with a time are told again, so that none is
 * left out.
 * @param after its key, as it is stored
 * @param row the row, when it is there
 */
export const startOf = (
  after: string | undefined,
  row: { readonly due?: number | undefined } | undefined,
): Start => {
  if (after === undefined) return { dated: first, undated: '' }
  if (row === undefined) return { dated: first, undated: above(after) }
  if (row.due === undefined) return { dated: undefined, undated: above(after) }
  return { dated: { due: row.due, key: above(after) }, undated: '' }
}
