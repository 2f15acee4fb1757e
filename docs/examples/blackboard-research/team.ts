/**
 * Research on a blackboard. Nobody leads: each source contributes when the board holds what it needs. Two
 * search as soon as there is a topic, one summarises once both have found something or nothing, and two write
 * the title: one wins.
 */
import { agent, blackboard, type Agent, type Model } from 'troupe'
import { z } from 'zod'
import { look, type Finding } from './library.ts'

const Findings = z.array(z.object({ source: z.string(), text: z.string() }))

/** What is on the board. */
const keys = {
  topic: z.string(),
  papers: Findings,
  news: Findings,
  summary: z.string(),
  title: z.string(),
}

const listed = (findings: readonly Finding[]): string =>
  findings.map(({ source, text }) => `${text} (${source})`).join(' ')

const firstWords = (text: string, count: number): string => text.split(' ').slice(0, count).join(' ')

/** The board with its sources, around whoever writes the summary. */
const research = (writer: Agent<string, string>) =>
  blackboard('research', {
    keys,
    start: (topic: string) => ({ topic }),
    sources: {
      papers: {
        reads: ['topic'],
        when: ({ papers }) => papers === undefined,
        run: async ({ topic = '' }, { sleep }) => {
          await sleep(20)
          return { papers: look('papers', topic) }
        },
      },
      news: {
        reads: ['topic'],
        when: ({ news }) => news === undefined,
        run: async ({ topic = '' }, { sleep }) => {
          await sleep(10)
          return { news: look('news', topic) }
        },
      },
      summarise: {
        // Once the research is complete.
        when: ({ papers, news, summary }) =>
          papers !== undefined && news !== undefined && summary === undefined,
        run: async ({ topic = '', papers = [], news = [] }, { ask }) => {
          const found = [...papers, ...news]
          if (found.length === 0) return { summary: `Nothing is known about ${topic}.` }
          return { summary: await ask(writer, listed(found)) }
        },
      },
      // Two writers of one key, without a merge: the first one wins, the other is refused.
      editor: {
        reads: ['summary'],
        when: ({ title }) => title === undefined,
        run: async ({ summary = '' }, { sleep }) => {
          await sleep(10)
          return { title: firstWords(summary, 5) }
        },
      },
      press: {
        reads: ['summary'],
        when: ({ title }) => title === undefined,
        run: async ({ summary = '' }, { sleep }) => {
          await sleep(5)
          return { title: firstWords(summary, 3).toUpperCase() }
        },
      },
    },
    result: ({ title = '', summary = '', papers = [], news = [] }) => ({
      title,
      summary,
      sources: [...papers, ...news].map(({ source }) => source),
    }),
  })

const clip = agent('writer', { run: (text) => text })

export default research(clip)

/** The same with a model that writes the summary. */
export const withModel = (model: Model) =>
  research(
    agent('writer', { model, instructions: 'Summarise these findings in two sentences. Keep the sources.' }),
  )
