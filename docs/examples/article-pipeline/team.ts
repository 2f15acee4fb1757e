/**
 * An article: outline, draft, edit, format, each behind a gate. A bad draft goes back to the writer with its faults, twice
 * at most; then the article fails, and names the stage. Bad edits go back to the writer as well.
 */
import { agent, pipeline, stage } from 'troupe'
import { z } from 'zod'

/** What is to be written. */
export const Order = z.object({
  id: z.string(),
  topic: z.string(),
  points: z.array(z.string()),
  /** Most words that a section may have. */
  words: z.int().min(1),
})

const Outline = z.object({ title: z.string(), sections: z.array(z.string()), words: z.int() })
const Draft = Outline.extend({ texts: z.array(z.string()) })
type Draft = z.output<typeof Draft>

const wordsIn = (text: string): number => text.split(' ').length

const outline = agent('outline', {
  input: Order,
  output: Outline,
  run: ({ topic, points, words }) => ({ title: `On ${topic}`, sections: points, words }),
})

// What this writer puts into a text, and takes out again one by one when it is sent back.
const FLOURISHES = ['as we all know', 'needless to say', 'indeed']

const draft = agent('draft', {
  input: Outline,
  output: Draft,
  run: (plan, { revision }) => {
    const flourishes = FLOURISHES.slice(revision?.round ?? 0)
    return { ...plan, texts: plan.sections.map((point) => [...flourishes, `${point} matters`].join(', ')) }
  },
})

const edit = agent('edit', {
  input: Draft,
  output: Draft,
  run: (text) => ({
    ...text,
    texts: text.texts.map((each) => `${each.slice(0, 1).toUpperCase()}${each.slice(1)}.`),
  }),
})

const format = agent('format', {
  input: Draft,
  run: ({ title, sections, texts }) =>
    [`# ${title}`, ...sections.map((section, at) => `## ${section}\n${texts[at] ?? ''}`)].join('\n'),
})

const tooLong = ({ texts, sections, words }: Draft): string[] =>
  texts.flatMap((text, at) =>
    wordsIn(text) > words ? [`"${sections[at]}" has ${wordsIn(text)} words, where ${words} are the most`] : [],
  )

/** The team. */
export default pipeline('article', [
  stage(outline, {
    validate: ({ sections }) => sections.length > 1 || 'an article has at least two sections',
  }),
  stage(draft, { validate: tooLong, revise: { to: 'draft', max: 2 } }),
  stage(edit, {
    validate: ({ texts }) => !texts.some((text) => text.includes('TODO')) || 'it has a "TODO" in it',
    revise: { to: 'draft', max: 1 },
  }),
  format,
])
