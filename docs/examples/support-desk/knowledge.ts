/** The knowledge base: a page of articles for each department, read once and searched in memory. */
import { readFileSync } from 'node:fs'
import MiniSearch, { type SearchResult } from 'minisearch'
import { departments, READ_CHARS, type Department } from './desk.ts'

/** An article: `also` is what else people call it. */
interface Article {
  readonly id: string
  readonly department: Department
  readonly title: string
  readonly also: string
  readonly text: string
}

/** An article that fits, and how well: 1 is as good as it gets. */
export interface Finding {
  readonly department: Department
  readonly title: string
  readonly text: string
  readonly fit: number
}

const articlesOf = (department: Department): Article[] => {
  const page = readFileSync(new URL(`knowledge/${department}.md`, import.meta.url), 'utf8')
  const [, ...sections] = page.split(/^## /m)
  return sections.map((section) => {
    const [title = '', also = '', ...text] = section.trim().split('\n')
    return {
      id: `${department}/${title}`,
      department,
      title,
      also: also.replace(/^Also: /, ''),
      text: text.join('\n'),
    }
  })
}

const articles = departments.flatMap(articlesOf)

// Words that are in every ticket and say nothing about it.
const SILENT = new Set(
  (
    'a about after all also am an and any are as at be been but by can cant cannot could did do does dont for from get got had ' +
    'has have hello hey hi how i if im in is it its ive just like me my need no not now of on once one or our please so ' +
    'some still than thank thanks that the their them then there they this to up us want was we were what when where ' +
    'which who why will with would you your yesterday today'
  ).split(' '),
)

const index = new MiniSearch<Article>({
  fields: ['title', 'also', 'text'],
  processTerm: (term) => {
    const word = term.toLowerCase()
    return SILENT.has(word) || word.length < 2 ? null : word
  },
  searchOptions: {
    boost: { title: 3, also: 3 },
    prefix: (term) => term.length > 3,
    fuzzy: (term) => (term.length > 5 ? 0.15 : 0),
  },
})
index.addAll(articles)
const byId = new Map(articles.map((article) => [article.id, article]))

// A score at which an article has always been the right one among the sample tickets.
const GOOD_SCORE = 40

/** The articles that fit best, best first; of one department, or of all. */
export function search(text: string, department?: Department): readonly Finding[] {
  const found = index.search(text.slice(0, READ_CHARS), {
    filter: ({ id }: SearchResult) =>
      department === undefined || byId.get(id as string)?.department === department,
  })
  return found.slice(0, 5).flatMap(({ id, score }) => {
    const article = byId.get(id as string)
    if (!article) return []
    const { title, text: body } = article
    return [{ department: article.department, title, text: body, fit: Math.min(1, score / GOOD_SCORE) }]
  })
}
