/**
 * Enterprise support: the intent of a request decides who answers it. Below a confidence of 0.7 all
 * specialists give an opinion, and a synthesis is made of them; a request about several domains goes to an
 * orchestrator; what these two are not sure about goes to a person, with all that was gathered. A specialist
 * that is down is replaced by the handbook.
 */
import { agent, human, orchestrator, ProviderError, router, tool, type Agent, type Model } from 'troupe'
import { z } from 'zod'
import { Answer, domains, KNOWN, lookUp, Request, severalIn, topicsIn, type Domain } from './domains.ts'

/** Below it nobody relies on an intent, or on an answer. */
const SURE = 0.7

const Intent = z.object({
  to: z.enum([...domains, 'several', 'person']),
  confidence: z.number().min(0).max(1),
  reason: z.string(),
})
type Intent = z.output<typeof Intent>

/** A request with the answers that there are so far. */
export const Case = Request.extend({ gathered: z.array(Answer).default([]) })

type Responder = Agent<Request, Answer>
type Judge = Agent<z.input<typeof Case>, Answer>
type Team = Readonly<
  Record<Domain, Responder> & {
    intent: Agent<Request, Intent>
    synthesis: Judge
    /** Leads where a request is about several domains. */
    several: Responder
    person: Judge
  }
>

const support = ({ intent, synthesis, several, person, ...specialists }: Team) => {
  const secondOpinion = orchestrator('second-opinion', {
    input: Request,
    output: Answer,
    delegates: { ...specialists, synthesis, person },
    run: async (request, { delegate }) => {
      const gathered = await Promise.all(domains.map((domain) => delegate[domain](request)))
      const answer = await delegate.synthesis({ ...request, gathered })
      return answer.confidence < SURE ? delegate.person({ ...request, gathered }) : answer
    },
  })
  return router('support', {
    by: intent,
    to: { ...specialists, several, person },
    minConfidence: SURE,
    otherwise: secondOpinion,
  })
}

/** Whoever is in charge. Without `answer`, a stand-in, a case waits in `system.approvals`. */
const standIn = human('person', {
  description: 'People, for what nobody else is sure about',
  input: Case,
  output: Answer,
  answer: ({ id, gathered }) => ({
    answer: `A colleague calls you about ${id}, with ${gathered.length} answers at hand.`,
    by: 'person',
    confidence: 1,
  }),
})

const handbook = agent('handbook', {
  description: 'Stands in for a specialist that is down',
  input: Request,
  output: Answer,
  run: () => ({ answer: 'See our handbook; a colleague follows up.', by: 'handbook', confidence: 0.5 }),
})

/** How every specialist is kept: after three failures in a row only the handbook is asked, for 30 seconds. */
const kept = { input: Request, output: Answer, circuit: { failures: 3, openMs: 30_000 }, fallback: handbook }

const intent = agent('intent', {
  input: Request,
  output: Intent,
  run: ({ text }): Intent => {
    if (/\b(person|manager)\b/i.test(text)) return { to: 'person', confidence: 1, reason: 'it asks for one' }
    const several = severalIn(text)
    if (several.length > 1) return { to: 'several', confidence: 1, reason: several.join(' and ') }
    const [first, second] = topicsIn(text)
    if (!first || !second) return { to: 'person', confidence: 0, reason: 'there are no domains' }
    // A single word is little evidence.
    const confidence = first.hits / (first.hits + second.hits + 0.5)
    const reason = `${first.hits} for it, ${second.hits} for ${second.domain}`
    return { to: first.domain, confidence, reason }
  },
})

const surestFirst = agent('synthesis', {
  input: Case,
  output: Answer,
  run: ({ gathered }) => {
    const confidence = Math.max(...gathered.map((each) => each.confidence))
    const best = gathered.filter((each) => each.confidence === confidence)
    return { ...joined(best), confidence }
  },
})

const joined = (answers: readonly Answer[]) => ({
  answer: answers.map(({ answer }) => answer).join(' '),
  by: answers.map(({ by }) => by).join(' and '),
})

/** The team by rules. `check` is called before the system of a domain is asked, and may throw. */
export const byRules = (check: (domain: Domain) => void = () => {}, person: Judge = standIn) => {
  const specialist = (domain: Domain) =>
    agent(domain, {
      ...kept,
      description: KNOWN[domain].words.join(', '),
      run: ({ text }) => {
        check(domain)
        return lookUp(domain, text)
      },
    })
  const specialists = {
    billing: specialist('billing'),
    technical: specialist('technical'),
    security: specialist('security'),
  }
  const several = orchestrator('several', {
    input: Request,
    output: Answer,
    delegates: { ...specialists, person },
    run: async (request, { delegate }) => {
      const concerned = severalIn(request.text)
      const gathered = await Promise.all(concerned.map((domain) => delegate[domain](request)))
      const confidence = Math.min(...gathered.map((each) => each.confidence))
      if (confidence < SURE) return delegate.person({ ...request, gathered })
      return { ...joined(gathered), confidence }
    },
  })
  return support({ ...specialists, intent, synthesis: surestFirst, several, person })
}

export default byRules()

/** What `--faults` runs: the system of billing is down. */
export const faults = byRules((domain) => {
  if (domain !== 'billing') return
  throw new ProviderError('the billing system is down', { code: 'UNAVAILABLE', retryable: false })
})

/** The same with a model in each seat but that of the person. */
export const withModel = (model: Model, person: Judge = standIn) => {
  const specialist = (domain: Domain) =>
    agent(domain, {
      ...kept,
      description: KNOWN[domain].words.join(', '),
      model,
      instructions: `Answer for ${domain}, from articles only. Say how sure you are. \`by\` is "${domain}".`,
      tools: [
        tool(`look_up_${domain}`, {
          description: `The article of ${domain} that fits a text best`,
          input: z.object({ text: z.string() }),
          effect: 'idempotent',
          run: ({ text }) => lookUp(domain, text),
        }),
      ],
    })
  const specialists = {
    billing: specialist('billing'),
    technical: specialist('technical'),
    security: specialist('security'),
  }
  return support({
    ...specialists,
    intent: agent('intent', {
      input: Request,
      output: Intent,
      model,
      instructions: 'Which domain is it about? Is it `several`, or asks it for a `person`? How sure are you?',
      prompt: ({ text }) => text,
    }),
    synthesis: agent('synthesis', {
      input: Case,
      output: Answer,
      model,
      instructions: 'Make one answer of those gathered. Name in `by` whose you used, and how sure it is.',
    }),
    several: orchestrator('several', {
      input: Request,
      output: Answer,
      delegates: { ...specialists, person },
      model,
      instructions: [
        'Ask each specialist that the request concerns, and join their answers.',
        'If one of them is not sure, hand the request to the person, with all that you have gathered.',
      ].join(' '),
    }),
    person,
  })
}
