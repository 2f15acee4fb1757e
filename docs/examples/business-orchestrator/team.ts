/**
 * A business orchestrator: one entry for every request. What it is about is found out at run time, and decides whether
 * research, the developer or analysis does it. A kind of request that nobody here does is refused, by name.
 */
import { agent, DeniedError, router, type Agent, type Model } from 'troupe'
import { z } from 'zod'

/** What somebody wants, in their words. */
export const Request = z.object({ id: z.string(), text: z.string() })
/** What somebody wants. */
export type Request = z.output<typeof Request>

/** What was done, and by whom. */
export const Work = z.object({ by: z.string(), result: z.string() })
/** What was done, and by whom. */
export type Work = z.output<typeof Work>

/** Who does what, by the verbs that ask for it. */
const VERBS = {
  research: ['research', 'find', 'look up'],
  developer: ['build', 'implement', 'fix'],
  analysis: ['analyse', 'compare', 'forecast'],
} as const
type Kind = keyof typeof VERBS

const kinds = Object.keys(VERBS) as Kind[]

/** The kinds whose verbs the text has, the one that is named first in front. */
const kindsIn = (text: string): Kind[] => {
  const place = (kind: Kind): number =>
    Math.min(
      ...VERBS[kind].map((verb) => text.toLowerCase().search(new RegExp(`\\b${verb}\\b`)) + 1 || Infinity),
    )
  return kinds.filter((kind) => place(kind) < Infinity).toSorted((a, b) => place(a) - place(b))
}

const Route = z.object({ to: z.enum([...kinds, 'unknown']), reason: z.string() })
type Route = z.output<typeof Route>

const classify = agent('classify', {
  input: Request,
  output: Route,
  run: ({ text }) => {
    const [first, ...others] = kindsIn(text)
    if (!first) return { to: 'unknown' as const, reason: 'none of the verbs that we know' }
    return { to: first, reason: others.length > 0 ? `before ${others.join(' and ')}` : 'the only one' }
  },
})

const worker = (name: Kind, work: (text: string) => string): Agent<Request, Work> =>
  agent(name, {
    description: VERBS[name].join(', '),
    input: Request,
    output: Work,
    run: ({ text }) => ({ by: name, result: work(text) }),
  })

const research = worker('research', (text) => `three sources for "${text}"`)
const developer = worker('developer', (text) => `a branch for "${text}"`)
const analysis = worker('analysis', (text) => `a table for "${text}"`)

const unknown = agent('unknown', {
  description: 'Refuses, and says what can be asked for',
  input: Request,
  output: Work,
  run: ({ text }): Work => {
    const known = kinds.map((kind) => `${kind} (${VERBS[kind].join(', ')})`).join(', ')
    throw new DeniedError(`unknown kind of request: "${text}". We do ${known}`)
  },
})

type Team = { classify: Agent<Request, Route> } & Record<Kind, Agent<Request, Work>>

/** The team, with others in it where wanted. */
export const orchestrator = (team: Partial<Team> = {}): Agent<Request, Work> => {
  const { classify: by, ...to } = { classify, research, developer, analysis, ...team }
  return router('business', { by, to: { ...to, unknown } })
}

export default orchestrator()

/** The same with a model that finds out what a request is about, and one in each seat. */
export const withModel = (model: Model): Agent<Request, Work> => {
  const expert = (name: Kind): Agent<Request, Work> =>
    agent(name, {
      description: VERBS[name].join(', '),
      model,
      instructions: `You do what is asked of ${name}: ${VERBS[name].join(', ')}. Give "${name}" as \`by\`.`,
      input: Request,
      output: Work,
    })
  return orchestrator({
    classify: agent('classify', {
      model,
      instructions: 'Say who has to do this: research, the developer or analysis; unknown if none of them.',
      input: Request,
      output: Route,
    }),
    research: expert('research'),
    developer: expert('developer'),
    analysis: expert('analysis'),
  })
}
