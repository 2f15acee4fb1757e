/**
 * An article: outline, draft, edit, format, each behind a gate. A bad draft goes back to the writer with its faults, twice
 * at most; then the article fails, and names the stage. Bad edits go back to the writer as well.
 */
import { agent, pipeline, stage, type Agent, type Model } from 'troupe'
import { z } from 'zod'

/** What is to be written. */
export const Order = z.object({
  id: z.string(),
  topic: z.string(),
  points: z.array(z.string()),
  /** Most words that a section may have. */
  words: z.int().min(1),
})
type Order = z.output<typeof Order>

const Outline = z.object({ title: z.string(), sections: z.array(z.string()), words: z.int() })
type Outline = z.output<typeof Outline>
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

type Team = { outline: Agent<Order, Outline>; draft: Agent<Outline, Draft>; edit: Agent<Draft, Draft> }

const article = (team: Team) =>
  pipeline('article', [
    stage(team.outline, {
      validate: ({ sections }) => sections.length > 1 || 'an article has at least two sections',
    }),
    stage(team.draft, { validate: tooLong, revise: { to: 'draft', max: 2 } }),
    stage(team.edit, {
      validate: ({ texts }) => !texts.some((text) => text.includes('TODO')) || 'it has a "TODO" in it',
      revise: { to: 'draft', max: 1 },
    }),
    format,
  ])

/** The team. */
export default article({ outline, draft, edit })

/** The same with a model that outlines, writes and edits. The gates stay, and format needs none. */
export const withModel = (model: Model) =>
  article({
    outline: agent('outline', {
      model,
      instructions: 'Outline an article: a title, and a section for each point. Hand on the limit of words.',
      input: Order,
      output: Outline,
    }),
    draft: agent('draft', {
      model,
      instructions: 'Write a text for each section, in their order, of at most `words` words. Keep the rest.',
      input: Outline,
      output: Draft,
    }),
    edit: agent('edit', {
      model,
      instructions: 'Correct spelling and grammar of the texts, no more. Keep the rest.',
      input: Draft,
      output: Draft,
    }),
  })
