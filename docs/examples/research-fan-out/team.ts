/**
 * A research fan-out: academic, industry and news search side by side, then a synthesis. What a source has found is told
 * at once. A source that fails, or takes too long, is named in the synthesis with the reason; the others are not lost.
 */
import { agent, parallel, pipeline, ProviderError } from 'troupe'
import type { Agent, Ctx, Model, Outcome } from 'troupe'
import { z } from 'zod'

/** What is to be found out. */
export const Question = z.object({ id: z.string(), topic: z.string() })
/** What is to be found out. */
export type Question = z.output<typeof Question>

const Found = z.object({ source: z.string(), points: z.array(z.string()) })
type Found = z.output<typeof Found>

const Material = z.object({
  found: z.array(Found),
  missing: z.array(z.object({ source: z.string(), code: z.string(), why: z.string() })),
})
type Material = z.output<typeof Material>

type Search = (question: Question, ctx: Ctx) => string[] | Promise<string[]>

const source = (name: string, search: Search, timeoutMs = 2_000): Agent<Question, Found> =>
  agent(name, {
    input: Question,
    output: Found,
    timeoutMs,
    run: async (question, ctx) => {
      const points = await search(question, ctx)
      // Whoever reads the events of the run has it before the synthesis begins.
      ctx.emit('found', { source: name, points })
      return { source: name, points }
    },
  })

const after =
  (ms: number, ...templates: readonly string[]): Search =>
  async ({ topic }, { sleep }) => {
    await sleep(ms)
    return templates.map((text) => text.replace('*', topic))
  }

const academic = source('academic', after(900, 'a survey of *', 'open problems of *'))
const industry = source('industry', after(400, 'who sells *'))
const news = source('news', after(150, '* in the news of today'))

const missing = ([source, outcome]: [string, Outcome<Found>]): Material['missing'] =>
  outcome.status === 'completed'
    ? []
    : 'error' in outcome
      ? [{ source, code: outcome.error.code, why: outcome.error.message }]
      : [{ source, code: outcome.status, why: 'it was not waited for' }]

const synthesis = agent('synthesis', {
  description: 'Makes one report of what was found, and says what is missing',
  input: Material,
  run: ({ found, missing }) => ({
    report: found.flatMap(({ source, points }) => points.map((point) => `${point} (${source})`)).join('; '),
    sources: found.map(({ source }) => source),
    missing: missing.map(({ source, code, why }) => `${source}: ${code}, ${why}`),
  }),
})

type Sources = Record<'academic' | 'industry' | 'news', Agent<Question, Found>>

const Report = z.object({ report: z.string(), sources: z.array(z.string()), missing: z.array(z.string()) })
type Report = z.output<typeof Report>

const fanOut = (branches: Sources, synthesis: Agent<Material, Report>) =>
  pipeline('research', [
    parallel('sources', {
      branches,
      join: (outcomes): Material => ({
        found: Object.values(outcomes).flatMap((it) => (it.status === 'completed' ? [it.output] : [])),
        missing: Object.entries(outcomes).flatMap(missing),
      }),
    }),
    synthesis,
  ])

/** The team, with another industry search where wanted. */
export const research = (sources: { industry?: Search } = {}) => {
  const other = sources.industry && source('industry', sources.industry)
  return fanOut({ academic, industry: other ?? industry, news }, synthesis)
}

export default research()

/** The same with a model: it says what each kind of source would hold, and writes the report. */
export const withModel = (model: Model) => {
  const reader = (name: keyof Sources, what: string) => {
    const finds = agent(`${name}-reader`, {
      model,
      instructions: `List what you know of the topic from ${what}: five points at most, or none.`,
      input: Question,
      output: z.array(z.string()),
      prompt: ({ topic }) => topic,
    })
    return source(name, (question, { ask }) => ask(finds, question), 60_000)
  }
  return fanOut(
    {
      academic: reader('academic', 'papers and surveys'),
      industry: reader('industry', 'companies and products'),
      news: reader('news', 'the news'),
    },
    agent('synthesis', {
      model,
      instructions: 'Make one report of what was found, each point with its source. Name what is missing, and why.',
      input: Material,
      output: Report,
    }),
  )
}

/** What `--faults` runs: one source is down. */
export const faults = research({
  industry: () => {
    throw new ProviderError('the trade register is down', { code: 'UNAVAILABLE', retryable: false })
  },
})
