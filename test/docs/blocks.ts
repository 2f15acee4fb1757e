/** The TypeScript in a page of Markdown, and what the page says that it prints. */

/** One fenced block of TypeScript. */
export interface Block {
  readonly page: string
  /** Where the code begins in the page, from 1. */
  readonly line: number
  readonly code: string
  /** False for "```ts no-run": it is type-checked only. */
  readonly runs: boolean
  /** The text of the next fenced block, where that is one of "```text". */
  readonly prints?: string
}

interface Fence {
  readonly info: string
  readonly line: number
  readonly text: string
}

/** Finds the blocks that are fenced as `ts`. */
export const blocksOf = (page: string, markdown: string): Block[] => {
  const fences = fencesOf(markdown)
  return fences.flatMap(({ info, line, text }, index) => {
    const [language, ...flags] = info.split(/\s+/)
    if (language !== 'ts') return []
    const next = fences[index + 1]
    const prints = next?.info === 'text' ? { prints: next.text } : {}
    return [{ page, line, code: text, runs: !flags.includes('no-run'), ...prints }]
  })
}

const fencesOf = (markdown: string): Fence[] => {
  const fences: Fence[] = []
  for (const match of markdown.matchAll(/^(`{3,})(.*)\n([^]*?)^\1$/gm)) {
    const [, , info = '', text = ''] = match
    const line = markdown.slice(0, match.index).split('\n').length + 1
    fences.push({ info: info.trim(), line, text })
  }
  return fences
}
