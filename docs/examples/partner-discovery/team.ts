/**
 * Partner discovery: 120 candidates are found, the best 50 qualify, and those are written to once a person
 * has agreed. The person sees the mail and the list, has 300 seconds, strikes out whom they like, or says no
 * with a reason.
 */
import { agent, DeniedError, human, orchestrator, pipeline, tool, type Agent, type Model } from 'troupe'
import { z } from 'zod'

/** What we have to offer to partners. */
export const Offer = z.object({ id: z.string(), text: z.string() })

const FIELDS = ['heating', 'solar', 'roofing', 'glazing', 'catering'] as const
const Field = z.enum(FIELDS)
const Candidate = z.object({ name: z.string(), field: Field, employees: z.int(), partners: z.int() })

const Profile = z.object({ fields: z.array(Field).min(1, 'nobody is in question') })
const Judged = z.object({ offer: z.string(), candidate: Candidate })
const Score = z.object({ score: z.int().min(0).max(100), reason: z.string() })
const Found = z.object({ offer: z.string(), candidates: z.array(Candidate).max(120) })
const Qualified = z.object({ offer: z.string(), partners: z.array(Candidate.extend(Score.shape)).max(50) })
const Mailing = z.object({ mail: z.string(), to: z.array(z.string()).min(1) })

/** Stands in for a directory of companies: 40 of each field. */
const directory = FIELDS.flatMap((field) =>
  Array.from({ length: 40 }, (_, n) => ({
    name: `${field} ${n + 1}`,
    field,
    employees: 1 + ((n * 37) % 120),
    partners: (n * 3) % 5,
  })),
)
const companiesIn = (fields: readonly string[]) => directory.filter(({ field }) => fields.includes(field))

/** Stands in for a mail server, which sends once for each key: what was sent to whom, in which run. */
export const outbox = new Map<string, { to: string; mail: string; runId: string }>()

/** Who does the work that takes judgement. */
type Team = {
  profile: Agent<z.output<typeof Offer>, z.output<typeof Profile>>
  score: Agent<z.output<typeof Judged>, z.output<typeof Score>>
  write: Agent<string, string>
}
type Person = Agent<z.output<typeof Mailing>, string[]>

const partners = ({ profile, score, write }: Team, person: Person) => {
  const discovery = orchestrator('discovery', {
    input: Offer,
    output: Found,
    delegates: { profile },
    run: async (offer, { delegate }) => {
      const { fields } = await delegate.profile(offer)
      return { offer: offer.text, candidates: companiesIn(fields).slice(0, 120) }
    },
  })

  const qualification = orchestrator('qualification', {
    input: Found,
    output: Qualified,
    delegates: { score },
    run: async ({ offer, candidates }, { delegate }) => {
      const scored = candidates.map(async (candidate) => ({
        ...candidate,
        ...(await delegate.score({ offer, candidate })),
      }))
      const best = (await Promise.all(scored)).toSorted((a, b) => b.score - a.score)
      return { offer, partners: best.slice(0, 50) }
    },
  })

  const outreach = orchestrator('outreach', {
    input: Qualified,
    delegates: { write, person },
    run: async ({ offer, partners }, { delegate, step, runId }) => {
      const mail = await delegate.write(offer)
      const names = partners.map(({ name }) => name)
      const approved = await delegate.person({ mail, to: names })
      const recipients = names.filter((name) => approved.includes(name))
      for (const to of recipients) {
        const send = ({ key }: { key: string }) => void outbox.set(key, { to, mail, runId })
        await step(`send to ${to}`, send, { effect: 'keyed' })
      }
      return { qualified: names.length, sent: recipients.length, first: recipients[0] }
    },
  })

  return pipeline('partners', [discovery, qualification, outreach])
}

/** Whoever is in charge. Without `answer`, a stand-in, the mailing waits in `system.approvals`. */
const approval = (answer?: (mailing: z.output<typeof Mailing>) => string[]): Person =>
  human('approval', {
    description: 'Agrees to a mailing, or to a part of it',
    input: Mailing,
    output: z.array(z.string()),
    by: 'partnerships',
    timeoutMs: 300_000,
    answer,
  })

const standIn = approval(({ mail, to }) => {
  if (/free of charge/i.test(mail)) throw new DeniedError('a first mail promises nothing free of charge')
  return to
})

/** The work by rules. */
const rules: Team = {
  profile: agent('profile', {
    input: Offer,
    output: Profile,
    run: ({ text }) => ({ fields: FIELDS.filter((field) => text.toLowerCase().includes(field)) }),
  }),
  score: agent('score', {
    input: Judged,
    output: Score,
    run: ({ candidate: { employees, partners } }) => ({
      score: Math.min(employees, 100 - 20 * partners),
      reason: `${employees} people, ${partners} other partners`,
    }),
  }),
  write: agent('write', { run: (offer) => `We are looking for partners. ${offer} May we call you?` }),
}

export default partners(rules, standIn)

/** The same with a person, whose decisions come by `system.approvals`. */
export const withPerson = partners(rules, approval())

/** The same with a model that knows whom to look for, scores each candidate, and writes. */
export const withModel = (model: Model, person = standIn) => {
  const count = tool('count_companies', {
    description: 'How many companies of a field the directory has',
    input: z.object({ field: Field }),
    effect: 'idempotent',
    run: ({ field }) => companiesIn([field]).length,
  })
  return partners(
    {
      profile: agent('profile', {
        input: Offer,
        output: Profile,
        model,
        instructions: 'Which fields would profit from this offer? Name enough of them for 120 companies.',
        tools: [count],
      }),
      score: agent('score', {
        input: Judged,
        output: Score,
        model,
        instructions: 'Score from 0 to 100 how well the candidate fits the offer. Say why in one sentence.',
        concurrency: 10,
      }),
      write: agent('write', {
        model,
        instructions: 'Write a first mail of three sentences to partners for this offer. Promise nothing.',
      }),
    },
    person,
  )
}
