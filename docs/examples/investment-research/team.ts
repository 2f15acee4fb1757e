/**
 * Investment research: five analysts look at a company side by side, and a lead makes a note of what they say. Each analyst
 * takes ten companies at a time, whatever is asked of it. The feed for sentiment allows 20 requests in a second; what is
 * refused waits as long as the feed says.
 */
import { agent, parallel, pipeline, ProviderError, type Agent, type Ctx, type Model } from 'troupe'
import { z } from 'zod'

/** What is known of a company. */
export const Company = z.object({
  id: z.string(),
  /** In percent. */
  growth: z.number(),
  margin: z.number(),
  /** Good news less bad news. */
  mood: z.number(),
  rivals: z.int(),
  lawsuits: z.int(),
  /** Percent of its debt that has no fixed rate. */
  floating: z.number(),
})
/** What is known of a company. */
export type Company = z.output<typeof Company>

const View = z.object({ score: z.int().min(-1).max(1), why: z.string() })
type View = z.output<typeof View>

/** Companies that an analyst looks at at once. */
export const AT_ONCE = 10
const LOOK_MS = 100

type Check = (ctx: Ctx) => void

/** A provider that allows so many requests in each second. */
const feed = (perSecond: number): Check => {
  let second = -1
  let requests = 0
  return ({ now }) => {
    const at = Math.floor(now() / 1_000)
    if (at !== second) [second, requests] = [at, 0]
    if (++requests <= perSecond) return
    const retryAfterMs = (at + 1) * 1_000 - now()
    throw new ProviderError('too many requests', { code: 'RATE_LIMITED', retryable: true, retryAfterMs })
  }
}

const view = (good: boolean, bad: boolean, why: string): View => ({ score: good ? 1 : bad ? -1 : 0, why })

type Analyst = Agent<Company, View>

/** To be asked to wait is no reason to stop asking. */
const common = {
  input: Company,
  output: View,
  concurrency: AT_ONCE,
  circuit: { counts: ({ code }: { code: string }) => code !== 'RATE_LIMITED' },
}

const analyst = (name: string, look: (company: Company) => View, check?: Check): Analyst =>
  agent(name, {
    ...common,
    retry: { attempts: 4, minMs: 100, jitter: false },
    run: async (company, ctx) => {
      check?.(ctx)
      await ctx.sleep(LOOK_MS)
      return look(company)
    },
  })

const statements = analyst('statements', ({ growth, margin }) =>
  view(growth > 5 && margin > 10, growth < 0 || margin < 0, `grows by ${growth}%, keeps ${margin}%`),
)
const competition = analyst('competition', ({ rivals }) => view(rivals < 3, rivals > 8, `${rivals} rivals`))
const regulation = analyst('regulation', ({ lawsuits }) => view(lawsuits === 0, lawsuits > 3, `${lawsuits} lawsuits`))
const macro = analyst('macro', ({ floating }) => view(floating < 20, floating > 60, `${floating}% floats`))

const Views = z.object({
  views: z.record(z.string(), View),
  missing: z.array(z.string()),
})

const lead = agent('lead', {
  description: 'Makes a note of the views, and says whose are missing',
  input: Views,
  run: ({ views, missing }) => {
    const score = Object.values(views).reduce((sum, each) => sum + each.score, 0)
    return {
      advice: score > 1 ? 'buy' : score < -1 ? 'sell' : 'hold',
      score,
      because: Object.entries(views).map(([name, { why }]) => `${name}: ${why}`),
      missing,
    }
  },
})

type Team = Record<'statements' | 'sentiment' | 'competition' | 'regulation' | 'macro', Analyst>

const investment = (analysts: Team) =>
  pipeline('investment', [
    parallel('analysts', {
      branches: analysts,
      join: (ended): z.output<typeof Views> => ({
        views: Object.fromEntries(
          Object.entries(ended).flatMap(([name, it]) => (it.status === 'completed' ? [[name, it.output]] : [])),
        ),
        missing: Object.entries(ended).flatMap(([name, it]) =>
          it.status === 'completed' ? [] : [`${name}: ${'error' in it ? it.error.code : it.status}`],
        ),
      }),
    }),
    lead,
  ])

/** The team. `perSecond`: what the feed for sentiment allows. */
export const research = ({ perSecond = 20 }: { perSecond?: number } = {}) => {
  const look = ({ mood }: Company): View => view(mood > 3, mood < -3, `a mood of ${mood}`)
  const sentiment = analyst('sentiment', look, feed(perSecond))
  return investment({ statements, sentiment, competition, regulation, macro })
}

export default research()

/** The same with a model behind each analyst. What they come to is counted, by the lead as it is. */
export const withModel = (model: Model) => {
  const expert = (name: keyof Team, on: string): Analyst =>
    agent(name, {
      ...common,
      model,
      instructions: `You rate companies by ${on}: 1 is good, 0 neither, -1 bad. Say why in one sentence.`,
    })
  return investment({
    statements: expert('statements', 'growth and margin, in percent'),
    sentiment: expert('sentiment', 'mood: good news less bad news'),
    competition: expert('competition', 'the number of their rivals'),
    regulation: expert('regulation', 'the number of lawsuits against them'),
    macro: expert('macro', 'the percentage of their debt that has no fixed rate'),
  })
}
