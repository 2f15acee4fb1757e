/**
 * Claims adjudication: three reviewers look at a claim side by side. If all three say the same, that is the
 * decision; anything else, and a reviewer that fails, goes to a person with the reasons of all.
 */
import { agent, consensus, human, type Agent, type Model, type Split } from 'troupe'
import { z } from 'zod'

/** What an insured person hands in. */
export const Claim = z.object({
  id: z.string(),
  cover: z.enum(['basic', 'plus']),
  diagnosis: z.string(),
  treatment: z.string(),
  eur: z.number().positive(),
  /** Of the same person, in the last 30 days. */
  recentClaims: z.number().int().nonnegative(),
})
/** What an insured person hands in. */
export type Claim = z.output<typeof Claim>

const Opinion = z.object({ vote: z.enum(['pay', 'deny']), reason: z.string() })
/** What a reviewer says. */
export type Opinion = z.output<typeof Opinion>

/** What a claim ends in; `review`: a person has it on the desk. */
export const Decision = z.enum(['pay', 'deny', 'review'])
/** What a claim ends in. */
export type Decision = z.output<typeof Decision>

const TREATMENTS: Readonly<
  Record<string, { covers: readonly string[]; treats: readonly string[]; eur: number }>
> = {
  'x-ray': { covers: ['basic', 'plus'], treats: ['fracture', 'pneumonia'], eur: 120 },
  physiotherapy: { covers: ['plus'], treats: ['fracture', 'back pain'], eur: 60 },
  mri: { covers: ['basic', 'plus'], treats: ['back pain', 'concussion'], eur: 700 },
}

const opinion = (isGood: boolean, reason: string): Opinion => ({ vote: isGood ? 'pay' : 'deny', reason })

const policy = agent('policy', {
  description: 'Does the cover include the treatment?',
  input: Claim,
  output: Opinion,
  run: ({ cover, treatment }) => {
    const isCovered = TREATMENTS[treatment]?.covers.includes(cover) === true
    return opinion(isCovered, `${treatment} is ${isCovered ? '' : 'not '}part of ${cover}`)
  },
})

const necessity = agent('necessity', {
  description: 'Does the diagnosis call for the treatment?',
  input: Claim,
  output: Opinion,
  run: ({ diagnosis, treatment }) => {
    const isIndicated = TREATMENTS[treatment]?.treats.includes(diagnosis) === true
    return opinion(isIndicated, `${treatment} is ${isIndicated ? '' : 'not '}indicated for ${diagnosis}`)
  },
})

const fraud = agent('fraud', {
  description: 'Is anything odd about it?',
  input: Claim,
  output: Opinion,
  run: ({ treatment, eur, recentClaims }) => {
    const usual = TREATMENTS[treatment]?.eur ?? 0
    if (eur > 2 * usual) return opinion(false, `${eur} EUR, where ${usual} are usual`)
    return opinion(recentClaims < 5, `${recentClaims} claims in 30 days`)
  },
})

/** The person for split votes. Without `answer`, a stand-in, a claim would wait in the system's inbox. */
const adjuster = human('adjuster', { output: Decision, answer: () => 'review' as const })

type Reviewer = Agent<Claim, Opinion>
type Team = Record<'policy' | 'necessity' | 'fraud', Reviewer> & {
  adjuster: Agent<Split<Claim, Opinion['vote']>, Decision>
}

/** The team, with others in it where wanted. */
export const adjudication = (team: Partial<Team> = {}): Agent<Claim, Decision> => {
  const { adjuster: otherwise, ...voters } = { policy, necessity, fraud, adjuster, ...team }
  return consensus('adjudication', { voters, rule: 'unanimous', otherwise })
}

export default adjudication()

/** The same reviewers with a model, which is told what is covered and usual. */
export const withModel = (model: Model): Agent<Claim, Decision> => {
  const reviewer = ({ name, description }: Reviewer): Reviewer =>
    agent(name, {
      description,
      model,
      instructions: `You review claims of the insured: ${description} We know ${JSON.stringify(TREATMENTS)}`,
      input: Claim,
      output: Opinion,
    })
  return adjudication({ policy: reviewer(policy), necessity: reviewer(necessity), fraud: reviewer(fraud) })
}

/** What `--faults` runs: the fraud reviewer has a bug, so every claim goes to a person. */
export const faults = adjudication({
  fraud: agent('fraud', {
    input: Claim,
    output: Opinion,
    run: (): Opinion => {
      throw new TypeError('a bug in the fraud reviewer')
    },
  }),
})
