/**
 * A content pipeline: research, outline, write, fact-check, SEO. What the fact-check finds unsupported goes
 * back to the writer, claim by claim, twice at most; then the article fails, and lists the claims that are
 * left.
 */
import { agent, orchestrator, pipeline, stage, tool, type Agent, type Model } from 'troupe'
import { z } from 'zod'

/** What an article is to be about, and what the customer would like it to say. */
export const Brief = z.object({ id: z.string(), topic: z.string(), slogans: z.array(z.string()).default([]) })

const Fact = z.object({ claim: z.string(), source: z.string() })
const Notes = Brief.extend({ facts: z.array(Fact).min(1, 'nothing is known of it') })
const Outline = z.object({
  title: z.string(),
  sections: z.array(z.object({ heading: z.string(), claims: z.array(z.string()).min(1) })).min(1),
})
const Draft = z.object({ title: z.string(), sentences: z.array(z.string()).min(1) })
const Checked = Draft.extend({ unsupported: z.array(z.string()) })
/** What search engines read of an article. */
const Seo = z.object({ description: z.string().max(155), keywords: z.array(z.string()).min(1) })
const Page = Seo.extend({ title: z.string(), slug: z.string(), text: z.string() })
type Draft = z.output<typeof Draft>

/** Stands in for a library. */
const LIBRARY: readonly (z.output<typeof Fact> & { topic: string })[] = [
  { topic: 'heat pumps', claim: 'A heat pump gives three times the power it takes', source: 'IEA' },
  { topic: 'heat pumps', claim: 'Noise is the complaint that is heard most', source: 'Consumer Desk' },
  { topic: 'heat pumps', claim: 'Old radiators often do', source: 'Building Review' },
  { topic: 'green tea', claim: 'Green tea is not fermented', source: 'Leaf Atlas' },
  { topic: 'green tea', claim: 'It is brewed at 70 degrees', source: 'Tea Board' },
]
const search = (text: string): z.output<typeof Fact>[] => {
  const found = LIBRARY.filter(({ topic, claim }) => text.includes(topic) || text === claim)
  return found.map(({ claim, source }) => ({ claim, source }))
}

type Team = {
  research: Agent<z.input<typeof Brief>, z.output<typeof Notes>>
  outline: Agent<z.input<typeof Notes>, z.output<typeof Outline>>
  write: Agent<z.output<typeof Outline>, Draft>
  /** Gives the sentences that nothing supports. */
  checker: Agent<Draft, string[]>
  optimiser: Agent<Draft, z.output<typeof Seo>>
}

const content = ({ research, outline, write, checker, optimiser }: Team) => {
  const factCheck = orchestrator('fact-check', {
    input: Draft,
    output: Checked,
    delegates: { checker },
    run: async (draft, { delegate }) => ({ ...draft, unsupported: await delegate.checker(draft) }),
  })
  const seo = orchestrator('seo', {
    input: Checked,
    output: Page,
    delegates: { optimiser },
    run: async ({ title, sentences }, { delegate }) => ({
      title,
      slug: title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'),
      text: sentences.map((sentence) => `${sentence}.`).join(' '),
      ...(await delegate.optimiser({ title, sentences })),
    }),
  })
  return pipeline('content', [
    research,
    outline,
    write,
    stage(factCheck, {
      validate: ({ unsupported }) => unsupported.map((claim) => `no source supports "${claim}"`),
      revise: { to: 'write', max: 2 },
    }),
    seo,
  ])
}

export default content({
  research: agent('research', {
    input: Brief,
    output: Notes,
    run: (brief) => ({ ...brief, facts: search(brief.topic) }),
  }),
  outline: agent('outline', {
    input: Notes,
    output: Outline,
    run: ({ topic, facts, slogans }) => ({
      title: `What to know about ${topic}`,
      sections: facts.map(({ claim, source }, at) => ({
        heading: `What ${source} says`,
        // What the customer would like to read comes first.
        claims: at === 0 ? [...slogans, claim] : [claim],
      })),
    }),
  }),
  write: agent('write', {
    input: Outline,
    output: Draft,
    run: ({ title, sections }, { revision }) => {
      if (!revision) return { title, sentences: [...new Set(sections.flatMap(({ claims }) => claims))] }
      // Parts with one sentence at a time.
      const { sentences } = Draft.parse(revision.previous)
      const isFaulty = (sentence: string) => revision.faults.some((fault) => fault.includes(`"${sentence}"`))
      const worst = sentences.find(isFaulty)
      return { title, sentences: sentences.filter((sentence) => sentence !== worst) }
    },
  }),
  checker: agent('checker', {
    input: Draft,
    output: z.array(z.string()),
    run: ({ sentences }) => sentences.filter((sentence) => search(sentence).length === 0),
  }),
  optimiser: agent('optimiser', {
    input: Draft,
    output: Seo,
    run: ({ title, sentences }) => ({
      description: sentences.join('. ').slice(0, 155),
      keywords: title.toLowerCase().split(' ').slice(4),
    }),
  }),
})

/** The same with a model in each seat; research and fact-check have the library as a tool. */
export const withModel = (model: Model) => {
  const library = tool('search_library', {
    description: 'Claims with their sources, about a topic or like a claim',
    input: z.object({ text: z.string() }),
    effect: 'idempotent',
    run: ({ text }) => search(text),
  })
  return content({
    research: agent('research', {
      input: Brief,
      output: Notes,
      model,
      instructions: 'Search the library for the topic. Give the brief, with the facts that you found.',
      tools: [library],
    }),
    outline: agent('outline', {
      input: Notes,
      output: Outline,
      model,
      instructions: 'Make an outline of these facts: give each claim to a section. Work the slogans in.',
    }),
    write: agent('write', {
      input: Outline,
      output: Draft,
      model,
      instructions: 'Write the article, a sentence for each claim. Leave out what turned out unsupported.',
    }),
    checker: agent('checker', {
      input: Draft,
      output: z.array(z.string()),
      model,
      instructions: 'Search the library for each sentence. Give those that nothing supports, word for word.',
      tools: [library],
    }),
    optimiser: agent('optimiser', {
      input: Draft,
      output: Seo,
      model,
      instructions: 'Give a description of 155 characters at most, and keywords for this article.',
    }),
  })
}
